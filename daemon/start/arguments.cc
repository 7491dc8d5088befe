#include "start/arguments.h"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "libc/os.h"

namespace svcd {
namespace {

struct Option {
    const char* name;
    const char* value;  ///< what it takes, for people; null: nothing
    bool Arguments::*flag;
    const char* Arguments::*text;
    bool is_for_manager;
    bool is_for_command = false;  ///< it needs `-- CMD`
};

constexpr Option kOptions[] = {
    {"--system", nullptr, &Arguments::is_system, nullptr, true},
    {"--user", nullptr, &Arguments::is_user, nullptr, true},
    {"--container", nullptr, &Arguments::is_container, nullptr, true},
    {"--help", nullptr, &Arguments::help, nullptr, false},
    {"-h", nullptr, &Arguments::help, nullptr, false},
    {"--version", nullptr, &Arguments::version, nullptr, false},
    {"--unit", "NAME", nullptr, &Arguments::unit, true},
    {"--unit-path", "DIR[:DIR]", nullptr, nullptr, true},
    {"--runtime-dir", "DIR", nullptr, &Arguments::runtime_dir, true},
    {"--log-dir", "DIR", nullptr, nullptr, true},
    {"--cgroup", "PATH", nullptr, nullptr, true},
    {"--bus", "WHICH", nullptr, nullptr, true},
    {"--config", "FILE", nullptr, &Arguments::config, true},
    {"--log-level", "LEVEL", nullptr, nullptr, true},
    {"--log-prefix", "yes|no", nullptr, nullptr, true},
    {"--exit-when-idle", "yes|no", nullptr, nullptr, true},
    {"--shutdown-budget", "SPAN|@FILE", nullptr, nullptr, true},
    {"--stop-report", "text|json|no", nullptr, nullptr, true},
    {"-p", "KEY=VALUE", nullptr, nullptr, true, true},
    {"--stop-signal", "SIG[,SIG]", nullptr, &Arguments::stop_signal, true, true},
    {"--forward-to", "main|group", nullptr, nullptr, true, true},
    {"--leftover-timeout", "SPAN", nullptr, nullptr, true, true},
    {"--exit-status-map", "FROM:TO[,FROM:TO]", nullptr, nullptr, true, true},
    {"--parent-death-signal", "SIG", nullptr, &Arguments::parent_death_signal, false, true},
    {"--warn-orphans", nullptr, &Arguments::warn_orphans, nullptr, false, true},
    {"--manager", "PATH", nullptr, &Arguments::manager, false},
};

// Severities of syslog(3), as manager/log.h knows them.
constexpr const char* kLogLevels[] = {"debug", "info", "notice", "warning", "warn", "error",
                                      "err",   "crit", "alert",  "emerg",   "0",    "1",
                                      "2",     "3",    "4",      "5",       "6",    "7"};

constexpr std::size_t kWordMax = 32;  ///< of those that are compared
constexpr unsigned kFarthest = 3;     ///< a suggestion has at most so many letters wrong

/// How many letters have to be put in, taken out or changed.
unsigned distance(const char* a, std::size_t a_length, const char* b) {
    const std::size_t b_length = std::strlen(b);
    if (a_length > kWordMax || b_length > kWordMax) {
        return kFarthest + 1;
    }
    unsigned row[kWordMax + 1];
    for (unsigned column = 0; column <= b_length; ++column) {
        row[column] = column;
    }
    for (unsigned line = 1; line <= a_length; ++line) {
        unsigned diagonal = row[0];
        row[0] = line;
        for (unsigned column = 1; column <= b_length; ++column) {
            const unsigned above = row[column];
            const unsigned change = diagonal + (a[line - 1] == b[column - 1] ? 0 : 1);
            row[column] = std::min({above + 1, row[column - 1] + 1, change});
            diagonal = above;
        }
    }
    return row[b_length];
}

void say_unknown(const char* word, bool goes_on) {
    const std::size_t length = std::strcspn(word, "=");
    const char* nearest = nullptr;
    unsigned least = kFarthest + 1;
    for (const Option& option : kOptions) {
        const unsigned far = distance(word, length, option.name);
        if (far < least && far * 2 < length) {
            least = far;
            nearest = option.name;
        }
    }
    say("svcd has no option %.*s%s%s%s; %s", static_cast<int>(length), word,
        nearest != nullptr ? " (did you mean " : "", nearest != nullptr ? nearest : "",
        nearest != nullptr ? "?)" : "",
        goes_on ? "it is left out" : "'svcd --help' shows what there is");
}

bool is_log_level(const char* value) {
    return std::any_of(std::begin(kLogLevels), std::end(kLogLevels),
                       [&](const char* level) { return std::strcmp(level, value) == 0; });
}

/// Reads words from `from` and keeps some of them at `to`, which never overtakes it.
class Reader {
public:
    Reader(char** words, KernelWords* kernel, Arguments& arguments)
        : from_(words), to_(words), kernel_(kernel), arguments_(arguments) {}

    bool read() {
        bool is_right = true;
        while (*from_ != nullptr && std::strcmp(*from_, "--") != 0) {
            // All that is wrong is said, not the first only.
            is_right = take_word() && is_right;
        }
        is_right = take_command() && is_right;
        *to_ = nullptr;
        if (arguments_.command_option != nullptr && !arguments_.has_command) {
            say("%s is for a command: svcd --container %s ... -- COMMAND",
                arguments_.command_option, arguments_.command_option);
            return goes_on();
        }
        if (arguments_.has_command && arguments_.unit != nullptr) {
            say("--unit=%s: with a command its unit, main.service, is what is started; have it "
                "require the other one: -p Requires=%s",
                arguments_.unit, arguments_.unit);
            return false;
        }
        return is_right;
    }

private:
    bool goes_on() const { return kernel_ != nullptr; }

    void keep(std::size_t count) {
        for (; count > 0; --count) {
            *to_++ = *from_++;
        }
    }

    void take(const Option& option, std::size_t words) {
        if (option.is_for_manager) {
            keep(words);
        } else {
            from_ += words;
        }
    }

    /// It would be a second one, beside another.
    bool is_other_mode(const Option& option) const {
        constexpr bool Arguments::*kModes[] = {&Arguments::is_system, &Arguments::is_user,
                                               &Arguments::is_container};
        const bool is_mode =
            std::find(std::begin(kModes), std::end(kModes), option.flag) != std::end(kModes);
        return is_mode && std::any_of(std::begin(kModes), std::end(kModes), [&](auto mode) {
                   return mode != option.flag && arguments_.*mode;
               });
    }

    /// True when svcd goes on all the same.
    bool leave_out(std::size_t count) {
        from_ += count;
        return goes_on();
    }

    bool take_word() {
        for (const Option& option : kOptions) {
            const std::size_t length = std::strlen(option.name);
            if (std::strncmp(*from_, option.name, length) == 0 &&
                ((*from_)[length] == '\0' || (*from_)[length] == '=')) {
                return take_option(option, (*from_)[length] == '=' ? *from_ + length + 1 : nullptr);
            }
        }
        // What stands on the kernel's command line has been taken there, in its order.
        if (kernel_ != nullptr && !is_kernel_word(*from_, *kernel_) &&
            take_kernel_word(*from_, *kernel_)) {
            return leave_out(1);
        }
        if ((*from_)[0] == '-') {
            if (kernel_ == nullptr || !is_kernel_word(*from_, *kernel_)) {
                say_unknown(*from_, goes_on());
            } else if ((*from_)[1] == '-') {
                say_unknown(*from_, true);
            }
            return leave_out(1);
        }
        return take_stray_word();
    }

    bool take_option(const Option& option, const char* value) {
        if (option.is_for_command) {
            arguments_.command_option = option.name;
        }
        if (option.value == nullptr) {
            if (value != nullptr) {
                say("%s takes no value, so %s is wrong", option.name, *from_);
                return leave_out(1);
            }
            if (is_other_mode(option)) {
                say("--system, --user and --container exclude each other");
                return leave_out(1);
            }
            arguments_.*option.flag = true;
            take(option, 1);
            return true;
        }
        const std::size_t words = value == nullptr ? 2 : 1;
        value = value == nullptr ? from_[1] : value;
        if (value == nullptr || value[0] == '\0' || (words == 2 && value[0] == '-')) {
            say("%s needs a value: %s=%s", option.name, option.name, option.value);
            return leave_out(words == 2 && value != nullptr && value[0] == '\0' ? 2 : 1);
        }
        if (std::strcmp(option.name, "--log-level") == 0 && !is_log_level(value)) {
            say("--log-level: '%s' is none of debug, info, notice, warning, error", value);
            return leave_out(words);
        }
        if (std::strcmp(option.name, "--log-prefix") == 0 && std::strcmp(value, "yes") != 0 &&
            std::strcmp(value, "no") != 0) {
            say("--log-prefix: '%s' is neither yes nor no", value);
            return leave_out(words);
        }
        if (std::strcmp(option.name, "--unit") == 0 && !is_unit_name(value)) {
            say("--unit: '%s' can't be the name of a unit: such as default.target or web.service; "
                "%s",
                value, goes_on() ? "it is left out" : "nothing is started");
            return leave_out(words);
        }
        if (option.text != nullptr) {
            arguments_.*option.text = value;
        }
        take(option, words);
        return true;
    }

    bool take_stray_word() {
        if (kernel_ != nullptr) {
            if (!is_kernel_word(*from_, *kernel_)) {
                say("svcd doesn't know what '%s' means; it is left out", *from_);
            }
            return leave_out(1);
        }
        if (arguments_.manager != nullptr) {
            keep(1);  // of a manager that is not svcd's own, which judges it
            return true;
        }
        say("svcd takes options only, so it doesn't know what '%s' means; 'svcd --help' shows what "
            "there is",
            *from_);
        return leave_out(1);
    }

    /// `-- COMMAND`.
    bool take_command() {
        if (*from_ == nullptr) {
            return true;
        }
        if (kernel_ == nullptr && !arguments_.is_container && arguments_.manager != nullptr) {
            while (*from_ != nullptr) {
                keep(1);
            }
            return true;
        }
        if (from_[1] == nullptr) {
            return true;  // nothing follows
        }
        if (kernel_ != nullptr) {
            // The kernel hands on what stands behind -- on its command line.
            for (++from_; *from_ != nullptr;) {
                take_word();
            }
            return true;
        }
        if (arguments_.is_container) {
            arguments_.has_command = true;
            while (*from_ != nullptr) {
                keep(1);
            }
            return true;
        }
        say("'-- %s': a command is for --container only", from_[1]);
        return false;
    }

    char** from_;
    char** to_;
    KernelWords* kernel_;
    Arguments& arguments_;
};

}  // namespace

bool says_container(char** words) {
    for (; *words != nullptr && std::strcmp(*words, "--") != 0; ++words) {
        if (std::strcmp(*words, "--container") == 0) {
            return true;
        }
    }
    return false;
}

bool read_arguments(char** words, KernelWords* kernel, Arguments& arguments) {
    return Reader{words, kernel, arguments}.read();
}

}  // namespace svcd
