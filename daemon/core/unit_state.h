// A unit as the supervisor keeps it: its definition, its state, and for a service that has ever
// been started its run. An idle unit that was never started has no run; that is most of what keeps
// it small.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/stop_history.h"
#include "core/sub_state.h"
#include "core/types/effect.h"
#include "core/types/event.h"
#include "core/types/exec_error.h"
#include "core/types/failure.h"
#include "core/types/ids.h"
#include "core/types/states.h"
#include "core/types/status.h"
#include "core/types/time.h"
#include "core/types/unit.h"

namespace svcd {

/// The main or the control process of a service. It is there from the order to spawn it until its
/// exit record is dealt with.
struct Process {
    Token token = Token::none;
    Pid pid = 0;                   ///< 0 until ProcessSpawned
    std::uint64_t start_time = 0;  ///< clock ticks since boot: with the PID, an identity
    std::uint16_t command = 0;     ///< which of ServiceSettings::commands
    bool is_foreign = false;       ///< adopted: not the launcher's child
    bool executing = false;        ///< execve succeeded, as far as we have heard
    bool is_held = false;          ///< not ordered yet (Type=idle waits for the jobs to end)

    bool is_there() const { return token != Token::none; }
};

/// What is known of how its processes became their programs, where that is worth a word.
struct ExecNotes {
    ExecError error;            ///< the first of this life, or of its last reload
    ExecDeviations deviations;  ///< of the main process
    std::vector<std::string> warnings;
    /// Have been said in the log, and are not said again.
    std::vector<std::string> said;
};

/// What a service is besides its sub-state. Written to the state file as UnitRecord.
struct ServiceRun {
    Process main;
    Process control;
    Token identifying = Token::none;  ///< an IdentifyMainProcess that has not been answered
    Pid named_pid = 0;  ///< by MAINPID=, and not taken while its parent, the main process, lives
    UnitResult handed_over_result = UnitResult::success;  ///< of the main process before it
    unsigned short_lives = 0;  ///< of main processes that were handed over to, in a row

    Time state_deadline = kNever;  ///< of the present sub-state
    Time watchdog_deadline = kNever;
    Time check_deadline = kNever;  ///< when to look again: has it executed, is there a PID file, is
                                   ///< the cgroup still empty
    Time stop_deadline = kNever;   ///< of the whole stop; SIGKILL follows
    Duration stop_limit{0};        ///< what that clock was given
    Time stop_began_at{};          ///< when it last began to go down
    Time look_at = kNever;         ///< when to look whether a core dump is being written
    Time dump_until = kNever;      ///< how long that may hold SIGKILL back
    Time recheck_until = kNever;   ///< an answer to the second look counts until then
    Time empty_since = kNever;     ///< the cgroup was empty while an exit record was still missing
    Time idle_until{};             ///< how long a Type=idle is held at most
    Time unreaped_until{};         ///< how long a start waits for the last main process, which was
                                   ///< adopted, to be reaped; in the past: it does not
    std::uint64_t unreaped_start_time = 0;  ///< of that process
    Duration watchdog_interval{0};

    Time main_started_at{};
    Time main_exited_at{};
    Time watchdog_at{};
    ExitCode main_code = ExitCode::none;
    std::int32_t main_status = 0;
    Pid main_pid_last = 0;

    std::uint32_t restarts = 0;
    std::uint32_t backoff = 0;  ///< restarts since it last ran well: which of RestartSteps is next
    std::vector<UncleanRestart> unclean_restarts;  ///< the last, oldest first (flapping.cc)
    Time flapping_since = kNever;                  ///< kNever: it isn't
    std::uint32_t unclean_count = 0;               ///< of its flapping
    Time reload_began_at{};
    UnitResult reload_result = UnitResult::success;
    UnitFailure failure;                 ///< what made the unit's result
    UnitFailure reload_failure;          ///< what made the reload's
    std::string pid_file_fault;          ///< why the PID file gave no main process, the last time
    Time state_extended_to{};            ///< by EXTEND_TIMEOUT_USEC in its start; zero: never
    RefusedMain refused_main;            ///< whom MAINPID= named in this life in vain
    Pid refused_ready_from = 0;          ///< who said READY=1 in this start and may not speak
    bool forget_restarts = false;        ///< the next start begins to count anew
    bool main_known = false;             ///< this life has, or had, a main process that we know
    bool main_ran = false;               ///< its main process is, or was, its own program
    bool main_is_adopted = false;        ///< it named itself (MAINPID=, PIDFile) or was found
    bool forbid_restart = false;         ///< stopped by a job: Restart= does not apply
    bool main_has_moved = false;         ///< to another cgroup, alive
    bool told_reloading = false;         ///< RELOADING=1 without READY=1 since
    bool told_stopping = false;          ///< STOPPING=1
    bool bus_name_good = false;          ///< Type=dbus: its name has an owner
    bool given_up = false;               ///< its start limit was hit
    bool asked_to_stop = false;          ///< the stop signal was sent in this stop
    bool sigkill_sent = false;           ///< at a deadline of this stop
    bool signal_sent = false;            ///< that of the present state of the stop
    bool killed_one_by_one = false;      ///< those that SIGKILL to the cgroup has passed over
    bool gave_up_waiting = false;        ///< for those that are left over
    bool may_have_missed_ready = false;  ///< svcd was away while it started
    bool readiness_unknown = false;      ///< it counts as started, and nobody has heard READY=1
    bool stop_is_measured = false;       ///< there were processes to stop: its time counts
    RestartRule restart_rule = RestartRule::none;  ///< by which it was, will or won't be restarted
    std::uint8_t warned_percent = 0;        ///< of TimeoutStopSec: what a stop's warning was about
    std::int64_t log_begin = -1;            ///< where the output of this life begins; -1: not known
    Token writes_first = Token::none;       ///< the first process of this life, which tells it
    bool has_begun = false;                 ///< a process was ordered in this life
    std::unique_ptr<ExecNotes> exec_notes;  ///< null: nothing to tell
    StopHistory stop_times;
    std::int32_t status_error = 0;
    std::string status_text;
    std::vector<Time> starts;  ///< within StartLimitIntervalSec, oldest first
    std::array<std::uint64_t, 2> invocation_id{};
};

/// What is known of the unit's conditions. There once they have been looked at.
struct ConditionCheck {
    Process process;  ///< that looks at them now
    Time deadline = kNever;
    Time conditions_at{};
    Time asserts_at{};
    bool condition_result = false;
    bool assert_result = false;
    std::uint16_t decided_by = 0;  ///< 1 + the place of the one that did not hold; 0: all did
};

struct Unit {
    UnitId id{};
    UnitType type = UnitType::service;
    LoadState load_state = LoadState::not_found;
    SubState sub_state = SubState::dead;
    UnitResult result = UnitResult::success;
    bool is_known = true;       ///< false once a reload has forgotten it
    bool populated = false;     ///< its cgroup has, or may have, processes
    bool is_dirty = false;      ///< already in Effects::dirty of this step
    bool load_failed = false;   ///< the last load failed and the definition is the one from before
    bool is_rechecked = false;  ///< in Machine's list of units to look at again
    bool will_restart =
        false;                ///< while it passes through dead or failed on the way to auto-restart
    bool wants_back = false;  ///< down for the failure of `missed`: comes back with it
    UnitId missed{};          ///< meaningless without wants_back
    JobId job = JobId::none;
    JobId last_job = JobId::none;          ///< that has ended
    JobType last_job_type = JobType::nop;  ///< as which it ended: a restart may be a start then

    Time state_changed_at{};
    Time inactive_exit_at{};
    Time active_enter_at{};
    Time active_exit_at{};
    Time inactive_enter_at{};

    UnitDefinition definition;
    /// A newer definition, that came while the unit was on its way up or down: taken once it is
    /// there.
    std::unique_ptr<UnitDefinition> next_definition;
    std::string load_error;
    std::vector<LeftOut> left_out;          ///< what its last start went on without
    std::unique_ptr<Requester> started_by;  ///< of the last start, not of its automatic restarts
    std::unique_ptr<ServiceRun> run;
    std::unique_ptr<ConditionCheck> check;
    std::unique_ptr<GivenUpJob> given_up_job;  ///< the last

    const std::string& name() const { return definition.name; }
    ActiveState active_state() const { return traits(sub_state).active; }
};

inline bool is_being_checked(const Unit& unit) {
    return unit.check != nullptr && unit.check->process.is_there();
}

}  // namespace svcd
