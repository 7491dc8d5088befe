#include "fuzz/small_manager.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "core/types/record_check.h"
#include "fuzz/target.h"

namespace svcd::fuzz {
namespace {

constexpr std::size_t kServiceTypes = 8;
/// Of one input: who has orders answered at once may be kept busy for ever.
constexpr std::size_t kStepsMax = 2'000;
constexpr std::size_t kDeadlinesMax = 100;

Command command(CommandRole role) {
    Command made;
    made.role = role;
    made.path = "/bin/true";
    made.argv = {"true"};
    return made;
}

UnitDefinition service(const std::string& name, ServiceType type) {
    UnitDefinition unit;
    unit.name = name;
    unit.service = std::make_unique<ServiceSettings>();
    unit.service->exec = std::make_shared<const ExecSettings>();
    unit.service->type = type;
    unit.service->restart = RestartPolicy::on_failure;
    unit.service->watchdog = Duration{5'000'000};
    unit.service->notify_access = NotifyAccess::all;
    for (const CommandRole role : {CommandRole::start_pre, CommandRole::start, CommandRole::reload,
                                   CommandRole::stop, CommandRole::stop_post}) {
        unit.service->commands.push_back(command(role));
    }
    return unit;
}

UnitsLoaded all_units(std::size_t services) {
    UnitsLoaded event;
    event.complete = true;
    for (std::size_t type = 0; type < std::min(services, kServiceTypes); ++type) {
        LoadedUnit loaded;
        loaded.definition =
            service("s" + std::to_string(type) + ".service", static_cast<ServiceType>(type));
        event.units.push_back(std::move(loaded));
    }
    LoadedUnit target;
    target.definition.name = "t.target";
    for (std::size_t type = 0; type < kServiceTypes; ++type) {
        const auto relation = type % 2 == 0 ? Relation::requires_ : Relation::wants;
        target.definition.dependencies.push_back(
            {relation, "s" + std::to_string(type) + ".service"});
    }
    event.units.push_back(std::move(target));
    LoadedUnit slice;
    slice.definition.name = "u.slice";
    event.units.push_back(std::move(slice));
    return event;
}

}  // namespace

SmallManager::SmallManager() : supervisor_(SupervisorOptions{}) {
    step(all_units(kServiceTypes));
}

bool SmallManager::is_exhausted() const {
    return steps_ >= kStepsMax;
}

void SmallManager::reload(std::size_t services) {
    step(all_units(services));
}

void SmallManager::load(const std::string& name) {
    UnitsLoaded event;
    LoadedUnit loaded;
    loaded.definition = service(name, ServiceType::simple);
    event.units.push_back(std::move(loaded));
    step(std::move(event));
}

UnitId SmallManager::unit(std::size_t number) const {
    return static_cast<UnitId>(number % supervisor_.unit_count());
}

void SmallManager::start_all() {
    for (std::size_t number = 0; number < supervisor_.unit_count(); ++number) {
        JobRequested request;
        request.unit = unit(number);
        step(std::move(request));
    }
}

void SmallManager::step(Event event) {
    queue_.push_back(std::move(event));
    while (!queue_.empty() && !is_exhausted()) {
        Event next = std::move(queue_.front());
        queue_.pop_front();
        Effects effects;
        supervisor_.step(std::move(next), now_, effects);
        ++steps_;
        look_at_records(effects);
        for (const Effect& effect : effects.orders) {
            carry_out(effect);
            if (listener_) {
                listener_(effect);
            }
        }
    }
}

void SmallManager::look_at_records(const Effects& effects) const {
    for (const UnitId dirty : effects.dirty) {
        require(fault_in(supervisor_.record(dirty)).empty());
    }
    require(fault_in(supervisor_.record()).empty());
}

void SmallManager::pass(Duration time) {
    const Time until = after(now_, time);
    for (std::size_t taken = 0; taken < kDeadlinesMax; ++taken) {
        const std::optional<Time> due = supervisor_.next_deadline();
        if (!due || *due > until || *due == kNever) {
            break;
        }
        now_ = std::max(now_, *due);
        step(DeadlineReached{});
    }
    // No machine runs for so long; what stands in records is bounded by it.
    constexpr Time kEndOfTime{Duration{std::int64_t{1} << 51}};
    now_ = std::min(std::max(now_, until), kEndOfTime);
}

void SmallManager::end_process(std::size_t number, ExitCode code, int status) {
    if (processes_.empty()) {
        return;
    }
    const auto chosen =
        std::next(processes_.begin(), static_cast<std::ptrdiff_t>(number % processes_.size()));
    const auto [token, process] = *chosen;
    processes_.erase(chosen);
    step(ProcessExited{token, code, status});
}

void SmallManager::carry_out(const Effect& effect) {
    if (const auto* spawn = std::get_if<SpawnProcess>(&effect)) {
        const Pid pid = next_pid_++;
        processes_[spawn->process] = {spawn->unit, pid};
        queue_.push_back(ProcessSpawned{spawn->process, pid, static_cast<std::uint64_t>(pid)});
        queue_.push_back(ExecSucceeded{spawn->process});
        if (spawn->role == ProcessRole::control) {
            processes_.erase(spawn->process);
            queue_.push_back(ProcessExited{spawn->process, ExitCode::exited, 0});
        }
    } else if (const auto* signal = std::get_if<SignalUnit>(&effect)) {
        if (signal->stop_state != SubState::dead) {
            queue_.push_back(StopSignalSent{signal->unit, signal->stop_state});
        }
        for (auto each = processes_.begin(); each != processes_.end();) {
            const bool is_hit = each->second.unit == signal->unit;
            if (is_hit) {
                queue_.push_back(ProcessExited{each->first, ExitCode::killed, signal->signal});
            }
            each = is_hit ? processes_.erase(each) : std::next(each);
        }
    } else if (const auto* identify = std::get_if<IdentifyMainProcess>(&effect)) {
        queue_.push_back(MainProcessNotFound{identify->process, Error{0, "find", "it", ""}});
    } else if (const auto* check = std::get_if<CheckConditions>(&effect)) {
        queue_.push_back(ProcessExited{check->process, ExitCode::exited, 0});
    } else if (const auto* look = std::get_if<CheckCgroup>(&effect)) {
        const bool is_empty = std::none_of(processes_.begin(), processes_.end(), [&](auto& each) {
            return each.second.unit == look->unit;
        });
        if (is_empty) {
            queue_.push_back(CgroupEmptied{look->unit});
        }
    } else if (const auto* look_if = std::get_if<LookIfReaped>(&effect)) {
        queue_.push_back(ProcessReaped{look_if->unit, look_if->pid});
    }
}

}  // namespace svcd::fuzz
