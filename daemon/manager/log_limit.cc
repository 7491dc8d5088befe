#include "manager/log_limit.h"

#include <algorithm>
#include <utility>

#include "core/types/text_scan.h"

namespace svcd {
namespace {

/// Of a text that is repeated beside a count.
constexpr std::size_t kShownMax = 400;

/// FNV-1a. A run of digits counts as one.
std::uint64_t kind_of(std::string_view unit, std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto add = [&](char c) { hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3; };
    std::for_each(unit.begin(), unit.end(), add);
    add('\0');
    char before = '\0';
    for (const char c : text) {
        const char shown = is_digit(c) ? '0' : c;
        if (shown != '0' || before != '0') {
            add(shown);
        }
        before = shown;
    }
    return hash;
}

std::string named(std::string_view unit, std::string_view text) {
    std::string line{unit};
    line += unit.empty() ? "" : ": ";
    line += text.substr(0, std::min(text.find('\n'), kShownMax));
    return line;
}

}  // namespace

LogLimit::Counter* LogLimit::counter(std::uint64_t key, Time now) {
    const auto found = counters_.find(key);
    if (found != counters_.end()) {
        return &found->second;
    }
    if (counters_.size() >= kLogCountersMax) {
        forget_old(now);
    }
    return counters_.size() < kLogCountersMax ? &counters_[key] : nullptr;
}

/// Those that have something to tell stay.
void LogLimit::forget_old(Time now) {
    std::erase_if(counters_, [&](const auto& entry) {
        return entry.second.until <= now && entry.second.left_out == 0;
    });
}

bool LogLimit::count(Counter* counter,
                     std::size_t max,
                     Severity severity,
                     std::string_view unit,
                     std::string_view text,
                     Time now) {
    Counter& mine = counter != nullptr ? *counter : others_;
    if (mine.left_out == 0 && mine.until <= now) {
        mine.until = now + kLogWindow;
        mine.lines = 0;
    }
    if (mine.lines < max) {
        ++mine.lines;
        return true;
    }
    if (mine.left_out++ == 0) {
        ++pending_;
        mine.severity = severity;
        mine.last = named(unit, text);
    }
    return false;
}

bool LogLimit::admits(Time now, Severity severity, std::string_view unit, std::string_view text) {
    if (severity == Severity::debug) {
        return true;  // who asks for these wants all of them
    }
    return count(counter(kind_of(unit, text), now), kLinesOfKindMax, severity, unit, text, now) &&
           count(counter(kind_of(unit, {}), now), kLinesOfUnitMax, severity, unit, text, now);
}

void LogLimit::tell(Time now, const SayLine& say) {
    if (pending_ == 0) {
        return;
    }
    const auto tell_of = [&](Counter& counter) {
        if (counter.left_out == 0 || counter.until > now) {
            return;
        }
        const std::size_t more = counter.left_out - 1;
        say(counter.severity, more == 0
                                  ? counter.last
                                  : counter.last + "; and " + std::to_string(more) + " more in " +
                                        std::to_string(kLogWindow.count() / 1'000'000) + " s");
        counter = Counter{};
        --pending_;
    };
    for (auto& [key, counter] : counters_) {
        tell_of(counter);
    }
    tell_of(others_);
}

std::optional<Time> LogLimit::due() const {
    std::optional<Time> due;
    if (pending_ == 0) {
        return due;
    }
    const auto look = [&](const Counter& counter) {
        if (counter.left_out > 0 && (!due || counter.until < *due)) {
            due = counter.until;
        }
    };
    for (const auto& [key, counter] : counters_) {
        look(counter);
    }
    look(others_);
    return due;
}

}  // namespace svcd
