// Bounds what others can make svcd write into its log: lines of one kind, of one unit, and of all
// units. What is left out is counted, and the count is said.
//
// Two lines are of one kind when they are of the same unit and differ in their numbers only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/types/effect.h"
#include "core/types/time.h"

namespace svcd {

/// Lines of one kind in this time; the others are counted.
inline constexpr Duration kLogWindow{10'000'000};
inline constexpr std::size_t kLinesOfKindMax = 10;
/// Of all kinds of a unit.
inline constexpr std::size_t kLinesOfUnitMax = 200;
/// Kinds and units that are counted at a time; the lines of any more are counted together.
inline constexpr std::size_t kLogCountersMax = 1024;

class LogLimit {
public:
    /// May this line be written now?
    bool admits(Time now, Severity severity, std::string_view unit, std::string_view text);

    /// "TEXT; and 812 more in 10 s": the first that was left out, and how many after it.
    using SayLine = std::function<void(Severity, const std::string&)>;
    /// Tells what was left out in the windows that are over at `now`, each once.
    void tell(Time now, const SayLine& say);
    /// When tell() has something to say; nothing while no line was left out.
    std::optional<Time> due() const;

private:
    struct Counter {
        Time until{};
        std::size_t lines = 0;
        std::size_t left_out = 0;
        Severity severity = Severity::debug;
        std::string last;  ///< the first of those left out
    };
    /// Nothing: there are too many already.
    Counter* counter(std::uint64_t key, Time now);
    bool count(Counter* counter,
               std::size_t max,
               Severity severity,
               std::string_view unit,
               std::string_view text,
               Time now);
    void forget_old(Time now);

    std::unordered_map<std::uint64_t, Counter> counters_;
    Counter others_;
    std::size_t pending_ = 0;  ///< counters that have something to tell
};

}  // namespace svcd
