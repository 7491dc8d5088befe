// What can be seen of a unit or a job at one moment: values for the bus, the log and the tests.
// Made on demand, kept nowhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/event.h"
#include "core/types/failure.h"
#include "core/types/ids.h"
#include "core/types/states.h"
#include "core/types/time.h"

namespace svcd {

struct JobStatus {
    JobId id = JobId::none;
    UnitId unit{};
    std::string_view unit_name;
    JobType type = JobType::start;
    JobState state = JobState::waiting;
    Time installed_at{};
    Requester requester;
    std::string_view requester_unit;  ///< the unit that the caller's process belongs to
};

/// A job that ended before its unit was as it asked for. What it had begun may go on.
struct GivenUpJob {
    JobId id = JobId::none;
    JobType type = JobType::start;
    JobResult result = JobResult::canceled;  ///< or timeout, which nobody asks for
    Time at{};
    /// What was asked for in its place: "cancel", "stop", "isolate"; or the setting whose time was
    /// over.
    std::string_view asked;
    Requester by;  ///< who asked for that
};

/// Who was named as the main process (MAINPID=) and was not taken.
struct RefusedMain {
    Pid pid = 0;  ///< 0: nobody
    std::string why;
};

/// A process as `show` tells of it.
struct ProcessStatus {
    Pid pid = 0;       ///< 0 when it is not running
    Pid last_pid = 0;  ///< stays after the exit
    Time started_at{};
    Time exited_at{};
    ExitCode code = ExitCode::none;
    int status = 0;
};

/// A unit that another wished for and goes on without.
struct LeftOutStatus {
    std::string_view unit;
    std::string_view why;
};

/// An automatic restart of a service that had ended uncleanly, and how it had.
struct UncleanRestart {
    Time at{};
    UnitResult result = UnitResult::success;
    ExitCode code = ExitCode::none;
    int status = 0;
};

/// The string_views point into the supervisor and are valid until the next step.
struct UnitStatus {
    UnitId id{};
    std::string_view name;
    std::string_view description;
    UnitType type = UnitType::service;
    LoadState load_state = LoadState::loaded;
    std::string_view load_error;
    ActiveState active_state = ActiveState::inactive;
    SubState sub_state = SubState::dead;
    UnitResult result = UnitResult::success;
    UnitResult reload_result = UnitResult::success;
    UnitFailure failure;  ///< what made `result`
    std::string failure_text;
    std::string start_waits_for;                           ///< of a start that goes on
    FailureKind start_waits_for_kind = FailureKind::none;  ///< if its time were over now
    UnitFailure reload_failure;                            ///< what made `reload_result`
    std::string reload_failure_text;
    Pid ready_refused_from =
        0;  ///< who said READY=1 in this start and may not speak (NotifyAccess)
    bool need_daemon_reload =
        false;  ///< the file on disk could not be loaded, so this is the old definition
    bool populated = false;  ///< its cgroup has processes
    bool left_over = false;  ///< inactive, and yet there are processes (KillMode process or none)
    bool can_start = false;
    bool can_stop = false;
    bool can_reload = false;
    bool can_isolate = false;
    ProcessStatus main;
    Pid control_pid = 0;
    std::uint16_t control_command = 0;  ///< which of ServiceSettings::commands the latter executes
    std::uint32_t restarts = 0;
    std::string_view status_text;
    bool told_stopping = false;  ///< STOPPING=1
    bool exec_started = false;   ///< the main process is, or was, its own program: execve succeeded
    ExecError exec_error;        ///< step none: none
    std::vector<std::string> exec_warnings;  ///< what was not done as the file says
    int status_error = 0;
    Time state_changed_at{};
    Time inactive_exit_at{};
    Time active_enter_at{};
    Time active_exit_at{};
    Time inactive_enter_at{};
    Time watchdog_at{};
    Duration watchdog_interval{0};
    Time deadline = kNever;       ///< when the present sub-state ends at the latest
    Time stop_deadline = kNever;  ///< when SIGKILL follows, while the unit stops
    Time stop_began_at{};         ///< when it last began to go down
    Duration stop_limit{0};  ///< what this stop was given: TimeoutStopSec, or less by the budget
    std::size_t stops_measured = 0;  ///< how many stops the next two are of
    Duration stop_time_p50{0};
    Duration stop_time_p95{0};
    bool sigkill_sent = false;       ///< the last stop had to kill after its deadline
    bool readiness_unknown = false;  ///< svcd was away when it started: nobody has heard READY=1
    std::array<std::uint64_t, 2> invocation_id{};
    bool condition_result = false;  ///< of the last look; false before the first
    bool assert_result = false;
    Time condition_at{};
    Time assert_at{};
    std::uint16_t condition_decided_by = 0;  ///< 1 + the place of the one that did not hold
    std::vector<LeftOutStatus> left_out;     ///< while it is not down
    bool given_up = false;           ///< by StartLimitBurst: it is not started again by itself
    std::size_t starts_counted = 0;  ///< those that count towards StartLimitBurst
    std::uint32_t start_limit_burst = 0;
    Duration start_limit_interval{0};
    Time next_start = kNever;      ///< when RestartSec is over
    bool is_flapping = false;      ///< FlappingBurst unclean restarts came within FlappingInterval
    Time flapping_since{};         ///< the first of them
    Time flapping_until = kNever;  ///< when it is over, if no other comes
    std::uint32_t unclean_count = 0;               ///< how many have come since
    std::vector<UncleanRestart> unclean_restarts;  ///< the last of them, oldest first
    const Requester* started_by = nullptr;         ///< of the last start; null: not known
    std::string_view started_by_unit;  ///< whose OnFailure ... it was, or whose process asked
    RestartRule restart_rule = RestartRule::none;  ///< of its last end, or by which it came back
    std::optional<JobStatus> job;
    const GivenUpJob* given_up_job = nullptr;  ///< its last, of this manager's time
    RefusedMain refused_main;                  ///< in this life
    std::int64_t log_begin = -1;   ///< where the output of its last life begins; -1: not known
    JobId last_job = JobId::none;  ///< that has ended since this manager began
    JobType last_job_type = JobType::nop;
};

}  // namespace svcd
