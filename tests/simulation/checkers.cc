#include "simulation/checkers.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/service_edges.h"
#include "simulation/trace.h"

namespace svcd::simulation {

using namespace std::chrono_literals;

void Checkers::report(std::string rule, std::optional<std::size_t> unit, std::string what) {
    if (!violation_ && !without_rules_.contains(rule)) {
        violation_ = Violation{std::move(rule), unit, std::move(what), world_.now};
    }
}

// ── a step
// ───────────────────────────────────────────────────────────────────────────────────────────────────────────

void Checkers::before_step(const Event& event) {
    is_kill_request_ = std::holds_alternative<KillRequested>(event);
    is_deadline_ = std::holds_alternative<DeadlineReached>(event);
    is_restoring_ = std::holds_alternative<StateRestored>(event);
    was_shutting_down_ =
        world_.is_shutting_down || std::holds_alternative<ShutdownRequested>(event);
    is_of_the_bus_ = std::holds_alternative<BusNameChanged>(event);
    out_of_memory_.reset();
    if (const auto* oom = std::get_if<OomKilled>(&event)) {
        out_of_memory_ = oom->unit;
    }
    leaves_by_force_ = false;
    killed_checkers_.clear();
    started_now_.clear();
    asked_now_.clear();
    killed_at_once_.clear();
    request_now_ = RequestId::none;
    replied_job_ = JobId::none;
    announced_now_.clear();
    begun_now_.clear();
    if (const auto* job = std::get_if<JobRequested>(&event)) {
        request_now_ = job->request;
        mode_now_ = job->mode;
    }
}

void Checkers::after_step(const Effects& effects) {
    for (std::size_t place = 0; place < effects.orders.size(); ++place) {
        const Effect& effect = effects.orders[place];
        if (const auto* job = std::get_if<AnnounceJob>(&effect)) {
            announced_now_[static_cast<std::uint32_t>(job->unit)] = place;
        } else if (const auto* spawn = std::get_if<SpawnProcess>(&effect)) {
            begun_now_.emplace(static_cast<std::uint32_t>(spawn->unit), place);
        } else if (const auto* check = std::get_if<CheckConditions>(&effect)) {
            begun_now_.emplace(static_cast<std::uint32_t>(check->unit), place);
        } else if (const auto* signal = std::get_if<SignalUnit>(&effect)) {
            begun_now_.emplace(static_cast<std::uint32_t>(signal->unit), place);
        } else if (const auto* exit = std::get_if<Exit>(&effect)) {
            leaves_by_force_ = leaves_by_force_ || exit->force;
        }
    }
    passed_now_ = effects.transitions;
    check_edges(effects);
    if (was_shutting_down_) {
        check_latch(effects);
    }
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitView& was = entry(unit).was;
        const UnitView& is = entry(unit).is;
        intents_.insert(static_cast<std::uint64_t>(is.main));
        intents_.insert(static_cast<std::uint64_t>(is.control));
        intents_.insert(static_cast<std::uint64_t>(is.identifying));
        intents_.insert(static_cast<std::uint64_t>(is.checker));
        if (was.sub != is.sub || was.job != is.job || was.type != is.type ||
            was.is_running != is.is_running) {
            unit_changed(unit);
        }
    }
    check_refusal(effects);
    if (request_now_ != RequestId::none) {
        check_transaction();
    }
}

void Checkers::unit_changed(std::size_t unit) {
    const UnitView& was = entry(unit).was;
    const UnitView& is = entry(unit).is;
    if (is.has_job() && is.is_running &&
        (!was.is_running || was.job != is.job || was.type != is.type)) {
        check_job_start(unit);
    }
    const bool rests = is_down(is.sub) || is.sub == SubState::auto_restart;
    if (rests && is.sub != was.sub && is.sub != SubState::stop_wedged && world_.stops_whole(unit) &&
        world_.kernel.present_population(unit) != 0) {
        report("empty-when-down", unit,
               entry(unit).name + " is " + std::string{name_of(is.sub)} +
                   ", and in its cgroup is " + world_.kernel.describe_members(unit) + ".");
    }
}

/// Each change is one that the table knows, and begins where the one before it ended.
void Checkers::check_edges(const Effects& effects) {
    std::map<std::size_t, SubState> at;
    for (const Transition& transition : effects.transitions) {
        const auto unit = world_.index_of(transition.unit);
        if (!unit) {
            continue;
        }
        const UnitEntry& self = entry(*unit);
        const auto change = [&] {
            return self.name + " goes from " + std::string{name_of(transition.from)} + " to " +
                   std::string{name_of(transition.to)};
        };
        if (is_down(transition.from) && (is_starting(transition.to) || is_up(transition.to))) {
            started_now_.insert(*unit);
        }
        const SubState before = at.emplace(*unit, self.was.sub).first->second;
        at[*unit] = transition.to;
        if (!self.is_perpetual && before != transition.from) {
            report("edge", unit, change() + ", but was " + std::string{name_of(before)} + ".");
        }
        const UnitType type = self.is_service ? UnitType::service : UnitType::target;
        if (transition.from != transition.to && !is_edge(type, transition.from, transition.to)) {
            report("edge", unit, change() + ", which is not in the table of service_edges.h.");
        }
    }
    for (const auto& [unit, last] : at) {
        if (last != entry(unit).is.sub) {
            report("edge", unit,
                   entry(unit).name + " is " + std::string{name_of(entry(unit).is.sub)} +
                       ", but went to " + std::string{name_of(last)} + " last.");
        }
    }
}

/// Once the shutdown has begun nothing comes up, whoever wants it.
void Checkers::check_latch(const Effects& effects) {
    for (const Transition& transition : effects.transitions) {
        has_killed_for_the_end_ = has_killed_for_the_end_ || transition.to == SubState::stop_wedged;
        const auto unit = world_.index_of(transition.unit);
        const bool was_down = is_down(transition.from) || transition.from == SubState::auto_restart;
        if (unit && was_down && (is_starting(transition.to) || is_up(transition.to))) {
            report("start-in-shutdown", unit,
                   entry(*unit).name + " is started although the shutdown has begun.");
        }
    }
    for (const Effect& effect : effects.orders) {
        const auto* job = std::get_if<AnnounceJob>(&effect);
        const auto unit = job == nullptr ? std::nullopt : world_.index_of(job->unit);
        if (unit && entry(*unit).is.job == job->job && entry(*unit).is.type != JobType::stop) {
            report("start-in-shutdown", unit,
                   entry(*unit).name + " gets a " + std::string{name_of(entry(*unit).is.type)} +
                       " job although the shutdown has begun.");
        }
    }
}

/// In one step a unit may begin to start or stop, and then another be wanted that had to go first.
bool Checkers::was_wanted_later(std::size_t other, std::size_t unit) const {
    const auto announced =
        announced_now_.find(static_cast<std::uint32_t>(entry(other).id.value_or(UnitId{})));
    const auto begun =
        begun_now_.find(static_cast<std::uint32_t>(entry(unit).id.value_or(UnitId{})));
    return announced != announced_now_.end() &&
           (begun == begun_now_.end() || begun->second < announced->second);
}

void Checkers::check_job_start(std::size_t unit) {
    const UnitEntry& self = entry(unit);
    if (self.is.ignores_order) {
        return;
    }
    if (self.is.wants_down() && is_up(self.was.sub)) {
        for (const std::size_t other : self.before) {
            const UnitEntry& later = entry(other);
            if (later.is.wants_down() && !later.is.ignores_order &&
                later.wants_down_since <= world_.step && !is_down(later.is.sub) &&
                !was_wanted_later(other, unit)) {
                report("stop-order", unit,
                       "The stop of " + self.name + " has begun while " + later.name +
                           ", which is After it, still has its " +
                           std::string{name_of(later.is.type)} + " job.");
            }
        }
    }
    if (self.is.wants_up() && !is_up(self.was.sub)) {
        for (const std::size_t other : self.after) {
            const UnitEntry& earlier = entry(other);
            const bool came_later = was_wanted_later(other, unit);
            const bool is_older = earlier.is.wants_up() ? earlier.wants_up_since <= world_.step
                                                        : earlier.wants_down_since < world_.step;
            if ((earlier.is.wants_up() || earlier.is.wants_down()) && !earlier.is.ignores_order &&
                is_older && !came_later) {
                report("start-order", unit,
                       "The start of " + self.name + " has begun while " + earlier.name +
                           ", which it is After, still has its " +
                           std::string{name_of(earlier.is.type)} + " job.");
            }
        }
    }
}

void Checkers::check_refusal(const Effects& effects) {
    const auto is_refusal = [](const Effect& effect) {
        const auto* reply = std::get_if<Reply>(&effect);
        return reply != nullptr && reply->refusal.has_value();
    };
    if (std::none_of(effects.orders.begin(), effects.orders.end(), is_refusal)) {
        return;
    }
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitView& was = entry(unit).was;
        const UnitView& is = entry(unit).is;
        if (was.sub != is.sub || was.job != is.job || was.type != is.type) {
            report("refused-whole", unit,
                   "The request was refused, and " + entry(unit).name + " changed.");
        }
    }
    for (const Effect& effect : effects.orders) {
        if (!std::holds_alternative<Reply>(effect) && !std::holds_alternative<Say>(effect)) {
            report("refused-whole", {}, "The request was refused, and yet something was ordered.");
        }
    }
}

void Checkers::check_transaction() {
    if (mode_now_ == JobMode::ignore_dependencies || mode_now_ == JobMode::ignore_requirements) {
        return;
    }
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitEntry& self = entry(unit);
        if (!self.is.wants_up() || self.was.job == self.is.job) {
            continue;
        }
        for (const std::size_t other : self.needs) {
            const UnitEntry& needed = entry(other);
            const bool is_coming = needed.is.wants_up() || needed.is.wants_down() ||
                                   is_up(needed.is.sub) || is_starting(needed.is.sub) ||
                                   needed.is.sub == SubState::auto_restart;
            const bool came =
                needed.id && announced_now_.contains(static_cast<std::uint32_t>(*needed.id));
            // A job that was there before may end before this one begins to wait for it.
            const bool came_before = needed.was.has_job();
            if (!is_coming && !came && !came_before && !world_.may_ignore_needs(unit)) {
                report("transaction-whole", unit,
                       self.name + " is to start, but " + needed.name +
                           ", which it requires, is not brought along.");
            }
        }
    }
}

void Checkers::at_rest() {
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        check_rest(unit);
    }
    check_nothing_armed();
    if (replied_job_ != JobId::none && !jobs_.contains(static_cast<std::uint32_t>(replied_job_))) {
        report("job-once", {}, "The answer names a job that was never announced.");
    }
    if (request_now_ != RequestId::none &&
        requests_.contains(static_cast<std::uint64_t>(request_now_))) {
        report("request-once", {}, "The request was stepped and has no answer.");
    }
}

void Checkers::check_rest(std::size_t unit) {
    const UnitEntry& self = entry(unit);
    if (self.is.has_job() && !jobs_.contains(static_cast<std::uint32_t>(self.is.job))) {
        report("job-once", unit,
               self.name + " has job " + std::to_string(static_cast<std::uint32_t>(self.is.job)) +
                   ", which was never announced.");
    }
    if (world_.now > self.stop_ends_by) {
        report("stop-bound", unit,
               self.name + " is still in " + std::string{name_of(self.is.sub)} +
                   ", though its stop had to be over by " + words(self.stop_ends_by) +
                   ". In its cgroup: " + world_.kernel.describe_members(unit) + ".");
    }
    if (world_.is_healed && world_.now > world_.shutdown_ends_by && !is_down(self.is.sub) &&
        !self.is_perpetual) {
        report("shutdown-bound", unit,
               self.name + " is still in " + std::string{name_of(self.is.sub)} +
                   ", though the shutdown had to be over by " + words(world_.shutdown_ends_by) +
                   ".");
    }
    if (self.is_perpetual && self.is.sub != SubState::active) {
        report("perpetual", unit,
               self.name + " is " + std::string{name_of(self.is.sub)} + ", not always active.");
    }
    if (self.is.wants_back && !self.bonds_changed && is_down(self.is.sub) && !self.is.has_job() &&
        !world_.is_shutting_down && world_.supervisor->shutting_down == 0 &&
        !self.bound_to.empty() &&
        std::all_of(self.bound_to.begin(), self.bound_to.end(), [this](std::size_t other) {
            return is_up(entry(other).is.sub) && !entry(other).is.wants_down();
        })) {
        report("comes-back", unit,
               self.name +
                   " was stopped because a unit that it is bound to had failed; all of "
                   "them are up again, and it is not.");
    }
}

/// Something that a deadline may be armed for.
bool Checkers::has_reason_to_wait(const UnitEntry& self) const {
    if (!self.record) {
        return false;
    }
    const bool is_quiet = is_down(self.is.sub) || is_up(self.is.sub);
    const bool reloads = self.is.sub == SubState::reload ||
                         self.is.sub == SubState::reload_signal ||
                         self.is.sub == SubState::reload_notify;
    if (!is_quiet || reloads || self.is.has_job() || self.is.control != Token::none) {
        return true;
    }
    if (self.record->unclean_restarts.flapping_since != 0 && !is_down(self.is.sub)) {
        return true;  // until FlappingIntervalSec is over
    }
    if (self.record->watchdog_interval > 0 || self.record->unreaped_until != 0 ||
        (self.is.sub == SubState::running &&
         time_from_usec(self.record->state_deadline) != kNever)) {
        return true;  // WatchdogSec, RuntimeMaxSec
    }
    if (self.is.main == Token::none) {
        return false;
    }
    return is_down(self.is.sub) || !world_.told_executing.contains(self.is.main) ||
           !world_.kernel.is_alive(self.is.main);
}

void Checkers::check_nothing_armed() {
    const std::optional<Time> deadline = world_.manager->next_deadline();
    if (!deadline ||
        std::any_of(world_.units.begin(), world_.units.end(),
                    [this](const UnitEntry& self) { return has_reason_to_wait(self); })) {
        return;
    }
    report("nothing-armed", {},
           "Every unit rests and there is no job, but a deadline is armed for " + words(*deadline) +
               ".");
}

// ── the manager's death and the end
// ──────────────────────────────────────────────────────────────────────────────────

void Checkers::requested(RequestId request) {
    requests_.insert(static_cast<std::uint64_t>(request));
}

void Checkers::manager_died() {
    requests_.clear();
    jobs_.clear();
    for (const UnitEntry& self : world_.units) {
        if (self.record && self.record->job.id != 0) {
            jobs_[self.record->job.id] = JobFate::open;
        }
    }
}

void Checkers::restored(const std::vector<UnitView>& before) {
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitEntry& self = entry(unit);
        if (!self.record || before[unit].has_job() || self.is.has_job() || !world_.manager ||
            world_.is_shutting_down || self.is_between_definitions ||
            announced_now_.contains(static_cast<std::uint32_t>(self.id.value_or(UnitId{})))) {
            continue;
        }
        const SubState old = before[unit].sub;
        const bool is_running = old == SubState::running && before[unit].main != Token::none &&
                                world_.kernel.is_alive(before[unit].main);
        const bool rests = old == SubState::dead || old == SubState::failed ||
                           old == SubState::exited || old == SubState::active;
        if ((is_running && self.is.main != before[unit].main) ||
            ((is_running || rests) && self.is.sub != old)) {
            report("restored", unit,
                   self.name + " was " + std::string{name_of(old)} +
                       " when the manager died, and is " + std::string{name_of(self.is.sub)} +
                       " after its restart.");
        }
    }
    for (const Token token : world_.kernel.open_tokens()) {
        const TableSlot& slot = *world_.kernel.slot(token);
        if (!world_.manager->unit_of(token)) {
            report("forgotten-process", slot.unit,
                   "A record of " + entry(slot.unit).name +
                       " names a process that the new manager knows nothing of.");
        }
    }
}

void Checkers::slot_freed(Token token) {
    const TableSlot& slot = *world_.kernel.slot(token);
    slots_.erase(slot_of(token));
    if (slot.is_found && entry(slot.unit).is.identifying != Token::none) {
        return;  // it is looked for once more, under a new token
    }
    if (slot.is_found && is_stopping(entry(slot.unit).is.sub)) {
        return;  // one of the cgroup, which is stopped: it never became the main process
    }
    if (slot.role == ProcessRole::checker) {
        return;  // it was to be killed, and does no harm
    }
    if (world_.kernel.is_alive(token) && !world_.kernel.is_dying(token) &&
        world_.stops_whole(slot.unit) && !is_down(entry(slot.unit).is.sub)) {
        report("forgotten-process", slot.unit,
               "No record names pid " + std::to_string(slot.pid) + " of " + entry(slot.unit).name +
                   ", which runs.");
    }
}

void Checkers::exited(const Exit& exit) {
    if (exit.force) {
        for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
            if (world_.kernel.population(unit) != 0 && !killed_at_once_.contains(unit)) {
                report("exit-clean", unit,
                       "svcd leaves by force, and has not killed " + entry(unit).name + ": " +
                           world_.kernel.describe_members(unit) + ".");
            }
        }
        return;
    }
    bool something_stayed = has_killed_for_the_end_;
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitEntry& self = entry(unit);
        something_stayed = something_stayed || self.is.sub == SubState::stop_wedged;
        if (!is_down(self.is.sub) && !self.is_perpetual) {
            report("exit-clean", unit,
                   "svcd leaves while " + self.name + " is " + std::string{name_of(self.is.sub)} +
                       ".");
        }
        if (self.is.has_job()) {
            report("exit-clean", unit, "svcd leaves while " + self.name + " has a job.");
        }
        if (self.is.sub != SubState::stop_wedged && world_.stops_whole(unit) &&
            world_.kernel.present_population(unit) != 0) {
            report("exit-clean", unit,
                   "svcd leaves, and of " + self.name + " there is still " +
                       world_.kernel.describe_members(unit) + ".");
        }
    }
    const bool says_so = exit.status != 0;
    if (world_.deaths == 0 && !is_kill_in_doubt_ && world_.supervisor->exit_status < 0 &&
        says_so != something_stayed) {
        report("exit-status", {},
               "svcd leaves with status " + std::to_string(exit.status) + ", and " +
                   (something_stayed ? "something" : "nothing") + " had to be killed for that.");
    }
}

}  // namespace svcd::simulation
