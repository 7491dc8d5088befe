#include "manager/command_options.h"

#include <charconv>
#include <csignal>
#include <string_view>

#include "unitfile/signal_names.h"
#include "unitfile/values.h"

namespace svcd {
namespace {

constexpr int kLastStatus = 255;

std::vector<std::string> split(const std::string& text, char sign) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t end = std::min(text.find(sign, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

template <typename Number>
bool read_number(std::string_view text, int base, Number& number) {
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number, base);
    return read.ec == std::errc{} && read.ptr == end;
}

std::optional<std::string> read_stop_signals(const std::string& text, std::uint64_t& signals) {
    for (const std::string& word : split(text.empty() ? "TERM" : text, ',')) {
        const auto signal = parse_signal(word);
        if (!signal || *signal == SIGKILL || *signal == SIGSTOP || *signal == SIGCHLD) {
            return "--stop-signal: '" + word +
                   "' is no signal that svcd can be stopped with; such as TERM, INT, QUIT or "
                   "RTMIN+3";
        }
        signals |= std::uint64_t{1} << (*signal - 1);
    }
    return std::nullopt;
}

std::optional<std::string> read_exit_status_map(const std::string& text, std::map<int, int>& map) {
    if (text.empty()) {
        return std::nullopt;
    }
    for (const std::string& pair : split(text, ',')) {
        const std::vector<std::string> sides = split(pair, ':');
        unsigned from = 0;
        unsigned to = 0;
        if (sides.size() != 2 || !read_number(sides[0], 10, from) ||
            !read_number(sides[1], 10, to) || from > kLastStatus || to > kLastStatus) {
            return "--exit-status-map: '" + pair +
                   "' is not FROM:TO with two exit statuses from 0 to 255, such as 143:0";
        }
        map[static_cast<int>(from)] = static_cast<int>(to);
    }
    return std::nullopt;
}

/// "UMASK:SIGNALS", and ":w" behind it where --warn-orphans was given.
std::optional<std::string> read_inherited(std::string text, CommandOptions& options) {
    if (text.ends_with(":w")) {
        options.warn_orphans = true;
        text.resize(text.size() - 2);
    }
    const std::size_t sign = text.find(':');
    if (text.empty() ||
        (sign != std::string::npos &&
         read_number(std::string_view{text}.substr(0, sign), 8, options.umask) &&
         read_number(std::string_view{text}.substr(sign + 1), 16, options.ignored_signals))) {
        return std::nullopt;
    }
    return "--inherited is for svcd itself";
}

std::optional<std::string> read_all(const CommandWords& typed, CommandOptions& options) {
    options.settings = typed.settings;
    for (std::string& setting : options.settings) {
        setting.erase(0, setting.starts_with('=') ? 1 : 0);  // -p=KEY=VALUE
        const std::size_t sign = setting.find('=');
        if (sign == 0 || sign == std::string::npos) {
            return "-p: '" + setting + "' is not KEY=VALUE, such as TimeoutStopSec=5s";
        }
    }
    if (!typed.forward_to.empty() && typed.forward_to != "main" && typed.forward_to != "group") {
        return "--forward-to: '" + typed.forward_to + "' is neither main nor group";
    }
    options.forward_to_group = typed.forward_to == "group";
    if (!typed.leftover_timeout.empty()) {
        const auto span = parse_duration(typed.leftover_timeout);
        if (!span || *span == kInfinity) {
            return "--leftover-timeout: '" + typed.leftover_timeout +
                   "' is no time span, such as 2s or 500ms";
        }
        options.leftover_timeout = *span;
    }
    auto problem = read_stop_signals(typed.stop_signal, options.stop_signals);
    problem =
        problem ? problem : read_exit_status_map(typed.exit_status_map, options.exit_status_map);
    return problem ? problem : read_inherited(typed.inherited, options);
}

}  // namespace

std::optional<CommandOptions> read_command_options(const CommandWords& typed,
                                                   std::vector<std::string> command,
                                                   std::string& problem) {
    CommandOptions options;
    options.words = std::move(command);
    if (auto wrong = read_all(typed, options)) {
        problem = std::move(*wrong);
        return std::nullopt;
    }
    return options;
}

}  // namespace svcd
