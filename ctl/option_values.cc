#include "option_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <span>

#include "messages.h"
#include "unit_names.h"

namespace svcd {
namespace {

using Words = std::span<const std::string_view>;

constexpr auto kModes =
    std::to_array<std::string_view>({"replace", "fail", "isolate", "replace-irreversibly", "flush",
                                     "ignore-dependencies", "ignore-requirements"});
constexpr auto kWhoms = std::to_array<std::string_view>({"all", "main", "control"});
constexpr auto kWaits = std::to_array<std::string_view>({"active", "inactive", "failed"});
constexpr auto kTypes = std::to_array<std::string_view>({"service", "target", "slice"});
/// Of these svcd knows the names, which other units may use.
constexpr auto kOtherTypes = std::to_array<std::string_view>(
    {"socket", "timer", "path", "mount", "scope", "swap", "device", "automount"});
/// Load states, active states, sub-states: those of the daemon (a test compares them), those that
/// only systemd has, and "flapping".
constexpr auto kStates = std::to_array<std::string_view>(
    {"loaded",        "not-found",    "bad-setting",    "error",         "masked",
     "inactive",      "activating",   "active",         "reloading",     "deactivating",
     "failed",        "dead",         "condition",      "start-pre",     "start",
     "start-post",    "running",      "exited",         "reload",        "reload-signal",
     "reload-notify", "pre-stop",     "stop",           "stop-watchdog", "stop-sigterm",
     "stop-sigkill",  "stop-post",    "final-watchdog", "final-sigterm", "final-sigkill",
     "stop-wedged",   "auto-restart", "flapping"});

void split_at_commas(std::vector<std::string>& list) {
    std::vector<std::string> parts;
    for (const std::string& entry : list) {
        std::size_t begin = 0;
        while (begin <= entry.size()) {
            const std::size_t end = std::min(entry.find(',', begin), entry.size());
            if (end > begin) {
                parts.push_back(entry.substr(begin, end - begin));
            }
            begin = end + 1;
        }
    }
    list = std::move(parts);
}

bool is_one_of(std::string_view word, Words words) {
    return std::ranges::find(words, word) != words.end();
}

std::string listed(Words words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        text += i == 0 ? "" : i + 1 == words.size() ? " or " : ", ";
        text += words[i];
    }
    return text;
}

/// "did you mean 'x'? There are a, b or c".
std::string hint_of(const std::string& word, Words words) {
    std::vector<std::string> names{words.begin(), words.end()};
    const auto meant = nearest(word, names);
    return (meant ? "did you mean '" + *meant + "'? " : "") + "there are " + listed(words);
}

std::optional<EarlyEnd> check_word(const char* what, const std::string& word, Words words) {
    if (is_one_of(word, words)) {
        return std::nullopt;
    }
    return usage_error(std::string{"unknown "} + what + " '" + word + "'", hint_of(word, words));
}

std::optional<EarlyEnd> check_lists(Options& options) {
    for (const std::string& state : options.states) {
        if (auto fault = check_word("state in --state:", state, kStates)) {
            return fault;
        }
    }
    for (const std::string& type : options.types) {
        if (is_one_of(type, kOtherTypes)) {
            options.warnings.push_back("svcd has no " + type + " units; there are " +
                                       listed(kTypes) + " units");
        } else if (auto fault = check_word("type in --type:", type, kTypes)) {
            return fault;
        }
    }
    return std::nullopt;
}

}  // namespace

std::string hint_for_signal(const std::string& word) {
    std::vector<std::string> names;
    for (int signal = 1; signal < 32; ++signal) {
        names.push_back(signal_name(signal).substr(3));
    }
    const auto meant = nearest(word.starts_with("SIG") ? word.substr(3) : word, names);
    return meant ? "did you mean '" + *meant + "'?" : "'kill -l' lists the signals";
}

namespace {

std::optional<EarlyEnd> check_signal(Options& options, const RawValues& raw) {
    if (!raw.signal.empty()) {
        const auto signal = parse_signal(raw.signal);
        if (!signal) {
            return usage_error("there is no signal '" + raw.signal + "'; nothing was done",
                               hint_for_signal(raw.signal));
        }
        options.signal = *signal;
    }
    if (raw.value.empty()) {
        return std::nullopt;
    }
    std::int32_t value = 0;
    const char* end = raw.value.data() + raw.value.size();
    const auto parsed = std::from_chars(raw.value.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end) {
        return usage_error("'" + raw.value + "' is no value for a signal; nothing was done",
                           "a whole number from -2147483648 to 2147483647 goes with it");
    }
    if (options.signal < SIGRTMIN) {
        return usage_error("a value goes with a real-time signal only, and " +
                               signal_name(options.signal) +
                               " is none: two of it at once arrive as one; nothing was done",
                           "--signal=RTMIN+1, for example");
    }
    options.signal_value = value;
    return std::nullopt;
}

std::optional<EarlyEnd> check_exclusive(const Options& options) {
    struct Pair {
        bool both;
        const char* text;
    };
    const Pair pairs[] = {
        {options.reload_first && options.stale, "--reload and --stale"},
        {options.of_boot && options.of_stop, "--boot and --stop"},
        {options.user && options.system, "--user and --system"},
        {options.no_block && options.wait, "--no-block and --wait"},
        {options.failed && !options.states.empty(), "--failed and --state"},
        {!options.suffix.empty() && !options.template_name.empty(), "--suffix and --template"},
        {options.mangle && !(options.suffix + options.template_name).empty(),
         "--mangle and --suffix or --template"},
        {options.mangle && options.as_path, "--mangle and --path"},
        {options.mangle && options.unescape, "--mangle and --unescape"},
        {options.unescape && !options.suffix.empty(), "--unescape and --suffix"},
        {options.only_instance && !options.template_name.empty(), "--instance and --template"},
    };
    for (const Pair& pair : pairs) {
        if (pair.both) {
            return usage_error(std::string{pair.text} + " exclude each other", "give one of them");
        }
    }
    if (options.only_instance && !options.unescape) {
        return usage_error("--instance goes with --unescape only",
                           "'svctl escape --help' says more");
    }
    return std::nullopt;
}

}  // namespace

std::optional<EarlyEnd> check_values(const VerbRow& row, Options& options, RawValues& raw) {
    if (!raw.timeout.empty()) {
        options.timeout = parse_timeout(raw.timeout);
        if (!options.timeout) {
            return usage_error("'" + raw.timeout + "' is no length of time",
                               "say for example --timeout=30, --timeout=1min or '1min 30s'");
        }
    }
    split_at_commas(options.properties);
    split_at_commas(raw.bare_properties);
    split_at_commas(options.states);
    split_at_commas(options.types);
    options.value |= !raw.bare_properties.empty();
    options.properties.insert(options.properties.end(), raw.bare_properties.begin(),
                              raw.bare_properties.end());
    if (auto fault = check_signal(options, raw)) {
        return fault;
    }
    if (auto fault = check_word("job mode", options.job_mode, kModes)) {
        return fault;
    }
    if (auto fault = check_word("--kill-whom", options.kill_whom, kWhoms)) {
        return fault;
    }
    if (auto fault = check_word("state in --for:", options.wait_for, kWaits)) {
        return fault;
    }
    if ((row.options & kList) != 0) {
        if (auto fault = check_lists(options)) {
            return fault;
        }
    }
    return check_exclusive(options);
}

}  // namespace svcd
