#include "start/command_options.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "libc/os.h"

namespace svcd {
namespace {

constexpr unsigned kNameMax = 16;

/// The number that `text` is, whole; -1: it is none.
int number_in(const char* text) {
    char* end = nullptr;
    const long number = std::strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && number < 1000 ? static_cast<int>(number)
                                                                         : -1;
}

int real_time_signal(const char* name) {
    if (std::strncmp(name, "RTMIN", 5) == 0) {
        const int more = name[5] == '\0' ? 0 : name[5] == '+' ? number_in(name + 6) : -1;
        return more < 0 ? 0 : SIGRTMIN + more;
    }
    if (std::strncmp(name, "RTMAX", 5) == 0) {
        const int less = name[5] == '\0' ? 0 : name[5] == '-' ? number_in(name + 6) : -1;
        return less < 0 ? 0 : SIGRTMAX - less;
    }
    return 0;
}

bool is_signal(int signal) {
    return signal > 0 && signal <= SIGRTMAX;
}

bool read_stop_signals(const char* text, std::uint64_t& signals) {
    for (const char* at = text;; ++at) {
        const auto length = static_cast<unsigned>(std::strcspn(at, ","));
        const int signal = signal_named(at, length);
        if (signal == 0 || signal == SIGKILL || signal == SIGSTOP || signal == SIGCHLD) {
            say("--stop-signal: '%.*s' is no signal that svcd can be stopped with; such as "
                "TERM, INT, QUIT or RTMIN+3",
                static_cast<int>(length), at);
            return false;
        }
        signals |= std::uint64_t{1} << (signal - 1);
        at += length;
        if (*at == '\0') {
            return true;
        }
    }
}

}  // namespace

int signal_named(const char* name, unsigned length) {
    if (length >= 3 && std::strncmp(name, "SIG", 3) == 0) {
        name += 3;
        length -= 3;
    }
    char text[kNameMax] = {};
    if (length == 0 || length >= kNameMax) {
        return 0;
    }
    std::memcpy(text, name, length);
    if (const int number = number_in(text); number >= 0) {
        return is_signal(number) ? number : 0;
    }
    for (int signal = 1; signal < SIGRTMIN; ++signal) {
        const char* known = ::sigabbrev_np(signal);
        if (known != nullptr && std::strcmp(known, text) == 0) {
            return signal;
        }
    }
    const int signal = real_time_signal(text);
    return is_signal(signal) && signal >= SIGRTMIN ? signal : 0;
}

bool read_command_options(const CommandWords& words, CommandOptions& options) {
    options.warn_orphans = words.warn_orphans;
    if (!read_stop_signals(words.stop_signal != nullptr ? words.stop_signal : "TERM",
                           options.stop_signals)) {
        return false;
    }
    if (const char* name = words.parent_death_signal; name != nullptr) {
        options.parent_death_signal = signal_named(name, static_cast<unsigned>(std::strlen(name)));
        if (options.parent_death_signal == 0) {
            say("--parent-death-signal: '%s' is no signal; such as TERM or KILL", name);
            return false;
        }
    }
    return true;
}

}  // namespace svcd
