#include "manager/config.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/types/record.h"
#include "linux/group_file.h"
#include "linux/unique_fd.h"
#include "unitfile/diagnostic.h"
#include "unitfile/suggestion.h"
#include "unitfile/values.h"

namespace svcd {
namespace {

/// A configuration is a page of text; more is not one.
constexpr std::size_t kConfigMax = 65536;

using Problem = std::optional<std::string>;

/// How the value of a key is read. What is wrong with it, if anything is.
using Reader = Problem (*)(std::string_view value, Config& config);

template <auto Parse, auto Field>
Problem read(std::string_view value, Config& config) {
    auto parsed = Parse(value);
    if (!parsed) {
        return parsed.error();
    }
    config.*Field = std::move(*parsed);
    return std::nullopt;
}

template <Duration Config::*Field>
constexpr Reader kDuration = read<parse_duration, Field>;

/// The words are those of an enum, in its order.
template <class Enum, std::size_t Count>
Problem read_word(std::string_view value,
                  const std::array<std::string_view, Count>& words,
                  Enum& field) {
    const auto* const found = std::find(words.begin(), words.end(), value);
    if (found == words.end()) {
        std::string all;
        for (const std::string_view word : words) {
            all += (all.empty() ? "" : word == words.back() ? " or " : ", ") + std::string(word);
        }
        return "'" + std::string(value) + "' is none of " + all + suggestion(value, words);
    }
    field = static_cast<Enum>(found - words.begin());
    return std::nullopt;
}

Problem read_rescue_shell(std::string_view value, Config& config) {
    return read_word(value, std::array<std::string_view, 3>{"sulogin", "shell", "none"},
                     config.launcher.rescue_shell);
}

Problem read_crash_action(std::string_view value, Config& config) {
    return read_word(value, std::array<std::string_view, 3>{"reboot", "halt", "wait"},
                     config.launcher.crash_action);
}

/// Whether there is such a group is known where it is needed.
Problem read_log_group(std::string_view value, Config& config) {
    if (value.empty() || value.size() > 255 ||
        value.find_first_of(" \t:/,\"'") != std::string_view::npos) {
        return "'" + std::string(value) + "' is not the name of a group";
    }
    config.log_group = value;
    return std::nullopt;
}

Problem read_busybox_signals(std::string_view value, Config& config) {
    const Parsed<bool> parsed = parse_boolean(value);
    if (!parsed) {
        return parsed.error();
    }
    config.launcher.busybox_signals = *parsed;
    return std::nullopt;
}

Problem read_manager_timeout(std::string_view value, Config& config) {
    const Parsed<Duration> parsed = parse_duration(value);
    if (!parsed) {
        return parsed.error();
    }
    if (*parsed < Duration{kManagerTimeoutLeast}) {
        return "'" + std::string(value) + "' is less than 1s; 'infinity' waits for ever";
    }
    config.manager_timeout = *parsed;
    return std::nullopt;
}

Problem read_flapping_burst(std::string_view value, Config& config) {
    const Parsed<std::uint64_t> burst = parse_unsigned(value);
    if (!burst) {
        return burst.error();
    }
    if (*burst > kUncleanRestartsMax) {
        return "at most " + std::to_string(kUncleanRestartsMax) +
               " (0: nothing is said to be flapping)";
    }
    config.flapping_burst = static_cast<std::uint32_t>(*burst);
    return std::nullopt;
}

Problem read_bus_mode(std::string_view value, Config& config) {
    const Parsed<std::uint16_t> mode = parse_octal_mode(value);
    if (!mode) {
        return mode.error();
    }
    if (*mode > 0777) {
        return "'" + std::string(value) + "' has bits that mean nothing for a socket";
    }
    config.bus_mode = *mode;
    return std::nullopt;
}

Problem read_bus_group(std::string_view value, Config& config) {
    const std::optional<gid_t> group = find_local_group(value);
    if (!group) {
        return "'" + std::string(value) + "' is no group in /etc/group";
    }
    if (!may_give_to(*group)) {
        return "this svcd is not root and not in the group '" + std::string(value) + "'";
    }
    config.bus_group = *group;
    return std::nullopt;
}

struct Key {
    std::string_view name;
    std::string_view by_default;  ///< as a person writes it
    Reader read;
    /// What is in force where nothing but a value that can't be read was given: who has meant to
    /// shut somebody out does not let everybody in. Empty: the default.
    std::string_view when_wrong{};
};
constexpr std::array kRows{
    Key{"KillGraceSec", "5s", kDuration<&Config::kill_grace>},
    Key{"ShutdownBudgetSec", "infinity", kDuration<&Config::shutdown_budget>},
    Key{"ShutdownMarginSec", "2s", kDuration<&Config::shutdown_margin>},
    Key{"FlappingIntervalSec", "10min", kDuration<&Config::flapping_interval>},
    Key{"FlappingBurst", "5", read_flapping_burst},
    Key{"LogDir", "the default", read<parse_path, &Config::log_dir>},
    Key{"EarlyLogSize", "16M", read<parse_size, &Config::early_log_size>},
    Key{"LogGroup", "adm", read_log_group},
    Key{"ManagerTimeoutSec", "10s", read_manager_timeout},
    Key{"KernelPanicSec", "10s", kDuration<&Config::kernel_panic>},
    Key{"RescueShell", "sulogin", read_rescue_shell},
    Key{"CrashAction", "reboot", read_crash_action},
    Key{"BusyboxSignals", "no", read_busybox_signals},
    Key{"BusMode", "0666", read_bus_mode, "0600"},
    Key{"BusGroup", "that of svcd", read_bus_group},
};
constexpr auto kKeys = [] {
    std::array<std::string_view, kRows.size()> names;
    for (std::size_t row = 0; row < kRows.size(); ++row) {
        names[row] = kRows[row].name;
    }
    return names;
}();

std::string_view without_quotes(std::string_view value) {
    const bool is_quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                           value.back() == value.front();
    return is_quoted ? value.substr(1, value.size() - 2) : value;
}

/// What is wrong with a line, and which key it was to set.
struct Wrong {
    std::string text;
    std::size_t row = kRows.size();  ///< kRows.size(): nobody knows
    int line = 0;
};

std::size_t row_of(std::string_view key) {
    return static_cast<std::size_t>(std::find(kKeys.begin(), kKeys.end(), key) - kKeys.begin());
}

/// By key: the values that are in force, as they are written.
using InForce = std::array<std::string, kRows.size()>;

/// What is wrong with the line, if anything is.
std::optional<Wrong> parse_line(std::string_view line, Config& config, InForce& in_force) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
        return Wrong{"expected 'KEY: VALUE'"};
    }
    const std::string_view key = trim(line.substr(0, colon));
    const std::string_view value = without_quotes(trim(line.substr(colon + 1)));
    const std::size_t row = row_of(key);
    if (row == kRows.size()) {
        return Wrong{"unknown key '" + std::string(key) + "'" + suggestion(key, kKeys),
                     row_of(nearest_word(key, kKeys))};
    }
    if (const Problem problem = kRows[row].read(value, config)) {
        if (in_force[row].empty() && !kRows[row].when_wrong.empty()) {
            in_force[row] = kRows[row].when_wrong;
            kRows[row].read(in_force[row], config);
        }
        return Wrong{std::string(key) + ": " + *problem, row};
    }
    in_force[row] = value;
    return std::nullopt;
}

/// "FILE:LINE: WHAT. The line is ignored: KEY is VALUE".
std::string told(const Wrong& wrong, std::string_view file, const InForce& in_force) {
    std::string text = std::string(file) + ":" + std::to_string(wrong.line) + ": " + wrong.text +
                       (wrong.text.ends_with('?') ? " The line" : "; the line") + " is ignored";
    if (wrong.row < kRows.size()) {
        const std::string& value = in_force[wrong.row];
        text += ", and " + std::string(kRows[wrong.row].name) + " is " +
                (value.empty() ? std::string(kRows[wrong.row].by_default) : value);
    }
    return text;
}

}  // namespace

ParsedConfig parse_config(std::string_view text, std::string_view file, const Config& defaults) {
    ParsedConfig parsed;
    parsed.config = defaults;
    InForce in_force;
    std::vector<Wrong> all_wrong;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view whole = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::string_view line = trim(whole.substr(0, whole.find('#')));
        if (line.empty() || line == "---") {
            continue;
        }
        if (auto wrong = parse_line(line, parsed.config, in_force)) {
            wrong->line = number;
            all_wrong.push_back(*std::move(wrong));
        }
    }
    // Afterwards: a later line may set the key.
    for (const Wrong& wrong : all_wrong) {
        parsed.errors.push_back(told(wrong, file, in_force));
    }
    return parsed;
}

ParsedConfig read_config(const std::string& file, bool must_exist, const Config& defaults) {
    ParsedConfig parsed;
    parsed.config = defaults;
    const auto fail = [&](int error_number, const std::string& detail) {
        parsed.unreadable = Error{error_number, "read the configuration", file,
                                  detail + (detail.empty() ? "" : "; ") +
                                      (must_exist ? "--config= names it: give the right one"
                                                  : "mend it, or remove it for the defaults")};
        parsed.errors.push_back(to_string(*parsed.unreadable));
        return parsed;
    };
    // O_NONBLOCK: a FIFO in the place of the file must not hold up the start.
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (!fd) {
        return errno == ENOENT && !must_exist ? parsed : fail(errno, "");
    }
    struct stat status {};
    const bool has_status = ::fstat(fd.get(), &status) == 0;
    if (has_status && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) {
        return parsed;  // /dev/null: the usual way to say "no configuration"
    }
    if (!has_status || !S_ISREG(status.st_mode)) {
        return fail(0, "not a regular file");
    }
    std::string text(kConfigMax, '\0');
    const ssize_t size = ::read(fd.get(), text.data(), text.size());
    if (size < 0) {
        return fail(errno, "");
    }
    if (static_cast<std::size_t>(size) == kConfigMax) {
        return fail(EFBIG, "");
    }
    text.resize(static_cast<std::size_t>(size));
    ParsedConfig read = parse_config(text, file, defaults);
    // Everybody may read the log.
    for (std::string& error : read.errors) {
        error = (status.st_mode & S_IROTH) != 0 ? error : without_quoted_text(std::move(error));
    }
    return read;
}

}  // namespace svcd
