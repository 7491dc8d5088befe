#include "core/reload_signal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <string_view>
#include <utility>

namespace svcd {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 30> kNames{{
    {"HUP", SIGHUP},       {"INT", SIGINT},     {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT},   {"BUS", SIGBUS},   {"FPE", SIGFPE},
    {"KILL", SIGKILL},     {"USR1", SIGUSR1},   {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE},     {"ALRM", SIGALRM},   {"TERM", SIGTERM}, {"CHLD", SIGCHLD},
    {"CONT", SIGCONT},     {"STOP", SIGSTOP},   {"URG", SIGURG},   {"XCPU", SIGXCPU},
    {"PROF", SIGPROF},     {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
    {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},   {"TTOU", SIGTTOU}, {"VTALRM", SIGVTALRM},
    {"STKFLT", SIGSTKFLT}, {"SYS", SIGSYS},
}};
/// SIGRTMIN of glibc, and SIGRTMAX: macros that ask libc, which the core does not.
constexpr int kFirstRealtime = 34;
constexpr int kLastRealtime = 64;

/// A number as a whole; 0 when it is none.
int number_in(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

/// "HUP", "SIGHUP", "1", "RTMIN+3"; 0 for what is no signal.
int signal_named(std::string_view name) {
    if (const int number = number_in(name); number != 0) {
        return number > 0 && number <= kLastRealtime ? number : 0;
    }
    std::string upper{name};
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    name = upper;
    name.remove_prefix(name.starts_with("SIG") ? 3 : 0);
    if (name.starts_with("RTMIN")) {
        return kFirstRealtime + number_in(name.substr(std::min<std::size_t>(name.size(), 6)));
    }
    const auto found = std::find_if(kNames.begin(), kNames.end(),
                                    [&](const auto& known) { return known.first == name; });
    return found == kNames.end() ? 0 : found->second;
}

/// The signal of `kill -HUP $MAINPID`, `kill -s HUP ${MAINPID}`, `kill --signal=HUP $MAINPID` ...
int signal_of_kill(const Command& command) {
    const std::string_view path = command.path;
    if (path.substr(path.rfind('/') + 1) != "kill" || command.no_expansion) {
        return 0;
    }
    int signal = SIGTERM;
    bool is_for_main = false;
    for (std::size_t at = 1; at < command.argv.size(); ++at) {
        const std::string_view word = command.argv[at];
        const bool has_next = at + 1 < command.argv.size();
        if (word == "$MAINPID" || word == "${MAINPID}") {
            is_for_main = true;
        } else if ((word == "-s" || word == "-n" || word == "--signal") && has_next) {
            signal = signal_named(command.argv[++at]);
        } else if (word.starts_with("--signal=")) {
            signal = signal_named(word.substr(std::string_view{"--signal="}.size()));
        } else if (word != "--" && word.starts_with('-')) {
            signal = signal_named(word.substr(word.starts_with("-s") ? 2 : 1));
        } else if (word != "--") {
            return 0;  // for others too, and who knows what
        }
    }
    return is_for_main ? signal : 0;
}

/// Has the text the word kill, pkill or killall in it? "/bin/kill", "test -f x && kill -1
/// $MAINPID".
bool has_word_kill(std::string_view text) {
    constexpr std::string_view kOfWords = "abcdefghijklmnopqrstuvwxyz_-.";
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find_first_not_of(kOfWords));
        if (word == "kill" || word == "pkill" || word == "killall") {
            return true;
        }
        text.remove_prefix(std::max<std::size_t>(word.size(), 1));
    }
    return false;
}

}  // namespace

int reload_signal_of(const ServiceSettings& settings) {
    if (settings.type == ServiceType::notify_reload) {
        return settings.reload_signal;
    }
    const Command* only = nullptr;
    for (const Command& command : settings.commands) {
        if (command.role == CommandRole::reload) {
            if (only != nullptr) {
                return 0;
            }
            only = &command;
        }
    }
    return only == nullptr ? 0 : signal_of_kill(*only);
}

bool signals_at_reload(const ServiceSettings& settings) {
    const Command* last = nullptr;
    for (const Command& command : settings.commands) {
        last = command.role == CommandRole::reload ? &command : last;
    }
    return last != nullptr && std::any_of(last->argv.begin(), last->argv.end(), has_word_kill);
}

bool ends_a_process(int signal) {
    return signal > 0 && signal != SIGCHLD && signal != SIGCONT && signal != SIGURG &&
           signal != SIGWINCH && signal != SIGSTOP && signal != SIGTSTP && signal != SIGTTIN &&
           signal != SIGTTOU;
}

std::string signal_text(int signal) {
    const auto found = std::find_if(kNames.begin(), kNames.end(),
                                    [&](const auto& known) { return known.second == signal; });
    return found == kNames.end() ? "signal " + std::to_string(signal)
                                 : "SIG" + std::string{found->first};
}

}  // namespace svcd
