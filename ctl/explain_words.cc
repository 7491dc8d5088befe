#include "explain_words.h"

#include <pwd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include "messages.h"

namespace svcd {
namespace {

struct Words {
    std::string_view name;
    std::string_view text;
};

template <std::size_t Size>
std::string_view words_for(const std::array<Words, Size>& table, std::string_view name) {
    const auto* row = std::ranges::find(table, name, &Words::name);
    return row == table.end() ? std::string_view{} : row->text;
}

constexpr auto kCauses = std::to_array<Words>({
    {"stop", "to end it"},
    {"deadline", "since the time was over"},
    {"main-exited", "since the main process had ended"},
    {"user", "with svctl kill"},
    {"reload", "to have it reload"},
    {"watchdog", "since the time of its watchdog was over"},
    {"kill-control", "since it took too long"},
    {"oom", "since the kernel's OOM killer had taken one of them (OOMPolicy)"},
    {"failure-mode", "since the failure mode of the timeout says so"},
    {"emergency", "since the shutdown could not wait"},
    {"again", "once more, since svcd's manager had died and could not know whether it was sent"},
    {"survived", "once more, by itself, since it was there still after SIGKILL to all of them"},
    {"send-sighup", "since SendSIGHUP is on"},
    {"never-executed", "since its program had not been run yet"},
});

constexpr auto kSyscalls = std::to_array<Words>({
    {"futex", "waits for a lock or for another thread"},
    {"epoll_wait", "waits for events"},
    {"epoll_pwait", "waits for events"},
    {"epoll_pwait2", "waits for events"},
    {"poll", "waits for events"},
    {"ppoll", "waits for events"},
    {"select", "waits for events"},
    {"pselect6", "waits for events"},
    {"io_uring_enter", "waits for I/O"},
    {"io_getevents", "waits for I/O"},
    {"read", "waits for data to read"},
    {"pread64", "waits for data to read"},
    {"readv", "waits for data to read"},
    {"recvfrom", "waits for data from a socket"},
    {"recvmsg", "waits for data from a socket"},
    {"write", "waits until somebody takes what it writes"},
    {"writev", "waits until somebody takes what it writes"},
    {"sendto", "waits until somebody takes what it sends"},
    {"sendmsg", "waits until somebody takes what it sends"},
    {"accept", "waits for a client to connect"},
    {"accept4", "waits for a client to connect"},
    {"connect", "waits for a server to take its connection"},
    {"wait4", "waits for a child to end"},
    {"waitid", "waits for a child to end"},
    {"nanosleep", "sleeps"},
    {"clock_nanosleep", "sleeps"},
    {"restart_syscall", "sleeps"},
    {"pause", "waits for a signal"},
    {"rt_sigsuspend", "waits for a signal"},
    {"rt_sigtimedwait", "waits for a signal"},
    {"fsync", "waits for the disk"},
    {"fdatasync", "waits for the disk"},
    {"sync", "waits for the disk"},
    {"syncfs", "waits for the disk"},
    {"msync", "waits for the disk"},
    {"flock", "waits for a file lock"},
    {"fcntl", "waits for a file lock"},
    {"openat", "waits for a file to open"},
    {"open", "waits for a file to open"},
    {"vfork", "waits for its child to run its program"},
    {"exit_group", "is ending"},
});

/// Of what signal(7) lists as begun again under SA_RESTART, that which a service hangs in. Waits
/// for events and sleeps are not: they always end with EINTR.
constexpr auto kRestarted = std::to_array<std::string_view>(
    {"read", "readv", "write", "writev", "recvfrom", "recvmsg", "sendto", "sendmsg", "accept",
     "accept4", "connect", "wait4", "waitid", "futex", "flock", "fcntl", "open", "openat",
     "restart_syscall"});

struct Place {
    std::string_view part;
    std::string_view whom;
};
/// Parts of kernel function names, the more telling first.
constexpr auto kPlaces = std::to_array<Place>({
    {"nfs", "an NFS server that does not answer"},
    {"rpc_", "an NFS server that does not answer"},
    {"cifs", "an SMB server that does not answer"},
    {"smb2", "an SMB server that does not answer"},
    {"ceph", "a Ceph cluster that does not answer"},
    {"fuse", "a FUSE file system whose daemon does not answer"},
    {"vfork", "its child, which has not run its program yet (vfork)"},
    {"autofs", "an automount that does not get mounted"},
    {"nvme", "an NVMe disk"},
    {"scsi", "a SCSI or USB disk"},
    {"blk_", "a disk"},
    {"folio_wait", "a disk"},
    {"wait_on_page", "a disk"},
    {"io_schedule", "a disk"},
    {"jbd2", "a disk (the ext4 journal)"},
    {"ext4", "a disk (ext4)"},
    {"xfs", "a disk (XFS)"},
    {"btrfs", "a disk (btrfs)"},
});

constexpr std::array<std::pair<int, std::string_view>, 13> kMeanings{{
    {SIGSEGV, "invalid memory access"},
    {SIGABRT, "abort(), for example a failed assertion"},
    {SIGBUS, "memory that has nothing behind it, for example a file that became shorter"},
    {SIGILL, "an instruction that this CPU does not have"},
    {SIGFPE, "an arithmetic error, for example a division by zero"},
    {SIGTRAP, "a breakpoint, by which some programs end themselves when they can't go on"},
    {SIGSYS, "a filter of system calls"},
    {SIGPIPE, "it wrote to a pipe or socket that nobody reads"},
    {SIGXCPU, "more CPU time than its limit allows"},
    {SIGXFSZ, "a file that became larger than its limit allows"},
    {SIGALRM, "an alarm of its own"},
    {SIGHUP, "its terminal went away"},
    {SIGSTKFLT, "a coprocessor's stack fault"},
}};

}  // namespace

std::string short_time(Usec span) {
    std::array<char, 40> text{};
    const double milliseconds = static_cast<double>(span) / 1e3;
    if (span == kUsecInfinity) {
        return "infinity";
    }
    if (span < 1'000'000) {
        std::snprintf(text.data(), text.size(), "%.*f ms", span < 10'000 ? 1 : 0, milliseconds);
        return text.data();
    }
    if (span < 100'000'000) {
        std::snprintf(text.data(), text.size(), "%.*f s", span % 1'000'000 == 0 ? 0 : 1,
                      milliseconds / 1e3);
        return text.data();
    }
    return rough_timespan(span);
}

std::string user_text(std::uint32_t uid) {
    const std::string number = "uid " + std::to_string(uid);
    const passwd* user = ::getpwuid(uid);
    return user == nullptr ? number : std::string{user->pw_name} + " (" + number + ")";
}

std::string_view signal_meaning(int signal) {
    const auto* row =
        std::ranges::find(kMeanings, signal, &std::pair<int, std::string_view>::first);
    return row == kMeanings.end() ? std::string_view{} : row->second;
}

int code_number(std::string_view code) {
    for (const int number : {1, 2, 3, 4}) {
        if (exit_code_name(number) == code) {
            return number;
        }
    }
    return 0;
}

std::string end_text(std::string_view code, int status, bool ran) {
    const std::string_view meaning = signal_meaning(status);
    if (code == "exited" && !ran) {
        const std::string_view name = status >= 200 ? exit_status_name(status) : "";
        const auto words = meaning_of_exit_status(status);
        if (!name.empty() && words) {
            return "exited with status " + std::to_string(status) + "/" + std::string{name} + " (" +
                   std::string{*words} + ")";
        }
    }
    const std::string text = describe_end(code_number(code), status, ran);
    const bool is_signal = code == "killed" || code == "dumped";
    return is_signal && !meaning.empty()
               ? text + " (" + std::string{meaning} + ", or a signal that was sent)"
               : text;
}

std::string cause_text(const StopRecord& record, const StopEvent& signal) {
    if (signal.cause == "stop" && signal.signal == "SIGCONT") {
        return "so that stopped processes can act";
    }
    if (signal.cause == "watchdog" && failed_by(record, "watchdog-trigger")) {
        return "since it asked for that by WATCHDOG=trigger";
    }
    if (signal.cause == "kill-signal-is-kill") {
        return "since that is the " + record.stop_signal_setting;
    }
    const std::string_view text = words_for(kCauses, signal.cause);
    return text.empty() ? signal.cause : std::string{text};
}

std::string phase_name(std::string_view state, const StopRecord& record) {
    if (state == "pre-stop") {
        return "drains, PreStopDelaySec, before anything is stopped";
    }
    if (state == "stop") {
        return "ExecStop runs";
    }
    if (state == "stop-post") {
        return "ExecStopPost runs";
    }
    if (state.ends_with("-watchdog")) {
        return "waits after " + record.watchdog_signal;
    }
    if (state.ends_with("-sigterm")) {
        return "waits after " + record.stop_signal;
    }
    if (state.ends_with("-sigkill")) {
        return "waits after " + record.final_signal;
    }
    return std::string{state};
}

std::string doing_text(const ProcessFacts& process) {
    if (process.state == 'T') {
        return "is stopped";
    }
    if (process.state == 't') {
        return "is held by a tracer";
    }
    if (is_frozen(process)) {
        return "is frozen";
    }
    if (process.state == 'R' || process.syscall == "running") {
        return "is busy on a CPU";
    }
    if (!process.syscall.empty()) {
        const std::string_view words = words_for(kSyscalls, process.syscall);
        return words.empty() ? "is in the system call " + process.syscall
                             : std::string{words} + " (" + process.syscall + ")";
    }
    if (!process.wait_channel.empty()) {
        return "waits in the kernel (" + process.wait_channel + ")";
    }
    return process.state == 'S' ? "sleeps" : "";
}

bool waits_for_vfork(const ProcessFacts& process) {
    return process.state == 'D' &&
           (process.syscall == "vfork" || process.wait_channel.find("vfork") != std::string::npos);
}

bool is_frozen_by_v1(const ProcessFacts& process) {
    return !process.freezer.empty() || process.wait_channel == "__refrigerator";
}

bool is_frozen(const ProcessFacts& process) {
    return process.wait_channel == "do_freezer_trap" || process.wait_channel == "get_signal" ||
           is_frozen_by_v1(process);
}

bool is_restarted_syscall(std::string_view syscall) {
    return std::ranges::find(kRestarted, syscall) != kRestarted.end();
}

std::string mend_of_v1_freezer(const ProcessFacts& process) {
    if (!process.freezer.empty()) {
        return "Find out who wrote FROZEN to " + process.freezer +
               "/freezer.state; 'echo THAWED' into that file lets it go on.";
    }
    return "The line 'freezer' of /proc/" + std::to_string(process.pid) +
           "/cgroup names its cgroup: find out who wrote FROZEN to freezer.state there; THAWED in "
           "that file lets it go on.";
}

std::string unaddressed_text(const std::vector<ProcessFacts>& unaddressed) {
    std::string names;
    for (const ProcessFacts& process : unaddressed) {
        names += (names.empty() ? "" : ", ") + pid_text(process.pid, process.name);
    }
    return names.empty() ? "" : "; NOTIFY_SOCKET is not in the environment of " + names;
}

std::string mend_of_notify_socket() {
    return "Have NOTIFY_SOCKET reach the program: 'env -i', 'su -' and sudo without "
           "--preserve-env=NOTIFY_SOCKET take it away. NotifyAccess: all, if what sends READY=1 is "
           "not the main process. Type: exec, if it never sends that.";
}

std::string mend_of_frozen_cgroup(const std::string& cgroup) {
    return cgroup.empty()
               ? "Find out who writes to cgroup.freeze of its cgroup, or of one above it."
               : "Find out who wrote 1 to cgroup.freeze of the cgroup " + cgroup +
                     "; 'echo 0' into that file thaws it.";
}

std::string_view uninterruptible_on(const ProcessFacts& process) {
    std::vector<std::string> places{process.stack};
    places.push_back(process.wait_channel);
    for (const Place& place : kPlaces) {
        const bool is_there = std::ranges::any_of(places, [&](const std::string& name) {
            return name.find(place.part) != std::string::npos;
        });
        if (is_there) {
            return place.whom;
        }
    }
    return {};
}

std::string_view what_reaches_sleeper(const ProcessFacts& process) {
    std::vector<std::string> places{process.stack};
    places.push_back(process.wait_channel);
    const bool may_be_killed = std::ranges::any_of(places, [](const std::string& name) {
        return name.find("fuse") != std::string::npos || name.find("rpc_") != std::string::npos ||
               name.find("nfs") != std::string::npos;
    });
    return may_be_killed ? "most such waits end only by a signal that kills (SIGKILL, or one that "
                           "it does not catch), or when the file system answers"
                         : "no signal ends that, SIGKILL neither, until the kernel is done";
}

bool is_of_a_crash(int signal) {
    constexpr std::array kCrashes{SIGSEGV, SIGABRT, SIGBUS,  SIGILL, SIGFPE,
                                  SIGTRAP, SIGSYS,  SIGXCPU, SIGXFSZ};
    return std::ranges::find(kCrashes, signal) != kCrashes.end();
}

}  // namespace svcd
