// What must survive the manager: one fixed record per unit and one for the supervisor, as they
// stand in the state file.
//
// Records are plain bytes (no pointers, fixed sizes, zeroed padding), so that state/ writes them
// with one pwrite and the next manager reads them whole. All times are µs of CLOCK_MONOTONIC;
// kNever is INT64_MAX; 0 is "never happened".
//
// New fields stand at the end of a record, and zero means there "not known", so that the records of
// the release before are read as they stand and filled up with zeros (state/state_before.h). The
// first change of a record after a release raises kRecordVersion.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/types/failure.h"

namespace svcd {

inline constexpr std::uint32_t kRecordVersion = 5;

/// systemd.unit(5): a unit name has at most 255 bytes.
inline constexpr std::size_t kUnitNameMax = 255;
/// Object and detail of an ExecError, each with its NUL, are cut to this; so much is the detail's.
inline constexpr std::size_t kExecTextMax = 116;
inline constexpr std::size_t kExecDetailKept = 36;
/// Longer STATUS= texts are cut here.
inline constexpr std::size_t kStatusTextMax = 255;
/// Starts that a start limit can count: StartLimitBurst is at most this.
inline constexpr std::size_t kStartLimitBurstMax = 64;
/// Stops of a service whose times are remembered.
inline constexpr std::size_t kStopTimesMax = 16;
/// Unclean restarts of a service that are remembered: FlappingBurst is at most this.
inline constexpr std::size_t kUncleanRestartsMax = 16;
/// Clients' requests whose answers are remembered.
inline constexpr std::size_t kRequestsRemembered = 1024;

/// A process of a unit, and what it is there for.
struct ProcessRecord {
    std::uint64_t token;      ///< 0: none
    std::int32_t pid;         ///< 0: not spawned yet, or gone
    std::uint16_t command;    ///< which of ServiceSettings::commands it executes
    std::uint8_t is_foreign;  ///< not the launcher's child: its end is seen by pidfd
    std::array<std::uint8_t, 1> padding;
    std::uint64_t start_time;  ///< as /proc/PID/stat has it; 0: not known
};

struct JobRecord {
    std::uint32_t id;    ///< 0: no job
    std::uint8_t type;   ///< JobType
    std::uint8_t state;  ///< JobState
    std::uint8_t irreversible;
    std::uint8_t ignore_order;
    std::uint32_t requester_uid;
    std::int32_t requester_pid;
    std::int64_t installed_at;
    std::int64_t began_at;                    ///< running since; 0: it waits
    std::array<char, 120> requester_command;  ///< NUL-terminated
    std::array<char, 120> reason;             ///< NUL-terminated
};

/// How long the last stops took, in µs (at most 71 minutes), a ring.
struct StopTimesRecord {
    std::array<std::uint32_t, kStopTimesMax> took_usec;
    std::uint8_t count;
    std::uint8_t next;            ///< the entry that is written next
    std::uint8_t warned_percent;  ///< of the limit: what has been warned of
    std::array<std::uint8_t, 5> padding;
};

/// The last automatic restarts after unclean ends, oldest first.
struct UncleanRestartsRecord {
    std::array<std::uint32_t, kUncleanRestartsMax> at;     ///< in tenths of a second
    std::array<std::uint8_t, kUncleanRestartsMax> end;     ///< ExitCode + 8 * UnitResult
    std::array<std::uint8_t, kUncleanRestartsMax> status;  ///< exit status or signal
    std::int64_t flapping_since;                           ///< 0: it isn't flapping
    std::uint32_t count;                                   ///< since then
    std::uint8_t used;                                     ///< entries in use
    std::array<std::uint8_t, 3> padding;
};

/// A unit that was never started has none. Everything a unit is, apart from its definition.
/// UnitFailure, as far as it is kept.
struct FailureRecord {
    std::uint8_t kind;    ///< FailureKind
    std::uint8_t during;  ///< SubState
    std::uint16_t command;
    std::int32_t status;
    std::int32_t pid;
    std::uint32_t code;  ///< ExitCode
    std::int64_t limit;
};

struct UnitRecord {
    std::array<char, kUnitNameMax + 1> name;  ///< NUL-terminated; empty: the record is free
    std::uint8_t sub_state;                   ///< SubState
    std::uint8_t result;                      ///< UnitResult
    std::uint8_t reload_result;               ///< UnitResult
    std::uint8_t service_type;                ///< ServiceType it was last started with
    std::uint16_t flags;                      ///< UnitFlag bits
    std::uint16_t condition_decided_by;       ///< 1 + the place of the one that did not hold
    std::uint32_t restarts;                   ///< NRestarts
    std::uint32_t
        backoff;           ///< restarts since the service last ran well: which RestartSteps is next
    std::uint32_t flags2;  ///< UnitFlag2 bits
    std::int64_t state_deadline;
    std::int64_t watchdog_deadline;
    std::int64_t stop_deadline;  ///< of the whole stop, all its phases; 0: no stop is going on
    std::int64_t watchdog_interval;
    std::int64_t state_changed_at;  ///< StateChangeTimestampMonotonic
    std::int64_t inactive_exit_at;
    std::int64_t active_enter_at;
    std::int64_t active_exit_at;
    std::int64_t inactive_enter_at;
    std::int64_t main_started_at;  ///< ExecMainStartTimestampMonotonic
    std::int64_t main_exited_at;
    std::int64_t watchdog_at;  ///< WatchdogTimestampMonotonic
    std::int32_t main_code;    ///< ExitCode
    std::int32_t main_status;
    std::int32_t main_pid_last;  ///< ExecMainPID: stays after the exit
    std::int32_t status_error;   ///< ERRNO=
    std::uint16_t start_count;   ///< entries of start_times in use
    std::array<std::uint8_t, 2> padding3;
    std::int32_t named_pid;  ///< of a MAINPID= that could not be taken yet
    std::array<std::int64_t, kStartLimitBurstMax> start_times;  ///< the last starts, oldest first
    ProcessRecord main;
    ProcessRecord control;
    std::uint64_t identifying;  ///< token of an IdentifyMainProcess without an answer
    ProcessRecord checker;      ///< of a CheckConditions without an answer
    std::int64_t checker_deadline;
    std::int64_t condition_at;  ///< ConditionTimestampMonotonic
    std::int64_t assert_at;     ///< AssertTimestampMonotonic
    std::int64_t reload_began_at;
    std::int64_t stop_began_at;  ///< when it last began to go down
    std::int64_t stop_limit;     ///< what the clock of stop_deadline was given
    std::int64_t dump_until;     ///< how long a core dump may hold SIGKILL back
    StopTimesRecord stop_times;
    JobRecord job;
    std::array<std::uint64_t, 2> invocation_id;
    std::array<char, kStatusTextMax + 1> status_text;  ///< NUL-terminated
    // ── since version 5
    std::uint8_t exec_step;       ///< ExecStep of the last ExecError; 0: none
    std::uint8_t exec_problem;    ///< ExecProblem
    std::uint8_t exec_role;       ///< CommandRole
    std::uint8_t exec_oom_errno;  ///< of ExecDeviations, as the next three
    std::int32_t exec_errno;
    std::uint16_t exec_limits;
    std::int8_t exec_nice;
    std::uint8_t exec_nice_differs;
    std::array<char, kExecTextMax> exec_text;  ///< object and detail, each NUL-terminated
    std::int64_t idle_until;            ///< Type=idle: its main process is ordered then at last
    std::int64_t unreaped_until;        ///< no start before, while its last main process, adopted
                                        ///< and at its end, isn't reaped
    std::uint64_t unreaped_start_time;  ///< of that process, whose PID is main_pid_last
    std::uint64_t missed;    ///< checksum of the name of the unit that it comes back with
    std::uint64_t asked_by;  ///< checksum of the name of the unit that asked for its job
    UncleanRestartsRecord unclean_restarts;
    FailureRecord failure;         ///< what made the result
    FailureRecord reload_failure;  ///< what made the reload's
    // Of the start or restart that `job` asks for; without such a job, of the last start. Who asked
    // for that stands in `job`, whose ID is 0 then, and in `asked_by`.
    std::uint64_t start_other;    ///< checksum of the name of the unit whose OnFailure ... it was
    std::uint8_t start_cause;     ///< StartCause
    std::uint8_t start_relation;  ///< Relation
    std::uint8_t restart_rule;    ///< RestartRule of the last restart, or of what kept it down
    std::array<std::uint8_t, 5>
        log_begin;  ///< 1 + where the log of this life begins, the lowest byte first
};
static_assert(std::is_trivially_copyable_v<UnitRecord> && std::is_standard_layout_v<UnitRecord>);

/// Bits of UnitRecord::flags.
enum UnitFlag : std::uint16_t {
    kUnitForbidRestart = 1,   ///< stopped by a job: Restart= does not apply
    kUnitSigkillSent = 2,     ///< processes of this stop got SIGKILL
    kUnitPopulated = 4,       ///< the cgroup has, or may have, processes
    kUnitMainIsAdopted = 8,   ///< the main process named itself (MAINPID=, PIDFile)
    kUnitMainIsKnown = 16,    ///< this life has, or had, a main process that is known
    kUnitToldReloading = 32,  ///< RELOADING=1 was the last word
    kUnitToldStopping = 64,   ///< STOPPING=1
    kUnitHasRun = 256,  ///< a service that was started once: what follows the timestamps is set
    kUnitForgetRestarts = 128,  ///< the next start counts its restarts anew
};

/// Bits of UnitRecord::flags2.
enum UnitFlag2 : std::uint32_t {
    kUnitConditionHolds = 1,  ///< ConditionResult
    kUnitAssertHolds = 2,     ///< AssertResult
    kUnitWantsBack = 4,       ///< was stopped for a dependency's failure: comes back with it
    kUnitBusNameGood = 8,     ///< its bus name has an owner
    kUnitHasCheck = 32,       ///< its conditions have been looked at: what follows `checker` is set
    kUnitMainIsHeld = 16,     ///< Type=idle: the main process has not been ordered yet
    kUnitAskedToStop = 128,   ///< the stop signal has been sent in this stop
    kUnitStopIsMeasured = 64,            ///< there were processes to stop: the time counts
    kUnitStopSignalSent = 1U << 16,      ///< the signal of the present state of its stop was sent
    kUnitMayHaveMissedReady = 1U << 17,  ///< svcd was away while it started
    kUnitReadinessUnknown = 1U << 18,    ///< counts as started, and nobody has heard READY=1
    kUnitGaveUpWaiting = 1U << 19,       ///< its stop did not wait for those that are left over
    kUnitMainRan = 1U << 24,  ///< its main process has ended, and was its own program by then
    kUnitKilledOneByOne = 1U << 20,  ///< those that survived SIGKILL to the cgroup got it again
    kUnitMainHasMoved = 1U << 21,    ///< its main process is in another cgroup
    kUnitGoesWithout = 1U << 22,     ///< its last start left out something that it wished for
    kUnitIsGivenUp = 1U << 23,       ///< by its start limit
};

struct SupervisorRecord {
    std::uint64_t next_serial;  ///< of process tokens
    std::uint32_t next_job;
    std::uint8_t shutting_down;
    std::uint8_t shutdown_kind;  ///< ShutdownKind
    std::uint8_t something_was_killed;
    std::uint8_t started;          ///< the boot transaction has been asked for
    std::int32_t exit_status;      ///< what a FailureAction or SuccessAction wants; -1: nothing
    std::uint8_t start_finished;   ///< the jobs of the boot have ended
    std::uint8_t handed_over;      ///< its manager left on purpose, for another one
    std::uint8_t shutdown_signal;  ///< ShutdownRequested::signal
    std::array<std::uint8_t, 1> padding;
    std::int64_t shutdown_end;  ///< when the shutdown budget less its margin is used up
};
static_assert(std::is_trivially_copyable_v<SupervisorRecord> &&
              std::is_standard_layout_v<SupervisorRecord>);

/// The answer to a request for a job that a client gave an ID of its own.
struct RequestRecord {
    std::array<std::uint64_t, 2> key;  ///< of who asked and their ID; zeros: none
    std::uint64_t what;                ///< checksum of what was asked for
    std::int64_t until;                ///< it is remembered
    std::uint32_t job;                 ///< 0: there was nothing to do
    std::uint8_t result;               ///< 0: the job goes on; else JobResult + 1
    std::array<std::uint8_t, 3> padding;
};
static_assert(std::is_trivially_copyable_v<RequestRecord> &&
              std::is_standard_layout_v<RequestRecord>);

}  // namespace svcd
