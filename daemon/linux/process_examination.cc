#include "linux/process_examination.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <memory>

#include "linux/freezer.h"
#include "linux/procfs.h"
#include "linux/read_file.h"
#include "linux/unique_fd.h"

namespace svcd {
namespace {

constexpr std::size_t kStackMax = 16 * 1024;
constexpr std::size_t kPathMax = 4096;
constexpr std::size_t kEnvironmentMax = 256 * 1024;

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

/// The open folder of a process: while it is open its PID means no other, and what is read after
/// its end fails.
Result<UniqueFd> open_process(Pid pid, std::string_view proc) {
    const std::string path = std::string(proc) + "/" + std::to_string(pid);
    UniqueFd folder{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) {
        return failure(errno == ENOENT ? ESRCH : errno, "open", path);
    }
    return folder;
}

Result<ProcessInfo> read_stat(int process, const char* file) {
    const Result<std::string> text = read_file_at(process, file, kSmallFile);
    if (!text) {
        const int why = text.error().error_number;
        return failure(why == ENOENT ? ESRCH : why, "read", file);
    }
    const std::optional<ProcessInfo> info = parse_process_stat(*text);
    if (!info) {
        return failure(EBADMSG, "read", file);
    }
    return *info;
}

/// A small file as one line, or nothing when it can't be read.
std::string line_of(int process, const char* file) {
    Result<std::string> text = read_file_at(process, file, kSmallFile);
    if (!text) {
        return {};
    }
    text->resize(std::min(text->find('\n'), text->size()));
    return std::move(*text);
}

Folder open_listing(int process, const char* name) {
    const int fd = ::openat(process, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* folder = fd < 0 ? nullptr : ::fdopendir(fd);
    if (folder == nullptr && fd >= 0) {
        ::close(fd);
    }
    return Folder{folder};
}

/// Calls `look` with each name in a folder, until it returns false.
template <typename Look>
void for_each_name(int process, const char* name, const Look& look) {
    const Folder folder = open_listing(process, name);
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        if (entry->d_name[0] != '.' && !look(::dirfd(folder.get()), entry->d_name)) {
            return;
        }
    }
}

/// May reading its memory (its command line) hang? One thread in uninterruptible sleep is enough,
/// so of a process with more threads than are looked at nobody can say that it won't.
bool may_hang_its_reader(int process, const ProcessInfo& info) {
    if (info.state == 'D' || info.threads > kThreadsLookedAt) {
        return true;
    }
    if (info.threads <= 1) {
        return false;
    }
    std::size_t looked_at = 0;
    bool found = false;
    for_each_name(process, "task", [&](int tasks, const char* thread) {
        if (++looked_at > kThreadsLookedAt) {
            found = true;  // threads have come since its `stat` was read
            return false;
        }
        const Result<ProcessInfo> one = read_stat(tasks, (std::string(thread) + "/stat").c_str());
        found = one && one->state == 'D';
        return !found;
    });
    return found;
}

std::string link_target(int folder, const char* name) {
    std::array<char, kPathMax> target{};
    const ssize_t size = ::readlinkat(folder, name, target.data(), target.size());
    return size <= 0 ? std::string{} : std::string{target.data(), static_cast<std::size_t>(size)};
}

std::string command_of(int process, const ProcessInfo& info, std::size_t limit) {
    std::string command;
    if (may_hang_its_reader(process, info)) {
        command = link_target(process, "exe");
        command.resize(std::min(command.size(), limit));
    } else if (Result<std::string> text = read_file_at(process, "cmdline", limit)) {
        command = std::move(*text);
        while (!command.empty() && command.back() == '\0') {
            command.pop_back();
        }
        std::replace(command.begin(), command.end(), '\0', ' ');
    }
    return command.empty() ? "[" + info.name + "]" : command;
}

template <typename Number>
Number number_of(std::string_view text, int base = 10) {
    Number number{};
    std::from_chars(text.data(), text.data() + text.size(), number, base);
    return number;
}

/// /proc/PID/status: "Name:\tvalue" a line.
void read_status(int process, ProcessExamination& facts) {
    const Result<std::string> text = read_file_at(process, "status", 2 * kSmallFile);
    std::string_view rest = text ? std::string_view{*text} : std::string_view{};
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const std::size_t colon = line.find(":\t");
        if (colon == std::string_view::npos) {
            continue;
        }
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = line.substr(colon + 2);
        if (name == "TracerPid") {
            facts.tracer = number_of<Pid>(value);
        } else if (name == "NSpid") {
            facts.is_namespace_init = value.substr(value.rfind('\t') + 1) == "1";
        } else if (name == "CoreDumping") {
            facts.core_dumping = value == "1";
        } else if (name == "SigPnd" || name == "ShdPnd") {
            facts.pending |= number_of<std::uint64_t>(value, 16);
        } else if (name == "SigBlk") {
            facts.blocked = number_of<std::uint64_t>(value, 16);
        } else if (name == "SigIgn") {
            facts.ignored = number_of<std::uint64_t>(value, 16);
        } else if (name == "SigCgt") {
            facts.caught = number_of<std::uint64_t>(value, 16);
        }
    }
}

/// Holds it the lock that `syscall` and `stack` take, and waits for another?
bool is_inside_execve(std::string_view wait_channel) {
    return wait_channel == "begin_new_exec" || wait_channel == "exec_mmap" ||
           wait_channel == "de_thread";
}

/// "NUMBER 0xARGUMENT ...", "running", or "-1 ..." outside of any.
std::string system_call_of(int process) {
    const std::string line = line_of(process, "syscall");
    if (line == "running") {
        return line;
    }
    const long number = line.empty() ? -1 : number_of<long>(line);
    return number < 0 ? std::string{} : system_call_name(number);
}

/// "[<0>] do_wait+0x53/0xd0" a line: what a person looks for is the function.
std::vector<std::string> stack_of(int process) {
    std::vector<std::string> functions;
    const Result<std::string> text = read_file_at(process, "stack", kStackMax);
    std::string_view rest = text ? std::string_view{*text} : std::string_view{};
    while (!rest.empty() && functions.size() < kStackLinesMax) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (const std::size_t address = line.find("] "); address != std::string_view::npos) {
            line.remove_prefix(address + 2);
        }
        if (const std::string_view function = line.substr(0, line.find('+')); !function.empty()) {
            functions.emplace_back(function.substr(0, 128));
        }
    }
    return functions;
}

/// The kernel counts from the boot and goes on in a suspend, which CLOCK_MONOTONIC doesn't.
std::int64_t monotonic_usec_of(std::uint64_t ticks_since_boot) {
    const auto now = [](clockid_t clock) {
        timespec time{};
        ::clock_gettime(clock, &time);
        return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000;
    };
    const std::int64_t awake = now(CLOCK_MONOTONIC);
    const std::int64_t suspended = now(CLOCK_BOOTTIME) - awake;
    // The kernel never says so much; a file that is put in the place of its own may.
    constexpr std::uint64_t kMost = std::uint64_t{1} << 48U;
    return static_cast<std::int64_t>(std::min(ticks_since_boot, kMost)) * kStartTimeGrain -
           suspended;
}

std::uint32_t sockets_of(int process) {
    std::size_t looked_at = 0;
    std::uint32_t sockets = 0;
    for_each_name(process, "fd", [&](int descriptors, const char* name) {
        std::array<char, 8> target{};
        const ssize_t size = ::readlinkat(descriptors, name, target.data(), target.size());
        sockets += size == 8 && std::string_view{target.data(), 8} == "socket:[" ? 1u : 0u;
        return ++looked_at < kDescriptorsLookedAt;
    });
    return sockets;
}

}  // namespace

Result<ProcessExamination> examine_process(Pid pid, std::string_view proc) {
    const Result<UniqueFd> process = open_process(pid, proc);
    if (!process) {
        return Failure{process.error()};
    }
    const int folder = process->get();
    const Result<ProcessInfo> info = read_stat(folder, "stat");
    if (!info) {
        return Failure{info.error()};
    }
    ProcessExamination facts;
    facts.pid = pid;
    facts.parent = info->parent;
    facts.session = info->session;
    facts.name = info->name;
    facts.state = info->state;
    facts.threads = info->threads;
    facts.started_usec = monotonic_usec_of(info->start_time);
    facts.command = command_of(folder, *info, kCommandLineMax);
    facts.executable = link_target(folder, "exe");
    read_status(folder, facts);
    facts.wait_channel = line_of(folder, "wchan").substr(0, 128);
    if (facts.wait_channel == "0") {
        facts.wait_channel.clear();
    }
    if (facts.state == 'D' && proc == kProcFolder) {
        facts.freezer = freezer_of(pid);
    }
    if (!is_inside_execve(facts.wait_channel)) {
        facts.system_call = system_call_of(folder);
        facts.stack = stack_of(folder);
    }
    facts.sockets = sockets_of(folder);
    return facts;
}

Result<std::string> command_line(Pid pid, std::size_t limit, std::string_view proc) {
    const Result<UniqueFd> process = open_process(pid, proc);
    if (!process) {
        return Failure{process.error()};
    }
    const Result<ProcessInfo> info = read_stat(process->get(), "stat");
    if (!info) {
        return Failure{info.error()};
    }
    return command_of(process->get(), *info, limit);
}

std::optional<bool> has_in_environment(Pid pid, std::string_view name, std::string_view proc) {
    const Result<UniqueFd> process = open_process(pid, proc);
    const Result<ProcessInfo> info =
        process ? read_stat(process->get(), "stat") : Result<ProcessInfo>{Failure{process.error()}};
    // One that has ended has no environment any more.
    if (!info || info->state == 'Z' || info->state == 'X' ||
        may_hang_its_reader(process->get(), *info)) {
        return std::nullopt;
    }
    const Result<std::string> text = read_file_at(process->get(), "environ", kEnvironmentMax);
    if (!text || text->size() == kEnvironmentMax) {
        return std::nullopt;
    }
    std::string_view rest = *text;
    bool found = false;
    while (!rest.empty()) {
        const std::string_view entry = rest.substr(0, rest.find('\0'));
        rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos || equals == 0 ||
            entry.substr(0, equals).find(' ') != std::string_view::npos) {
            return std::nullopt;
        }
        found = found || entry.substr(0, equals) == name;
    }
    return found;
}

}  // namespace svcd
