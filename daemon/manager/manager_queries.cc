// What the bus asks of the manager, and what clients ask for through it (bus/manager_api.h).
#include <unistd.h>

#include "linux/process_examination.h"
#include "linux/procfs.h"
#include "manager/manager.h"
#include "manager/plan_text.h"
#include "manager/timelines.h"
#include "unitfile/schema.h"

namespace svcd {
namespace {

/// Shown of a unit; more would be no help to anyone.
constexpr std::size_t kProcessesShownMax = 4096;
constexpr std::size_t kReasonsShownMax = 64;

}  // namespace

std::optional<UnitId> Manager::find(std::string_view name) {
    idle_.asked(loop_.now());
    return files_.find(name);
}

std::optional<UnitId> Manager::load(const std::string& name) noexcept {
    const std::optional<UnitId> known = files_.find(name);
    // What has a file that is faulty stays so until a reload, as with systemd.
    if (known && supervisor_.status(*known).load_state != LoadState::not_found) {
        return known;
    }
    if (!unit_type_of(name)) {
        return known;
    }
    // A name without a file isn't put into the supervisor: whoever asks for many of them would fill
    // its table.
    if (std::optional<LoadOutcome> outcome = files_.load(name)) {
        say_report(outcome->report);
        apply(*outcome);
    }
    return files_.find(name);
}

std::string Manager::hint(std::string_view name) {
    return files_.hint(name);
}

std::vector<UnitId> Manager::units() {
    idle_.asked(loop_.now());
    std::vector<UnitId> known;
    known.reserve(supervisor_.unit_count());
    for (std::size_t index = 0; index < supervisor_.unit_count(); ++index) {
        const auto unit = static_cast<UnitId>(index);
        if (supervisor_.is_known(unit)) {
            known.push_back(unit);
        }
    }
    return known;
}

UnitStatus Manager::status(UnitId unit) {
    return supervisor_.status(unit);
}

UnitFacts Manager::facts(UnitId unit) {
    UnitFacts facts;
    const UnitStatus status = supervisor_.status(unit);
    if (status.type == UnitType::service) {
        facts.tracking = kernel_.tracker->kind_for(status.name);
        const bool has_ended = status.active_state == ActiveState::inactive ||
                               status.active_state == ActiveState::failed;
        if (kernel_.keepers == nullptr && (!has_ended || status.populated)) {
            facts.control_group = kernel_.tracker->path_of(status.name);
        }
    } else if (status.type == UnitType::slice && status.active_state == ActiveState::active) {
        facts.control_group = kernel_.tracker->path_of(status.name);
    }
    facts.names = files_.names_for(unit);
    if (kernel_.tracker->counts_memory()) {
        facts.memory_current = kernel_.tracker->memory(status.name).value_or(UINT64_MAX);
    }
    if (const UnitDefinition* definition = supervisor_.definition(unit)) {
        facts.fragment_path = definition->fragment_path;
        facts.drop_in_paths = definition->drop_in_paths;
        facts.documentation = definition->documentation;
        facts.conditions = definition->rarely().conditions;
        facts.file_changed = files_.has_changed(unit);
        if (facts.file_changed) {
            facts.gone_files = UnitFiles::gone_files(*definition);
        }
        const ServiceSettings* service = definition->service.get();
        if (service != nullptr &&
            (service->exec == nullptr || service->exec->standard_output.kind == OutputKind::log)) {
            facts.log_path = early_log_.file_of(definition->name);
        }
    }
    return facts;
}

std::vector<std::string> Manager::related(UnitId unit, Relation relation) {
    std::vector<std::string> names;
    for (const UnitId other : supervisor_.related(unit, relation)) {
        names.emplace_back(supervisor_.name(other));
    }
    return names;
}

PropertyValue Manager::setting(std::optional<UnitId> unit, std::size_t property) {
    static const UnitDefinition kUndefined;
    const UnitDefinition* definition = unit ? supervisor_.definition(*unit) : nullptr;
    return setting_value(definition == nullptr ? kUndefined : *definition, property);
}

std::vector<Pid> Manager::pids(UnitId unit) {
    // No cgroup, no processes.
    auto pids = kernel_.tracker->processes(supervisor_.name(unit), kProcessesShownMax);
    return pids ? std::move(*pids) : std::vector<Pid>{};
}

std::optional<UnitProcess> Manager::process(UnitId unit, Pid pid) {
    const std::string own = kernel_.tracker->path_of(supervisor_.name(unit));
    const Result<std::string> place = kernel_.tracker->place_of(pid);
    const Result<std::string> command = command_line(pid);
    if (!place || !command) {
        return std::nullopt;
    }
    std::string below = place->substr(std::min(own.size(), place->size()));
    return UnitProcess{pid, below.empty() ? "/" : std::move(below), *command};
}

std::optional<UnitId> Manager::unit_of_process(Pid pid) {
    const Result<std::string> place = kernel_.tracker->place_of(pid);
    const std::string_view name = place ? kernel_.tracker->unit_of(*place) : std::string_view{};
    if (const auto unit = name.empty() ? std::nullopt : supervisor_.find(name)) {
        return unit;
    }
    // Or it was moved out of its unit's cgroup, and is a process of the unit all the same.
    const Token token = kernel_.table.find(pid);
    return token == Token::none ? std::nullopt : supervisor_.unit_of(token);
}

std::vector<std::uint64_t> Manager::stops_of(std::string_view unit) {
    recorder_.flush();
    if (const std::optional<UnitId> loaded = files_.find(unit)) {
        unit = supervisor_.name(*loaded);
    }
    std::vector<std::uint64_t> stops;
    for (const StopSummary& stop : kernel_.stops.stops_of(unit)) {
        stops.push_back(stop.id);
    }
    return stops;
}

std::optional<std::string> Manager::stop_record(std::uint64_t stop) {
    auto saved = kernel_.stops.read(stop);
    if (!saved) {
        log_.say(Severity::warning, to_string(saved.error()));
        return std::nullopt;
    }
    return std::move(saved->text);
}

TextPieces Manager::examine(UnitId unit, bool with_kernel) {
    struct Progress {
        std::vector<Pid> pids;
        ProcessTexts processes{kProcessesShown};
        std::size_t next = 0;
    };
    const auto examine_one = [with_kernel](Pid pid) {
        auto process = examine_process(pid);
        if (process && !with_kernel) {
            process->system_call.clear();
            process->stack.clear();
        }
        return process ? std::optional{std::move(*process)} : std::nullopt;
    };
    const auto progress = std::make_shared<Progress>();
    progress->pids = pids(unit);
    return [=, this](std::string& text) {
        if (progress->next < progress->pids.size()) {
            progress->processes.add(progress->pids[progress->next++], examine_one);
            return false;
        }
        if (!supervisor_.is_known(unit)) {
            text = "{}";  // forgotten meanwhile
            return true;
        }
        const UnitStatus status = supervisor_.status(unit);
        const bool is_frozen = kernel_.tracker->is_frozen(status.name);
        JsonWriter json{text};
        json.open_object()
            .field("unit", status.name)
            .field("main_pid", status.main.pid)
            .field("control_pid", status.control_pid)
            .field("frozen", is_frozen)
            .field("frozen_cgroup",
                   is_frozen ? kernel_.tracker->frozen_cgroup(status.name) : std::string{});
        progress->processes.append_to(json);
        if (status.start_waits_for_kind == FailureKind::ready_missing) {
            append_unaddressed(json, pids(unit), lacks_notify_socket, examine_one);
        }
        if (const std::string held_by = recorder_.held_by(unit); !held_by.empty()) {
            json.key("held_by").raw("{" + held_by + "}");
        }
        json.close_object();
        return true;
    };
}

Plan Manager::make_plan(JobVerb verb, const std::vector<UnitId>& units, JobMode mode, bool force) {
    if (units.empty()) {
        return supervisor_.plan(verb, units, mode);
    }
    JobRequested event{RequestId::none, units.front(), verb, mode, {}};
    event.more.assign(units.begin() + 1, units.end());
    event.force = force;
    add_facts(event);
    if (!event.main_takes.empty()) {
        // Whether a program has run for long enough to be refused its reload depends on the time,
        // and the supervisor's is that of its last step. What is due is done by this one.
        [this]() noexcept { step(DeadlineReached{}); }();
    }
    return supervisor_.plan(verb, units, mode, &event);
}

TextPieces Manager::plan(JobVerb verb, const std::vector<UnitId>& units, JobMode mode, bool force) {
    return plan_text(
        [=, this] {
            std::vector<UnitId> known = units;
            std::erase_if(known, [this](UnitId unit) { return !is_known(unit); });
            return make_plan(verb, known, mode, force);
        },
        supervisor_);
}

TextPieces Manager::plan_shutdown(const std::string& refusal) {
    return plan_text(
        [=, this] {
            Plan plan = supervisor_.plan_shutdown();
            if (!refusal.empty()) {
                plan.refusal = Refusal{RefusalKind::job_type_not_applicable, refusal};
            }
            return plan;
        },
        supervisor_);
}

TextPieces Manager::stop_timeline() {
    recorder_.flush();
    return svcd::stop_timeline(kernel_.stops, supervisor_);
}

/// From when the launcher was started; where that can't be read, from the first unit's start.
TextPieces Manager::boot_timeline() {
    const Result<ProcessInfo> launcher = process_info(kernel_.launcher);
    const auto ticks = static_cast<std::int64_t>(launcher ? launcher->start_time : 0);
    const std::int64_t usec = ticks * 1'000'000 / ::sysconf(_SC_CLK_TCK);
    return svcd::boot_timeline(supervisor_, launcher ? time_from_usec(usec) : loop_.now());
}

std::vector<JobStatus> Manager::jobs() {
    return supervisor_.jobs();
}

std::optional<JobStatus> Manager::job(JobId job) {
    return supervisor_.job(job);
}

SystemState Manager::system_state() {
    const SystemState state = supervisor_.system_state();
    // Without a unit to start, nothing ever begins.
    const bool is_settled = state == SystemState::running || state == SystemState::initializing;
    const bool is_degraded = (is_settled && boot_.is_missed()) ||
                             (state == SystemState::running && !config_errors_.empty());
    return is_degraded ? SystemState::degraded : state;
}

std::vector<DegradedReason> Manager::degraded_reasons() {
    std::vector<DegradedReason> reasons;
    if (boot_.is_missed()) {
        reasons.push_back({"boot", options_.unit, why_boot_failed()});
    }
    for (const OrderingFault& fault : supervisor_.ordering_faults()) {
        reasons.push_back(
            {"ordering-cycle", std::string(supervisor_.name(fault.unit)), fault.text});
    }
    for (const std::string& error : config_errors_) {
        reasons.push_back({"config", "", error});
    }
    reasons.resize(std::min(reasons.size(), kReasonsShownMax));
    return reasons;
}

std::size_t Manager::failed_units() {
    return supervisor_.failed_units();
}

std::vector<std::string> Manager::flapping_units() {
    std::vector<std::string> names;
    for (const UnitId unit : supervisor_.flapping_units()) {
        names.emplace_back(supervisor_.name(unit));
    }
    return names;
}

std::string Manager::version() {
    return std::string(version_text());
}

std::string Manager::why_strangers_wait() {
    if (memory_.is_given_up()) {
        return "svcd is out of memory, and answers only root (or its owner) until there is room";
    }
    return stops_before_strangers_.empty()
               ? ""
               : "svcd's manager has died and was started again: it answers only root (or its "
                 "owner) until the stops that were running have ended";
}

/// Handled when the caller has returned, so that its answer can't overtake it.
void Manager::submit(Event event) noexcept {
    idle_.asked(loop_.now());
    if (auto* request = std::get_if<JobRequested>(&event)) {
        find_unit_of(request->requester);
        add_facts(*request);
    } else if (auto* cancel = std::get_if<CancelRequested>(&event)) {
        find_unit_of(cancel->requester);
    } else if (auto* kill = std::get_if<KillRequested>(&event)) {
        find_unit_of(kill->requester);
    }
    queue_.push_back(std::move(event));
}

/// The unit that the caller's process belongs to, if it is one of ours.
void Manager::find_unit_of(Requester& requester) const {
    if (requester.pid == 0) {
        return;
    }
    const Result<std::string> place = kernel_.tracker->place_of(requester.pid);
    const std::string_view unit = place ? kernel_.tracker->unit_of(*place) : std::string_view{};
    if (!unit.empty()) {
        requester.unit = supervisor_.find(unit);
    }
}

/// What the supervisor has to know of the program that is to be reloaded.
void Manager::add_facts(JobRequested& request) const {
    const bool reloads = request.verb == JobVerb::reload ||
                         request.verb == JobVerb::reload_or_restart ||
                         request.verb == JobVerb::try_reload_or_restart;
    if (!reloads) {
        return;
    }
    std::vector<UnitId> units{request.unit};
    units.insert(units.end(), request.more.begin(), request.more.end());
    for (const UnitId unit : units) {
        const Pid main = supervisor_.status(unit).main.pid;
        if (main == 0) {
            continue;
        }
        if (const Result<std::uint64_t> taken = signals_taken(main)) {
            request.main_takes.push_back({unit, *taken});
        }
    }
}

}  // namespace svcd
