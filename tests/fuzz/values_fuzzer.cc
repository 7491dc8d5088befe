// The values of settings, each from its text; the first byte says which.
#include <sys/resource.h>

#include "fuzz/target.h"
#include "time_text.h"
#include "unitfile/condition_value.h"
#include "unitfile/signal_names.h"
#include "unitfile/values.h"

namespace svcd::fuzz {
namespace {

/// A span that svctl shows is read again as what it was.
void look_at(Duration duration) {
    require(duration >= Duration{0});
    const std::string shown =
        timespan(duration == kInfinity ? kUsecInfinity : static_cast<Usec>(duration.count()));
    const auto again = parse_duration(shown);
    require(again.has_value() && *again == duration);
}

void try_duration(std::string_view text) {
    if (const auto duration = parse_duration(text)) {
        look_at(*duration);
    }
    if (const auto timeout = parse_timeout(text)) {
        look_at(*timeout);
    }
    for (const std::int64_t unit : {1, 1'000'000}) {
        static_cast<void>(parse_duration_in(text, Duration{unit}));
    }
}

void try_number(std::string_view text) {
    if (const auto number = parse_unsigned(text)) {
        require(parse_unsigned(std::to_string(*number)) == *number);
    }
    if (const auto number = parse_integer(text)) {
        require(parse_integer(std::to_string(*number)) == *number);
    }
    if (const auto nice = parse_nice(text)) {
        require(*nice >= -20 && *nice <= 19);
    }
    if (const auto adjust = parse_oom_score_adjust(text)) {
        require(*adjust >= -1000 && *adjust <= 1000);
    }
    if (const auto mode = parse_octal_mode(text)) {
        require(*mode <= 07777);
    }
}

void try_path(std::string_view text) {
    const auto path = parse_path(text);
    if (!path) {
        return;
    }
    require(path->starts_with('/') && path->find("//") == std::string::npos);
    require(parse_path(*path) == *path);
}

}  // namespace

void try_input(std::string_view input) {
    Bytes bytes{input};
    const unsigned choice = bytes.byte();
    const std::string_view text = bytes.rest();
    constexpr unsigned kConditions = static_cast<unsigned>(ConditionKind::mounts_for);
    switch (choice % 8) {
        case 0:
        case 1:
            try_duration(text);
            break;
        case 2:
            static_cast<void>(parse_size(text));
            break;
        case 3:
            try_number(text);
            break;
        case 4:
            try_path(text);
            break;
        case 5:
            static_cast<void>(
                parse_resource_limit(static_cast<int>(choice / 8) % RLIM_NLIMITS, text));
            break;
        case 6:
            static_cast<void>(
                parse_condition(static_cast<ConditionKind>(choice / 8 % kConditions), text));
            break;
        default:
            static_cast<void>(parse_boolean(text));
            static_cast<void>(split_words(text));
            static_cast<void>(trim(text));
            break;
    }
}

}  // namespace svcd::fuzz
