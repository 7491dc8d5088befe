#include "unitfile/signal_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <optional>

#include "unitfile/suggestion.h"

namespace svcd {
namespace {

constexpr int kSignalMax = 64;
// What glibc leaves of the kernel's real-time signals; it keeps 32 and 33 for itself.
constexpr int kRealTimeFirst = 34;

/// By number. Empty where there is none.
constexpr auto kSignalNames = std::to_array<std::string_view>(
    {"",     "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
     "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
     "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"});
static_assert(kSignalNames[SIGTERM] == "TERM" && kSignalNames[SIGSYS] == "SYS");

struct ExitStatusName {
    std::string_view name;
    std::uint8_t status;
};

constexpr auto kExitStatusNames = std::to_array<ExitStatusName>({
    {"SUCCESS", 0},
    {"FAILURE", 1},
    {"INVALIDARGUMENT", 2},
    {"NOTIMPLEMENTED", 3},
    {"NOPERMISSION", 4},
    {"NOTINSTALLED", 5},
    {"NOTCONFIGURED", 6},
    {"NOTRUNNING", 7},
    {"USAGE", 64},
    {"DATAERR", 65},
    {"NOINPUT", 66},
    {"NOUSER", 67},
    {"NOHOST", 68},
    {"UNAVAILABLE", 69},
    {"SOFTWARE", 70},
    {"OSERR", 71},
    {"OSFILE", 72},
    {"CANTCREAT", 73},
    {"IOERR", 74},
    {"TEMPFAIL", 75},
    {"PROTOCOL", 76},
    {"NOPERM", 77},
    {"CONFIG", 78},
    {"CHDIR", 200},
    {"NICE", 201},
    {"FDS", 202},
    {"EXEC", 203},
    {"MEMORY", 204},
    {"LIMITS", 205},
    {"OOM_ADJUST", 206},
    {"SIGNAL_MASK", 207},
    {"STDIN", 208},
    {"STDOUT", 209},
    {"CHROOT", 210},
    {"IOPRIO", 211},
    {"TIMERSLACK", 212},
    {"SECUREBITS", 213},
    {"SETSCHEDULER", 214},
    {"CPUAFFINITY", 215},
    {"GROUP", 216},
    {"USER", 217},
    {"CAPABILITIES", 218},
    {"CGROUP", 219},
    {"SETSID", 220},
    {"CONFIRM", 221},
    {"STDERR", 222},
    {"PAM", 224},
    {"NETWORK", 225},
    {"NAMESPACE", 226},
    {"NO_NEW_PRIVILEGES", 227},
    {"SECCOMP", 228},
    {"SELINUX_CONTEXT", 229},
    {"PERSONALITY", 230},
    {"APPARMOR", 231},
    {"ADDRESS_FAMILIES", 232},
    {"RUNTIME_DIRECTORY", 233},
    {"CHOWN", 235},
    {"SMACK_PROCESS_LABEL", 236},
    {"KEYRING", 237},
    {"STATE_DIRECTORY", 238},
    {"CACHE_DIRECTORY", 239},
    {"LOGS_DIRECTORY", 240},
    {"CONFIGURATION_DIRECTORY", 241},
    {"NUMA_POLICY", 242},
    {"CREDENTIALS", 243},
    {"BPF", 244},
    {"EXCEPTION", 255},
});

/// Digits and nothing else; as in C, a leading 0 makes it octal.
std::optional<int> read_number(std::string_view text) {
    const int base = text.size() > 1 && text.front() == '0' ? 8 : 10;
    int value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (text.empty() || stop != end || error != std::errc{}) {
        return std::nullopt;
    }
    return value;
}

std::optional<int> find_signal(std::string_view text) {
    if (const auto number = read_number(text)) {
        return *number >= 1 && *number <= kSignalMax ? number : std::nullopt;
    }
    if (text.starts_with("SIG")) {
        text.remove_prefix(3);
    }
    const auto found = std::find(kSignalNames.begin(), kSignalNames.end(), text);
    if (!text.empty() && found != kSignalNames.end()) {
        return static_cast<int>(found - kSignalNames.begin());
    }
    const bool from_first = text.starts_with("RTMIN");
    if (!from_first && !text.starts_with("RTMAX")) {
        return std::nullopt;
    }
    const std::string_view offset_text = text.substr(5);
    int offset = 0;
    if (!offset_text.empty()) {
        const auto number = read_number(offset_text.substr(1));
        if (offset_text.front() != (from_first ? '+' : '-') || !number || *number < 0) {
            return std::nullopt;
        }
        offset = std::min(*number, kSignalMax);
    }
    const int signal = from_first ? kRealTimeFirst + offset : kSignalMax - offset;
    return signal >= kRealTimeFirst && signal <= kSignalMax ? std::optional{signal} : std::nullopt;
}

}  // namespace

Parsed<std::uint8_t> parse_signal(std::string_view text) {
    if (const auto signal = find_signal(trim(text))) {
        return static_cast<std::uint8_t>(*signal);
    }
    std::string_view bare = trim(text);
    std::string hint;
    if (!bare.starts_with("SIG")) {
        hint = suggestion(bare, kSignalNames);
    } else if (const auto nearest = nearest_word(bare.substr(3), kSignalNames); !nearest.empty()) {
        hint = ", did you mean 'SIG" + std::string(nearest) + "'?";
    }
    return Unparsable{"'" + std::string(text) + "' is not a signal" + hint};
}

std::string signal_name(int signal) {
    if (signal > 0 && static_cast<std::size_t>(signal) < kSignalNames.size()) {
        return "SIG" + std::string(kSignalNames[static_cast<std::size_t>(signal)]);
    }
    if (signal == kRealTimeFirst || signal == kSignalMax) {
        return signal == kSignalMax ? "SIGRTMAX" : "SIGRTMIN";
    }
    if (signal > kRealTimeFirst && signal < kSignalMax) {
        return "SIGRTMIN+" + std::to_string(signal - kRealTimeFirst);
    }
    return std::to_string(signal);
}

Parsed<bool> add_exit_status(std::string_view word, ExitStatusSet& set) {
    if (const auto number = read_number(word)) {
        if (*number < 0 || *number > 255) {
            return Unparsable{"'" + std::string(word) + "' is not an exit status from 0 to 255"};
        }
        set.statuses.set(static_cast<std::size_t>(*number));
        return true;
    }
    for (const ExitStatusName& entry : kExitStatusNames) {
        if (entry.name == word) {
            set.statuses.set(entry.status);
            return true;
        }
    }
    if (const auto signal = find_signal(word)) {
        set.signals.set(static_cast<std::size_t>(*signal));
        return true;
    }
    std::vector<std::string_view> names;
    for (const ExitStatusName& entry : kExitStatusNames) {
        names.push_back(entry.name);
    }
    return Unparsable{"'" + std::string(word) + "' is neither an exit status nor a signal" +
                      suggestion(word, names)};
}

ExitStatusProperty shown_exit_statuses(const ExitStatusSet& set) {
    ExitStatusProperty shown;
    for (std::size_t status = 0; status < set.statuses.size(); ++status) {
        if (set.statuses.test(status)) {
            shown.statuses.push_back(static_cast<std::int32_t>(status));
        }
    }
    for (std::size_t signal = 1; signal < set.signals.size(); ++signal) {
        if (set.signals.test(signal)) {
            shown.signals.push_back(static_cast<std::int32_t>(signal));
        }
    }
    return shown;
}

}  // namespace svcd
