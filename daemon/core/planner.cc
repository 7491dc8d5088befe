#include "core/planner.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/job.h"
#include "core/service.h"
#include "core/transaction.h"

namespace svcd {
namespace {

/// Sums that end at infinity.
Duration plus(Duration one, Duration other) {
    return one == kInfinity || other == kInfinity ? kInfinity : one + other;
}

Duration times(Duration each, std::size_t count) {
    return each > kLongestLimit && count != 0 ? kInfinity : each * static_cast<std::int64_t>(count);
}

std::size_t count_of(const ServiceSettings& settings, CommandRole role) {
    return static_cast<std::size_t>(
        std::count_if(settings.commands.begin(), settings.commands.end(),
                      [role](const Command& command) { return command.role == role; }));
}

/// As long as each command may take, one after the other.
Duration start_time(const ServiceSettings& settings) {
    const std::size_t around = count_of(settings, CommandRole::condition) +
                               count_of(settings, CommandRole::start_pre) +
                               count_of(settings, CommandRole::start_post);
    std::size_t waited_for = 0;
    switch (settings.type) {
        case ServiceType::simple:
        case ServiceType::idle:
            break;  // it counts as started at once
        case ServiceType::oneshot:
            waited_for = count_of(settings, CommandRole::start);
            break;
        case ServiceType::exec:
        case ServiceType::forking:
        case ServiceType::notify:
        case ServiceType::notify_reload:
        case ServiceType::dbus:
            waited_for = 1;
            break;
    }
    return times(settings.timeout_start, around + waited_for);
}

Duration stop_time(const ServiceSettings& settings) {
    const bool has_post = first_command(settings, CommandRole::stop_post).has_value();
    const bool aborts = settings.timeout_stop_failure_mode == TimeoutFailureMode::abort;
    const Duration abort = times(settings.timeout_abort.value_or(settings.timeout_stop), aborts);
    const Duration rest = settings.rarely().leftover_timeout.value_or(Duration{0});
    return plus(plus(times(settings.timeout_stop, has_post ? 2 : 1), abort), rest);
}

/// Nothing of it runs, and no command has to.
bool stops_at_once(const Unit& unit, const ServiceSettings& settings) {
    const bool has_commands = first_command(settings, CommandRole::stop).has_value() ||
                              first_command(settings, CommandRole::stop_post).has_value();
    return !unit.populated && (unit.sub_state == SubState::auto_restart ||
                               (unit.sub_state == SubState::exited && !has_commands));
}

}  // namespace

Plan Planner::plan(JobVerb verb,
                   const std::vector<UnitId>& units,
                   JobMode mode,
                   const JobRequested* event) {
    const UnitsRequest request{machine_, verb, mode, units, event};
    plan_.refusal = request.refusal();
    for (const UnitsRequest::Part& part : request.parts()) {
        if (part.refusal) {
            plan_.refused.push_back({part.unit, JobId::none, part.refusal});
        }
    }
    if (units.size() == 1 && !plan_.refusal && !plan_.refused.empty()) {
        plan_.refusal = plan_.refused.front().refusal;
    }
    if (plan_.refusal) {
        return std::move(plan_);
    }
    add_transaction(request.transaction());
    note_units_without_a_job(request);
    add_unneeded();
    note_triggers();
    note_what_is_left_out(request.transaction());
    finish();
    return std::move(plan_);
}

Plan Planner::plan_shutdown() {
    Transaction transaction{machine_};
    transaction.build_shutdown();
    for (const Transaction::Outcome& job : transaction.outcome()) {
        add_job(job.unit, job.type, job.because, job.ignore_order);
    }
    note_what_is_left_out(transaction);
    plan_.budget = machine_.budget_for_stops();
    if (machine_.shutdown_end != kNever) {
        plan_.budget = std::max(machine_.shutdown_end - machine_.now, Duration{0});
    }
    finish();
    return std::move(plan_);
}

// ── which jobs

void Planner::add_transaction(const Transaction& transaction) {
    for (const Transaction::Outcome& job : transaction.outcome()) {
        const Unit& unit = machine_.unit(job.unit);
        if (!is_redundant(job.type, unit.active_state()) || unit.job != JobId::none) {
            add_job(job.unit, job.type, job.because, job.ignore_order);
        }
    }
}

void Planner::note_units_without_a_job(const UnitsRequest& request) {
    for (const UnitsRequest::Part& part : request.parts()) {
        const Unit& unit = machine_.unit(part.unit);
        if (!part.refusal && planned_[index_of(part.unit)].types == 0) {
            plan_.notes.push_back(unit.name() + " is " + std::string(name_of(unit.active_state())) +
                                  ": there is nothing to do for it");
        }
    }
}

void Planner::note_what_is_left_out(const Transaction& transaction) {
    for (const LeftOut& each : transaction.left_out()) {
        plan_.notes.push_back(machine_.unit(each.by).name() + " goes on without " +
                              machine_.unit(each.unit).name() + ": " + each.why);
    }
    for (const Say& remark : transaction.remarks()) {
        plan_.notes.push_back(machine_.unit(remark.unit).name() + " " + remark.text);
    }
}

void Planner::add_job(UnitId unit, JobType type, const Because& because, bool ignore_order) {
    const auto add = [&](JobType phase) {
        Planned& planned = planned_[index_of(unit)];
        const auto bit = static_cast<std::uint8_t>(1u << static_cast<unsigned>(phase));
        if ((planned.types & bit) == 0) {
            planned.types |= bit;
            planned.goes_down |= type == JobType::stop;
            add_phase(unit, phase, type == JobType::restart, because);
            ignores_order_.push_back(ignore_order);
        }
    };
    if (type != JobType::restart) {
        add(type);
        return;
    }
    if (!is_down(machine_.unit(unit).active_state())) {
        add(JobType::stop);
    }
    add(JobType::start);
}

void Planner::add_phase(UnitId unit, JobType type, bool is_restart, const Because& because) {
    PlannedJob job;
    job.unit = unit;
    job.type = type;
    job.is_restart = is_restart;
    job.because = because;
    job.wanted = wanted_by(job);
    job.limit = job.wanted;
    plan_.jobs.push_back(std::move(job));
}

/// One of those that are stopped by this plan, when nothing else needs the unit.
std::optional<UnitId> Planner::leaves_unneeded(const Unit& unit) const {
    std::optional<UnitId> leaver;
    for (const Relation need : kNeeds) {
        for (const auto edge : machine_.graph.related(unit.id, inverse(need))) {
            const Unit& other = machine_.unit(edge.unit());
            if (planned_[index_of(other.id)].goes_down) {
                leaver = other.id;
            } else if (other.job != JobId::none || !is_down(other.active_state())) {
                return std::nullopt;
            }
        }
    }
    return leaver;
}

void Planner::add_unneeded() {
    for (bool found = true; found;) {
        found = false;
        for (const auto& unit : machine_.units) {
            if (!unit->definition.stop_when_unneeded || !is_up(unit->active_state()) ||
                unit->job != JobId::none || planned_[index_of(unit->id)].goes_down) {
                continue;
            }
            if (const auto leaver = leaves_unneeded(*unit)) {
                add_job(unit->id, JobType::stop,
                        Because{Because::Kind::unneeded, Relation::wants, *leaver}, false);
                found = true;
            }
        }
    }
}

/// What a stop sets off, once it is over.
void Planner::note_triggers() {
    for (const PlannedJob& job : plan_.jobs) {
        const Unit& unit = machine_.unit(job.unit);
        if (job.type != JobType::stop || job.is_restart) {
            continue;
        }
        for (const auto edge : machine_.graph.related(job.unit, Relation::on_success)) {
            plan_.notes.push_back("when " + unit.name() + " has ended well, " +
                                  machine_.unit(edge.unit()).name() + " is started (OnSuccess)");
        }
        for (const auto edge : machine_.graph.related(job.unit, Relation::upheld_by)) {
            if (is_up(machine_.unit(edge.unit()).active_state()) &&
                !planned_[index_of(edge.unit())].goes_down) {
                plan_.notes.push_back(unit.name() + " is started again at once: " +
                                      machine_.unit(edge.unit()).name() + " Upholds it");
            }
        }
    }
}

Duration Planner::wanted_by(const PlannedJob& job) const {
    const Unit& unit = machine_.unit(job.unit);
    const ServiceSettings* settings = unit.definition.service.get();
    if (settings == nullptr) {
        return Duration{0};
    }
    if (job.type == JobType::stop) {
        if (stops_at_once(unit, *settings)) {
            return Duration{0};
        }
        const bool goes_on = traits(unit.sub_state).stopping && unit.run != nullptr &&
                             unit.run->stop_deadline != kNever;
        return goes_on ? std::max(unit.run->stop_deadline - machine_.now, Duration{0})
                       : stop_time(*settings);
    }
    if (job.type == JobType::start) {
        return start_time(*settings);
    }
    return job.type == JobType::reload
               ? times(settings->timeout_start, count_of(*settings, CommandRole::reload))
               : Duration{0};
}

// ── in which order, and for how long

void Planner::finish() {
    find_what_waits();
    number_waves();
    order_by_waves();
    reckon();
    find_critical();
}

void Planner::find_what_waits() {
    std::vector<std::vector<std::size_t>> of_unit(machine_.units.size());
    for (std::size_t index = 0; index < plan_.jobs.size(); ++index) {
        of_unit[index_of(plan_.jobs[index].unit)].push_back(index);
    }
    for (std::size_t index = 0; index < plan_.jobs.size(); ++index) {
        PlannedJob& job = plan_.jobs[index];
        for (const std::size_t other : of_unit[index_of(job.unit)]) {
            if (job.type == JobType::start && plan_.jobs[other].type == JobType::stop) {
                job.waits_for.push_back(other);  // the two halves of a restart
            }
        }
        if (job.because.kind == Because::Kind::unneeded) {
            for (const Relation need : kNeeds) {
                for (const auto edge : machine_.graph.related(job.unit, inverse(need))) {
                    const auto& all = of_unit[index_of(edge.unit())];
                    job.waits_for.insert(job.waits_for.end(), all.begin(), all.end());
                }
            }
        }
        for (const Relation relation : {Relation::after, Relation::before}) {
            for (const auto edge : machine_.graph.related(job.unit, relation)) {
                for (const std::size_t other : of_unit[index_of(edge.unit())]) {
                    if (!ignores_order_[index] &&
                        has_to_wait(job.type, relation, plan_.jobs[other].type)) {
                        job.waits_for.push_back(other);
                    }
                }
            }
        }
        std::sort(job.waits_for.begin(), job.waits_for.end());
        job.waits_for.erase(std::unique(job.waits_for.begin(), job.waits_for.end()),
                            job.waits_for.end());
    }
}

/// Each job's wave is one after the last of those that it waits for. Jobs of a cycle keep the
/// first: svcd lets go of one of them when it gets there.
void Planner::number_waves() {
    std::vector<PlannedJob>& jobs = plan_.jobs;
    std::vector<std::vector<std::size_t>> waiting(jobs.size());
    std::vector<std::size_t> waits(jobs.size());
    std::vector<std::size_t> ready;
    for (std::size_t index = 0; index < jobs.size(); ++index) {
        waits[index] = jobs[index].waits_for.size();
        for (const std::size_t other : jobs[index].waits_for) {
            waiting[other].push_back(index);
        }
        if (waits[index] == 0) {
            ready.push_back(index);
        }
    }
    while (!ready.empty()) {
        const std::size_t next = ready.back();
        ready.pop_back();
        for (const std::size_t later : waiting[next]) {
            jobs[later].wave = std::max(jobs[later].wave, jobs[next].wave + 1);
            if (--waits[later] == 0) {
                ready.push_back(later);
            }
        }
    }
}

void Planner::order_by_waves() {
    std::vector<PlannedJob>& jobs = plan_.jobs;
    std::vector<std::size_t> order(jobs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
        return std::pair{jobs[one].wave, machine_.unit(jobs[one].unit).name()} <
               std::pair{jobs[other].wave, machine_.unit(jobs[other].unit).name()};
    });
    std::vector<std::size_t> place(jobs.size());
    std::vector<PlannedJob> sorted;
    for (std::size_t index = 0; index < order.size(); ++index) {
        place[order[index]] = index;
    }
    for (const std::size_t index : order) {
        sorted.push_back(std::move(jobs[index]));
        for (std::size_t& other : sorted.back().waits_for) {
            other = place[other];
        }
    }
    jobs = std::move(sorted);
}

/// Each begins when the last that it waits for has ended, and takes all it may.
void Planner::reckon() {
    std::vector<PlannedJob>& jobs = plan_.jobs;
    const bool has_budget = plan_.budget != kInfinity;
    std::vector<StopStage> stages(jobs.size());
    for (std::size_t index = 0; index < jobs.size(); ++index) {
        const bool is_service = machine_.unit(jobs[index].unit).definition.service != nullptr;
        stages[index].wanted = jobs[index].wanted;
        stages[index].reserve = has_budget && is_service ? kStopReserve : Duration{0};
        for (const std::size_t other : jobs[index].waits_for) {
            if (other < index) {
                stages[other].next.push_back(static_cast<std::uint32_t>(index));
            }
        }
    }
    for (std::size_t index = 0; index < jobs.size(); ++index) {
        PlannedJob& job = jobs[index];
        for (const std::size_t other : job.waits_for) {
            job.begins = std::max(job.begins, other < index ? jobs[other].ends : Duration{0});
        }
        if (has_budget) {
            job.limit = granted(stages, index, plan_.budget - job.begins);
        }
        job.ends = plus(job.begins, plus(job.limit, stages[index].reserve));
        plan_.longest = std::max(plan_.longest, job.ends);
    }
}

/// From the last to the first: how long what waits for each takes, and so who decides the whole.
void Planner::find_critical() {
    std::vector<PlannedJob>& jobs = plan_.jobs;
    std::vector<Duration> rest(jobs.size());
    for (std::size_t index = jobs.size(); index-- > 0;) {
        PlannedJob& job = jobs[index];
        const Duration whole = plus(job.ends, rest[index]);
        job.slack = whole == plan_.longest       ? Duration{0}
                    : plan_.longest == kInfinity ? kInfinity
                                                 : plan_.longest - whole;
        const Duration own = job.ends == kInfinity ? kInfinity : job.ends - job.begins;
        for (const std::size_t other : job.waits_for) {
            if (other < index) {
                rest[other] = std::max(rest[other], plus(own, rest[index]));
            }
        }
    }
    // One chain, though several may be as long: from its last job back.
    std::size_t at = jobs.size();
    for (std::size_t index = 0; index < jobs.size(); ++index) {
        const bool is_later = at == jobs.size() || jobs[index].ends > jobs[at].ends;
        at = is_later && jobs[index].ends > Duration{0} ? index : at;
    }
    while (at < jobs.size()) {
        jobs[at].is_critical = true;
        std::size_t before = jobs.size();
        for (const std::size_t other : jobs[at].waits_for) {
            if (other < at && jobs[other].ends == jobs[at].begins &&
                jobs[at].begins > Duration{0}) {
                before = other;
            }
        }
        at = before;
    }
}

}  // namespace svcd
