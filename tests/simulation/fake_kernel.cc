#include "simulation/fake_kernel.h"

#include <algorithm>
#include <csignal>

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Pid kFirstPid = 100;
/// A service that forks for ever is another test's business.
constexpr std::size_t kMembersMax = 30;

std::uint64_t number_of(Token token) {
    return static_cast<std::uint64_t>(token);
}

}  // namespace

FakeKernel::FakeKernel(std::size_t units, std::uint64_t seed) : cgroups_(units), random_{seed} {}

std::optional<Time> FakeKernel::next_happening() const {
    if (agenda_.empty()) {
        return std::nullopt;
    }
    return agenda_.top().at;
}

void FakeKernel::happen(Time now) {
    const Due due = agenda_.top();
    agenda_.pop();
    const Process& process = processes_[due.process];
    if (!process.alive || process.birth != due.birth) {
        return;  // it ended before its time
    }
    switch (due.kind) {
        case Due::Kind::exec:
            execute(due.process, now);
            return;
        case Due::Kind::doing:
            do_next(due.process, now);
            return;
        case Due::Kind::end:
            end(due.process, due.code, due.status);
            return;
    }
}

// ── birth, script, death
// ─────────────────────────────────────────────────────────────────────────────────────────────

Pid FakeKernel::take_pid() {
    const auto free = std::find(pids_.begin(), pids_.end(), false);
    const auto place = free - pids_.begin();
    if (free == pids_.end()) {
        pids_.push_back(true);
    } else {
        *free = true;
    }
    return kFirstPid + static_cast<Pid>(place);
}

std::size_t FakeKernel::create(std::size_t unit, const Life& life, Time now) {
    std::size_t place = processes_.size();
    if (free_places_.empty()) {
        processes_.emplace_back();
    } else {
        place = free_places_.back();
        free_places_.pop_back();
    }
    Process& process = processes_[place];
    process = Process{};
    process.pid = take_pid();
    process.birth = ++births_;
    process.unit = unit;
    process.life = life;
    process.alive = true;
    cgroups_[unit].exists = true;
    cgroups_[unit].members.push_back(place);
    if (life.exec_after != kInfinity) {
        schedule(place, Due::Kind::exec, after(now, life.exec_after), ExitCode::exited, 0);
    } else if (healed_) {
        schedule(place, Due::Kind::exec, now + 1ms, ExitCode::exited, 0);
    }
    return place;
}

Pid FakeKernel::spawn(const SpawnOrder& order, Time now) {
    const std::size_t place = create(order.unit, order.life, now);
    Process& process = processes_[place];
    process.token = order.process;
    process.role = order.role;
    TableSlot slot;
    slot.pid = process.pid;
    slot.unit = order.unit;
    slot.role = order.role;
    table_[number_of(order.process)] = slot;
    return process.pid;
}

void FakeKernel::execute(std::size_t place, Time now) {
    Process& process = processes_[place];
    process.executing = true;
    if (process.token != Token::none) {
        table_[number_of(process.token)].executing = true;
        News item;
        item.kind = News::Kind::executed;
        item.unit = process.unit;
        item.process = process.token;
        news_.push_back(std::move(item));
    }
    schedule_next(place, now);
    for (int signal = 1; signal < 64; ++signal) {
        if ((process.pending >> signal & 1) != 0) {
            take_signal(place, signal, now);
        }
    }
}

void FakeKernel::schedule(std::size_t place, Due::Kind kind, Time at, ExitCode code, int status) {
    agenda_.push({at, ++order_, place, processes_[place].birth, kind, code, status});
}

void FakeKernel::schedule_next(std::size_t place, Time now) {
    Process& process = processes_[place];
    if (process.next_doing >= process.life.count) {
        if (process.life.repeat_from >= process.life.count) {
            return;
        }
        process.next_doing = process.life.repeat_from;
    }
    const Doing& doing = process.life.doings[process.next_doing];
    schedule(place, Due::Kind::doing, after(now, doing.after), ExitCode::exited, 0);
}

void FakeKernel::do_next(std::size_t place, Time now) {
    const Doing doing = processes_[place].life.doings[processes_[place].next_doing];
    ++processes_[place].next_doing;
    act(place, doing, now);
    if (processes_[place].alive && doing.act != Act::exit) {
        schedule_next(place, now);
    }
}

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
        case Act::ready:
        case Act::reloading:
        case Act::stopping:
        case Act::extend:
        case Act::main_pid:
        case Act::main_pid_bad:
        case Act::watchdog:
        case Act::watchdog_trigger:
        case Act::status:
            notify(place, doing);
            return;
    }
}

void FakeKernel::fork_child(std::size_t place, const Doing& doing, Time now) {
    const std::size_t unit = processes_[place].unit;
    if (cgroups_[unit].members.size() >= kMembersMax) {
        return;
    }
    Life life = child_life(random_, doing.act, doing.span, processes_[place].life);
    const std::size_t child = create(unit, life, now);
    processes_[child].parent = place;
    processes_[child].parent_birth = processes_[place].birth;
    processes_[child].left_over = processes_[place].left_over;
    processes_[place].last_child = child;
    processes_[place].last_child_birth = processes_[child].birth;
}

void FakeKernel::notify(std::size_t place, const Doing& doing) {
    const Process& process = processes_[place];
    News item;
    item.kind = News::Kind::notified;
    item.unit = process.unit;
    Notification& said = item.notification;
    said.sender = process.pid;
    said.ready = doing.act == Act::ready;
    said.reloading = doing.act == Act::reloading;
    said.stopping = doing.act == Act::stopping;
    said.watchdog = doing.act == Act::watchdog;
    said.watchdog_trigger = doing.act == Act::watchdog_trigger;
    if (doing.act == Act::extend) {
        said.extend_timeout = doing.span;
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

void FakeKernel::end(std::size_t place, ExitCode code, int status) {
    Process& process = processes_[place];
    process.alive = false;
    pids_[static_cast<std::size_t>(process.pid - kFirstPid)] = false;  // reaped at once, PID free
    free_places_.push_back(place);
    std::vector<std::size_t>& members = cgroups_[process.unit].members;
    members.erase(std::find(members.begin(), members.end(), place));
    News item;
    item.unit = process.unit;
    if (process.token != Token::none) {
        TableSlot& slot = table_[number_of(process.token)];
        if (slot.state == TableSlot::State::live) {
            slot.state = TableSlot::State::exited;
            slot.code = code;
            slot.status = status;
            item.kind = News::Kind::exited;
            item.process = process.token;
            item.code = code;
            item.status = status;
            news_.push_back(item);
        }
    }
    if (members.empty()) {
        item.kind = News::Kind::emptied;
        item.process = Token::none;
        news_.push_back(std::move(item));
    }
}

// ── signals
// ──────────────────────────────────────────────────────────────────────────────────────────────────────────

void FakeKernel::signal(std::size_t unit, const SignalUnit& order, Time now) {
    const auto send = [&](std::size_t place) {
        if (place != kNone) {
            take_signal(place, order.signal, now);
        }
    };
    switch (order.scope) {
        case SignalScope::main:
            send(place_of(order.main));
            return;
        case SignalScope::control:
            send(place_of(order.control));
            return;
        case SignalScope::both:
            send(place_of(order.main));
            send(place_of(order.control));
            return;
        case SignalScope::cgroup:
            break;
    }
    const std::vector<std::size_t> members = cgroups_[unit].members;  // it changes meanwhile
    for (const std::size_t place : members) {
        send(place);
    }
}

void FakeKernel::take_signal(std::size_t place, int signal, Time now) {
    Process& process = processes_[place];
    if (!process.alive) {
        return;
    }
    if (signal == SIGKILL) {
        take_kill(place, now);
        return;
    }
    if (!process.executing) {
        process.pending |= std::uint64_t{1} << signal;
        return;
    }
    switch (signal) {
        case SIGTERM:
        case SIGINT:
        case SIGQUIT:
            take_polite_signal(place, signal, now);
            return;
        case SIGHUP:
            if (process.life.dies_of_hangup) {
                schedule(place, Due::Kind::end, now + 1ms, ExitCode::killed, signal);
            }
            return;
        case SIGABRT:
            if (process.life.on_term != OnTerm::ignores) {
                schedule(place, Due::Kind::end, now + 200ms, ExitCode::dumped, signal);
            }
            return;
        default:
            return;  // handled by the program, to no visible effect
    }
}

void FakeKernel::take_polite_signal(std::size_t place, int signal, Time now) {
    Process& process = processes_[place];
    if (process.is_ending) {
        return;
    }
    if (process.life.says_stopping && process.life.on_term != OnTerm::dies) {
        notify(place, {0s, Act::stopping, ExitCode::exited, 0, 0s});
    }
    process.is_ending = process.life.on_term != OnTerm::ignores;
    const Time later = after(now, process.life.term_delay);
    switch (process.life.on_term) {
        case OnTerm::dies:
            schedule(place, Due::Kind::end, now + random_.between(0us, 2ms),
                     signal == SIGQUIT ? ExitCode::dumped : ExitCode::killed, signal);
            return;
        case OnTerm::exits:
            schedule(place, Due::Kind::end, later, ExitCode::exited, 0);
            return;
        case OnTerm::exits143:
            schedule(place, Due::Kind::end, later, ExitCode::exited, 128 + signal);
            return;
        case OnTerm::fails:
            schedule(place, Due::Kind::end, later, ExitCode::exited, 1);
            return;
        case OnTerm::ignores:
            return;
    }
}

void FakeKernel::take_kill(std::size_t place, Time now) {
    Process& process = processes_[place];
    if (process.kill_at != kNever) {
        return;
    }
    const bool waits = process.life.survives_kill > 0s && !healed_;
    process.kill_at = now + (waits ? process.life.survives_kill : random_.between(0us, 1ms));
    schedule(place, Due::Kind::end, process.kill_at, ExitCode::killed, SIGKILL);
}

void FakeKernel::ask_main_to_end(std::size_t unit, Time now) {
    for (const std::size_t place : cgroups_[unit].members) {
        const Process& process = processes_[place];
        if (process.token != Token::none && process.role == ProcessRole::main &&
            process.executing && process.life.on_term != OnTerm::ignores) {
            processes_[place].is_ending = true;
            schedule(place, Due::Kind::end, after(now, process.life.term_delay), ExitCode::exited,
                     0);
        }
    }
}

void FakeKernel::kill_from_outside(std::size_t unit, Time now) {
    for (const std::size_t place : cgroups_[unit].members) {
        take_kill(place, now);
    }
}

void FakeKernel::heal(Time now) {
    healed_ = true;
    for (std::size_t place = 0; place < processes_.size(); ++place) {
        const Process& process = processes_[place];
        if (!process.alive) {
            continue;
        }
        if (process.kill_at != kNever) {
            schedule(place, Due::Kind::end, now, ExitCode::killed, SIGKILL);
        } else if (!process.executing && process.life.exec_after == kInfinity) {
            schedule(place, Due::Kind::exec, now, ExitCode::exited, 0);
        }
    }
}

// ── the table and the cgroups
// ────────────────────────────────────────────────────────────────────────────────────────

std::size_t FakeKernel::place_of(Token token) const {
    for (std::size_t place = 0; place < processes_.size(); ++place) {
        if (processes_[place].alive && token != Token::none && processes_[place].token == token) {
            return place;
        }
    }
    return kNone;
}

std::size_t FakeKernel::place_of(Pid pid) const {
    for (std::size_t place = 0; place < processes_.size(); ++place) {
        if (processes_[place].alive && processes_[place].pid == pid) {
            return place;
        }
    }
    return kNone;
}

bool FakeKernel::is_launchers_child(const Process& process) const {
    const Process& parent = processes_[process.parent];
    return process.parent_birth == 0 || !parent.alive || parent.birth != process.parent_birth;
}

FakeKernel::Identified FakeKernel::identify(std::size_t unit, const IdentifyMainProcess& order) {
    TableSlot& slot = table_[number_of(order.process)];
    slot.unit = unit;
    std::size_t place = kNone;
    switch (order.how) {
        case IdentifyMainProcess::How::named:
            place = place_of(order.pid);
            break;
        case IdentifyMainProcess::How::pid_file:
            place = place_of(cgroups_[unit].pid_file);
            break;
        case IdentifyMainProcess::How::guess: {
            std::size_t candidates = 0;
            for (const std::size_t member : cgroups_[unit].members) {
                if (processes_[member].token == Token::none) {
                    place = member;
                    ++candidates;
                }
            }
            if (candidates != 1) {
                return {0, "the cgroup does not have exactly one process"};
            }
            break;
        }
    }
    if (place == kNone) {
        return {0, "no such process"};
    }
    Process& process = processes_[place];
    if (process.unit != unit) {
        return {0, "not in the unit's cgroup"};
    }
    if (!is_launchers_child(process)) {
        return {0, "not the launcher's child"};
    }
    if (process.token != Token::none) {
        return {0, "tracked already"};
    }
    process.token = order.process;
    process.role = ProcessRole::main;
    slot.pid = process.pid;
    slot.executing = true;
    return {process.pid, nullptr};
}

FakeKernel::Identified FakeKernel::refuse_to_identify(std::size_t unit, Token process) {
    take_slot(unit, process, ProcessRole::main);
    return {0, "the process table could not be read"};
}

void FakeKernel::take_slot(std::size_t unit, Token process, ProcessRole role) {
    TableSlot slot;
    slot.unit = unit;
    slot.role = role;
    table_[number_of(process)] = slot;
}

void FakeKernel::retire(Token process) {
    table_[number_of(process)].state = TableSlot::State::retired;
    const std::size_t place = place_of(process);
    if (place != kNone) {
        processes_[place].token = Token::none;
    }
}

void FakeKernel::release_cgroup(std::size_t unit) {
    if (cgroups_[unit].members.empty()) {
        cgroups_[unit].exists = false;
    }
}

const TableSlot* FakeKernel::slot(Token process) const {
    const auto found = table_.find(number_of(process));
    return found == table_.end() ? nullptr : &found->second;
}

std::vector<Token> FakeKernel::open_tokens() const {
    std::vector<Token> tokens;
    for (const auto& [number, slot] : table_) {
        if (slot.state != TableSlot::State::retired) {
            tokens.push_back(static_cast<Token>(number));
        }
    }
    std::sort(tokens.begin(), tokens.end());
    return tokens;
}

bool FakeKernel::is_alive(Token process) const {
    return place_of(process) != kNone;
}

bool FakeKernel::is_executing(Token process) const {
    const std::size_t place = place_of(process);
    return place != kNone && processes_[place].executing;
}

bool FakeKernel::has_main(std::size_t unit) const {
    const std::vector<std::size_t>& members = cgroups_[unit].members;
    return std::any_of(members.begin(), members.end(), [this](std::size_t place) {
        const Process& process = processes_[place];
        return process.token != Token::none && process.role == ProcessRole::main &&
               !process.left_over;
    });
}

std::size_t FakeKernel::present_population(std::size_t unit) const {
    const std::vector<std::size_t>& members = cgroups_[unit].members;
    return static_cast<std::size_t>(
        std::count_if(members.begin(), members.end(),
                      [this](std::size_t place) { return !processes_[place].left_over; }));
}

void FakeKernel::mark_left_over(std::size_t unit) {
    for (const std::size_t place : cgroups_[unit].members) {
        processes_[place].left_over = true;
    }
}

std::size_t FakeKernel::processes() const {
    return processes_.size() - free_places_.size();
}

std::string FakeKernel::describe_members(std::size_t unit) const {
    std::string text;
    for (const std::size_t place : cgroups_[unit].members) {
        const Process& process = processes_[place];
        text += text.empty() ? "pid " : ", pid ";
        text += std::to_string(process.pid);
        if (process.token != Token::none) {
            text += process.role == ProcessRole::main ? " (main" : " (control";
        } else {
            text += " (child";
        }
        text += process.life.on_term == OnTerm::ignores ? ", ignores SIGTERM" : "";
        text += process.executing ? "" : ", before execve";
        text += process.kill_at != kNever ? ", outlives SIGKILL" : "";
        text += process.left_over ? ", left over)" : ")";
    }
    return text.empty() ? "no process" : text;
}

}  // namespace svcd::simulation
