#include "launcher_status.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <sstream>

#include "time_text.h"

namespace svcd {
namespace {

/// More than any of these files has, but for /proc/locks on a very busy machine.
constexpr std::size_t kFileMax = std::size_t{1} << 20U;

std::optional<std::string> text_of_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0) {
        return std::nullopt;
    }
    std::string text;
    std::array<char, 4096> block{};
    ssize_t got = 0;
    while (text.size() < kFileMax && (got = ::read(file, block.data(), block.size())) > 0) {
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    ::close(file);
    return text;
}

template <class Number>
void read_number(std::string_view text, Number& number) {
    std::from_chars(text.data(), text.data() + text.size(), number);
}

bool is_alive(pid_t pid) {
    return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

}  // namespace

LauncherStatus parse_launcher_status(std::string_view text) {
    LauncherStatus status;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t equals = line.find('=');
        const std::string_view key = line.substr(0, equals);
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view{} : line.substr(equals + 1);
        if (key == "launcher_pid") {
            read_number(value, status.launcher);
        } else if (key == "manager_pid") {
            read_number(value, status.manager);
        } else if (key == "manager_ready") {
            status.ready = value == "1";
        } else if (key == "manager_starts") {
            read_number(value, status.starts);
        } else if (key == "manager_deaths") {
            read_number(value, status.deaths);
        } else if (key == "last_end") {
            status.last_end = value;
        } else if (key == "next_start_usec") {
            read_number(value, status.next_start);
        } else if (key == "rescue_shell_pid") {
            read_number(value, status.rescue_shell);
        }
    }
    return status;
}

bool has_lock(std::string_view proc_locks, pid_t pid, ino_t file) {
    // "1: FLOCK  ADVISORY  WRITE 4711 00:1a:815 0 EOF"
    std::istringstream lines{std::string{proc_locks}};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string number;
        std::string kind;
        std::string advisory;
        std::string mode;
        pid_t holder = 0;
        std::string device_and_file;
        words >> number >> kind >> advisory >> mode >> holder >> device_and_file;
        if (kind == "FLOCK" && mode == "WRITE" && holder == pid &&
            device_and_file.ends_with(":" + std::to_string(file))) {
            return true;
        }
    }
    return false;
}

std::optional<LauncherStatus> read_launcher_status(const std::string& runtime_dir) {
    const std::string lock = runtime_dir + "/lock";
    struct stat info {};
    const std::optional<std::string> holder = text_of_file(lock);
    pid_t pid = 0;
    read_number(holder.value_or(""), pid);
    if (!is_alive(pid) || ::stat(lock.c_str(), &info) != 0) {
        return std::nullopt;
    }
    // Not by trying to lock it: a svcd that starts in that moment would find it taken.
    const std::optional<std::string> locks = text_of_file("/proc/locks");
    if (locks && !has_lock(*locks, pid, info.st_ino)) {
        return std::nullopt;
    }
    LauncherStatus status =
        parse_launcher_status(text_of_file(runtime_dir + "/launcher").value_or(""));
    status.launcher = pid;  // what the file says may be of the one before, for a moment
    status.manager_error = text_of_file(runtime_dir + "/manager-error").value_or("");
    return status;
}

void have_manager_watched(const std::string& runtime_dir) {
    // The launcher hears of each open of this file.
    const std::string path = runtime_dir + "/launcher";
    ::close(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

std::string deaths_text(const LauncherStatus& status) {
    if (status.deaths == 0) {
        return "";
    }
    return std::to_string(status.deaths) +
           (status.deaths == 1 ? " death so far: it " : " deaths so far; the last one ") +
           status.last_end + ". The services went on";
}

Trouble no_manager_trouble(const LauncherStatus& status, Usec now) {
    const std::string pid = std::to_string(status.launcher);
    Trouble trouble;
    trouble.status = ExitStatus::unreachable;
    trouble.name = kNoManager;
    trouble.message = "svcd (PID " + pid + ") runs, but its manager ";
    if (status.manager != 0) {
        trouble.message += "(PID " + std::to_string(status.manager) + ") doesn't serve yet";
        trouble.hint = "it may be loading units, or hang; 'svctl' waits 10 s for it";
    } else {
        const Usec left = status.next_start > now ? status.next_start - now : 0;
        trouble.message +=
            "can't: svcd-manager " + status.last_end + ", " + std::to_string(status.deaths) +
            (status.deaths == 1 ? " death" : " deaths") + " so far; the next try is in " +
            timespan(left) + ". The services go on without it";
        trouble.hint =
            "svcd's log says more; when it is mended, 'kill -HUP " + pid + "' has svcd try at once";
    }
    if (!status.manager_error.empty()) {
        trouble.message += "\nthe manager said: " + status.manager_error;
    }
    if (status.rescue_shell != 0) {
        trouble.message +=
            "\na rescue shell is on the console (PID " + std::to_string(status.rescue_shell) + ")";
    }
    return trouble;
}

}  // namespace svcd
