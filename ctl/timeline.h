// Many units beside each other: how svcd came up, or how what was asked for last went down, as data
// for svctl plot, blame and critical-chain. It is read from the daemon's answers
// (docs/stop-records.md, "Many units beside each other").
//
// A unit begins to start, or to stop, when what it is ordered behind is done. So each unit has at
// most one other that decided when it began: the one of those before it that was done last. Going
// back from the unit that was done last leads along the critical path: only what is on it can make
// the whole shorter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "facts.h"
#include "stop_record.h"
#include "time_text.h"

namespace svcd {

enum class TimelineKind : std::uint8_t { boot, stop, shutdown };

enum class Phase : std::uint8_t {
    activating,
    active,
    pre_stop,
    exec_stop,
    after_signal,
    after_sigkill,
    stop_post,
};

/// All times in µs since the timeline began.
struct PhaseSpan {
    Phase phase = Phase::activating;
    Usec begin = 0;
    Usec end = 0;
};

struct TimelineUnit {
    std::string name;
    Usec begin = 0;                 ///< when its start or stop began
    Usec end = 0;                   ///< when it was active, or down; of one that goes on, now
    std::vector<PhaseSpan> phases;  ///< in order; `active` reaches beyond `end`
    std::vector<Usec> sigkills;
    std::string result;    ///< in a word, empty when all went well: "timeout", "failed"
    bool goes_on = false;  ///< its end is not known yet
    bool lost = false;     ///< svcd left before it had ended; `end` is the last that is known
    std::optional<std::size_t> waited_for;  ///< which unit decided when it began
    bool is_critical = false;               ///< on the critical path

    Usec took() const { return end - begin; }
};

struct Timeline {
    TimelineKind kind = TimelineKind::boot;
    Usec began = 0;           ///< µs of CLOCK_MONOTONIC: svcd's start, or the request
    Usec began_realtime = 0;  ///< µs since 1970
    Usec length = 0;          ///< until the last unit was done
    std::optional<Requester> asked_by;
    std::vector<TimelineUnit> units;    ///< by `begin`
    std::vector<std::size_t> critical;  ///< the critical path, from the last to be done
    std::uint64_t more = 0;             ///< units that the daemon left out of a long answer
    std::size_t later = 0;  ///< units that were started, or started anew, after the boot
};

struct ClockReadings {
    Usec monotonic = 0;
    Usec realtime = 0;
};

/// Reads the answer of GetBootTimeline. A unit that isn't active any more may have
/// `inactive_enter_usec`, too. The boot ends where nothing has been started for 10 s: a service
/// that somebody starts, or restarts, next week is no part of it (`later` counts those).
Timeline read_boot_timeline(const Json& answer, ClockReadings now);
/// Reads the answer of GetStopTimeline. Without records there are no units in it.
Timeline read_stop_timeline(const Json& answer, ClockReadings now);

/// The unit, and what it waited for, and what that waited for ...
std::vector<std::size_t> chain_from(const Timeline& timeline, std::size_t unit);
std::optional<std::size_t> find_unit(const Timeline& timeline, std::string_view name);

/// "pre-stop", "ExecStop", "after the signal" ...
std::string_view name_of(Phase phase);

}  // namespace svcd
