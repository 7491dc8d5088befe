#include "linux/procfs.h"

#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <string_view>

#include "linux/read_file.h"

namespace svcd {
namespace {

Result<std::string> read_proc(Pid pid, const char* name, std::size_t limit) {
    const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
    Result<std::string> text = read_file_at(AT_FDCWD, path.c_str(), limit);
    if (!text && text.error().error_number == ENOENT) {
        text.error().error_number = ESRCH;
    }
    return text;
}

template <typename Number>
Number number_of(std::string_view text) {
    Number number{};
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// The field at `index` (from 0) of a line of fields with single blanks between them.
std::string_view field_at(std::string_view line, std::size_t index) {
    for (; index > 0 && !line.empty(); --index) {
        const std::size_t blank = line.find(' ');
        line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
    }
    return line.substr(0, line.find(' '));
}

}  // namespace

Result<ProcessInfo> process_info(Pid pid) {
    const Result<std::string> text = read_proc(pid, "stat", kSmallFile);
    if (!text) {
        return Failure{text.error()};
    }
    const std::optional<ProcessInfo> info = parse_process_stat(*text);
    if (!info) {
        return failure(EBADMSG, "read", "/proc/" + std::to_string(pid) + "/stat");
    }
    return *info;
}

std::optional<ProcessInfo> parse_process_stat(std::string_view line) {
    // "PID (NAME) STATE PPID ...": the name may hold blanks and parentheses itself.
    const std::size_t open = line.find('(');
    const std::size_t close = line.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        close + 2 >= line.size()) {
        return std::nullopt;
    }
    const std::string_view rest = line.substr(close + 2);
    ProcessInfo info;
    info.pid = number_of<Pid>(line);
    info.name = line.substr(open + 1, close - open - 1);
    info.state = rest.front();
    info.parent = number_of<Pid>(field_at(rest, 1));
    info.session = number_of<Pid>(field_at(rest, 3));
    info.threads = number_of<std::uint32_t>(field_at(rest, 17));
    info.start_time = number_of<std::uint64_t>(field_at(rest, 19));
    info.wait_status = number_of<int>(field_at(rest, 49));
    return info;
}

Result<std::string> cgroup_of(Pid pid) {
    constexpr std::size_t kCgroupFileMax = 64 * 1024;  // a dozen paths of PATH_MAX each
    Result<std::string> text = read_proc(pid, "cgroup", kCgroupFileMax);
    if (!text) {
        return text;
    }
    const std::string_view lines = *text;
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', at), lines.size());
        const std::string_view line = lines.substr(at, end - at);
        if (line.starts_with("0::")) {
            return std::string{line.substr(3)};
        }
        at = end + 1;
    }
    return failure(ENOENT, "find the v2 cgroup of", std::to_string(pid), "is cgroup2 mounted?");
}

bool is_unreaped_child(Pid pid, Pid parent) {
    const Result<ProcessInfo> info = process_info(pid);
    if (!info || info->state != 'Z' || info->parent != parent) {
        return false;
    }
    const Result<std::string> text = read_proc(pid, "status", kSmallFile);
    return text && text->find("\nTracerPid:\t0\n") != std::string::npos;
}

bool is_dumping_core(Pid pid) {
    const Result<std::string> text = read_proc(pid, "status", kSmallFile);
    return text && text->find("\nCoreDumping:\t1") != std::string::npos;
}

Result<std::uint64_t> signals_taken(Pid pid) {
    const Result<std::string> text = read_proc(pid, "status", kSmallFile);
    if (!text) {
        return Failure{text.error()};
    }
    const std::optional<std::uint64_t> taken = parse_signals_taken(*text);
    if (!taken) {
        return failure(EBADMSG, "read", "/proc/" + std::to_string(pid) + "/status");
    }
    return *taken;
}

std::optional<std::uint64_t> parse_signals_taken(std::string_view text) {
    std::uint64_t taken = 0;
    for (const std::string_view key : {"\nSigBlk:\t", "\nSigIgn:\t", "\nSigCgt:\t"}) {
        const std::size_t found = text.find(key);
        if (found == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view value = text.substr(found + key.size());
        std::uint64_t mask = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), mask, 16);
        if (error != std::errc{} || end == value.data() + value.size() || *end != '\n') {
            return std::nullopt;
        }
        taken |= mask;
    }
    return taken;
}

std::string boot_id() {
    Result<std::string> text =
        read_file_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", kSmallFile);
    if (!text) {
        return {};
    }
    while (!text->empty() && text->back() == '\n') {
        text->pop_back();
    }
    return *text;
}

}  // namespace svcd
