#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "launcher/launcher.h"

namespace svcd::table {
namespace {

TableHeader* head = nullptr;
ProcessSlot* slots = nullptr;

constexpr std::uint32_t number(SlotState state) {
    return static_cast<std::uint32_t>(state);
}

std::uint32_t used() {
    return std::min(head->used.load(std::memory_order_acquire), kSlots);
}

/// After the slot is EXITED: a manager that finds the bit finds the exit. The word before its
/// summary: a manager that finds no summary bit will find it later.
void mark_exited(std::uint32_t index) {
    const std::uint32_t word = index / 64;
    head->exited[word].fetch_or(std::uint64_t{1} << (index % 64), std::memory_order_release);
    head->exited_summary[word / 64].fetch_or(std::uint64_t{1} << (word % 64),
                                             std::memory_order_release);
}

bool record_in(ProcessSlot& slot, pid_t pid, int code, int status) {
    std::uint32_t state = number(SlotState::live);
    if (slot.pid.load(std::memory_order_relaxed) != pid ||
        slot.state.load(std::memory_order_acquire) != state) {
        return false;
    }
    const std::uint64_t token = slot.token.load(std::memory_order_relaxed);
    slot.code = code;
    slot.status = status;
    slot.exited_at = now_usec();
    if (!slot.state.compare_exchange_strong(state, number(SlotState::exited),
                                            std::memory_order_acq_rel)) {
        return false;  // released in this moment
    }
    if (slot.token.load(std::memory_order_acquire) == token &&
        slot.pid.load(std::memory_order_relaxed) == pid) {
        return true;
    }
    // Released and taken for another process in this moment: that one lives.
    slot.state.store(number(SlotState::live), std::memory_order_release);
    return false;
}

}  // namespace

bool map() {
    void* memory = ::mmap(nullptr, kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, kTableFd, 0);
    if (memory == MAP_FAILED) {
        say("can't map the process table: %s", std::strerror(errno));
        return false;
    }
    head = static_cast<TableHeader*>(memory);
    slots = reinterpret_cast<ProcessSlot*>(static_cast<unsigned char*>(memory) + kSlotsOffset);
    return true;
}

bool record_exit(pid_t pid, int code, int status) {
    bool is_ours = false;
    // All of them: a manager that died while it adopted a process can have left its PID in a second
    // slot, and nobody must wait for that one for ever.
    for (std::uint32_t index = 0, end = used(); index < end; ++index) {
        if (record_in(slots[index], pid, code, status)) {
            mark_exited(index);
            is_ours = true;
        }
    }
    if (!is_ours) {
        head->orphans_reaped.fetch_add(1, std::memory_order_relaxed);
    }
    return is_ours;
}

void want_answer() {
    head->asked.fetch_add(1, std::memory_order_acq_rel);
}

void poke() {
    want_answer();
    // No room: the counter is full, so the manager has been poked often enough. Asked for first,
    // because O_NONBLOCK is the open file's, and so the manager's too.
    pollfd room{kPokeFd, POLLOUT, 0};
    if (::poll(&room, 1, 0) == 1) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(kPokeFd, &one, sizeof one);
    }
}

void request(std::uint32_t bits) {
    head->requests.fetch_or(bits, std::memory_order_release);
    poke();
}

void forward(int signal) {
    head->signals.fetch_or(std::uint64_t{1} << (signal - 1), std::memory_order_release);
    poke();
}

LauncherSettings settings() {
    const std::uint32_t shell = head->rescue_shell.load(std::memory_order_relaxed);
    const std::uint32_t action = head->crash_action.load(std::memory_order_relaxed);
    LauncherSettings settings;
    settings.rescue_shell = shell <= 2 ? RescueShell{shell} : settings.rescue_shell;
    settings.crash_action = action <= 2 ? CrashAction{action} : settings.crash_action;
    settings.busybox_signals = head->busybox_signals.load(std::memory_order_relaxed) == 1;
    return settings;
}

Answers answers() {
    const std::int64_t timeout = head->manager_timeout_usec.load(std::memory_order_acquire);
    const bool is_sane = timeout == kNoManagerTimeout ||
                         (timeout >= kManagerTimeoutLeast && timeout <= kManagerTimeoutMost);
    Answers answers;
    answers.timeout = is_sane ? timeout : 0;
    answers.has_answered = head->answered.load(std::memory_order_acquire) ==
                           head->asked.load(std::memory_order_relaxed);
    answers.progress = head->progress.load(std::memory_order_relaxed);
    return answers;
}

void count_start() {
    head->manager_starts.fetch_add(1, std::memory_order_relaxed);
}

bool read_end(EndOrder& end) {
    const std::uint32_t value = head->final_status.load(std::memory_order_acquire);
    if (value == 0) {
        return false;
    }
    end.status = static_cast<int>(value & 255U);
    end.kind = EndKind{head->end_kind.load(std::memory_order_relaxed)};
    end.at_once = head->end_at_once.load(std::memory_order_relaxed) != 0;
    end.deadline = head->end_deadline_usec.load(std::memory_order_relaxed);
    return true;
}

bool is_unused() {
    return used() == 0;
}

}  // namespace svcd::table
