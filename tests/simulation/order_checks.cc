// The rules about single orders: tokens, signals, jobs and answers.
#include <algorithm>
#include <csignal>

#include "core/types/exec_error.h"
#include "simulation/checkers.h"
#include "simulation/trace.h"

namespace svcd::simulation {
namespace {

bool starts_something(CommandRole role) {
    switch (role) {
        case CommandRole::condition:
        case CommandRole::start_pre:
        case CommandRole::start:
        case CommandRole::start_post:
            return true;
        case CommandRole::reload:
        case CommandRole::stop:
        case CommandRole::stop_post:
            return false;
    }
    return false;
}

/// May a command of this role be started in this state?
bool belongs(CommandRole role, SubState state) {
    switch (role) {
        case CommandRole::condition:
            return state == SubState::condition;
        case CommandRole::start_pre:
            return state == SubState::start_pre;
        case CommandRole::start:  // Type=idle: once nothing else is done
            return state == SubState::start || state == SubState::start_post ||
                   state == SubState::running || state == SubState::reload ||
                   state == SubState::reload_notify;
        case CommandRole::start_post:
            return state == SubState::start_post;
        case CommandRole::reload:
            return state == SubState::reload;
        case CommandRole::stop:
            return state == SubState::stop;
        case CommandRole::stop_post:
            return state == SubState::stop_post;
    }
    return false;
}

/// An answer that brings the order about that it answers does so a few times at most.
constexpr unsigned kEchoesMax = 20;

std::string number(JobId job) {
    return std::to_string(static_cast<std::uint32_t>(job));
}

}  // namespace

void Checkers::before_order(const Effect& effect) {
    std::visit([this](const auto& one) { order(one); }, effect);
}

std::optional<std::size_t> Checkers::known(UnitId id, const char* what) {
    const std::optional<std::size_t> unit = world_.index_of(id);
    if (!unit) {
        report("token-once", {}, std::string{what} + " is for a unit that does not exist.");
    }
    return unit;
}

/// Was the unit, at some moment of this step, where such a command may be started?
bool Checkers::was_in_state_of(CommandRole role, std::size_t unit) const {
    return belongs(role, entry(unit).was.sub) || belongs(role, entry(unit).is.sub) ||
           std::any_of(passed_now_.begin(), passed_now_.end(), [&](const Transition& passed) {
               return passed.unit == entry(unit).id && belongs(role, passed.to);
           });
}

// ── processes
// ────────────────────────────────────────────────────────────────────────────────────────────────────────

void Checkers::order(const SpawnProcess& spawn) {
    const auto unit = known(spawn.unit, "A spawn");
    if (!unit) {
        return;
    }
    check_new_token(spawn.process, *unit, "spawned");
    const UnitEntry& self = entry(*unit);
    if (self.is.main != spawn.process && self.is.control != spawn.process) {
        report("write-ahead", *unit,
               "The state file does not name the process that is spawned for " + self.name + ".");
    }
    const ServiceSettings* service = world_.settings(*unit);
    if (service == nullptr || spawn.command >= service->commands.size()) {
        report("token-once", *unit, self.name + " has no such command as is spawned.");
        return;
    }
    const CommandRole role = service->commands[spawn.command].role;
    if (!was_in_state_of(role, *unit) ||
        (!self.is_between_definitions &&
         (spawn.role == ProcessRole::main) !=
             (role == CommandRole::start && service->type != ServiceType::forking))) {
        report("wrong-command", *unit,
               self.name + " runs its " + std::string{name_of(role)} + " while it is " +
                   std::string{name_of(self.is.sub)} + ".");
    }
    if (was_shutting_down_ && starts_something(service->commands[spawn.command].role)) {
        report("start-in-shutdown", *unit,
               self.name + " is started although the shutdown has begun.");
    }
    if (spawn.role == ProcessRole::main && world_.kernel.has_main(*unit)) {
        report("one-main", *unit,
               "A main process is spawned for " + self.name +
                   ", which has one: " + world_.kernel.describe_members(*unit) + ".");
    }
}

void Checkers::order(const CheckConditions& check) {
    const auto unit = known(check.unit, "A look at conditions");
    if (!unit) {
        return;
    }
    check_new_token(check.process, *unit, "spawned");
    if (entry(*unit).is.checker != check.process) {
        report("write-ahead", *unit,
               "The state file does not name the process that looks at the conditions of " +
                   entry(*unit).name + ".");
    }
    if (was_shutting_down_) {
        report("start-in-shutdown", *unit,
               "The conditions of " + entry(*unit).name +
                   " are looked at although the shutdown has begun.");
    }
}

void Checkers::order(const WatchBusName& watch) {
    known(watch.unit, "A watch of a bus name");
}

void Checkers::order(const IdentifyMainProcess& identify) {
    if (const auto unit = known(identify.unit, "IdentifyMainProcess")) {
        check_new_token(identify.process, *unit, "to be identified");
        Echo& echo = identified_[*unit];
        echo.times = echo.at == world_.now ? echo.times + 1 : 1;
        echo.at = world_.now;
        if (echo.times > kEchoesMax) {
            report("echo", unit,
                   "The main process of " + entry(*unit).name + " is looked for " +
                       std::to_string(echo.times) + " times, and no time has passed.");
        }
    }
}

void Checkers::order(const LookIfReaped& look) {
    known(look.unit, "LookIfReaped");
}

void Checkers::check_new_token(Token token, std::size_t unit, const char* what) {
    const TableSlot* slot = world_.kernel.slot(token);
    if (token == Token::none || (slot != nullptr && slot->pid != 0)) {
        report("token-once", unit,
               "A token of " + entry(unit).name + " that is " + what + " was used before.");
    }
    if (slot != nullptr && slot->state == TableSlot::State::retired) {
        report("token-once", unit,
               "A token of " + entry(unit).name + " that is " + what + " was retired.");
    }
    const auto [place, is_new] = slots_.emplace(slot_of(token), token);
    if (!is_new && place->second != token) {
        report("token-once", unit, "Two tokens share a slot of the process table.");
    }
}

void Checkers::order(const RetireProcess& retire) {
    const TableSlot* slot = world_.kernel.slot(retire.process);
    slots_.erase(slot_of(retire.process));
    if (slot == nullptr) {
        if (!intents_.contains(static_cast<std::uint64_t>(retire.process))) {
            report("token-once", {}, "A token is retired that never was one.");
        }
        return;
    }
    if (slot->state == TableSlot::State::retired) {
        report("token-once", slot->unit,
               "A token of " + entry(slot->unit).name + " is retired twice.");
    }
    if (slot->role == ProcessRole::checker) {
        if (world_.kernel.is_alive(retire.process) &&
            !killed_checkers_.contains(static_cast<std::uint64_t>(retire.process))) {
            report("token-once", slot->unit,
                   "The look at the conditions of " + entry(slot->unit).name +
                       " is forgotten, and its process is not killed.");
        }
        return;
    }
    if (world_.kernel.is_alive(retire.process) && world_.stops_whole(slot->unit) &&
        is_down(entry(slot->unit).is.sub) && entry(slot->unit).is.sub != SubState::stop_wedged) {
        report("token-once", slot->unit,
               "A token of " + entry(slot->unit).name + " is retired while its process runs.");
    }
}

void Checkers::order(const ReleaseCgroup& release) {
    const auto unit = known(release.unit, "ReleaseCgroup");
    if (unit && !is_down(entry(*unit).is.sub) && !started_now_.contains(*unit)) {
        report("empty-when-down", *unit,
               "The cgroup of " + entry(*unit).name + " is released while the unit is " +
                   std::string{name_of(entry(*unit).is.sub)} + ".");
    }
}

/// Of which definition it is, which may change in the same step, is not asked.
void Checkers::order(const RemovePidFile& remove) {
    static_cast<void>(known(remove.unit, "RemovePidFile"));
}

// ── signals
// ──────────────────────────────────────────────────────────────────────────────────────────────────────────

void Checkers::order(const SignalUnit& signal) {
    const auto unit = known(signal.unit, "A signal");
    if (!unit) {
        return;
    }
    const bool to_main = signal.scope == SignalScope::main || signal.scope == SignalScope::both;
    const bool to_control =
        signal.scope == SignalScope::control || signal.scope == SignalScope::both;
    if (to_main && signal.main != Token::none) {
        check_open_token(*unit, signal.main, "main");
    }
    if (to_control && signal.control != Token::none) {
        check_open_token(*unit, signal.control, "control");
    }
    check_cause(*unit, signal);
    check_scope(*unit, signal);
    if (signal.signal == SIGKILL) {
        check_kill(*unit, signal);
    }
}

/// What was asked for by a person, what is done again and so on is what it says.
void Checkers::check_cause(std::size_t unit, const SignalUnit& signal) {
    const UnitEntry& self = entry(unit);
    const auto wrong = [&](const std::string& why) {
        report("signal-cause", unit, "A signal to " + self.name + " " + why);
    };
    if ((signal.cause == SignalCause::user) != is_kill_request_) {
        wrong("says that a person asked for it, or doesn't say so.");
    }
    if (signal.cause == SignalCause::again && !is_restoring_) {
        wrong("is sent again, but no manager has died.");
    }
    if (signal.cause == SignalCause::again && self.was.signal_sent) {
        wrong("is sent again, and the state file says that it was sent.");
    }
    if (signal.cause == SignalCause::again && asked_now_.contains(unit)) {
        wrong("is sent again, and this step has sent it for the first time.");
    }
    asked_now_.insert(unit);
    // A reload that was asked for while one went on is still to come: that one is no repetition.
    const bool has_next_reload =
        self.was.has_job() && !self.was.is_running &&
        (self.was.type == JobType::reload || self.was.type == JobType::reload_or_start);
    if (signal.cause == SignalCause::reload && is_restoring_ && !has_next_reload &&
        (self.was.sub == SubState::reload || self.was.sub == SubState::reload_signal)) {
        wrong("asks it once more to reload, because the manager died.");
    }
    if ((signal.cause == SignalCause::emergency) != leaves_by_force_ &&
        (signal.cause == SignalCause::emergency || signal.cause == SignalCause::user)) {
        wrong("is for an emergency that there isn't.");
    }
    const bool begins_shutdown =
        !was_shutting_down_ && world_.supervisor && world_.supervisor->shutting_down != 0;
    is_kill_in_doubt_ = is_kill_in_doubt_ || begins_shutdown;
    const bool is_late_kill =
        signal.cause == SignalCause::failure_mode && is_stopping(self.was.sub) &&
        (signal.signal == SIGKILL || signal.stop_state == SubState::stop_sigkill ||
         signal.stop_state == SubState::final_sigkill);
    if (was_shutting_down_ && (signal.cause == SignalCause::deadline ||
                               signal.cause == SignalCause::again || is_late_kill)) {
        has_killed_for_the_end_ = true;
    }
    if (signal.cause == SignalCause::emergency) {
        killed_at_once_.insert(unit);
    }
    if (signal.scope == SignalScope::checker) {
        killed_checkers_.insert(static_cast<std::uint64_t>(signal.control));
        return;
    }
    if (signal.cause == SignalCause::stop && !is_of_the_bus_ && self.is.wants_down() &&
        !self.is.is_running && self.was.sub == SubState::running &&
        world_.kernel.is_alive(self.was.main) && self.was.job == self.is.job &&
        world_.manager->status(signal.unit).result == UnitResult::success) {
        report("stop-order", unit,
               self.name + " gets its stop signal before its stop job has begun.");
    }
}

/// KillMode says who is signalled in a stop.
void Checkers::check_scope(std::size_t unit, const SignalUnit& signal) {
    const ServiceSettings* service = world_.settings(unit);
    if (service == nullptr || entry(unit).is_between_definitions) {
        return;
    }
    switch (signal.cause) {
        case SignalCause::stop:
        case SignalCause::deadline:
        case SignalCause::main_exited:
        case SignalCause::kill_signal_is_kill:
        case SignalCause::oom:
        case SignalCause::failure_mode:
        case SignalCause::again:
            break;
        case SignalCause::user:
        case SignalCause::watchdog:
        case SignalCause::kill_control:
        case SignalCause::emergency:
        case SignalCause::reload:
        case SignalCause::checker:
        case SignalCause::never_executed:
        case SignalCause::survived:
            return;  // these are for somebody in particular
    }
    const bool whole = signal.scope == SignalScope::cgroup;
    const bool is_first = signal.signal != service->final_kill_signal;
    const bool may_be_whole = service->kill_mode == KillMode::control_group ||
                              (service->kill_mode == KillMode::mixed && !is_first);
    // LeftoverTimeoutSec: the main process alone, as long as it is there.
    const bool must_be_whole =
        service->kill_mode == KillMode::control_group && !service->rarely().leftover_timeout;
    if (service->kill_mode == KillMode::none || (whole && !may_be_whole) ||
        (!whole && must_be_whole)) {
        report("signal-scope", unit,
               "A signal to " + entry(unit).name + " does not go to whom its KillMode says.");
    }
}

void Checkers::check_open_token(std::size_t unit, Token token, const char* what) {
    const TableSlot* slot = world_.kernel.slot(token);
    if (slot == nullptr || slot->state == TableSlot::State::retired) {
        report("token-once", unit,
               std::string{"A signal goes to the "} + what + " process of " + entry(unit).name +
                   " by a token that is not in the process table.");
    }
}

void Checkers::check_kill(std::size_t unit, const SignalUnit& signal) {
    if (const auto objection = objection_to_kill(unit, signal)) {
        report("sigkill-early", unit, "SIGKILL to " + entry(unit).name + " " + *objection);
    }
}

std::optional<std::string> Checkers::objection_to_kill(std::size_t unit,
                                                       const SignalUnit& signal) const {
    const UnitEntry& self = entry(unit);
    const ServiceSettings* service = world_.settings(unit);
    if (service == nullptr || self.is_between_definitions) {
        return std::nullopt;
    }
    switch (signal.cause) {
        case SignalCause::watchdog:
            if (service->watchdog_signal != SIGKILL) {
                return "as its WatchdogSignal, which is another.";
            }
            return std::nullopt;
        case SignalCause::user:
        case SignalCause::emergency:  // check_cause() has seen to it
        case SignalCause::checker:
            return std::nullopt;
        case SignalCause::reload:
            if (service->reload_signal != SIGKILL) {
                return "as its ReloadSignal, which is another.";
            }
            return std::nullopt;
        case SignalCause::never_executed:
            if (world_.kernel.is_executing(signal.scope == SignalScope::main ? signal.main
                                                                             : signal.control)) {
                return "because it never got through execve, which it did.";
            }
            return std::nullopt;
        case SignalCause::main_exited:
            if (service->kill_mode != KillMode::mixed) {
                return "because its main process is gone, but its KillMode is not mixed.";
            }
            if (world_.kernel.has_main(unit)) {
                return "because its main process is gone, which is not so.";
            }
            return std::nullopt;
        case SignalCause::kill_control:
            if (signal.scope != SignalScope::control) {
                return "for the sake of a control process, but not to that alone.";
            }
            return std::nullopt;
        case SignalCause::kill_signal_is_kill:
            if (service->kill_signal != SIGKILL && service->restart_kill_signal != SIGKILL) {
                return "as its KillSignal, which is another.";
            }
            return std::nullopt;
        case SignalCause::oom:
            if (out_of_memory_ != signal.unit) {
                return "because it is out of memory, which is not so.";
            }
            if (service->oom_policy == OomPolicy::continue_) {
                return "because it is out of memory, but its OOMPolicy is continue.";
            }
            return std::nullopt;
        case SignalCause::failure_mode:
            return objection_to_failure_mode(unit);
        case SignalCause::survived:
            if (self.was.sub != SubState::stop_sigkill && self.was.sub != SubState::final_sigkill) {
                return "once more, but it can't have been sent before.";
            }
            return std::nullopt;
        case SignalCause::again:
            if (self.was.sub != SubState::stop_sigkill && self.was.sub != SubState::final_sigkill &&
                service->kill_signal != SIGKILL && service->restart_kill_signal != SIGKILL &&
                service->watchdog_signal != SIGKILL) {
                return "again, but it can't have been sent before.";
            }
            return std::nullopt;
        case SignalCause::stop:
        case SignalCause::deadline:
            break;
    }
    if (!service->send_sigkill || service->kill_mode == KillMode::none) {
        return "although SendSIGKILL or KillMode says that there is none.";
    }
    if (!is_stopping(self.is.sub) && !is_down(self.is.sub)) {
        return "while it is " + std::string{name_of(self.is.sub)} + ".";
    }
    if (self.stop_not_before != kNever && world_.now < self.stop_not_before &&
        !(world_.is_budgeted && was_shutting_down_)) {
        return "at " + words(world_.now) + ", before its stop deadline at " +
               words(self.stop_not_before) + ".";
    }
    return std::nullopt;
}

/// TimeoutStartFailureMode=kill and TimeoutStopFailureMode=kill, once that timeout has passed.
std::optional<std::string> Checkers::objection_to_failure_mode(std::size_t unit) const {
    const UnitEntry& self = entry(unit);
    const ServiceSettings& service = *world_.settings(unit);
    const TimeoutFailureMode mode = is_starting(self.was.sub) ? service.timeout_start_failure_mode
                                                              : service.timeout_stop_failure_mode;
    const bool aborts_by_kill =
        mode == TimeoutFailureMode::abort && service.watchdog_signal == SIGKILL;
    if (!is_deadline_) {
        return "by its failure mode, but no time has passed.";
    }
    if (mode != TimeoutFailureMode::kill && !aborts_by_kill) {
        return "by its failure mode, which is another.";
    }
    if (!is_starting(self.was.sub) && !is_stopping(self.was.sub)) {
        return "by its failure mode, while it was " + std::string{name_of(self.was.sub)} + ".";
    }
    return std::nullopt;
}

// ── jobs and answers
// ─────────────────────────────────────────────────────────────────────────────────────────────────

void Checkers::order(const AnnounceJob& job) {
    if (!jobs_.emplace(static_cast<std::uint32_t>(job.job), JobFate::open).second) {
        report("job-once", world_.index_of(job.unit),
               "Job " + number(job.job) + " is announced twice.");
    }
}

void Checkers::order(const AnnounceJobEnd& job) {
    const auto found = jobs_.find(static_cast<std::uint32_t>(job.job));
    const auto unit = world_.index_of(job.unit);
    if (found == jobs_.end()) {
        report("job-once", unit, "Job " + number(job.job) + " ends and was never announced.");
        return;
    }
    if (found->second == JobFate::ended) {
        report("job-once", unit, "Job " + number(job.job) + " ends twice.");
    }
    found->second = JobFate::ended;
    if (unit && entry(*unit).is.job == job.job) {
        report("job-once", unit, "Job " + number(job.job) + " ended, and the unit still has it.");
    }
}

void Checkers::order(const Reply& reply) {
    if (requests_.erase(static_cast<std::uint64_t>(reply.request)) == 0) {
        report("request-once", {}, "An answer that nobody waits for, or a second one.");
    }
    if (!reply.refusal) {
        replied_job_ = reply.job;
    }
}

}  // namespace svcd::simulation
