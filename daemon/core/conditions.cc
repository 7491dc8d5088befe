// Conditions and asserts (systemd.unit(5)): looked at by a process of svcd's own when a start job
// runs, while the unit stays as it is. A condition that doesn't hold ends the job as done, with the
// unit not started; an assert that doesn't fails it.
#include <algorithm>
#include <csignal>

#include "core/machine.h"
#include "core/service.h"

namespace svcd {
namespace {

/// A look that takes longer hangs on a file system that does.
constexpr Duration kCheckTimeout{90'000'000};

/// From here on exit statuses are those of a process that could not do what it was spawned for
/// (systemd.exec(5), "Process Exit Codes"), unless the unit has as many conditions.
constexpr int kCouldNotLook = 200;

}  // namespace

/// Begins to look, or nothing when there is nothing to look at.
std::optional<StartOutcome> Machine::check_conditions(Unit& unit) {
    if (unit.definition.rarely().conditions.empty()) {
        stop_checking(unit);  // of a definition that had some
        unit.check.reset();
        return std::nullopt;
    }
    if (unit.check == nullptr) {
        unit.check = std::make_unique<ConditionCheck>();
    }
    ConditionCheck& check = *unit.check;
    if (check.process.is_there()) {
        return StartOutcome::going;
    }
    const Token token = processes.allocate(ProcessOwner{unit.id, ProcessRole::checker});
    if (token == Token::none) {
        say(Severity::error, unit,
            "not started: " + std::to_string(kProcessesMax) + " processes are there already");
        return StartOutcome::failed;
    }
    effects->supervisor_dirty = true;
    check.process = Process{};
    check.process.token = token;
    check.deadline = after(now, kCheckTimeout);
    touch(unit);
    update_deadline(unit);
    order(CheckConditions{token, unit.id});
    return StartOutcome::going;
}

void Machine::forget_checker(Unit& unit) {
    ConditionCheck& check = *unit.check;
    order(RetireProcess{check.process.token});
    processes.retire(check.process.token);
    check.process = Process{};
    check.deadline = kNever;
    touch(unit);
    update_deadline(unit);
}

/// Nobody wants to know any more, or it takes too long.
void Machine::stop_checking(Unit& unit) {
    if (!is_being_checked(unit)) {
        return;
    }
    const Token token = unit.check->process.token;
    const auto ordered =
        std::find_if(effects->orders.begin(), effects->orders.end(), [token](const Effect& effect) {
            const auto* check = std::get_if<CheckConditions>(&effect);
            return check != nullptr && check->process == token;
        });
    if (ordered != effects->orders.end()) {
        // Of this very step: it is taken back, since the record will not name the process.
        effects->orders.erase(ordered);
        processes.retire(token);
        unit.check->process = Process{};
        unit.check->deadline = kNever;
        update_deadline(unit);
        return;
    }
    SignalUnit kill;
    kill.unit = unit.id;
    kill.scope = SignalScope::checker;
    kill.control = token;
    kill.signal = SIGKILL;
    kill.cause = SignalCause::checker;
    order(kill);
    forget_checker(unit);
}

/// The look has ended: with 0, or with 1 + the place of the condition that decided.
void Machine::conditions_checked(Unit& unit, ExitCode code, int status) {
    forget_checker(unit);
    const Job* job = job_of(unit);
    if (job == nullptr || job->type != JobType::start || job->state != JobState::running) {
        return;
    }
    const JobId id = job->id;
    if (code != ExitCode::exited) {
        say(Severity::error, unit, "not started: the process that looks at its conditions died");
        conclude(id, StartOutcome::failed);
        return;
    }
    const auto& conditions = unit.definition.rarely().conditions;
    if (status >= kCouldNotLook && static_cast<std::size_t>(status) > conditions.size()) {
        say(Severity::error, unit,
            "not started: svcd-exec could not look at its conditions (exit status " +
                std::to_string(status) + ")");
        conclude(id, StartOutcome::failed);
        return;
    }
    const Condition* decisive = status > 0 && static_cast<std::size_t>(status) <= conditions.size()
                                    ? &conditions[static_cast<std::size_t>(status) - 1]
                                    : nullptr;
    ConditionCheck& check = *unit.check;
    check.conditions_at = now;
    check.decided_by = decisive == nullptr ? std::uint16_t{0} : static_cast<std::uint16_t>(status);
    check.condition_result = status == 0 || (decisive != nullptr && decisive->is_assert);
    if (check.condition_result) {
        check.asserts_at = now;
        check.assert_result = status == 0;
    }
    if (status == 0) {
        conclude(id, start_checked_unit(*this, unit));
        return;
    }
    const bool failed = decisive != nullptr && decisive->is_assert;
    const std::string words =
        decisive == nullptr ? std::string{"a condition"} : describe(*decisive);
    say(failed ? Severity::error : Severity::info, unit,
        "not started: " + words + " does not hold");
    conclude(id, failed ? StartOutcome::assertion : StartOutcome::already);
}

/// After a death of the manager: a look does no harm, so it is had again unless it goes on.
void Machine::resume_checking(Unit& unit, const ProcessFact& fact) {
    if (!is_being_checked(unit)) {
        return;
    }
    switch (fact.state) {
        case ProcessFact::State::alive:
        case ProcessFact::State::exited:
            unit.check->process.pid = fact.pid;
            return;
        case ProcessFact::State::never_spawned:
            order(CheckConditions{unit.check->process.token, unit.id});
            return;
        case ProcessFact::State::none:
        case ProcessFact::State::lost:
            forget_checker(unit);
            if (const Job* job = job_of(unit);
                job != nullptr && job->type == JobType::start && job->state == JobState::running) {
                const JobId id = job->id;  // the start may end the job
                const auto outcome = check_conditions(unit);
                conclude(id, outcome ? *outcome : start_checked_unit(*this, unit));
            }
            return;
    }
}

void Machine::check_failed(Unit& unit, const Error& error) {
    say(Severity::error, unit, "not started: can't look at its conditions: " + to_string(error));
    forget_checker(unit);
    if (const Job* job = job_of(unit)) {
        conclude(job->id, StartOutcome::failed);
    }
}

void Machine::check_timed_out(Unit& unit) {
    say(Severity::error, unit,
        "not started: its conditions could not be looked at within 90 s: a path of them may lie on "
        "a file system that hangs");
    unit.check->deadline = kNever;
    stop_checking(unit);
    if (const Job* job = job_of(unit)) {
        conclude(job->id, StartOutcome::failed);
    }
}

}  // namespace svcd
