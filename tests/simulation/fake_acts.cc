// What the processes of the fake kernel do: fork, write PID files, speak to svcd, take bus names,
// run out of memory.
#include <algorithm>

#include "simulation/fake_kernel.h"

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

/// A service that forks for ever is another test's business.
constexpr std::size_t kMembersMax = 30;

}  // namespace

void FakeKernel::act(std::size_t place, const Doing& doing, Time now) {
    switch (doing.act) {
        case Act::exit:
            end(place, doing.code, doing.status);
            return;
        case Act::fork_helper:
        case Act::fork_stray:
        case Act::fork_daemon:
        case Act::fork_brief:
            fork_child(place, doing, now);
            return;
        case Act::pid_file:
        case Act::pid_file_bad: {
            const Process& process = processes_[place];
            Pid pid = process.pid;
            if (doing.act == Act::pid_file_bad) {
                pid = random_.percent(50) ? 1 : kFirstPid + static_cast<Pid>(random_.below(20));
            } else if (process.last_child != kNone) {
                pid = processes_[process.last_child].pid;
            }
            cgroups_[process.unit].pid_file = pid;
            return;
        }
        case Act::stop_main:
            ask_main_to_end(processes_[place].unit, now);
            return;
        case Act::take_name:
            take_name(place);
            return;
        case Act::drop_name:
            drop_name(place);
            return;
        case Act::out_of_memory:
            run_out_of_memory(place, now);
            return;
        case Act::ready:
        case Act::reloading:
        case Act::reloading_now:
        case Act::reloading_stale:
        case Act::stopping:
        case Act::extend:
        case Act::main_pid:
        case Act::main_pid_bad:
        case Act::watchdog:
        case Act::watchdog_trigger:
        case Act::watchdog_interval:
        case Act::status:
            notify(place, doing, now);
            return;
    }
}

void FakeKernel::fork_child(std::size_t place, const Doing& doing, Time now) {
    const std::size_t unit = processes_[place].unit;
    if (cgroups_[processes_[place].cgroup].members.size() >= kMembersMax) {
        return;
    }
    Life life = child_life(random_, doing.act, doing.span, processes_[place].life);
    const std::size_t child = create(unit, processes_[place].cgroup, life, now);
    processes_[child].parent = place;
    processes_[child].parent_birth = processes_[place].birth;
    processes_[child].left_over = processes_[place].left_over;
    processes_[place].last_child = child;
    processes_[place].last_child_birth = processes_[child].birth;
}

void FakeKernel::notify(std::size_t place, const Doing& doing, Time now) {
    const Process& process = processes_[place];
    News item;
    item.kind = News::Kind::notified;
    item.unit = process.unit;
    Notification& said = item.notification;
    said.sender = process.pid;
    said.ready = doing.act == Act::ready;
    said.reloading = doing.act == Act::reloading || doing.act == Act::reloading_now ||
                     doing.act == Act::reloading_stale;
    said.stopping = doing.act == Act::stopping;
    said.watchdog = doing.act == Act::watchdog;
    said.watchdog_trigger = doing.act == Act::watchdog_trigger;
    if (doing.act == Act::extend) {
        said.extend_timeout = doing.span;
    } else if (doing.act == Act::watchdog_interval) {
        said.watchdog_interval = doing.span;
    } else if (doing.act == Act::reloading_now) {
        said.monotonic = now;
    } else if (doing.act == Act::reloading_stale) {
        said.monotonic = now - 100s;
    } else if (doing.act == Act::status) {
        said.status = "busy";
    } else if (doing.act == Act::main_pid_bad) {
        said.main_pid = random_.percent(50) ? 1 : kFirstPid + static_cast<Pid>(random_.below(20));
    } else if (doing.act == Act::main_pid) {
        const bool has_child = process.last_child != kNone;
        said.main_pid = has_child ? processes_[process.last_child].pid : process.pid;
    }
    news_.push_back(std::move(item));
}

void FakeKernel::take_name(std::size_t place) {
    Cgroup& cgroup = cgroups_[processes_[place].unit];
    if (cgroup.name_owner == place) {
        return;
    }
    cgroup.name_owner = place;
    News item;
    item.kind = News::Kind::named;
    item.unit = processes_[place].unit;
    item.owner = processes_[place].pid;
    news_.push_back(std::move(item));
}

void FakeKernel::drop_name(std::size_t place) {
    Cgroup& cgroup = cgroups_[processes_[place].unit];
    if (cgroup.name_owner != place) {
        return;
    }
    cgroup.name_owner = kNone;
    News item;
    item.kind = News::Kind::named;
    item.unit = processes_[place].unit;
    news_.push_back(std::move(item));
}

Pid FakeKernel::name_owner(std::size_t unit) const {
    const std::size_t owner = cgroups_[unit].name_owner;
    return owner == kNone ? 0 : processes_[owner].pid;
}

/// The OOM killer takes whom it likes best, mostly the one that asked for more.
void FakeKernel::run_out_of_memory(std::size_t place, Time now) {
    const Process& process = processes_[place];
    if (process.role == ProcessRole::checker) {
        take_kill(place, now);
        return;
    }
    const std::vector<std::size_t>& members = cgroups_[process.cgroup].members;
    const std::size_t victim = random_.percent(70) ? place : members[random_.below(members.size())];
    News item;
    item.kind = News::Kind::out_of_memory;
    item.unit = process.unit;
    news_.push_back(std::move(item));
    take_kill(victim, now);
}

void FakeKernel::begin_reload(std::size_t place, Time now) {
    const ReloadAnswer& reload = processes_[place].life.reload;
    if (reload.begins == Act::exit) {
        end(place, ExitCode::exited, 1);
        return;
    }
    notify(place, {0s, reload.begins, ExitCode::exited, 0, 0s}, now);
    if (reload.ends) {
        schedule(place, Due::Kind::reloaded, after(now, reload.end_after), ExitCode::exited, 0);
    }
}

}  // namespace svcd::simulation
