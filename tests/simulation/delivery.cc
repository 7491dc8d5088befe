// How the fake kernel's news reach the supervisor: at once, or late, or twice, or never, within
// what event.h allows.
#include <algorithm>

#include "simulation/simulation.h"

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

/// The kernel reports cgroup.events late when it has reported lately.
constexpr Duration kCgroupEventsDelay = 20ms;
/// ExecSucceeded of a service whose type does not wait for it comes when somebody looks.
constexpr Duration kLazyExecReport = 400ms;
/// An exit that others have kept from being read. It counts as read all the same.
constexpr Duration kStarvedExit = 4s;
constexpr std::uint64_t kStarvedOneIn = 31;

}  // namespace

bool Simulation::has_fault(Fault fault, unsigned per_mille) {
    return faults_.has(fault) && random_.per_mille(per_mille);
}

/// The shell looks at the spawns in flight before it lets a deadline count.
void Simulation::report_executed() {
    for (const Token token : world_.kernel.open_tokens()) {
        const TableSlot* slot = world_.kernel.slot(token);
        if (world_.manager && slot != nullptr && slot->state == TableSlot::State::live &&
            slot->executing && world_.told_executing.insert(token).second) {
            step(ExecSucceeded{token});
        }
    }
}

Duration Simulation::lateness(bool may_be_late) {
    if (!may_be_late || !random_.percent(15)) {
        return 0s;
    }
    return random_.percent(80) ? random_.between(0us, 30ms) : random_.between(0us, kLatestEvent);
}

/// Whoever watches hears of it, in the order in which it happened.
void Simulation::report_name(std::size_t unit, Pid owner) {
    if (!world_.manager || !world_.units[unit].id || !watches_name_[unit]) {
        return;
    }
    Time& heard = name_heard_at_[unit];
    heard = std::max(heard, world_.now + lateness(faults_.has(Fault::late_events)));
    push(heard, Pending::Kind::event, unit,
         BusNameChanged{*world_.units[unit].id, owner != 0, owner});
}

void Simulation::sort_pending() {
    std::make_heap(pending_.begin(), pending_.end(),
                   [](const auto& one, const auto& other) { return one.is_later_than(other); });
}

void Simulation::push(Time at, Pending::Kind kind, std::size_t unit, std::optional<Event> event) {
    pending_.push_back({at, ++pending_order_, kind, unit, std::move(event)});
    std::push_heap(pending_.begin(), pending_.end(),
                   [](const auto& one, const auto& other) { return one.is_later_than(other); });
}

/// How a process that isn't the launcher's child ended, not every kernel tells.
ProcessExited Simulation::heard_exit(const News& item) {
    const bool is_told = !world_.kernel.slot(item.process)->is_foreign || random_.percent(50);
    return is_told ? ProcessExited{item.process, item.code, item.status}
                   : ProcessExited{item.process, ExitCode::unknown,
                                   static_cast<int>(UnknownEnd::not_told)};
}

void Simulation::take_news() {
    const bool late = faults_.has(Fault::late_events);
    for (News& item : world_.kernel.news()) {
        const Time soon = world_.now + lateness(late);
        switch (item.kind) {
            case News::Kind::executed:
                if (world_.manager) {
                    const bool is_wanted =
                        wants_exec_.contains(static_cast<std::uint64_t>(item.process));
                    push(is_wanted ? soon : soon + random_.between(0us, kLazyExecReport),
                         Pending::Kind::event, item.unit, ExecSucceeded{item.process});
                }
                break;
            case News::Kind::exited:
                trace_.line(world_.now, "kernel",
                            "the " + std::string{name_of(world_.kernel.slot(item.process)->role)} +
                                " process of " + world_.units[item.unit].name +
                                " ends: " + words(item.code, item.status));
                if (world_.manager) {  // else the next manager finds it in the table
                    const bool is_starved =
                        late && static_cast<std::uint64_t>(item.process) % kStarvedOneIn == 0;
                    push(soon + (is_starved ? kStarvedExit : 0s), Pending::Kind::event, item.unit,
                         heard_exit(item));
                }
                break;
            case News::Kind::emptied:
                push(world_.now + random_.between(0us, kCgroupEventsDelay),
                     Pending::Kind::read_cgroup, item.unit, std::nullopt);
                break;
            case News::Kind::named:
                report_name(item.unit, item.owner);
                break;
            case News::Kind::out_of_memory:
                trace_.line(world_.now, "kernel",
                            "the OOM killer strikes in " + world_.units[item.unit].name);
                if (world_.manager && world_.units[item.unit].id) {
                    push(soon, Pending::Kind::event, item.unit,
                         OomKilled{*world_.units[item.unit].id});
                }
                break;
            case News::Kind::notified:
                if (has_fault(Fault::lost_notifications, 150)) {
                    trace_.line(world_.now, "fault",
                                "a notification of " + world_.units[item.unit].name + " is lost");
                } else {
                    push(soon, Pending::Kind::notification, item.unit, item.notification);
                }
                break;
        }
    }
    world_.kernel.news().clear();
}

/// The shell reads cgroup.events, and may be slow to say so.
void Simulation::read_cgroup(std::size_t unit) {
    if (!world_.manager || world_.kernel.population(unit) != 0 || !world_.units[unit].id) {
        return;
    }
    const CgroupEmptied event{*world_.units[unit].id};
    const Duration delay = lateness(faults_.has(Fault::late_emptied));
    push(world_.now + delay, Pending::Kind::event, unit, event);
    if (has_fault(Fault::doubled_emptied, 300)) {
        push(world_.now + delay + lateness(true), Pending::Kind::event, unit, event);
    }
}

/// Has a process of the unit ended, and nobody has heard of it?
bool Simulation::has_unread_exit(std::size_t unit) const {
    const std::vector<Token> open = world_.kernel.open_tokens();
    return std::any_of(open.begin(), open.end(), [&](Token token) {
        const TableSlot* slot = world_.kernel.slot(token);
        return slot->unit == unit && slot->state == TableSlot::State::exited &&
               !heard_exits_.contains(static_cast<std::uint64_t>(token));
    });
}

void Simulation::deliver(Pending pending) {
    switch (pending.kind) {
        case Pending::Kind::start_manager:
            start_manager();
            return;
        case Pending::Kind::read_cgroup:
            read_cgroup(pending.unit);
            return;
        case Pending::Kind::notification:
        case Pending::Kind::event:
            break;
    }
    if (!world_.manager || !pending.event) {
        const bool has_socket = !is_without_launcher_;
        if (pending.kind == Pending::Kind::notification && has_socket) {  // waits in the socket
            push(world_.now + 100ms, pending.kind, pending.unit, std::move(pending.event));
        }
        return;
    }
    if (auto* notification = std::get_if<Notification>(&*pending.event)) {
        const std::optional<UnitId> id = world_.units[pending.unit].id;
        if (!id || !world_.manager->is_known(*id)) {
            return;
        }
        notification->unit = *id;
    }
    if (const auto* exec = std::get_if<ExecSucceeded>(&*pending.event)) {
        if (heard_exits_.contains(static_cast<std::uint64_t>(exec->process))) {
            return;  // the process is gone already, and its exit has been reported
        }
        world_.told_executing.insert(exec->process);
    }
    if (auto* emptied = std::get_if<CgroupEmptied>(&*pending.event)) {
        if (world_.kernel.population(pending.unit) != 0) {
            return;  // the shell reads cgroup.events at the moment it reports
        }
        emptied->exit_is_to_come = has_unread_exit(pending.unit);
    }
    const auto* exit = std::get_if<ProcessExited>(&*pending.event);
    const Token exited = exit == nullptr ? Token::none : exit->process;
    if (exited != Token::none) {
        const TableSlot* slot = world_.kernel.slot(exited);
        if (!heard_exits_.insert(static_cast<std::uint64_t>(exited)).second || slot == nullptr ||
            slot->state == TableSlot::State::retired) {
            return;  // each exit is reported once, and a freed slot holds none
        }
    }
    deliver_event(std::move(*pending.event));
    if (exited != Token::none) {
        read_cgroup(pending.unit);
    }
}

/// One turn of the manager's loop for one event, and what may befall the manager in it.
void Simulation::deliver_event(Event event) {
    if (!world_.manager) {
        return;
    }
    const bool is_over = !step(std::move(event));
    if (is_over || phase_ == Phase::over || checkers_.violation()) {
        return;
    }
    if (has_fault(Fault::manager_dies, 12) && world_.deaths < kDeathsMax) {
        kill_manager();
        return;
    }
    clock_is_late_ = faults_.has(Fault::careless_clock) && random_.percent(30)
                         ? random_.between(0us, 30ms)
                         : Duration{0};
    if (has_fault(Fault::careless_clock, 30)) {
        report_executed();
        if (world_.manager && !checkers_.violation()) {
            step(DeadlineReached{});
        }
    }
    if (random_.per_mille(20)) {
        checkers_.compare_records();
    }
}

}  // namespace svcd::simulation
