#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "launcher/exit_record.h"
#include "launcher/launcher.h"

namespace svcd::table {
namespace {

ExitRecorder recorder;

}  // namespace

bool map() {
    void* memory = ::mmap(nullptr, kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, kTableFd, 0);
    if (memory == MAP_FAILED) {
        say("can't map the process table: %s", std::strerror(errno));
        return false;
    }
    recorder.head = static_cast<TableHeader*>(memory);
    recorder.slots =
        reinterpret_cast<ProcessSlot*>(static_cast<unsigned char*>(memory) + kSlotsOffset);
    return true;
}

bool record_exit(pid_t pid, int code, int status) {
    const bool is_ours = recorder.record(pid, code, status, now_usec());
    if (!is_ours) {
        recorder.head->orphans_reaped.fetch_add(1, std::memory_order_relaxed);
    }
    return is_ours;
}

void want_answer() {
    recorder.head->asked.fetch_add(1, std::memory_order_acq_rel);
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
    recorder.head->requests.fetch_or(bits, std::memory_order_release);
    poke();
}

void forward(int signal) {
    recorder.head->signals.fetch_or(std::uint64_t{1} << (signal - 1), std::memory_order_release);
    poke();
}

LauncherSettings settings() {
    const std::uint32_t shell = recorder.head->rescue_shell.load(std::memory_order_relaxed);
    const std::uint32_t action = recorder.head->crash_action.load(std::memory_order_relaxed);
    LauncherSettings settings;
    settings.rescue_shell = shell <= 2 ? RescueShell{shell} : settings.rescue_shell;
    settings.crash_action = action <= 2 ? CrashAction{action} : settings.crash_action;
    settings.busybox_signals = recorder.head->busybox_signals.load(std::memory_order_relaxed) == 1;
    return settings;
}

Answers answers() {
    const std::int64_t timeout =
        recorder.head->manager_timeout_usec.load(std::memory_order_acquire);
    const bool is_sane = timeout == kNoManagerTimeout ||
                         (timeout >= kManagerTimeoutLeast && timeout <= kManagerTimeoutMost);
    Answers answers;
    answers.timeout = is_sane ? timeout : 0;
    answers.has_answered = recorder.head->answered.load(std::memory_order_acquire) ==
                           recorder.head->asked.load(std::memory_order_relaxed);
    answers.progress = recorder.head->progress.load(std::memory_order_relaxed);
    return answers;
}

void count_start() {
    recorder.head->manager_starts.fetch_add(1, std::memory_order_relaxed);
}

bool read_end(EndOrder& end) {
    const std::uint32_t value = recorder.head->final_status.load(std::memory_order_acquire);
    if (value == 0) {
        return false;
    }
    end.status = static_cast<int>(value & 255U);
    end.kind = EndKind{recorder.head->end_kind.load(std::memory_order_relaxed)};
    end.at_once = recorder.head->end_at_once.load(std::memory_order_relaxed) != 0;
    end.deadline = recorder.head->end_deadline_usec.load(std::memory_order_relaxed);
    return true;
}

bool is_unused() {
    return recorder.used() == 0;
}

}  // namespace svcd::table
