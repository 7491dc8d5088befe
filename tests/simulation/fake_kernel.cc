#include "simulation/fake_kernel.h"

#include <algorithm>
#include <csignal>

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

std::uint64_t number_of(Token token) {
    return static_cast<std::uint64_t>(token);
}

}  // namespace

std::string_view name_of(ProcessRole role) {
    switch (role) {
        case ProcessRole::main:
            return "main";
        case ProcessRole::control:
            return "control";
        case ProcessRole::checker:
            return "checker";
    }
    return "?";
}

FakeKernel::FakeKernel(std::size_t units, std::uint64_t seed)
    : cgroups_(units + 1), random_{seed} {}

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
        case Due::Kind::reloading:
            begin_reload(due.process, now);
            return;
        case Due::Kind::reloaded:
            notify(due.process, {0s, Act::ready, ExitCode::exited, 0, 0s}, now);
            return;
        case Due::Kind::bloated:
            run_out_of_memory(due.process, now);
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

std::size_t FakeKernel::create(std::size_t unit, std::size_t cgroup, const Life& life, Time now) {
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
    process.cgroup = cgroup;
    process.life = life;
    process.alive = true;
    cgroups_[cgroup].exists = true;
    cgroups_[cgroup].members.push_back(place);
    if (life.exec_after != kInfinity) {
        schedule(place, Due::Kind::exec, after(now, life.exec_after), ExitCode::exited, 0);
    } else if (healed_) {
        schedule(place, Due::Kind::exec, now + 1ms, ExitCode::exited, 0);
    }
    return place;
}

Pid FakeKernel::spawn(const SpawnOrder& order, Time now) {
    // The last cgroup is svcd's own.
    const std::size_t cgroup =
        order.role == ProcessRole::checker ? cgroups_.size() - 1 : order.unit;
    const std::size_t place = create(order.unit, cgroup, order.life, now);
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

void FakeKernel::end(std::size_t place, ExitCode code, int status) {
    drop_name(place);
    Process& process = processes_[place];
    process.alive = false;
    // The launcher reaps at once, and the PID is free. Of those that are somebody else's some stay.
    const bool stays = process.birth <= births_of_others_ && process.pid % 2 != 0;
    pids_[static_cast<std::size_t>(process.pid - kFirstPid)] = stays;
    if (stays) {
        zombies_.insert(process.pid);
    }
    free_places_.push_back(place);
    std::vector<std::size_t>& members = cgroups_[process.cgroup].members;
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
    if (members.empty() && process.cgroup == process.unit) {
        item.kind = News::Kind::emptied;
        item.process = Token::none;
        news_.push_back(std::move(item));
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
            if (is_zombie(cgroups_[unit].pid_file)) {
                return identify_zombie(unit, order.process, cgroups_[unit].pid_file);
            }
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
    slot.is_found = true;
    slot.is_foreign = process.birth <= births_of_others_;
    return {process.pid, nullptr};
}

/// It ended between the look at its PID file and the moment that it is held: so the shell learns of
/// its end at once.
FakeKernel::Identified FakeKernel::identify_zombie(std::size_t unit, Token process, Pid pid) {
    take_slot(unit, process, ProcessRole::main);
    TableSlot& slot = table_[number_of(process)];
    slot.pid = pid;
    slot.executing = true;
    slot.is_found = true;
    slot.is_foreign = true;
    slot.state = TableSlot::State::exited;
    News item;
    item.kind = News::Kind::exited;
    item.unit = unit;
    item.process = process;
    news_.push_back(item);
    return {pid, nullptr};
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

void FakeKernel::launcher_dies() {
    births_of_others_ = births_;
    for (auto& [number, slot] : table_) {
        const std::size_t place = place_of(static_cast<Token>(number));
        if (slot.state == TableSlot::State::retired) {
            continue;
        }
        if (place != kNone && slot.role != ProcessRole::checker) {
            slot.is_foreign = true;
            continue;
        }
        slot.state = TableSlot::State::lost;
        if (place != kNone) {
            processes_[place].token = Token::none;  // it goes on looking, for nobody
        }
    }
}

void FakeKernel::manager_dies() {
    for (auto& [number, slot] : table_) {
        if (slot.is_foreign && slot.state == TableSlot::State::exited) {
            slot.state = TableSlot::State::lost;
        }
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

template <typename Predicate>
std::vector<Token> FakeKernel::tokens_with(Predicate is_wanted) const {
    std::vector<Token> tokens;
    for (const auto& [number, slot] : table_) {
        if (is_wanted(slot)) {
            tokens.push_back(static_cast<Token>(number));
        }
    }
    std::sort(tokens.begin(), tokens.end());
    return tokens;
}

std::vector<Token> FakeKernel::open_tokens() const {
    return tokens_with([](const TableSlot& slot) {
        return slot.state == TableSlot::State::live || slot.state == TableSlot::State::exited;
    });
}

std::vector<Token> FakeKernel::lost_tokens() const {
    return tokens_with([](const TableSlot& slot) { return slot.state == TableSlot::State::lost; });
}

bool FakeKernel::is_alive(Token process) const {
    return place_of(process) != kNone;
}

bool FakeKernel::is_dying(Token process) const {
    const std::size_t place = place_of(process);
    return place != kNone && processes_[place].kill_at != kNever;
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
            text += " (" + std::string{name_of(process.role)};
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
