// What the supervisor wants done: orders, to be carried out in the order given. The shell carries
// each out at once and never waits; what fails comes back as an event.
//
// The one rule of the shell: **everything in Effects::dirty is written to the state file before the
// first order is carried out.** So a manager that dies in between finds, when it starts again, what
// it was about to do.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "core/types/states.h"
#include "core/types/status.h"
#include "core/types/unit.h"

namespace svcd {

/// Start a process in the unit's cgroup (made when it isn't there). `command` counts all of
/// ServiceSettings::commands. Answered by ProcessSpawned or SpawnFailed.
struct SpawnProcess {
    Token process = Token::none;
    UnitId unit{};
    ProcessRole role = ProcessRole::main;
    std::uint16_t command = 0;
    /// The job waits for execve (Type=exec, or an EnvironmentFile is to be read first), so
    /// ExecSucceeded is wanted at once.
    bool report_exec = false;
};

/// Look whether the unit's conditions and asserts hold: in a process of svcd's own (svcd-exec),
/// since a path may lie on a file system that hangs. It exits with 0 when all hold, else with 1 +
/// the place in RareUnitSettings::conditions of the one that decided. Answered by ProcessExited or
/// SpawnFailed.
struct CheckConditions {
    Token process = Token::none;
    UnitId unit{};
};

/// Tell who owns the unit's bus name now, and whenever that changes, by BusNameChanged; or no
/// longer.
struct WatchBusName {
    UnitId unit{};
    bool watch = true;
};

/// Why a signal is sent. SIGKILL before a stop deadline is allowed for none but some of these; the
/// simulator checks it.
enum class SignalCause : std::uint8_t {
    stop,                 ///< the stop signal of a stop job, or of a failed start
    deadline,             ///< TimeoutStopSec passed
    main_exited,          ///< KillMode=mixed: the main process is gone, the rest follows
    user,                 ///< svctl kill
    watchdog,             ///< WatchdogSec passed
    kill_control,         ///< a control process (ExecReload, ExecStop ...) outlived its time
    kill_signal_is_kill,  ///< KillSignal=SIGKILL
    oom,                  ///< OOMPolicy=kill, or the OOM killer struck during the stop
    failure_mode,         ///< TimeoutStartFailureMode or TimeoutStopFailureMode says kill or abort
    emergency,            ///< FailureAction and its like, with force: nothing is waited for
    reload,               ///< ReloadSignal of Type=notify-reload
    again,                ///< the manager died after it may have been sent
    checker,              ///< a look at conditions that took too long or is not wanted any more
    never_executed,  ///< TimeoutStartSec passed and the process has not got as far as execve: no
                     ///< signal but SIGKILL reaches it
    survived,        ///< SIGKILL to the cgroup as a whole has passed over it
};

enum class SignalScope : std::uint8_t {
    main,     ///< the main process alone
    control,  ///< the control process alone
    both,     ///< main and control process
    group,    ///< the process group of the main process
    checker,  ///< the process of CheckConditions, in `control`
    cgroup,   ///< every process of the cgroup (SIGKILL: by cgroup.kill, so that none escapes by
              ///< forking)
};

/// Send a signal. Processes that are gone already are no failure.
struct SignalUnit {
    UnitId unit{};
    SignalScope scope = SignalScope::cgroup;
    int signal = 0;
    SignalCause cause = SignalCause::stop;
    bool then_continue = false;  ///< send SIGCONT after it, so that a stopped process can act on it
    bool then_hang_up = false;   ///< send SIGHUP after it (SendSIGHUP)
    Token main = Token::none;    ///< for the scopes main and both
    Token control = Token::none;
    std::optional<std::int32_t> value{};  ///< goes with the signal, as of sigqueue(3)
    /// The state of the stop that it is sent in: StopSignalSent tells that it was; dead: nobody
    /// asks.
    SubState stop_state = SubState::dead;
    bool one_by_one = false;  ///< SIGKILL to a cgroup: not by cgroup.kill
};

/// Find and pin the main process of a Type=forking service (by its PID file, or as the only process
/// of the cgroup), or the one that MAINPID= named. It gets the slot of `process` first, and is then
/// checked: the launcher's child, in the unit's cgroup, alive. Answered by MainProcessFound or
/// MainProcessNotFound.
struct IdentifyMainProcess {
    enum class How : std::uint8_t { pid_file, guess, named };
    Token process = Token::none;
    UnitId unit{};
    How how = How::guess;
    Pid pid = 0;  ///< of `named`
};

/// Has this process, which has ended, been reaped by its parent, who isn't the launcher? Answered
/// by ProcessReaped when it has, else not at all.
struct LookIfReaped {
    UnitId unit{};
    Pid pid = 0;
    std::uint64_t start_time = 0;
};

/// The exit record of this token has been dealt with (or there will be none): its slot is free.
struct RetireProcess {
    Token process = Token::none;
};

/// Read the unit's cgroup.events now and report CgroupEmptied when it is empty (or does not exist).
struct CheckCgroup {
    UnitId unit{};
};

/// The stop deadline is near: is one of the unit's processes writing a core dump? CoreDumping tells
/// when it is; else there is no answer.
struct LookForCoreDump {
    UnitId unit{};
};

/// The unit has ended and will not start again by itself: remove its cgroup, if it is empty.
struct ReleaseCgroup {
    UnitId unit{};
};

/// The unit has ended, perhaps only to start again: remove its PID file, if it holds nothing but
/// the number of a process that is no more or is the unit's own. A daemon refuses to start over
/// one.
struct RemovePidFile {
    UnitId unit{};
};

/// Tell clients that a job exists, and later how it ended. `unit` is the unit's name at that time.
struct AnnounceJob {
    JobId job = JobId::none;
    UnitId unit{};
};
struct AnnounceJobEnd {
    JobId job = JobId::none;
    UnitId unit{};
    JobResult result = JobResult::done;
};

/// Why a request was refused. The names are D-Bus error names under org.svcd1 (bus/error_names.h).
enum class RefusalKind : std::uint8_t {
    no_such_unit,  ///< the unit, or one that it requires, has no file
    unit_masked,   ///< masked, or requires one that is
    bad_setting,   ///< its file has errors
    no_such_job,
    job_type_not_applicable,     ///< e.g. reload of a unit that is inactive or has no ExecReload
    transaction_is_destructive,  ///< it would stop something that a job of another transaction
                                 ///< needs
    transaction_order_is_cyclic,
    transaction_jobs_conflicting,
    only_by_dependency,  ///< RefuseManualStart, RefuseManualStop
    no_isolation,        ///< AllowIsolate is off
    not_active,          ///< kill of a unit without processes
    shutting_down,
    no_such_process,
    limit_reached,
    reload_would_end,  ///< the signal of its reload is one that its main process dies of
    successor_fails,   ///< the svcd-manager that is to take over can't run
};

struct Refusal {
    RefusalKind kind = RefusalKind::no_such_unit;
    std::string message;  ///< a sentence for a person, with the unit's name and the reason
};

/// A unit that was wished for and can't be had, and without which the one that wished for it goes
/// on.
struct LeftOut {
    UnitId by{};  ///< who wished for it
    UnitId unit{};
    RefusalKind kind = RefusalKind::no_such_unit;
    std::string why;  ///< a sentence, which names the unit at fault
};

/// What became of one of the units of a request for several.
struct UnitReply {
    UnitId unit{};
    JobId job = JobId::none;
    std::optional<Refusal> refusal;  ///< the others go on without it
};

/// The answer to a request: exactly one each. JobId::none with no refusal: done at once, without a
/// job.
struct Reply {
    RequestId request = RequestId::none;
    JobId job = JobId::none;
    std::optional<Refusal> refusal;   ///< set: refused, and there is no job
    bool was_so_already = false;      ///< nothing was to be done: the job ends in this step
    std::vector<UnitReply> units{};   ///< of a request for several: each, in the order asked for
    std::vector<LeftOut> left_out{};  ///< what the jobs go on without
    std::vector<UnitReply>
        isolated{};  ///< the stops that make an isolation: part of what was asked
};

enum class Severity : std::uint8_t { debug, info, notice, warning, error };

/// Something worth a line in the log, e.g. a cycle that was broken, or why a start was refused.
struct Say {
    Severity severity = Severity::info;
    UnitId unit{};
    bool about_unit = true;
    std::string text;
};

/// Everything has ended: leave with this status (0; 1 when some unit had to be killed or stayed),
/// or do what `kind` says as PID 1.
struct Exit {
    ShutdownKind kind = ShutdownKind::exit;
    int status = 0;
    bool force = false;  ///< at once: what still runs is killed
};

using Effect = std::variant<SpawnProcess,
                            CheckConditions,
                            WatchBusName,
                            SignalUnit,
                            IdentifyMainProcess,
                            LookIfReaped,
                            RetireProcess,
                            CheckCgroup,
                            LookForCoreDump,
                            ReleaseCgroup,
                            RemovePidFile,
                            AnnounceJob,
                            AnnounceJobEnd,
                            Reply,
                            Say,
                            Exit>;

/// A unit went from one sub-state to another. A step may take it through several, and on into a new
/// life, so what a record of its end has to tell is noted here.
struct Transition {
    UnitId unit{};
    SubState from = SubState::dead;
    SubState to = SubState::dead;
    UnitResult result = UnitResult::success;
    ExitCode main_code = ExitCode::none;
    std::int32_t main_status = 0;
    Pid main_pid = 0;             ///< the one that this life has, or had
    Time stop_deadline = kNever;  ///< of the whole stop
    std::array<std::uint64_t, 2> invocation_id{};
};

/// A unit has left an up or starting state on its way down: the job that it had then, which may
/// have ended in the same step.
struct StopBegan {
    std::size_t transition = 0;  ///< which of Effects::transitions
    std::optional<JobStatus> job;
};

/// A stop that there was a job for already was asked for once more.
struct AskedAgain {
    UnitId unit{};
    JobId job = JobId::none;
    JobType type = JobType::stop;
    Requester requester;
};

/// Reused from step to step, so that a step allocates nothing once the vectors have grown.
struct Effects {
    std::vector<Effect> orders;
    /// Units whose record or visible state changed, each once. To be written first, and announced
    /// (PropertiesChanged) last.
    std::vector<UnitId> dirty;
    /// Units of which only something visible changed that no record has: to be announced.
    std::vector<UnitId> shown;
    /// What the units went through, in order: for those who watch (the simulator counts them).
    std::vector<Transition> transitions;
    std::vector<StopBegan> stops;  ///< in the order of `transitions`
    std::vector<AskedAgain> asked_again;
    /// Units whose job was given up: UnitStatus::given_up_job.
    std::vector<UnitId> given_up;
    /// The supervisor's own record changed (job numbers, the shutdown).
    bool supervisor_dirty = false;

    void clear() {
        orders.clear();
        dirty.clear();
        shown.clear();
        transitions.clear();
        stops.clear();
        asked_again.clear();
        given_up.clear();
        supervisor_dirty = false;
    }
};

}  // namespace svcd
