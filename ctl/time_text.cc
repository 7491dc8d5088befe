#include "time_text.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace svcd {
namespace {

struct TimeUnit {
    std::string_view name;
    Usec length;
};

constexpr Usec kSecond = 1'000'000;
constexpr auto kTimeUnits = std::to_array<TimeUnit>({{"y", 31'557'600 * kSecond},
                                                     {"month", 2'629'800 * kSecond},
                                                     {"w", 604'800 * kSecond},
                                                     {"d", 86'400 * kSecond},
                                                     {"h", 3'600 * kSecond},
                                                     {"min", 60 * kSecond},
                                                     {"s", kSecond},
                                                     {"ms", 1'000},
                                                     {"us", 1}});

std::string spelled(Usec span, std::size_t parts_max, Usec smallest) {
    std::string text;
    std::size_t parts = 0;
    for (const TimeUnit& unit : kTimeUnits) {
        if (unit.length < smallest && parts > 0) {
            break;
        }
        if (span < unit.length) {
            continue;
        }
        if (parts == parts_max) {
            break;
        }
        if (parts > 0) {
            text += ' ';
        }
        text += std::to_string(span / unit.length);
        text += unit.name;
        span %= unit.length;
        ++parts;
    }
    return parts == 0 ? "0" : text;
}

}  // namespace

std::string timespan(Usec span) {
    if (span == kUsecInfinity) {
        return "infinity";
    }
    return spelled(span, kTimeUnits.size(), 1);
}

std::string rough_timespan(Usec span) {
    if (span == kUsecInfinity) {
        return "infinity";
    }
    return spelled(span, 2, span >= kSecond ? kSecond : 1'000);
}

std::string timestamp(Usec realtime) {
    if (realtime == 0 || realtime == kUsecInfinity) {
        return "";
    }
    const auto moment = static_cast<std::time_t>(realtime / kSecond);
    std::tm parts{};
    std::array<char, 64> text{};
    if (::localtime_r(&moment, &parts) == nullptr ||
        std::strftime(text.data(), text.size(), "%a %Y-%m-%d %H:%M:%S %Z", &parts) == 0) {
        return "";
    }
    return text.data();
}

std::string seconds(Usec span) {
    std::array<char, 40> text{};
    const double value = static_cast<double>(span) / static_cast<double>(kSecond);
    std::snprintf(text.data(), text.size(), value < 10 ? "%.2f s" : "%.1f s", value);
    return text.data();
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::string_view kUnits = "BKMGTPE";
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f%c" : "%.1f%c", value, kUnits[unit]);
    return text.data();
}

}  // namespace svcd
