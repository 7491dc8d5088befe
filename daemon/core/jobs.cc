// When a job runs and how it ends. The rules are systemd's: a job runs once nothing it is ordered
// after has a job that goes before it; it ends when its unit reaches the state that was asked for,
// or can't.
#include <algorithm>

#include "core/find_cycle.h"
#include "core/job_words.h"
#include "core/machine.h"
#include "core/service.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// "PID 4711 of uid 0 ('svctl start rl')"
std::string describe(const Requester& requester) {
    if (requester.pid == 0) {
        return "svcd (" + requester.reason + ")";
    }
    return "PID " + std::to_string(requester.pid) + " of uid " + std::to_string(requester.uid) +
           (requester.command.empty() ? "" : " ('" + requester.command + "')");
}

}  // namespace

void Machine::cancel_jobs(const CancelRequested& event) {
    if (event.job == JobId::none) {
        while (!jobs.empty()) {
            give_up(jobs.begin()->first, JobResult::canceled, false, "cancel", event.requester);
        }
        reply(event.request, JobId::none);
        return;
    }
    if (!jobs.contains(event.job)) {
        refuse(event.request,
               {RefusalKind::no_such_job,
                "there is no job " + std::to_string(static_cast<std::uint32_t>(event.job))});
        return;
    }
    give_up(event.job, JobResult::canceled, true, "cancel", event.requester);
    reply(event.request, JobId::none);
}

bool Machine::start_transaction(UnitId id, JobType type, const Requester& requester, JobMode mode) {
    if (shutting_down && type != JobType::stop) {
        return false;  // also what was to follow from something that came before
    }
    Transaction transaction{*this};
    if (auto refusal = transaction.build(id, type, mode)) {
        say(Severity::warning, unit(id), refusal->message + " (reason: " + requester.reason + ")");
        return false;
    }
    transaction.apply(requester);
    return true;
}

JobId Machine::install(
    UnitId id, JobType type, const Requester& requester, bool irreversible, bool ignore_order) {
    Unit& unit = this->unit(id);
    touch(unit);
    if (Job* present = job_of(unit)) {
        const std::optional<JobType> both = merged(present->type, type);
        if (both.has_value()) {
            // A running job that already does all of it goes on; a reload has to happen after this
            // moment, so never.
            const JobType result = collapsed(*both, unit.active_state());
            const bool is_enough =
                is_superset(present->type, type) ||
                (result == present->type && is_redundant(type, unit.active_state()));
            const bool goes_on =
                present->state == JobState::waiting || (type != JobType::reload && is_enough);
            if (stops(present->type)) {
                effects->asked_again.push_back({id, present->id, type, requester});
            }
            if (result != present->type) {
                present->requester = requester;
            } else if (requester.unit.has_value() && !stops(present->type)) {
                present->requester.unit = requester.unit;
            }
            present->type = result;
            present->irreversible = present->irreversible || irreversible;
            present->ignore_order = present->ignore_order || ignore_order;
            if (!goes_on) {
                present->state = JobState::waiting;
            }
            update_deadline(unit);
            queue(*present);
            return present->id;
        }
        if (!shutting_down) {
            say(Severity::notice, unit,
                "its " + std::string(name_of(present->type)) + " job " +
                    std::to_string(static_cast<std::uint32_t>(present->id)) + " is cancelled: a " +
                    std::string(name_of(type)) + " was asked for meanwhile, by " +
                    describe(requester));
        }
        give_up(present->id, JobResult::canceled, false, name_of(type), requester);
    }
    const JobId job_id = static_cast<JobId>(next_job++);
    effects->supervisor_dirty = true;
    Job& job = jobs[job_id];
    job.id = job_id;
    job.unit = id;
    job.type = type;
    job.irreversible = irreversible;
    job.ignore_order = ignore_order;
    job.installed_at = now;
    job.requester = requester;
    unit.job = job_id;
    update_deadline(unit);
    order(AnnounceJob{job_id, id});
    queue(job);
    return job_id;
}

void Machine::queue(Job& job) {
    if (!job.is_queued) {
        job.is_queued = true;
        run_queue_.push_back(job.id);
    }
}

void Machine::queue_unit_job(const Unit& unit) {
    if (Job* job = job_of(unit)) {
        queue(*job);
    }
}

void Machine::run_jobs() {
    while (!run_queue_.empty()) {
        const JobId id = run_queue_.front();
        run_queue_.pop_front();
        const auto found = jobs.find(id);
        if (found == jobs.end()) {
            continue;
        }
        found->second.is_queued = false;
        run_job(found->second);
    }
}

bool Machine::is_runnable(const Job& job) const {
    if (job.ignore_order) {
        return true;
    }
    for (const Relation relation : {Relation::after, Relation::before}) {
        for (const auto edge : graph.related(job.unit, relation)) {
            const Job* other = job_of(unit(edge.unit()));
            if (other != nullptr && is_held_up(job, relation, *other)) {
                return false;
            }
        }
    }
    return true;
}

void Machine::run_job(Job& job) {
    if (job.state != JobState::waiting || !is_runnable(job)) {
        return;
    }
    Unit& unit = this->unit(job.unit);
    const JobId id = job.id;
    job.state = JobState::running;
    job.began_at = now;
    touch(unit);
    update_deadline(unit);
    StartOutcome outcome = StartOutcome::going;
    switch (job.type) {
        case JobType::start:
            outcome = start_unit(*this, unit);
            break;
        case JobType::verify_active:
            if (is_up(unit.active_state())) {
                outcome = StartOutcome::already;
            } else {
                const bool comes =
                    unit.active_state() == ActiveState::activating && !lacks_restart(unit);
                outcome = comes ? StartOutcome::later : StartOutcome::skipped;
            }
            break;
        case JobType::stop:
        case JobType::restart:
        case JobType::try_restart:
            outcome = stop_unit(*this, unit);
            break;
        case JobType::reload:
        case JobType::reload_or_start:
            outcome = reload_unit(*this, unit);
            break;
        case JobType::nop:
            outcome = StartOutcome::already;
            break;
    }
    conclude(id, outcome);
}

/// What became of a job that has begun.
void Machine::conclude(JobId id, StartOutcome outcome) {
    const auto found = jobs.find(id);
    if (found == jobs.end() || found->second.state != JobState::running) {
        return;  // the unit's change has ended it already
    }
    switch (outcome) {
        case StartOutcome::going:
            return;
        case StartOutcome::later:
            found->second.state = JobState::waiting;  // queued again when the unit's state changes
            return;
        case StartOutcome::already:
            finish(id, JobResult::done, true);
            return;
        case StartOutcome::failed:
            finish(id, JobResult::failed, true);
            return;
        case StartOutcome::skipped:
            finish(id, JobResult::skipped, true);
            return;
        case StartOutcome::dependency:
            finish(id, JobResult::dependency, true);
            return;
        case StartOutcome::assertion:
            finish(id, JobResult::assert_, true);
            return;
        case StartOutcome::invalid:
            finish(id, JobResult::invalid, true);
            return;
    }
}

void Machine::finish(JobId id, JobResult result, bool fail_dependents) {
    const auto found = jobs.find(id);
    if (found == jobs.end()) {
        return;
    }
    Job& job = found->second;
    Unit& unit = this->unit(job.unit);
    touch(unit);
    if (result == JobResult::done &&
        (job.type == JobType::restart || job.type == JobType::try_restart)) {
        // The first half of a restart is done: what remains is a start, in its order among the
        // starts.
        job.type = JobType::start;
        job.state = JobState::waiting;
        cycles_may_have_come_ = true;  // it now stands elsewhere in the order
        queue(job);
        queue_neighbours(unit.id);
        return;
    }
    const JobType type = job.type;
    stop_checking(unit);
    if (type == JobType::start && is_down(unit.active_state()) && unit.run != nullptr &&
        !unit.populated && !unit.will_restart) {
        order(ReleaseCgroup{unit.id});  // kept for the second half of a restart, which won't come
    }
    order(AnnounceJobEnd{id, unit.id, result});
    unit.job = JobId::none;
    unit.last_job = id;
    unit.last_job_type = type;
    jobs.erase(found);
    if (unit.run != nullptr && is_down(unit.active_state()) && !unit.will_restart) {
        Service{*this, unit}.end_flapping();  // it stays down
    }
    update_deadline(unit);
    if (type == JobType::stop && result != JobResult::done) {
        forget_comeback(unit);  // it stays
    }
    if (unit.sub_state == SubState::auto_restart) {
        given_up_restarts_.push_back(unit.id);
    }
    if (result != JobResult::done && fail_dependents) {
        if (type == JobType::start || type == JobType::verify_active) {
            const std::optional<UnitId> missed = missed_after(unit, result);
            for (const Relation relation :
                 {Relation::required_by, Relation::requisite_of, Relation::bound_by}) {
                failures_.push_back({unit.id, relation, missed});
            }
        } else if (type == JobType::stop) {
            failures_.push_back({unit.id, Relation::conflicted_by, std::nullopt});
        }
    }
    if (result == JobResult::done && type == JobType::start && !is_up(unit.active_state())) {
        // A oneshot that has ended is done, and yet what Requisite needs is not there.
        failures_.push_back({unit.id, Relation::requisite_of, std::nullopt});
    }
    if (result == JobResult::timeout || result == JobResult::dependency) {
        trigger(unit, Relation::on_failure);  // the unit itself may not even have begun
    }
    queue_neighbours(unit.id);
    recheck(unit);
    drain_failures();
}

void Machine::give_up(
    JobId id, JobResult result, bool fail_dependents, std::string_view asked, const Requester& by) {
    const Job& job = jobs.at(id);
    Unit& unit = this->unit(job.unit);
    unit.given_up_job =
        std::make_unique<GivenUpJob>(GivenUpJob{id, job.type, result, now, asked, by});
    effects->given_up.push_back(unit.id);
    finish(id, result, fail_dependents);
}

namespace {

/// The unit itself, or for whose sake its own start has just come to nothing.
UnitId culprit_of(const Unit& unit) {
    const GivenUpJob* job = unit.given_up_job.get();
    const bool is_anothers = job != nullptr && job->result == JobResult::dependency &&
                             job->id == unit.last_job && job->by.unit.has_value();
    return is_anothers ? *job->by.unit : unit.id;
}

/// Keeps who asked for the start and for whose sake it comes to nothing: that unit may be on its
/// way again, by its Restart, before anybody can look at it.
void note_culprit(Unit& unit, const Job& job, UnitId culprit, Time now) {
    Requester by = job.requester;
    by.unit = culprit;
    unit.given_up_job = std::make_unique<GivenUpJob>(
        GivenUpJob{job.id, job.type, JobResult::dependency, now, {}, std::move(by)});
}

}  // namespace

/// A chain of thousands of units may fail at once: a list, not recursion.
void Machine::drain_failures() {
    if (std::exchange(draining_failures_, true)) {
        return;
    }
    while (!failures_.empty()) {
        const FailedUnit failed = failures_.back();
        failures_.pop_back();
        fail_dependent_jobs(failed);
    }
    draining_failures_ = false;
}

void Machine::fail_dependent_jobs(const FailedUnit& failed) {
    const auto [id, relation, missed] = failed;
    std::vector<JobId> failing;
    for (const auto edge : graph.related(id, relation)) {
        const Job* job = job_of(unit(edge.unit()));
        if (job != nullptr &&
            (job->type == JobType::start || job->type == JobType::verify_active)) {
            failing.push_back(job->id);
        }
    }
    for (const JobId job : failing) {
        const auto found = jobs.find(job);
        if (found == jobs.end()) {
            continue;
        }
        say(Severity::warning, unit(found->second.unit),
            "not started, because " + unit(id).name() + ", which it " +
                (relation == Relation::conflicted_by ? "conflicts with, could not be stopped"
                                                     : "needs, did not start"));
        if (missed.has_value()) {
            want_back(unit(found->second.unit), unit(*missed));
        }
        if (relation != Relation::conflicted_by) {
            note_culprit(unit(found->second.unit), found->second,
                         missed.value_or(culprit_of(unit(id))), now);
        }
        finish(job, JobResult::dependency, true);
    }
}

void Machine::queue_neighbours(UnitId id) {
    for (const Relation relation : {Relation::after, Relation::before}) {
        for (const auto edge : graph.related(id, relation)) {
            queue_unit_job(unit(edge.unit()));
        }
    }
}

/// Ends or continues the job of a unit whose state has changed. Returns whether the job asked for
/// this change.
bool Machine::job_follows_state(Unit& unit, Job& job) {
    const ActiveState state = unit.active_state();
    const bool running = job.state == JobState::running;
    if (!running) {
        queue(job);  // it may be possible now
    }
    switch (job.type) {
        case JobType::start:
        case JobType::verify_active:
            if (is_up(state)) {
                finish(job.id, JobResult::done, true);
                return true;
            }
            if (running && is_being_checked(unit)) {
                return true;  // its conditions are looked at: it has not begun to change
            }
            if (running && state != ActiveState::activating) {
                if (is_down(state)) {
                    finish(job.id,
                           state == ActiveState::failed ? JobResult::failed : JobResult::done,
                           true);
                }
                return false;
            }
            return true;
        case JobType::reload:
        case JobType::reload_or_start:
            if (!running) {
                return true;
            }
            if (state == ActiveState::active) {
                const bool good =
                    unit.run == nullptr || unit.run->reload_result == UnitResult::success;
                finish(job.id, good ? JobResult::done : JobResult::failed, true);
                return true;
            }
            if (state != ActiveState::activating && state != ActiveState::reloading) {
                // The service ends of it: what was asked for has not come about.
                finish(job.id, JobResult::failed, true);
                return false;
            }
            return true;
        case JobType::stop:
        case JobType::restart:
        case JobType::try_restart:
            if (is_down(state)) {
                finish(job.id, JobResult::done, true);
                return true;
            }
            if (running && state != ActiveState::deactivating) {
                finish(job.id, JobResult::failed, true);
                return false;
            }
            return true;
        case JobType::nop:
            return false;
    }
    return false;
}

void Machine::break_job_cycles() {
    if (!order_has_cycles || jobs.empty()) {
        return;
    }
    std::vector<Job*> waiting;
    std::map<UnitId, std::size_t> place;
    for (auto& [id, job] : jobs) {
        if (job.state == JobState::waiting && !job.ignore_order) {
            place[job.unit] = waiting.size();
            waiting.push_back(&job);
        }
    }
    while (true) {
        const auto cycle = find_cycle(waiting.size(), [&](std::size_t index) {
            std::vector<std::size_t> waited_for;
            const Job& job = *waiting[index];
            for (const Relation relation : {Relation::after, Relation::before}) {
                for (const auto edge : graph.related(job.unit, relation)) {
                    const auto other = place.find(edge.unit());
                    if (other != place.end() &&
                        has_to_wait(job, relation, *waiting[other->second])) {
                        waited_for.push_back(other->second);
                    }
                }
            }
            return waited_for;
        });
        if (cycle.empty()) {
            return;
        }
        Job& freed = *waiting[cycle.front()];
        freed.ignore_order = true;
        say(Severity::warning, unit(freed.unit),
            "its job is part of an ordering cycle and no longer waits for the others");
        queue(freed);
    }
}

// ── JobTimeoutSec, JobRunningTimeoutSec

Time Machine::job_deadline(const Job& job) const {
    const RareUnitSettings& settings = unit(job.unit).definition.rarely();
    const Time whole = after(job.installed_at, settings.job_timeout);
    return job.state == JobState::running
               ? std::min(whole, after(job.began_at, settings.job_running_timeout))
               : whole;
}

void Machine::job_timed_out(const Job& job) {
    Unit& unit = this->unit(job.unit);
    const bool is_whole = after(job.installed_at, unit.definition.rarely().job_timeout) <= now;
    const std::string_view setting = is_whole ? "JobTimeoutSec" : "JobRunningTimeoutSec";
    say(Severity::error, unit,
        "its " + std::string(name_of(job.type)) + " job took too long (" + std::string(setting) +
            ")");
    Requester nobody;
    nobody.reason = awaited_in_words(*this, job);
    give_up(job.id, JobResult::timeout, true, setting, nobody);
    take_emergency_action(unit.definition.rarely().job_timeout_action, unit, -1,
                          "had a job that timed out");
}

}  // namespace svcd
