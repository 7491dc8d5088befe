#include "fuzz/small_bus.h"

#include <utility>

#include "fuzz/target.h"
#include "manager/plan_text.h"
#include "manager/timelines.h"
#include "unitfile/schema.h"

namespace svcd::fuzz {
namespace {

constexpr std::size_t kUnitsMax = 16;
constexpr Pid kFirstPid = 4711;

BusOptions options_of_bus() {
    BusOptions options;
    options.owner_uid = kOwner;
    options.unit_path = {"/etc/svcd/units"};
    options.control_group = "/svcd";
    options.is_init = true;
    return options;
}

sd_event* new_loop() {
    sd_event* loop = nullptr;
    require(sd_event_new(&loop) >= 0);
    return loop;
}

/// A text that takes several turns.
TextPieces in_two(std::string text) {
    return [text = std::move(text), is_second = false](std::string& made) mutable {
        made = text;
        return std::exchange(is_second, true);
    };
}

}  // namespace

SmallBus::SmallBus(bool starts_units)
    : loop_(new_loop(), sd_event_unref),
      options_(options_of_bus()),
      api_{*this, options_, requests_, long_answers_, Authority{kOwner}},
      dispatcher_(api_, setting_properties()) {
    require(long_answers_.attach(loop_.get(), 0) == 0);
    if (starts_units) {
        manager_.start_all();
    }
    manager_.tell([this](const Effect& effect) { hear(effect); });
}

void SmallBus::hear(const Effect& effect) {
    if (const auto* reply = std::get_if<Reply>(&effect)) {
        requests_.remember(*reply);
        requests_.answer(*reply, *this);
    } else if (const auto* end = std::get_if<AnnounceJobEnd>(&effect)) {
        requests_.answers().job_ended(end->job, end->result);
        requests_.job_ended(end->job);
    }
}

void SmallBus::settle() {
    do {
        while (!queue_.empty()) {
            Event next = std::move(queue_.front());
            queue_.pop_front();
            manager_.step(std::move(next));
        }
        for (const RequestId request : std::exchange(reexecutions_, {})) {
            hear(Reply{request, JobId::none, {}});
        }
    } while (sd_event_run(loop_.get(), 0) > 0 || !queue_.empty());
    requests_.answers().clear_changed();
}

std::optional<UnitId> SmallBus::find(std::string_view name) {
    return supervisor().find(name);
}

std::optional<UnitId> SmallBus::load(const std::string& name) noexcept {
    if (!find(name) && name.starts_with("more@") && name.ends_with(".service") &&
        supervisor().unit_count() < kUnitsMax) {
        manager_.load(name);
    }
    return find(name);
}

std::string SmallBus::hint(std::string_view name) {
    return name.size() % 2 == 0 ? "did you mean 's1.service'?" : "";
}

std::vector<UnitId> SmallBus::units() {
    std::vector<UnitId> known;
    for (std::size_t index = 0; index < supervisor().unit_count(); ++index) {
        if (const auto unit = static_cast<UnitId>(index); supervisor().is_known(unit)) {
            known.push_back(unit);
        }
    }
    return known;
}

UnitFacts SmallBus::facts(UnitId unit) {
    UnitFacts facts;
    const std::string name{supervisor().name(unit)};
    facts.names = {name};
    facts.fragment_path = "/etc/svcd/units/" + name + ".yaml";
    facts.documentation = {"man:svcd(8)"};
    facts.control_group = "/svcd/" + name;
    facts.tracking = "cgroup";
    facts.memory_current = 4096;
    return facts;
}

std::vector<std::string> SmallBus::related(UnitId unit, Relation relation) {
    std::vector<std::string> names;
    for (const UnitId other : supervisor().related(unit, relation)) {
        names.emplace_back(supervisor().name(other));
    }
    return names;
}

PropertyValue SmallBus::setting(std::optional<UnitId> unit, std::size_t property) {
    static const UnitDefinition kUndefined;
    const UnitDefinition* definition = unit ? supervisor().definition(*unit) : nullptr;
    return setting_value(definition == nullptr ? kUndefined : *definition, property);
}

std::vector<Pid> SmallBus::pids(UnitId) {
    return {kFirstPid, kFirstPid + 1, kFirstPid + 2};
}

std::optional<UnitProcess> SmallBus::process(UnitId, Pid pid) {
    return pid == kFirstPid + 1 ? std::nullopt  // it has ended meanwhile
                                : std::optional{UnitProcess{pid, "/", "/bin/true"}};
}

std::optional<UnitId> SmallBus::unit_of_process(Pid pid) {
    return pid == kFirstPid ? std::optional{manager_.unit(0)} : std::nullopt;
}

std::vector<std::uint64_t> SmallBus::stops_of(std::string_view unit) {
    return unit == "s0.service" ? std::vector<std::uint64_t>{3, 2, 1}
                                : std::vector<std::uint64_t>{};
}

std::optional<std::string> SmallBus::stop_record(std::uint64_t stop) {
    return stop == 2 ? std::nullopt : std::optional<std::string>{R"({"unit":"s0.service"})"};
}

TextPieces SmallBus::examine(UnitId, bool with_kernel) {
    return in_two(with_kernel ? R"({"processes":[{"stack":[]}]})" : R"({"processes":[]})");
}

TextPieces SmallBus::plan(JobVerb verb,
                          const std::vector<UnitId>& units,
                          JobMode mode,
                          bool force) {
    return plan_text(
        [=, this] {
            std::vector<UnitId> known = units;
            std::erase_if(known, [this](UnitId unit) { return !is_known(unit); });
            if (known.empty()) {
                return supervisor().plan(verb, known, mode);
            }
            JobRequested event{RequestId::none, known.front(), verb, mode, {}};
            event.more.assign(known.begin() + 1, known.end());
            event.force = force;
            return supervisor().plan(verb, known, mode, &event);
        },
        supervisor());
}

TextPieces SmallBus::plan_shutdown(const std::string&) {
    return plan_text([this] { return supervisor().plan_shutdown(); }, supervisor());
}

TextPieces SmallBus::stop_timeline() {
    return in_two(R"({"records":[]})");
}

TextPieces SmallBus::boot_timeline() {
    return svcd::boot_timeline(supervisor(), Time{Duration{1'000'000}});
}

std::vector<FileWarning> SmallBus::file_warnings() {
    return {{"s0.service", "/etc/svcd/units/s0.service.yaml:2:3: warning: odd"}};
}

std::vector<std::string> SmallBus::flapping_units() {
    std::vector<std::string> names;
    for (const UnitId unit : supervisor().flapping_units()) {
        names.emplace_back(supervisor().name(unit));
    }
    return names;
}

std::vector<DegradedReason> SmallBus::degraded_reasons() {
    std::vector<DegradedReason> reasons;
    for (const OrderingFault& fault : supervisor().ordering_faults()) {
        reasons.push_back(
            {"ordering-cycle", std::string{supervisor().name(fault.unit)}, fault.text});
    }
    return reasons;
}

std::shared_ptr<void> SmallBus::begin_reload() noexcept {
    if (!reload_claim_.expired()) {
        return nullptr;
    }
    reload_pieces_ = 2;
    std::shared_ptr<void> claim = std::make_shared<int>(0);
    reload_claim_ = claim;
    return claim;
}

/// Each time, other services are there.
std::optional<ReloadReport> SmallBus::go_on_reloading() noexcept {
    if (reload_pieces_ > 0 && --reload_pieces_ > 0) {
        return std::nullopt;
    }
    manager_.reload(++reloads_ % 3 * 4);
    return ReloadReport{{"s7.service: an error"}, {"s7.service: a warning"}, {}};
}

/// As with the real one, its answer comes later.
void SmallBus::reexecute(RequestId request) noexcept {
    reexecutions_.push_back(request);
}

}  // namespace svcd::fuzz
