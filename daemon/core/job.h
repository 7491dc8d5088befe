// Jobs: what a unit is asked to become. At most one a unit; how two requests for the same unit
// become one is a table here. The words are systemd's (systemctl(1), "JOB TYPES" in systemd's job.c
// is where the table's algebra comes from).
#pragma once

#include <cstdint>
#include <optional>

#include "core/types/event.h"
#include "core/types/ids.h"
#include "core/types/relation.h"
#include "core/types/states.h"
#include "core/types/time.h"

namespace svcd {

struct Job {
    JobId id = JobId::none;
    UnitId unit{};
    JobType type = JobType::start;
    JobState state = JobState::waiting;
    bool irreversible = false;  ///< only a cancel or another irreversible transaction ends it
    bool ignore_order = false;  ///< runs whatever it is ordered after
    bool is_queued = false;     ///< in the run queue
    bool comes_along = false;   ///< with another unit's restart or return: its start does not count
                                ///< against the start limit
    Time installed_at{};
    Time began_at{};  ///< running since
    Requester requester;
};

/// What became of starting, stopping or reloading a unit for a job.
enum class StartOutcome : std::uint8_t {
    going,    ///< under way; the unit's state, or the look at its conditions, will tell
    already,  ///< it is so already, or its conditions don't hold
    later,    ///< not now: again when the unit's state changes
    failed,
    skipped,     ///< what it was to find active is not
    dependency,  ///< something it is bound to isn't there
    assertion,   ///< one of its Assert settings does not hold
    invalid,     ///< such a job makes no sense for it now
};

/// What two jobs of one unit become together; nothing when they contradict each other.
std::optional<JobType> merged(JobType first, JobType second);

/// Does a job of type `first` do all that one of type `second` does?
inline bool is_superset(JobType first, JobType second) {
    return merged(first, second) == first;
}

/// try-restart and reload-or-start, for a unit in this state: restart, start, reload or nop.
JobType collapsed(JobType type, ActiveState state);

/// Would a job of this type change nothing for a unit in this state?
bool is_redundant(JobType type, ActiveState state);

/// Of two units with jobs, `later` being ordered After the other: does `later` have to wait? A stop
/// goes before a start, and stops go in the reverse order (systemd.unit(5), Before=).
bool waits_for(JobType later, JobType earlier);

/// Does a job of this type take its unit down?
bool stops(JobType type);

/// Has a job, whose unit stands in `relation` (after or before) to the other's, to wait for it?
bool has_to_wait(JobType job, Relation relation, JobType other);
bool has_to_wait(const Job& job, Relation relation, const Job& other);
/// The same, but that a reload which a process of a stopping unit asks for (its ExecStop, say) is
/// part of that stop: waiting for its end, it would wait for itself.
bool is_held_up(const Job& job, Relation relation, const Job& other);

}  // namespace svcd
