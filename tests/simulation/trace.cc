#include "simulation/trace.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "core/types/exec_error.h"

namespace svcd::simulation {
namespace {

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

std::string token_words(Token token) {
    return token == Token::none ? "no process" : "process #" + number(serial_of(token));
}

std::string job_words(JobId job) {
    return "job " + number(static_cast<std::uint64_t>(job));
}

std::string unit_words(UnitId id, const World& world) {
    const auto unit = world.index_of(id);
    return unit ? world.units[*unit].name
                : "unit " + number(static_cast<std::uint64_t>(id)) + " (unknown)";
}

std::string_view name_of(SignalCause cause) {
    switch (cause) {
        case SignalCause::stop:
            return "stop";
        case SignalCause::deadline:
            return "stop deadline passed";
        case SignalCause::main_exited:
            return "main process gone, KillMode=mixed";
        case SignalCause::user:
            return "asked for";
        case SignalCause::watchdog:
            return "watchdog";
        case SignalCause::kill_control:
            return "control process outlived its time";
        case SignalCause::kill_signal_is_kill:
            return "KillSignal=SIGKILL";
        case SignalCause::never_executed:
            return "it never got through execve";
        case SignalCause::survived:
            return "SIGKILL to the cgroup has passed over it";
        case SignalCause::oom:
            return "out of memory";
        case SignalCause::failure_mode:
            return "TimeoutStartFailureMode or TimeoutStopFailureMode";
        case SignalCause::emergency:
            return "an emergency action";
        case SignalCause::reload:
            return "reload";
        case SignalCause::again:
            return "again, after the death of a manager";
        case SignalCause::checker:
            return "nobody wants to know any more";
    }
    return "?";
}

std::string_view name_of(SignalScope scope) {
    switch (scope) {
        case SignalScope::main:
            return "the main process";
        case SignalScope::control:
            return "the control process";
        case SignalScope::group:
            return "the main process and its group";
        case SignalScope::both:
            return "main and control process";
        case SignalScope::checker:
            return "the checker process";
        case SignalScope::cgroup:
            return "the whole cgroup";
    }
    return "?";
}

}  // namespace

std::string signal_words(int signal) {
    const char* name = sigabbrev_np(signal);
    return name == nullptr ? "signal " + std::to_string(signal) : std::string{"SIG"} + name;
}

namespace {

std::string fact_words(const ProcessFact& fact) {
    switch (fact.state) {
        case ProcessFact::State::none:
            return "no";
        case ProcessFact::State::never_spawned:
            return "never spawned";
        case ProcessFact::State::alive:
            return (fact.is_foreign ? "adopted as pid " : "alive as pid ") +
                   std::to_string(fact.pid);
        case ProcessFact::State::exited:
            return "exited";
        case ProcessFact::State::lost:
            return "lost";
    }
    return "?";
}

/// Puts an event into words; one function for each alternative.
class EventWords {
public:
    explicit EventWords(const World& world) : world_{world} {}

    std::string operator()(const JobRequested& event) const {
        std::string units = unit_words(event.unit, world_);
        for (const UnitId other : event.more) {
            units += " " + unit_words(other, world_);
        }
        return "request " + number(static_cast<std::uint64_t>(event.request)) + ": " +
               std::string{simulation::name_of(event.verb)} + " " + units +
               (event.mode == JobMode::replace
                    ? std::string{}
                    : " --job-mode=" + std::string{svcd::name_of(event.mode)});
    }
    std::string operator()(const CancelRequested& event) const {
        return event.job == JobId::none ? "cancel all jobs" : "cancel " + job_words(event.job);
    }
    std::string operator()(const KillRequested& event) const {
        constexpr std::array<const char*, 3> kWhom = {"all", "main", "control"};
        return "kill " + signal_words(event.signal) + " to " +
               kWhom[static_cast<std::size_t>(event.whom)] + " of " +
               unit_words(event.unit, world_);
    }
    std::string operator()(const ResetFailedRequested& event) const {
        return "reset-failed " + (event.unit ? unit_words(*event.unit, world_) : "of all");
    }
    std::string operator()(const ShutdownRequested&) const { return "shut down"; }
    std::string operator()(const UnitsLoaded& event) const {
        std::string text = event.complete ? "all units loaded:" : "units loaded:";
        for (const LoadedUnit& unit : event.units) {
            text += " " + unit.definition.name;
            if (unit.state != LoadState::loaded) {
                text += " (" + std::string{svcd::name_of(unit.state)} + ")";
            }
        }
        return text;
    }
    std::string operator()(const ProcessSpawned& event) const {
        return token_words(event.process) + " exists, pid " + std::to_string(event.pid);
    }
    std::string operator()(const SpawnFailed& event) const {
        return token_words(event.process) + " could not be spawned: " + to_string(event.error);
    }
    std::string operator()(const ExecSucceeded& event) const {
        return token_words(event.process) + " got through execve";
    }
    std::string operator()(const ExecFailed& event) const {
        return token_words(event.process) + " did not: " + to_string(event.error);
    }
    std::string operator()(const ProcessExited& event) const {
        return token_words(event.process) + " ended: " + words(event.code, event.status);
    }
    std::string operator()(const CgroupEmptied& event) const {
        return "cgroup of " + unit_words(event.unit, world_) + " is empty";
    }
    std::string operator()(const StopSignalSent& event) const {
        return "the signal of " + std::string{svcd::name_of(event.state)} + " was sent to " +
               unit_words(event.unit, world_);
    }
    std::string operator()(const ProcessReaped& event) const {
        return "pid " + std::to_string(event.pid) + " of " + unit_words(event.unit, world_) +
               " is reaped";
    }
    std::string operator()(const OomKilled& event) const {
        return "the OOM killer has struck in " + unit_words(event.unit, world_);
    }
    std::string operator()(const CoreDumping& event) const {
        return "a core dump is being written in " + unit_words(event.unit, world_);
    }
    std::string operator()(const BusNameChanged& event) const {
        return "the bus name of " + unit_words(event.unit, world_) +
               (event.has_owner ? " is owned by pid " + std::to_string(event.owner)
                                : " has no owner");
    }
    std::string operator()(const MainProcessFound& event) const {
        return token_words(event.process) + " found as pid " + std::to_string(event.pid);
    }
    std::string operator()(const MainProcessNotFound& event) const {
        return token_words(event.process) + " not found: " + to_string(event.error);
    }
    std::string operator()(const Notification& event) const {
        std::string text = "notification of " + unit_words(event.unit, world_) + " (pid " +
                           std::to_string(event.sender) + "):";
        text += event.ready ? " READY=1" : "";
        text += event.stopping ? " STOPPING=1" : "";
        text += event.reloading ? " RELOADING=1" : "";
        text += event.monotonic ? " MONOTONIC_USEC of " + words(*event.monotonic) : "";
        text +=
            event.watchdog_interval ? " WATCHDOG_USEC of " + words(*event.watchdog_interval) : "";
        text += event.watchdog ? " WATCHDOG=1" : "";
        text += event.watchdog_trigger ? " WATCHDOG=trigger" : "";
        text += event.main_pid ? " MAINPID=" + std::to_string(*event.main_pid) : "";
        text +=
            event.extend_timeout ? " EXTEND_TIMEOUT_USEC of " + words(*event.extend_timeout) : "";
        return text + (event.status ? " STATUS=" + *event.status : "");
    }
    std::string operator()(const DeadlineReached&) const { return "a deadline"; }
    std::string operator()(const StateRestored& event) const {
        std::string text = "state restored:";
        for (const RestoredUnit& unit : event.units) {
            text += std::string{"\n                    "} + unit.record.name.data() + ": " +
                    std::string{svcd::name_of(static_cast<SubState>(unit.record.sub_state))} +
                    ", main " + fact_words(unit.main) + ", control " + fact_words(unit.control) +
                    ", checker " + fact_words(unit.checker) +
                    (unit.populated ? ", populated" : ", cgroup empty");
        }
        return text;
    }

private:
    const World& world_;
};

class EffectWords {
public:
    explicit EffectWords(const World& world) : world_{world} {}

    std::string operator()(const SpawnProcess& order) const {
        std::string role = "?";
        const auto unit = world_.index_of(order.unit);
        if (unit) {
            const ServiceSettings* service = world_.settings(*unit);
            if (service != nullptr && order.command < service->commands.size()) {
                role = svcd::name_of(service->commands[order.command].role);
            }
        }
        return "spawn " + role + " of " + unit_words(order.unit, world_) + " as " +
               std::string{simulation::name_of(order.role)} + " " + token_words(order.process);
    }
    std::string operator()(const CheckConditions& order) const {
        return "look at the conditions of " + unit_words(order.unit, world_) + " by checker " +
               token_words(order.process);
    }
    std::string operator()(const WatchBusName& order) const {
        return std::string{order.watch ? "watch" : "no longer watch"} + " the bus name of " +
               unit_words(order.unit, world_);
    }
    std::string operator()(const SignalUnit& order) const {
        return signal_words(order.signal) + " to " + std::string{name_of(order.scope)} + " of " +
               unit_words(order.unit, world_) + " (" + std::string{name_of(order.cause)} + ")" +
               (order.then_hang_up ? ", then SIGHUP" : "");
    }
    std::string operator()(const IdentifyMainProcess& order) const {
        constexpr std::array<const char*, 3> kHow = {"by its PID file", "by guess", "as pid "};
        return "find the main process of " + unit_words(order.unit, world_) + " " +
               kHow[static_cast<std::size_t>(order.how)] +
               (order.how == IdentifyMainProcess::How::named ? std::to_string(order.pid) : "") +
               ", as " + token_words(order.process);
    }
    std::string operator()(const LookIfReaped& order) const {
        return "is pid " + std::to_string(order.pid) + " of " + unit_words(order.unit, world_) +
               " reaped?";
    }
    std::string operator()(const RetireProcess& order) const {
        return "retire " + token_words(order.process);
    }
    std::string operator()(const CheckCgroup& order) const {
        return "look into the cgroup of " + unit_words(order.unit, world_);
    }
    std::string operator()(const LookForCoreDump& order) const {
        return "look for a core dump of " + unit_words(order.unit, world_);
    }
    std::string operator()(const ReleaseCgroup& order) const {
        return "remove the cgroup of " + unit_words(order.unit, world_);
    }
    std::string operator()(const RemovePidFile& order) const {
        return "remove the PID file of " + unit_words(order.unit, world_);
    }
    std::string operator()(const AnnounceJob& order) const {
        return job_words(order.job) + " of " + unit_words(order.unit, world_) + " is new";
    }
    std::string operator()(const AnnounceJobEnd& order) const {
        return job_words(order.job) + " of " + unit_words(order.unit, world_) +
               " ended: " + std::string{svcd::name_of(order.result)};
    }
    std::string operator()(const Reply& order) const {
        const std::string text =
            "answer to request " + number(static_cast<std::uint64_t>(order.request)) + ": ";
        if (order.refusal) {
            return text + "refused: " + order.refusal->message;
        }
        return text + (order.job == JobId::none ? "done" : job_words(order.job));
    }
    std::string operator()(const Say& order) const { return "say: " + order.text; }
    std::string operator()(const Exit& order) const {
        return "leave with status " + std::to_string(order.status) +
               (order.force ? ", whatever still runs" : "");
    }

private:
    const World& world_;
};

}  // namespace

std::string words(Time time) {
    if (time == kNever) {
        return "never";
    }
    std::array<char, 32> text{};
    const double seconds = static_cast<double>((time - kBeginning).count()) / 1e6;
    std::snprintf(text.data(), text.size(), "%.6f", seconds);
    return text.data();
}

std::string words(Duration duration) {
    if (duration == kInfinity) {
        return "infinity";
    }
    std::array<char, 32> text{};
    const double milliseconds = static_cast<double>(duration.count()) / 1e3;
    std::snprintf(text.data(), text.size(), milliseconds < 1000 ? "%gms" : "%gs",
                  milliseconds < 1000 ? milliseconds : milliseconds / 1000);
    return text.data();
}

std::string words(ExitCode code, int status) {
    switch (code) {
        case ExitCode::none:
            return "not at all";
        case ExitCode::exited:
            return "exit status " + std::to_string(status);
        case ExitCode::killed:
            return "killed by " + signal_words(status);
        case ExitCode::dumped:
            return "core dumped by " + signal_words(status);
        case ExitCode::unknown:
            return "nobody knows how";
    }
    return "?";
}

std::string_view name_of(JobVerb verb) {
    constexpr std::array<std::string_view, 7> kNames = {"start",
                                                        "stop",
                                                        "reload",
                                                        "restart",
                                                        "try-restart",
                                                        "reload-or-restart",
                                                        "try-reload-or-restart"};
    return kNames[static_cast<std::size_t>(verb)];
}

std::string words(const Event& event, const World& world) {
    return std::visit(EventWords{world}, event);
}

std::string words(const Effect& effect, const World& world) {
    return std::visit(EffectWords{world}, effect);
}

void Trace::line(Time time, const char* who, const std::string& text) {
    if (!is_on_) {
        return;
    }
    std::string stamp = words(time);
    stamp.insert(0, stamp.size() < 11 ? 11 - stamp.size() : 0, ' ');
    std::string actor{who};
    actor.resize(8, ' ');
    lines_.push_back(stamp + "  " + actor + " " + text);
}

void Trace::heading(const std::string& text) {
    if (is_on_) {
        lines_.push_back("\n── " + text);
    }
}

}  // namespace svcd::simulation
