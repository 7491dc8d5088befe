// Time as the core knows it: microseconds of CLOCK_MONOTONIC, always handed in, never asked for.
//
// Deadlines, watchdogs and start limits all run on this clock, so that a suspend makes nothing
// overdue and a change of the wall clock changes nothing. The shell turns a Time into wall-clock
// time where a person is to read it.
#pragma once

#include <chrono>
#include <cstdint>

namespace svcd {

using Duration = std::chrono::microseconds;

/// CLOCK_MONOTONIC. It has no now(): whoever needs the time is given it.
struct MonotonicClock {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonotonicClock>;
    static constexpr bool is_steady = true;
};
using Time = MonotonicClock::time_point;

/// `infinity` in a unit file; also "no deadline".
inline constexpr Duration kInfinity = Duration::max();
inline constexpr Time kNever = Time::max();

/// `now + delay`, where an infinite delay (or one too long to count) is kNever.
constexpr Time after(Time now, Duration delay) {
    return delay >= kNever - now ? kNever : now + delay;
}

constexpr std::int64_t to_usec(Time time) {
    return time.time_since_epoch().count();
}

constexpr Time time_from_usec(std::int64_t usec) {
    return Time{Duration{usec}};
}

}  // namespace svcd
