#include "core/types/time_span.h"

#include <algorithm>
#include <array>
#include <limits>

#include "core/types/text_scan.h"

namespace svcd {
namespace {

struct TimeUnit {
    std::string_view name;
    std::uint64_t usec;
};

constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kMonth = 2'629'800 * kSecond;
constexpr std::uint64_t kYear = 31'557'600 * kSecond;

// A longer name stands before its own beginnings.
constexpr auto kTimeUnits = std::to_array<TimeUnit>({
    {"seconds", kSecond}, {"second", kSecond}, {"sec", kSecond}, {"s", kSecond},
    {"minutes", kMinute}, {"minute", kMinute}, {"min", kMinute}, {"months", kMonth},
    {"month", kMonth},    {"M", kMonth},       {"msec", 1'000},  {"ms", 1'000},
    {"m", kMinute},       {"hours", kHour},    {"hour", kHour},  {"hr", kHour},
    {"h", kHour},         {"days", kDay},      {"day", kDay},    {"d", kDay},
    {"weeks", 7 * kDay},  {"week", 7 * kDay},  {"w", 7 * kDay},  {"years", kYear},
    {"year", kYear},      {"y", kYear},        {"usec", 1},      {"us", 1},
    {"\u03bcs", 1},       {"\u00b5s", 1},
});

/// Takes the unit `text` begins with, after blanks; without one it is `default_unit` and the blanks
/// stay.
std::uint64_t take_time_unit(std::string_view& text, std::uint64_t default_unit) {
    std::string_view rest = text;
    skip_whitespace(rest);
    for (const TimeUnit& unit : kTimeUnits) {
        if (rest.starts_with(unit.name)) {
            text = rest.substr(unit.name.size());
            return unit.usec;
        }
    }
    text = rest;
    return default_unit;
}

constexpr std::uint64_t kUsecInfinity = std::numeric_limits<std::uint64_t>::max();

/// One "1.5h" of a span. Adds to `total`; false when it isn't one, or more than can be counted.
bool add_span(std::string_view& text, std::uint64_t default_unit, std::uint64_t& total) {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    std::uint64_t whole = 0;
    std::string_view fraction;
    const bool has_whole = !text.empty() && is_digit(text.front());
    if (has_whole) {
        const auto value = take_digits(text);
        if (!value) {
            return false;
        }
        whole = *value;
    }
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        fraction = text.substr(0, std::min(text.find_first_not_of(kDigits), text.size()));
        text.remove_prefix(fraction.size());
        if (fraction.empty()) {
            return false;
        }
    } else if (!has_whole) {
        return false;
    }
    const std::size_t before = text.size();
    const std::uint64_t unit = take_time_unit(text, default_unit);
    if (text.size() == before && !text.empty()) {
        return false;  // something that is no unit follows at once
    }
    if (whole >= kUsecInfinity / unit || whole * unit >= kUsecInfinity - total) {
        return false;
    }
    total += whole * unit;
    std::uint64_t weight = unit / 10;
    for (const char digit : fraction) {
        const std::uint64_t part = static_cast<std::uint64_t>(digit - '0') * weight;
        if (part >= kUsecInfinity - total) {
            return false;
        }
        total += part;
        weight /= 10;
    }
    return true;
}

}  // namespace

std::optional<std::uint64_t> read_time_span(std::string_view text, std::uint64_t default_unit) {
    skip_whitespace(text);
    text = text.substr(0, text.find_last_not_of(kWhitespace) + 1);
    if (text == "infinity") {
        return kUsecInfinity;
    }
    if (text.empty()) {
        return std::nullopt;
    }
    std::uint64_t total = 0;
    while (!text.empty()) {
        if (!add_span(text, default_unit, total)) {
            return std::nullopt;
        }
        skip_whitespace(text);
    }
    return total;
}

}  // namespace svcd
