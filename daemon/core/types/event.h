// What happens to the supervisor: facts of the past, in the order in which the shell noticed them.
// The machine must be right under any order; event_order.h in manager/ picks the one that gives the
// best diagnosis.
//
// Everything the supervisor ever learns arrives as one of these. Time is not among them: it comes
// with each call of Supervisor::step().
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/types/exec_error.h"
#include "core/types/ids.h"
#include "core/types/record.h"
#include "core/types/relation.h"
#include "core/types/result.h"
#include "core/types/states.h"
#include "core/types/unit.h"

namespace svcd {

/// Who asked for something. Kept with each job, for the record of who stopped what.
struct Requester {
    std::uint32_t uid = 0;
    Pid pid = 0;                   ///< 0: svcd itself
    std::string command;           ///< the caller's command line, at most 120 bytes
    std::string reason;            ///< what the caller gave as --reason, or why svcd did it itself
    std::optional<UnitId> unit{};  ///< the one that the caller's process belongs to
    StartCause cause = StartCause::asked;
    Relation relation = Relation::requires_;  ///< of pulled_in: `other` stands in it to the unit
    std::optional<UnitId> other{};            ///< whose failure, success, Requires ... it was
};

/// What svcd does by itself.
inline Requester by_svcd(StartCause cause,
                         std::string reason,
                         std::optional<UnitId> other = std::nullopt) {
    Requester requester;
    requester.reason = std::move(reason);
    requester.cause = cause;
    requester.other = other;
    return requester;
}

// ── from clients

/// The signals that the unit's main process catches, blocks or ignores: bit N - 1 is signal N.
struct MainTakes {
    UnitId unit{};
    std::uint64_t signals = 0;
};

/// Start, stop, restart ... a unit, or several in one transaction. The shell has loaded them (and
/// what they refer to) before. Answered once, by Reply.
struct JobRequested {
    RequestId request = RequestId::none;
    UnitId unit{};
    JobVerb verb = JobVerb::start;
    JobMode mode = JobMode::replace;
    Requester requester;
    bool force = false;  ///< a reload, whatever its signal does to the main process
    std::vector<MainTakes>
        main_takes{};            ///< of a reload; a unit of which it isn't known is not in it
    std::vector<UnitId> more{};  ///< the others of a request for several
};

/// Cancel one job, or all of them when `job` is none. Answered once.
struct CancelRequested {
    RequestId request = RequestId::none;
    JobId job = JobId::none;
    Requester requester{};
};

/// `svctl kill`: a signal by a person's wish, which no policy answers to. Answered once.
struct KillRequested {
    enum class Whom : std::uint8_t {
        all,
        main,
        control,
        group
    };  // group: that of the main process
    RequestId request = RequestId::none;
    UnitId unit{};
    Whom whom = Whom::all;
    int signal = 0;
    Requester requester;
    std::optional<std::int32_t> value{};  ///< goes with a real-time signal, as of sigqueue(3)
};

/// Forget the failed state and the start limit of one unit, or of all. Answered once.
struct ResetFailedRequested {
    RequestId request = RequestId::none;
    std::optional<UnitId> unit;
};

/// Stop everything in order, then Exit. From a signal (`request` none) or from a client. A second
/// one changes nothing, unless it hurries.
struct ShutdownRequested {
    RequestId request = RequestId::none;
    ShutdownKind kind = ShutdownKind::exit;
    Requester requester;
    bool hurry =
        false;       ///< the budget is cut to the margin, also of a shutdown that goes on already
    int signal = 0;  ///< what the command unit gets in the place of its KillSignal; 0: that
    int exit_status = -1;   ///< what svcd is to leave with; -1: as it comes
    bool is_quiet = false;  ///< it is what svcd was started for, and no news
};

// ── from the loader

/// New or changed definitions. With `complete`, these are all there are: a unit that is missing
/// from them loses its definition (and is forgotten once it is inactive and nothing refers to it).
struct UnitsLoaded {
    std::vector<LoadedUnit> units;
    bool complete = false;
};

// ── from the kernel

/// clone3 succeeded; the process exists. (May come after the same token's ProcessExited when the
/// process was quick.)
struct ProcessSpawned {
    Token process = Token::none;
    Pid pid = 0;
    std::uint64_t start_time = 0;  ///< clock ticks since boot: with the PID, an identity
};

/// clone3 failed, or its preparation did (the cgroup, the log file's folder ...): there never was a
/// process.
struct SpawnFailed {
    Token process = Token::none;
    Error error;
};

/// The process has left svcd's code: execve succeeded. For Type=exec it comes at once; for others
/// it may come late, in any case before TimeoutStartSec has passed, or not at all when the process
/// ended first.
struct ExecSucceeded {
    Token process = Token::none;
    ExecDeviations deviations{};
    std::vector<std::string> warnings{};  ///< of its environment files
    std::int64_t log_size = -1;  ///< of its unit's log before it wrote; -1: it doesn't write there
};

/// The process has not become its program, and why. Comes before its ProcessExited, or, when the
/// manager died at that moment, not at all.
struct ExecFailed {
    Token process = Token::none;
    ExecError error{};
    std::int64_t log_size = -1;  ///< as of ExecSucceeded
};

/// An exit record. Each token has at most one.
struct ProcessExited {
    Token process = Token::none;
    ExitCode code = ExitCode::none;
    int status = 0;
};

/// Answers to CheckConditions come as ProcessExited (0: all hold, N: the Nth decided against it),
/// or as SpawnFailed.

/// The kernel's OOM killer has taken a process of the unit (memory.events).
struct OomKilled {
    UnitId unit{};
};

/// The kernel is writing the core dump of one of the unit's processes: the answer to
/// LookForCoreDump.
struct CoreDumping {
    UnitId unit{};
};

/// The owner of a name that WatchBusName named: at first, and after each change.
struct BusNameChanged {
    UnitId unit{};
    bool has_owner = false;
    Pid owner = 0;  ///< of the process that owns it, 0 when it isn't known
};

/// All that a stop's signal was for have got it (SignalUnit::stop_state).
struct StopSignalSent {
    UnitId unit{};
    SubState state = SubState::dead;
};

/// The answer to LookIfReaped: that process is no more, not even as a zombie.
struct ProcessReaped {
    UnitId unit{};
    Pid pid = 0;
};

/// The unit's cgroup has no process left: read at the moment it is reported. It may come late, or
/// twice.
struct CgroupEmptied {
    UnitId unit{};
    Token moved{};  ///< its main process, when that is alive all the same: in another cgroup
    /// A process of it has ended, and its ProcessExited is certain to follow: nobody has read it,
    /// or the launcher has not reaped it yet.
    bool exit_is_to_come = false;
};

/// Answers to IdentifyMainProcess.
struct MainProcessFound {
    Token process = Token::none;
    Pid pid = 0;
    std::uint64_t start_time = 0;
    bool is_foreign = false;  ///< not the launcher's child
};
struct MainProcessNotFound {
    Token process = Token::none;
    Error error;
};

/// A datagram on the notify socket from a process of the unit's cgroup: sd_notify(3). Fields that
/// are absent were not in it.
struct Notification {
    UnitId unit{};
    Pid sender = 0;
    bool ready = false;
    bool stopping = false;
    bool reloading = false;
    bool watchdog = false;          ///< WATCHDOG=1
    bool watchdog_trigger = false;  ///< WATCHDOG=trigger
    std::optional<Pid> main_pid;
    std::optional<std::string> status;  ///< at most kStatusTextMax bytes, valid UTF-8
    std::optional<int> error_number;
    std::optional<Duration> extend_timeout;
    std::optional<Duration> watchdog_interval;  ///< WATCHDOG_USEC
    /// MONOTONIC_USEC: when the service began what it tells of. Tells a reload that was asked for
    /// from one before it.
    std::optional<Time> monotonic;
};

/// Nothing but time has passed: next_deadline() is due (or nearly; stepping early or late is
/// harmless).
struct DeadlineReached {};

// ── from the state file

/// What has become of a process that a record names: what the process table says of its token, or,
/// when that has gone with its launcher, the kernel of its PID, start time and cgroup.
struct ProcessFact {
    enum class State : std::uint8_t {
        none,           ///< the record names no such process
        never_spawned,  ///< the intent was written, clone3 did not happen
        alive,
        exited,  ///< its ProcessExited follows as an event of its own
        lost,    ///< it ended while no svcd ran: how can't be known
    };
    State state = State::none;
    Pid pid = 0;
    std::uint64_t start_time = 0;  ///< of `alive`; 0: as the record says
    bool is_foreign = false;       ///< of `alive`: adopted, not the launcher's child
};

struct RestoredUnit {
    UnitRecord record;
    ProcessFact main;
    ProcessFact control;
    ProcessFact checker;
    bool populated = false;  ///< the unit's cgroup has processes
};

/// The first event of a manager that follows another, after UnitsLoaded and before anything else:
/// go on where it was. What was about to be done is done again (a spawn under the same token, a
/// stop signal of which no StopSignalSent was written down), and not what isn't harmless twice
/// (SIGHUP, ExecReload).
struct StateRestored {
    SupervisorRecord supervisor{};
    std::vector<RestoredUnit> units;
    /// The launcher is another one too: what services said meanwhile nobody has heard.
    bool was_away = false;
};

using Event = std::variant<JobRequested,
                           CancelRequested,
                           KillRequested,
                           ResetFailedRequested,
                           ShutdownRequested,
                           UnitsLoaded,
                           ProcessSpawned,
                           SpawnFailed,
                           ExecSucceeded,
                           ExecFailed,
                           ProcessExited,
                           CgroupEmptied,
                           StopSignalSent,
                           ProcessReaped,
                           OomKilled,
                           CoreDumping,
                           BusNameChanged,
                           MainProcessFound,
                           MainProcessNotFound,
                           Notification,
                           DeadlineReached,
                           StateRestored>;

}  // namespace svcd
