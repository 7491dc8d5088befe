#include "messages.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>

namespace svcd {
namespace {

struct StatusMeaning {
    int status;
    std::string_view name;
    std::string_view meaning;
};

constexpr auto kStatuses = std::to_array<StatusMeaning>({
    {200, "CHDIR", "the working directory could not be entered"},
    {201, "NICE", "the scheduling priority (Nice) could not be set"},
    {202, "FDS", "the file descriptors could not be passed on"},
    {203, "EXEC", "the executable could not be run"},
    {204, "MEMORY", "memory was short"},
    {205, "LIMITS", "a resource limit (Limit*) could not be set"},
    {206, "OOM_ADJUST", "OOMScoreAdjust could not be set"},
    {207, "SIGNAL_MASK", "the signal mask could not be set"},
    {208, "STDIN", "the standard input could not be opened"},
    {209, "STDOUT", "the standard output could not be opened"},
    {210, "CHROOT", "the root directory could not be entered"},
    {211, "IOPRIO", "the I/O priority could not be set"},
    {212, "TIMERSLACK", "the timer slack could not be set"},
    {213, "SECUREBITS", "the secure bits could not be set"},
    {214, "SETSCHEDULER", "the CPU scheduling policy could not be set"},
    {215, "CPUAFFINITY", "the CPU affinity could not be set"},
    {216, "GROUP", "the group is unknown or could not be changed to"},
    {217, "USER", "the user is unknown or could not be changed to"},
    {218, "CAPABILITIES", "the capabilities could not be set"},
    {219, "CGROUP", "the cgroup could not be joined"},
    {220, "SETSID", "a new session could not be made"},
    {222, "STDERR", "the standard error could not be opened"},
    {224, "PAM", "the PAM session could not be opened"},
    {225, "NETWORK", "the network namespace could not be set up"},
    {226, "NAMESPACE", "the mount namespace could not be set up"},
    {227, "NO_NEW_PRIVILEGES", "NoNewPrivileges could not be set"},
    {228, "SECCOMP", "the system call filter could not be set"},
    {230, "PERSONALITY", "the execution domain could not be set"},
    {232, "ADDRESS_FAMILIES", "the address families could not be restricted"},
    {233, "RUNTIME_DIRECTORY", "the runtime directory could not be made"},
    {235, "CHOWN", "the owner of a socket could not be changed"},
    {237, "KEYRING", "the kernel keyring could not be set up"},
    {238, "STATE_DIRECTORY", "the state directory could not be made"},
    {239, "CACHE_DIRECTORY", "the cache directory could not be made"},
    {240, "LOGS_DIRECTORY", "the logs directory could not be made"},
    {241, "CONFIGURATION_DIRECTORY", "the configuration directory could not be made"},
    {243, "CREDENTIALS", "the credentials could not be set up"},
});

struct VerbWords {
    std::string_view verb;
    std::string_view infinitive;
    std::string_view past;
};

constexpr auto kVerbWords = std::to_array<VerbWords>({
    {"start", "start", "started"},
    {"stop", "stop", "stopped"},
    {"restart", "restart", "restarted"},
    {"try-restart", "restart", "restarted"},
    {"reload", "reload", "reloaded"},
    {"reload-or-restart", "reload or restart", "reloaded or restarted"},
    {"try-reload-or-restart", "reload or restart", "reloaded or restarted"},
    {"isolate", "isolate", "isolated"},
    {"rescue", "isolate", "isolated"},
    {"emergency", "isolate", "isolated"},
    {"default", "isolate", "isolated"},
});

constexpr int kCodeExited = 1;
constexpr int kCodeKilled = 2;
constexpr int kCodeDumped = 3;
constexpr int kCodeUnknown = 4;
constexpr int kNotTold = 1;  // UnknownEnd::not_told, the status that goes with it

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

std::string signal_name(int number) {
    if (const char* name = ::sigabbrev_np(number); name != nullptr) {
        return std::string{"SIG"} + name;
    }
    if (number >= SIGRTMIN && number <= SIGRTMAX) {
        return "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
    }
    return "signal " + std::to_string(number);
}

std::optional<int> parse_signal(std::string_view text) {
    int number = 0;
    const char* end = text.data() + text.size();
    if (const auto parsed = std::from_chars(text.data(), end, number);
        parsed.ec == std::errc{} && parsed.ptr == end) {
        return number > 0 && number <= SIGRTMAX ? std::optional{number} : std::nullopt;
    }
    std::string name{text};
    std::ranges::transform(name, name.begin(), upper);
    if (name.starts_with("SIG")) {
        name.erase(0, 3);
    }
    if (name == "RTMIN" || name == "RTMAX") {
        return name == "RTMIN" ? SIGRTMIN : SIGRTMAX;
    }
    for (int candidate = 1; candidate <= SIGRTMAX; ++candidate) {
        const std::string known = signal_name(candidate);
        if (known.starts_with("SIG") &&
            (known.substr(3) == name || name == "RTMAX-" + std::to_string(SIGRTMAX - candidate))) {
            return candidate;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> meaning_of_exit_status(int status) {
    for (const StatusMeaning& row : kStatuses) {
        if (row.status == status) {
            return row.meaning;
        }
    }
    return std::nullopt;
}

std::string_view exit_status_name(int status) {
    for (const StatusMeaning& row : kStatuses) {
        if (row.status == status) {
            return row.name;
        }
    }
    return status == 0 ? "SUCCESS" : status == 1 ? "FAILURE" : "";
}

std::string_view exit_code_name(int code) {
    switch (code) {
        case kCodeExited:
            return "exited";
        case kCodeKilled:
            return "killed";
        case kCodeDumped:
            return "dumped";
        case kCodeUnknown:
            return "unknown";
        default:
            return "";
    }
}

std::string before_executed(int status) {
    const std::string_view name = exit_status_name(status);
    return "ended before its program was executed (" +
           (name.empty() ? "status " + std::to_string(status)
                         : std::to_string(status) + "/" + std::string{name}) +
           ")";
}

std::string describe_end(int code, int status, bool ran) {
    switch (code) {
        case kCodeExited: {
            std::string text = "exited with status " + std::to_string(status);
            if (const auto meaning = meaning_of_exit_status(status)) {
                text +=
                    ran ? " (its own: the program was executed)"
                        : " (its own; or svcd's, which then means: " + std::string{*meaning} + ")";
            }
            if (status > 128 && status <= 128 + SIGRTMAX && !meaning_of_exit_status(status)) {
                text += " (that is 128 + " + signal_name(status - 128) + ")";
            }
            return text;
        }
        case kCodeKilled:
            return "was killed by " + signal_name(status);
        case kCodeDumped:
            return "dumped core on " + signal_name(status);
        case kCodeUnknown:
            return status == kNotTold ? "ended, and how is unknown: the kernel tells its parent "
                                        "only (others since "
                                        "Linux 6.15), or a tracer holds it"
                                      : "ended while no svcd was there: its exit status is unknown";
        default:
            return "";
    }
}

std::string describe_result(std::string_view result, int code, int status, bool ran) {
    const std::string end = describe_end(code, status, ran);
    if (result == "exit-code" || result == "signal" || result == "core-dump") {
        // The main process may have ended well: then it was another command of the unit.
        const bool main_failed = !end.empty() && (code != kCodeExited || status != 0);
        return main_failed ? "its main process " + end
                           : std::string{"one of its commands "} + (result == "exit-code"
                                                                        ? "exited with an error"
                                                                        : "was killed by a signal");
    }
    if (result == "timeout") {
        return "it took longer than its timeout allows" +
               (end.empty() ? std::string{} : ", and its main process " + end);
    }
    if (result == "watchdog") {
        return "the time of its watchdog was over, or it asked to be aborted (WATCHDOG=trigger)";
    }
    if (result == "start-limit-hit") {
        return "it was started too often in a short time (StartLimitBurst, StartLimitIntervalSec)";
    }
    if (result == "protocol") {
        return "it did not do what its Type promises (it never said READY=1, or its PID file is "
               "missing or wrong)" +
               (end.empty() ? std::string{} : "; its main process " + end);
    }
    if (result == "resources") {
        return "something that svcd needs to start it was not to be had";
    }
    if (result == "exec-condition") {
        return "its ExecCondition said no";
    }
    if (result == "exit-unknown") {
        return "its main process " + end + "; that counts as a failure";
    }
    if (result == "stop-wedged") {
        return "some of its processes survived SIGKILL";
    }
    return "the result is " + std::string{result};
}

std::string describe_job_result(std::string_view result) {
    if (result == "canceled") {
        return "the job was cancelled";
    }
    if (result == "timeout") {
        return "the job took longer than JobTimeoutSec allows; what it began goes on";
    }
    if (result == "dependency") {
        return "a unit that it depends on failed";
    }
    if (result == "assert") {
        return "one of its Assert settings does not hold";
    }
    if (result == "skipped") {
        return "its ExecCondition said no";
    }
    if (result == "invalid") {
        return "the unit can't do that";
    }
    if (result == "once") {
        return "the unit may be started only once";
    }
    return "the job failed";
}

std::string without_warning_word(std::string text) {
    constexpr std::string_view kWord = ": warning: ";
    if (const std::size_t word = text.find(kWord); word < text.find('\n')) {
        text.replace(word, kWord.size(), ": ");
    }
    return text;
}

std::string as_sentence(std::string text) {
    const std::string_view first = std::string_view{text}.substr(0, text.find(' '));
    const bool is_name = first.find_first_of("./@") < first.size() - 1;
    if (!is_name && !text.empty() && text[0] >= 'a' && text[0] <= 'z') {
        text[0] = upper(text[0]);
    }
    return text.ends_with('.') || text.ends_with('?') ? text : text + ".";
}

std::string_view past_of(std::string_view verb) {
    for (const VerbWords& row : kVerbWords) {
        if (row.verb == verb) {
            return row.past;
        }
    }
    return "done";
}

std::string_view infinitive_of(std::string_view verb) {
    for (const VerbWords& row : kVerbWords) {
        if (row.verb == verb) {
            return row.infinitive;
        }
    }
    return verb;
}

}  // namespace svcd
