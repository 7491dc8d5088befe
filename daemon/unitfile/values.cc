#include "unitfile/values.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <limits>
#include <optional>

#include "core/types/text_scan.h"
#include "core/types/time_span.h"

namespace svcd {
namespace {

std::string quoted(std::string_view text) {
    return "'" + std::string(text) + "'";
}

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kUsecInfinity = std::numeric_limits<std::uint64_t>::max();

template <typename T>
Parsed<T> parse_number(std::string_view text, const char* what) {
    std::string_view digits = trim(text);
    if (digits.starts_with('+')) {
        digits.remove_prefix(1);
        if (!digits.empty() && !is_digit(digits.front())) {
            return Unparsable{quoted(text) + " is not " + what};
        }
    }
    T value{};
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || stop != end || error != std::errc{}) {
        return Unparsable{quoted(text) + " is not " + what};
    }
    return value;
}

}  // namespace

std::string_view trim(std::string_view text) {
    skip_whitespace(text);
    const std::size_t last = text.find_last_not_of(kWhitespace);
    return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    for (;;) {
        skip_whitespace(text);
        if (text.empty()) {
            return words;
        }
        const std::size_t length = std::min(text.find_first_of(kWhitespace), text.size());
        words.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
}

Parsed<Duration> parse_duration(std::string_view text) {
    const auto usec = read_time_span(text, kSecond);
    if (!usec) {
        return Unparsable{quoted(text) +
                          " is not a time span such as '20s', '1min 30s' or 'infinity'"};
    }
    // Half the range of systemd's counter, 292,271 years, is as good as for ever.
    const auto infinite = static_cast<std::uint64_t>(kInfinity.count());
    return *usec >= infinite ? kInfinity : Duration{static_cast<Duration::rep>(*usec)};
}

Parsed<Duration> parse_timeout(std::string_view text) {
    Parsed<Duration> duration = parse_duration(text);
    if (duration && *duration == Duration{0}) {
        return kInfinity;
    }
    return duration;
}

Parsed<std::uint64_t> parse_duration_in(std::string_view text, Duration unit) {
    const auto usec_per_unit = static_cast<std::uint64_t>(unit.count());
    const auto usec = read_time_span(text, usec_per_unit);
    if (!usec) {
        return Unparsable{quoted(text) + " is not a time span"};
    }
    return *usec == kUsecInfinity ? kUsecInfinity
                                  : *usec / usec_per_unit + (*usec % usec_per_unit != 0 ? 1 : 0);
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
    constexpr std::string_view kSuffixes = "EPTGMKB";  // in the order in which they may follow
    const auto fault = [text] {
        return Unparsable{quoted(text) + " is not a size such as '512M' or '1.5G'"};
    };
    std::string_view rest = trim(text);
    std::uint64_t total = 0;
    std::size_t next_suffix = 0;
    if (rest.empty()) {
        return fault();
    }
    while (!rest.empty()) {
        const auto whole = take_digits(rest);
        if (!whole) {
            return fault();
        }
        long double fraction = 0;
        if (rest.starts_with('.')) {
            rest.remove_prefix(1);
            long double weight = 0.1L;
            for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1)) {
                fraction += static_cast<long double>(rest.front() - '0') * weight;
                weight /= 10;
            }
        }
        skip_whitespace(rest);
        std::size_t suffix = kSuffixes.size() - 1;
        if (!rest.empty() && !is_digit(rest.front())) {
            suffix = kSuffixes.find(rest.front());
            if (suffix == std::string_view::npos) {
                return fault();
            }
            rest.remove_prefix(1);
        }
        if (suffix < next_suffix) {
            return fault();
        }
        next_suffix = suffix + 1;
        const std::uint64_t factor = std::uint64_t{1} << (10 * (kSuffixes.size() - 1 - suffix));
        const auto part = static_cast<std::uint64_t>(fraction * static_cast<long double>(factor));
        if (*whole > (kUsecInfinity - part) / factor ||
            *whole * factor + part > kUsecInfinity - total) {
            return fault();
        }
        total += *whole * factor + part;
        skip_whitespace(rest);
    }
    return total;
}

Parsed<std::string> parse_path(std::string_view text) {
    if (!text.starts_with('/') || text.size() >= PATH_MAX) {
        return Unparsable{quoted(text) + " is not an absolute path"};
    }
    std::string path;
    for (std::string_view rest = text; !rest.empty();) {
        rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
        const std::string_view part = rest.substr(0, rest.find('/'));
        rest.remove_prefix(part.size());
        if (part == "..") {
            return Unparsable{quoted(text) + " has '..' in it: write the path it leads to"};
        }
        if (!part.empty() && part != ".") {
            path.append("/").append(part);
        }
    }
    return path.empty() ? std::string{"/"} : path;
}

Parsed<bool> parse_boolean(std::string_view text) {
    std::string word{trim(text)};
    for (char& c : word) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    constexpr auto kTrue = std::to_array<std::string_view>({"1", "yes", "y", "true", "t", "on"});
    constexpr auto kFalse = std::to_array<std::string_view>({"0", "no", "n", "false", "f", "off"});
    if (std::find(kTrue.begin(), kTrue.end(), word) != kTrue.end()) {
        return true;
    }
    if (std::find(kFalse.begin(), kFalse.end(), word) != kFalse.end()) {
        return false;
    }
    return Unparsable{quoted(text) + " is not a boolean: 'yes' or 'no'"};
}

Parsed<std::uint64_t> parse_unsigned(std::string_view text) {
    return parse_number<std::uint64_t>(text, "a number");
}

Parsed<std::int64_t> parse_integer(std::string_view text) {
    return parse_number<std::int64_t>(text, "a whole number");
}

Parsed<std::uint16_t> parse_octal_mode(std::string_view text) {
    const std::string_view digits = trim(text);
    unsigned mode = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, mode, 8);
    if (digits.empty() || stop != end || error != std::errc{} || mode > 07777) {
        return Unparsable{quoted(text) + " is not a file mode in octal, such as '0022'"};
    }
    return static_cast<std::uint16_t>(mode);
}

Parsed<int> parse_nice(std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || *value < -20 || *value > 19) {
        return Unparsable{quoted(text) + " is not a nice level from -20 to 19"};
    }
    return static_cast<int>(*value);
}

Parsed<int> parse_oom_score_adjust(std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || *value < -1000 || *value > 1000) {
        return Unparsable{quoted(text) + " is not a number from -1000 to 1000"};
    }
    return static_cast<int>(*value);
}

namespace {

/// LimitNICE: "+10" or "-5" is a nice level, a bare number the raw limit (20 less the nice level).
Parsed<std::uint64_t> parse_nice_limit(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) {
        const auto nice = parse_nice(text);
        if (!nice) {
            return Unparsable{nice.error()};
        }
        return static_cast<std::uint64_t>(20 - *nice);
    }
    auto raw = parse_unsigned(text);
    if (raw && (*raw > 40 || *raw == 0)) {
        return Unparsable{quoted(text) + " is not a nice level (+N, -N) or a limit from 1 to 40"};
    }
    return raw;
}

Parsed<std::uint64_t> parse_limit_value(int resource, std::string_view text) {
    if (text == "infinity") {
        return std::numeric_limits<std::uint64_t>::max();
    }
    switch (resource) {
        case RLIMIT_CPU:
            return parse_duration_in(text, Duration{kSecond});
        case RLIMIT_RTTIME:
            return parse_duration_in(text, Duration{1});
        case RLIMIT_NICE:
            return parse_nice_limit(text);
        case RLIMIT_FSIZE:
        case RLIMIT_DATA:
        case RLIMIT_STACK:
        case RLIMIT_CORE:
        case RLIMIT_RSS:
        case RLIMIT_AS:
        case RLIMIT_MEMLOCK:
        case RLIMIT_MSGQUEUE:
            return parse_size(text);
        default:  // the others are plain numbers
            return parse_unsigned(text);
    }
}

}  // namespace

Parsed<ResourceLimit> parse_resource_limit(int resource, std::string_view text) {
    const std::string_view value = trim(text);
    const std::size_t colon = value.find(':');
    const auto soft = parse_limit_value(resource, trim(value.substr(0, colon)));
    if (!soft) {
        return Unparsable{soft.error()};
    }
    if (colon == std::string_view::npos) {
        return ResourceLimit{resource, *soft, *soft};
    }
    const auto hard = parse_limit_value(resource, trim(value.substr(colon + 1)));
    if (!hard) {
        return Unparsable{hard.error()};
    }
    if (*soft > *hard) {
        return Unparsable{quoted(text) + " has a soft limit above the hard limit"};
    }
    return ResourceLimit{resource, *soft, *hard};
}

}  // namespace svcd
