#include "simulation/simulation.h"

#include <algorithm>
#include <utility>

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTail = 15s;              ///< after the last command, before the healing
constexpr Duration kHelpEvery = 10s;         ///< see help_the_endless()
constexpr Duration kQuietTime = 5s;          ///< looked at after the last job has ended
constexpr std::uint64_t kChaosSteps = 4000;  ///< a crash loop need not be watched for ever
constexpr std::uint64_t kStepsMax = 60000;

}  // namespace

Simulation::Simulation(const Plan& plan, bool with_trace)
    : plan_{plan},
      generator_{plan_},
      world_{generator_.count(), stream(plan.seed, purpose::kKernel)},
      checkers_{world_, plan_.without_rules},
      trace_{with_trace},
      random_{stream(plan.seed, purpose::kShell)},
      faults_{plan.faults},
      commands_{draw_commands(plan_)},
      spawns_(generator_.count(), 0),
      watches_name_(generator_.count(), false),
      name_heard_at_(generator_.count(), kBeginning),
      steps_max_{kStepsMax} {
    world_.now = kBeginning;
    world_.slack = 1500ms;
    world_.is_budgeted = plan_.shutdown_budget != kInfinity;
    if (faults_.has(Fault::late_events) || faults_.has(Fault::late_emptied)) {
        world_.slack += 4 * kLatestEvent;
    }
    if (faults_.has(Fault::manager_dies) || faults_.has(Fault::manager_dies_midway)) {
        world_.slack += 6 * kLongestGap;
    }
    for (std::size_t unit = 0; unit < generator_.count(); ++unit) {
        world_.units[unit].name = generator_.name(unit);
        world_.units[unit].is_service = generator_.name(unit).ends_with(".service");
        world_.units[unit].is_missing = generator_.is_missing(unit);
        world_.units[unit].is_perpetual = is_perpetual(generator_.name(unit));
    }
    const Duration last = commands_.empty() ? Duration{0} : commands_.back().at;
    phase_ends_ = kBeginning + last + kTail;
    if (plan_.until != 0) {
        phase_ends_ = std::min(phase_ends_, kBeginning + std::chrono::seconds{plan_.until});
    }
    if (plan_.shutdown_amid) {
        shutdown_at_ = kBeginning + random_.between(0s, last);
    }
}

Outcome Simulation::run() {
    start_manager();
    while (phase_ != Phase::over && !checkers_.violation() && advance()) {
    }
    outcome_.violation = checkers_.violation();
    outcome_.manager_deaths = world_.deaths;
    outcome_.lasted = world_.now - kBeginning;
    return outcome_;
}

/// When the next thing happens, whoever does it.
std::optional<Time> Simulation::next_wakeup() const {
    Time next = std::min({phase_ends_, shutdown_at_, help_at_});
    if (const auto happening = world_.kernel.next_happening()) {
        next = std::min(next, *happening);
    }
    if (!pending_.empty()) {
        next = std::min(next, pending_.front().at);
    }
    if (next_command_ < commands_.size() && phase_ == Phase::chaos) {
        next = std::min(next, kBeginning + commands_[next_command_].at);
    }
    if (world_.manager) {
        if (const auto deadline = world_.manager->next_deadline()) {
            next = std::min(next, after(*deadline, clock_is_late_));
        }
    }
    return next == kNever ? std::nullopt : std::optional{std::max(next, world_.now)};
}

/// Lets the next thing happen; the order within one moment is that of a manager's wakeup, deadlines
/// last.
bool Simulation::advance() {
    const std::optional<Time> next = next_wakeup();
    if (!next) {
        checkers_.report("liveness", {},
                         "Nothing is left that could happen, and svcd is still there.");
        return false;
    }
    world_.now = *next;
    if (has_fault(Fault::clock_jumps, 3)) {
        jump_clock();
    }
    if (phase_ == Phase::healing && jobs_of_chaos_ended()) {
        phase_ends_ = std::min(phase_ends_, world_.now + kQuietTime);
        jobs_to_end_.clear();
    }
    if (outcome_.steps > steps_max_ && phase_ == Phase::healing && wait_for_the_endless()) {
        steps_max_ += kStepsMax;
        begin_shutdown();
    }
    if (outcome_.steps > steps_max_) {
        checkers_.report("liveness", {}, "The run takes more steps than any sane one.");
        return false;
    }
    const std::optional<Time> happening = world_.kernel.next_happening();
    if (happening && *happening <= world_.now) {
        world_.kernel.happen(world_.now);
        take_news();
        return true;
    }
    if (!pending_.empty() && pending_.front().at <= world_.now) {
        std::pop_heap(pending_.begin(), pending_.end(),
                      [](const auto& one, const auto& other) { return one.is_later_than(other); });
        Pending pending = std::move(pending_.back());
        pending_.pop_back();
        deliver(std::move(pending));
        return true;
    }
    if (phase_ == Phase::chaos && next_command_ < commands_.size() &&
        kBeginning + commands_[next_command_].at <= world_.now) {
        run_command(commands_[next_command_++]);
        return true;
    }
    if (shutdown_at_ <= world_.now || help_at_ <= world_.now || phase_ends_ <= world_.now ||
        (phase_ == Phase::chaos && outcome_.steps > kChaosSteps)) {
        enter_phase();
        return true;
    }
    const std::optional<Time> due = world_.manager->next_deadline();
    report_executed();
    if (!world_.manager || checkers_.violation()) {
        return true;
    }
    deliver_event(DeadlineReached{});
    const bool is_stuck = world_.manager && world_.manager->next_deadline() &&
                          *world_.manager->next_deadline() <= world_.now && due <= world_.now;
    deadlines_in_vain_ = is_stuck ? deadlines_in_vain_ + 1 : 0;
    if (deadlines_in_vain_ > 3) {
        checkers_.report("deadline-stuck", {},
                         "A deadline stays armed however often it is stepped.");
    }
    return true;
}

/// The machine was suspended, or nobody had time for svcd: all that was due meanwhile is late.
void Simulation::jump_clock() {
    constexpr std::array<Duration, 4> kFar = {100ms, 3s, 30s, kLongestJump};
    const Duration jump = random_.between(0us, random_.pick(kFar));
    trace_.line(world_.now, "fault", "the clock jumps by " + words(jump));
    world_.now += jump;
    for (UnitEntry& unit : world_.units) {
        unit.stop_ends_by = after(unit.stop_ends_by, jump);
    }
}

void Simulation::enter_phase() {
    if (help_at_ <= world_.now) {
        help_the_endless();
        help_at_ = world_.now + kHelpEvery;
        return;
    }
    if (shutdown_at_ <= world_.now) {
        shutdown_at_ = kNever;
        begin_shutdown();
        return;
    }
    switch (phase_) {
        case Phase::chaos:
            heal();
            return;
        case Phase::healing:
            if (jobs_of_chaos_ended() || wait_for_the_endless()) {
                begin_shutdown();
                return;
            }
            checkers_.report("liveness", {}, "A job of the time before the healing has not ended.");
            phase_ = Phase::over;
            return;
        case Phase::shutdown:
            if (!is_healed_) {
                heal();
                return;
            }
            checkers_.report("liveness", {}, "The shutdown has not ended.");
            phase_ = Phase::over;
            return;
        case Phase::over:
            return;
    }
}

void Simulation::heal() {
    trace_.heading("the faults are healed, the clients are silent");
    is_healed_ = true;
    faults_ = FaultSet{};
    world_.kernel.heal(world_.now);
    help_at_ = world_.now + kHelpEvery;
    jobs_since_healing_.assign(world_.units.size(), 0);
    for (const UnitEntry& unit : world_.units) {
        if (unit.is.has_job()) {
            jobs_to_end_.push_back(unit.is.job);
        }
    }
    if (phase_ == Phase::chaos) {
        phase_ = Phase::healing;
    }
    phase_ends_ = world_.now + patience();
}

bool Simulation::jobs_of_chaos_ended() const {
    return std::none_of(world_.units.begin(), world_.units.end(), [this](const UnitEntry& unit) {
        return std::find(jobs_to_end_.begin(), jobs_to_end_.end(), unit.is.job) !=
               jobs_to_end_.end();
    });
}

/// Does its start go on for as long as it fails? A direct restart is part of the start before it,
/// so the job lives until the unit is up, or the start limit is hit.
bool Simulation::starts_for_ever(std::size_t unit) const {
    const ServiceSettings* service = world_.settings(unit);
    return world_.units[unit].is.wants_up() && service != nullptr &&
           service->restart != RestartPolicy::no &&
           service->rarely().restart_mode == RestartMode::direct;
}

/// Do all jobs that are left wait for units that Restart=, Upholds= and the like start and stop for
/// ever? So the files say, and the ordering that they have to keep to says that it is not their
/// turn; systemd leaves them waiting too.
bool Simulation::wait_for_the_endless() const {
    std::vector<bool> is_excused(world_.units.size());
    const auto has_old_job = [this](std::size_t unit) {
        return std::find(jobs_to_end_.begin(), jobs_to_end_.end(), world_.units[unit].is.job) !=
               jobs_to_end_.end();
    };
    const auto goes_on_for_ever = [&](std::size_t unit) {
        return jobs_since_healing_[unit] > kJobsOfTheEndless || starts_for_ever(unit) ||
               is_excused[unit];
    };
    bool has_changed = true;
    while (std::exchange(has_changed, false)) {
        for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
            const UnitEntry& self = world_.units[unit];
            const bool waits =
                starts_for_ever(unit) ||
                (!self.is.is_running &&
                 (std::any_of(self.after.begin(), self.after.end(), goes_on_for_ever) ||
                  std::any_of(self.before.begin(), self.before.end(), goes_on_for_ever)));
            if (has_old_job(unit) && waits && !is_excused[unit]) {
                is_excused[unit] = true;
                has_changed = true;
            }
        }
    }
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        if (world_.units[unit].is.has_job() && has_old_job(unit) && !is_excused[unit]) {
            return false;
        }
    }
    return true;
}

void Simulation::enter_shutdown() {
    phase_ = Phase::shutdown;
    phase_ends_ = world_.now + (is_healed_ ? patience() : Duration{30s});
}

void Simulation::begin_shutdown() {
    trace_.heading("shutdown");
    enter_shutdown();
    if (!world_.manager) {
        shutdown_is_waiting_ = true;  // the launcher keeps it
        return;
    }
    checkers_.compare_records();
    ShutdownRequested event;
    if (random_.percent(50)) {
        event.request = static_cast<RequestId>(++requests_);
        checkers_.requested(event.request);
    }
    world_.is_healed = is_healed_;
    if (plan_.is_hurried) {
        ShutdownRequested again;
        again.hurry = true;
        push(world_.now + random_.between(0s, 10s), Pending::Kind::event, 0, again);
    }
    deliver_event(event);
}

/// How long everything may take at most when nothing hinders it: all units one after the other,
/// each with all its timeouts.
Duration Simulation::patience() const {
    Duration sum = 120s;
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const ServiceSettings* service = world_.settings(unit);
        if (service == nullptr) {
            sum += 200s;  // without a definition the defaults hold
            continue;
        }
        const auto commands = static_cast<int>(service->commands.size());
        const Duration start = std::min<Duration>(service->timeout_start, 90s);
        const Duration stop = std::min<Duration>(service->timeout_stop, 90s);
        const Duration abort = std::min<Duration>(service->timeout_abort.value_or(stop), 90s);
        const bool has_conditions = !world_.definition(unit)->rarely().conditions.empty();
        sum += 2 * ((commands + 2) * start + 2 * (stop + abort) + (has_conditions ? 110s : 20s));
    }
    return sum;
}

/// Infinite timeouts are the administrator's word, and so it is the administrator who ends what
/// hangs in them.
void Simulation::help_the_endless() {
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const ServiceSettings* service = world_.settings(unit);
        const SubState sub = world_.units[unit].is.sub;
        const bool moves = is_starting(sub) || is_stopping(sub) || sub == SubState::reload ||
                           sub == SubState::reload_signal || sub == SubState::reload_notify;
        if (service != nullptr && moves && world_.kernel.population(unit) != 0 &&
            (service->timeout_start == kInfinity || service->timeout_stop == kInfinity ||
             service->timeout_abort == kInfinity)) {
            trace_.line(world_.now, "admin", "kill -9 to all of " + world_.units[unit].name);
            world_.kernel.kill_from_outside(unit, world_.now);
        }
    }
}

// ── clients
// ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The units of these places that the manager knows at this moment.
std::vector<UnitId> Simulation::known_units(const std::vector<std::size_t>& units) const {
    std::vector<UnitId> known;
    for (const std::size_t unit : units) {
        const std::optional<UnitId> id = world_.units[unit].id;
        if (generator_.is_there(unit) && id && world_.manager->is_known(*id)) {
            known.push_back(*id);
        }
    }
    return known;
}

void Simulation::run_command(const ClientCommand& command) {
    if (command.kind == ClientCommand::Kind::reload ||
        command.kind == ClientCommand::Kind::reload_all) {
        reload(command);
        return;
    }
    if (!world_.manager || !generator_.is_there(command.unit)) {
        return;  // nobody answers
    }
    const std::optional<UnitId> unit = world_.units[command.unit].id;
    if (!unit || !world_.manager->is_known(*unit)) {
        return;
    }
    const auto request = static_cast<RequestId>(++requests_);
    Requester requester;
    requester.uid = 1000;
    requester.pid = 7;
    requester.command = "svctl";
    checkers_.requested(request);
    switch (command.kind) {
        case ClientCommand::Kind::job: {
            JobRequested event{request, *unit, command.verb, command.mode, requester};
            event.more = known_units(command.more);
            deliver_event(std::move(event));
            return;
        }
        case ClientCommand::Kind::cancel: {
            const std::vector<JobStatus> jobs = world_.manager->jobs();
            const JobId job = jobs.empty() ? JobId{4711} : jobs[command.choice % jobs.size()].id;
            deliver_event(CancelRequested{request, job});
            return;
        }
        case ClientCommand::Kind::cancel_all:
            deliver_event(CancelRequested{request, JobId::none});
            return;
        case ClientCommand::Kind::kill:
            deliver_event(KillRequested{request, *unit, command.whom, command.signal, requester});
            return;
        case ClientCommand::Kind::reset_failed:
            deliver_event(ResetFailedRequested{request, *unit});
            return;
        case ClientCommand::Kind::reset_all:
            deliver_event(ResetFailedRequested{request, std::nullopt});
            return;
        case ClientCommand::Kind::reload:
        case ClientCommand::Kind::reload_all:
            return;
    }
}

void Simulation::reload(const ClientCommand& command) {
    Random random{command.choice};
    std::vector<std::size_t> changed;
    for (std::size_t unit = 0; unit < plan_.units; ++unit) {
        if (generator_.is_there(unit) && (unit == command.unit || random.percent(15))) {
            generator_.change(unit);
            changed.push_back(unit);
            UnitEntry& entry = world_.units[unit];
            entry.is_between_definitions = !entry.is.is_idle();
        }
    }
    if (!world_.manager) {
        return;  // the next one finds the new files
    }
    UnitsLoaded event;
    if (command.kind == ClientCommand::Kind::reload_all) {
        event = load_all();
        for (UnitEntry& entry : world_.units) {
            entry.is_between_definitions =
                entry.is_between_definitions || (entry.is_stale && !entry.is.is_idle());
        }
    } else {
        for (const std::size_t unit : changed) {
            event.units.push_back(generator_.load(unit));
        }
    }
    deliver_event(std::move(event));
}

std::vector<std::string> Simulation::describe_units() const {
    std::vector<std::string> lines;
    for (std::size_t unit = 0; unit < plan_.units; ++unit) {
        if (generator_.is_there(unit)) {
            lines.push_back(words(generator_.load(unit)));
        }
    }
    return lines;
}

}  // namespace svcd::simulation
