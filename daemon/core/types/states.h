// The states, results and job words, with systemd's names (systemctl(1), systemd.service(5),
// org.freedesktop.systemd1(5)). An enumerator is the shown word with '_' for '-', and a trailing
// '_' where C++ has the word for itself. name_of() gives the shown word of each.
#pragma once

#include <cstdint>
#include <string_view>

namespace svcd {

enum class UnitType : std::uint8_t { service, target, slice };

enum class LoadState : std::uint8_t { loaded, not_found, bad_setting, error, masked };

enum class ActiveState : std::uint8_t {
    inactive,
    activating,
    active,
    reloading,
    deactivating,
    failed
};

/// Sub-states of services, targets and slices. The latter two know dead and active only.
enum class SubState : std::uint8_t {
    dead,
    condition,
    start_pre,
    start,
    start_post,
    running,
    exited,
    reload,
    reload_signal,  ///< Type=notify-reload: the signal is sent, RELOADING=1 awaited
    reload_notify,  ///< RELOADING=1 has come, READY=1 is awaited
    pre_stop,       ///< ours: it is to stop, and goes on serving for PreStopDelaySec
    stop,
    stop_watchdog,
    stop_sigterm,
    stop_sigkill,
    stop_post,
    final_watchdog,
    final_sigterm,
    final_sigkill,
    stop_wedged,  ///< ours: processes survived SIGKILL for KillGraceSec; the unit counts as failed
    failed,
    auto_restart,
    active,  ///< targets and slices
};

/// Why a unit is in the state it is in (property Result). The first failure names it; later ones
/// are consequences.
enum class UnitResult : std::uint8_t {
    success,
    resources,
    protocol,
    timeout,
    exit_code,
    signal,
    core_dump,
    watchdog,
    start_limit_hit,
    oom_kill,
    exec_condition,
    stop_wedged,
    exit_unknown,  ///< ours: its main process ended unasked, and nobody knows how
};

/// Neither a success nor a start that ExecCondition has skipped.
constexpr bool is_failure(UnitResult result) {
    return result != UnitResult::success && result != UnitResult::exec_condition;
}

enum class JobType : std::uint8_t {
    start,
    verify_active,
    stop,
    reload,
    restart,
    try_restart,
    reload_or_start,
    nop
};

/// What a client asks for; the supervisor makes a JobType of it (a try-restart of an inactive unit
/// is a nop, ...).
enum class JobVerb : std::uint8_t {
    start,
    stop,
    reload,
    restart,
    try_restart,
    reload_or_restart,
    try_reload_or_restart,
};

enum class JobMode : std::uint8_t {
    replace,
    fail,
    isolate,
    replace_irreversibly,
    flush,
    ignore_dependencies,
    ignore_requirements,
};

enum class JobState : std::uint8_t { waiting, running };

enum class JobResult : std::uint8_t {
    done,
    canceled,
    timeout,
    failed,
    dependency,
    skipped,
    invalid,
    assert_,
    once
};

enum class SystemState : std::uint8_t {
    initializing,
    starting,
    running,
    degraded,
    maintenance,
    stopping
};

/// What a process is to its unit. A checker is svcd's own: it looks at the unit's conditions.
enum class ProcessRole : std::uint8_t { main, control, checker };

/// How a process ended: the CLD_* values of waitid(2) that matter here, so that they can be shown
/// as ExecMainCode.
enum class ExitCode : std::int32_t {
    none = 0,     ///< has not ended
    exited = 1,   ///< CLD_EXITED; status is the exit status
    killed = 2,   ///< CLD_KILLED; status is the signal
    dumped = 3,   ///< CLD_DUMPED; status is the signal
    unknown = 4,  ///< ended, and nobody saw how; the status is an UnknownEnd
};

/// Why it is not known how a process ended.
enum class UnknownEnd : std::int32_t {
    nobody_there = 0,  ///< it ended while no svcd ran
    not_told = 1,      ///< it wasn't our child, and this kernel tells nobody else (Linux 6.15 does)
};

enum class ShutdownKind : std::uint8_t { exit, poweroff, reboot, halt };

/// Why a unit was started. The numbers stand in records.
enum class StartCause : std::uint8_t {
    unknown,     ///< of a start before svcd kept it, or whose record is lost
    asked,       ///< by a person or a program
    boot,        ///< the unit that svcd starts first
    pulled_in,   ///< by another unit, that stands in a relation to it
    on_failure,  ///< of another unit
    on_success,  ///< of another unit
    upholds,     ///< of another unit
    comeback,    ///< what it went down with is up again
    restart,     ///< its own automatic restart
    svcd,        ///< something else that svcd does by itself; the reason says what
};
inline constexpr auto kLastStartCause = StartCause::svcd;

/// What decides over an automatic restart. The numbers stand in records.
enum class RestartRule : std::uint8_t {
    none,  ///< there is none
    always,
    on_success,
    on_failure,
    on_abnormal,
    on_abort,
    on_watchdog,
    forced,     ///< RestartForceExitStatus
    prevented,  ///< RestartPreventExitStatus: there is none, and else there were
};
inline constexpr auto kLastRestartRule = RestartRule::prevented;

std::string_view name_of(UnitType type);
std::string_view name_of(LoadState state);
std::string_view name_of(ActiveState state);
std::string_view name_of(SubState state);
std::string_view name_of(UnitResult result);
std::string_view name_of(JobType type);
std::string_view name_of(JobMode mode);
std::string_view name_of(JobState state);
std::string_view name_of(JobResult result);
std::string_view name_of(SystemState state);
std::string_view name_of(ShutdownKind kind);
std::string_view name_of(StartCause cause);
/// "Restart: always", "RestartForceExitStatus" ...; "" for none.
std::string_view name_of(RestartRule rule);

}  // namespace svcd
