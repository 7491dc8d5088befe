// What a unit file says, once it has been read: plain values in the core's words. systemd.unit(5),
// systemd.service(5), systemd.kill(5), systemd.exec(5) say what each setting means;
// docs/unit-settings.md lists those that work here.
//
// Memory is counted per unit, so settings that most units leave alone sit in blocks that units
// share: ExecSettings of five hundred units that say nothing special is one object.
#pragma once

#include <bitset>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/ids.h"
#include "core/types/relation.h"
#include "core/types/states.h"
#include "core/types/time.h"

namespace svcd {

enum class ServiceType : std::uint8_t {
    simple,
    exec,
    oneshot,
    forking,
    notify,
    notify_reload,
    dbus,
    idle
};

enum class RestartPolicy : std::uint8_t {
    no,
    always,
    on_success,
    on_failure,
    on_abnormal,
    on_abort,
    on_watchdog
};

/// How an automatic restart looks to others (systemd.service(5), RestartMode=): an end and a start,
/// or `direct`, of which dependents and OnFailure hear nothing.
enum class RestartMode : std::uint8_t { normal, direct };

enum class KillMode : std::uint8_t { control_group, mixed, process, none };

/// Whose sd_notify(3) messages count.
enum class NotifyAccess : std::uint8_t { none, main, exec, all };

/// What makes a service end: its main process, or its last process.
enum class ExitType : std::uint8_t { main, cgroup };

/// What a start or stop that takes too long is ended with.
enum class TimeoutFailureMode : std::uint8_t { terminate, abort, kill };

/// What follows when the kernel's OOM killer took one of the unit's processes.
enum class OomPolicy : std::uint8_t { continue_, stop, kill };

/// What svcd itself does when a unit fails, succeeds, hits its start limit or its job times out
/// (systemd.unit(5), FailureAction=). The plain ones stop every unit in order first; `force` kills
/// them; `immediate` doesn't even do that.
enum class EmergencyAction : std::uint8_t {
    none,
    exit,
    exit_force,
    reboot,
    reboot_force,
    reboot_immediate,
    poweroff,
    poweroff_force,
    poweroff_immediate,
};

/// Condition... and Assert... settings, by what follows that word (systemd.unit(5)).
enum class ConditionKind : std::uint8_t {
    path_exists,
    path_exists_glob,
    path_is_directory,
    path_is_symbolic_link,
    path_is_mount_point,
    path_is_read_write,
    directory_not_empty,
    file_not_empty,
    file_is_executable,
    user,
    group,
    host,
    kernel_command_line,
    kernel_version,
    virtualization,
    architecture,
    capability,
    environment,
    control_group_controller,
    memory,
    cpus,
    first_boot,
    needs_update,
    ac_power,
    security,
    mounts_for,  ///< of RequiresMountsFor: what /etc/fstab mounts on the way to it is mounted
};
inline constexpr std::size_t kConditionKinds = 26;

/// One of them. Every Assert and every Condition must hold, but of those with `trigger` one is
/// enough (Conditions and Asserts apart).
struct Condition {
    ConditionKind kind = ConditionKind::path_exists;
    bool is_assert = false;
    bool trigger = false;  ///< prefix '|'
    bool negate = false;   ///< prefix '!'
    /// Checked, and in one form: paths without "//" and the like; "yes" or "no" where systemd takes
    /// any boolean; memory in bytes and CPUs after one of < <= = != >= >, capabilities by their
    /// name in capitals; of KernelVersion no blank between an operator and what follows.
    std::string parameter;

    bool operator==(const Condition&) const = default;
};

/// Which setting a command line stands in.
enum class CommandRole : std::uint8_t {
    condition,   ///< ExecCondition
    start_pre,   ///< ExecStartPre
    start,       ///< ExecStart
    start_post,  ///< ExecStartPost
    reload,      ///< ExecReload
    stop,        ///< ExecStop
    stop_post,   ///< ExecStopPost
};
inline constexpr std::size_t kCommandRoles = 7;

/// One command line, its quoting and its unit specifiers resolved; `$VAR` is expanded when it is
/// executed.
struct Command {
    CommandRole role = CommandRole::start;
    bool ignore_failure = false;   ///< prefix '-'
    bool no_expansion = false;     ///< prefix ':'
    bool full_privileges = false;  ///< prefix '+' (and '!', '!!': run without User and Group)
    std::string
        path;  ///< what is executed: absolute, or a name to be looked up in the fixed search path
    std::vector<std::string> argv;  ///< argv[0] included; differs from path after the prefix '@'

    bool operator==(const Command&) const = default;
};

/// Exit statuses and signals, as SuccessExitStatus has them.
struct ExitStatusSet {
    std::bitset<256> statuses;
    std::bitset<65> signals;

    bool operator==(const ExitStatusSet&) const = default;
};

/// Where an output goes. `log` appends to LOG_DIR/UNIT/current until there is svcd-logd.
enum class OutputKind : std::uint8_t { log, null, inherit, file, append, truncate };

struct Output {
    OutputKind kind = OutputKind::log;
    std::string path;  ///< of file, append and truncate

    bool operator==(const Output&) const = default;
};

enum class InputKind : std::uint8_t { null, inherit, file };

struct EnvironmentFile {
    std::string path;
    bool may_be_missing = false;  ///< prefix '-'

    bool operator==(const EnvironmentFile&) const = default;
};

/// One Limit* setting. `resource` is the RLIMIT_* number; an infinite value is UINT64_MAX
/// (RLIM_INFINITY).
struct ResourceLimit {
    int resource = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;

    bool operator==(const ResourceLimit&) const = default;
};

/// The process environment of a service. Shared between units that say the same.
struct ExecSettings {
    std::string working_directory;  ///< empty: the root directory (a user instance: the home
                                    ///< directory); "~": the user's home
    bool working_directory_may_be_missing = false;
    std::string user;
    std::string group;
    std::vector<std::string> environment;  ///< K=V
    std::vector<EnvironmentFile> environment_files;
    std::uint16_t umask = 0022;
    bool ignore_sigpipe = true;
    std::vector<ResourceLimit> limits;
    InputKind standard_input = InputKind::null;
    std::string standard_input_path;
    Output standard_output{OutputKind::log, {}};
    /// Absent: the same as standard_output.
    std::optional<Output> standard_error;
    std::optional<int> nice;
    std::optional<int> oom_score_adjust;
    std::string syslog_identifier;

    bool operator==(const ExecSettings&) const = default;
};

/// What few services say; shared, and absent where nothing of it is said.
struct RareServiceSettings {
    ExitStatusSet success_exit_status;
    ExitStatusSet restart_prevent_exit_status;
    ExitStatusSet restart_force_exit_status;
    std::string bus_name;        ///< of Type=dbus
    Duration pre_stop_delay{0};  ///< PreStopDelaySec: at most half of timeout_stop
    /// LeftoverTimeoutSec: the stop signal is for the main process alone, and what it leaves has so
    /// long after a SIGTERM of its own. Absent: all get the stop signal at once.
    std::optional<Duration> leftover_timeout;
    RestartMode restart_mode = RestartMode::normal;
    Duration restart_randomized_delay{0};  ///< 0 to so much is added to restart_delay

    bool operator==(const RareServiceSettings&) const = default;
};

/// [Service] and [Kill].
struct ServiceSettings {
    ServiceType type = ServiceType::simple;
    RestartPolicy restart = RestartPolicy::no;
    KillMode kill_mode = KillMode::control_group;
    bool remain_after_exit = false;
    bool send_sigkill = true;
    bool type_given =
        false;  ///< Type was set in the file: without it and without ExecStart, a unit is a oneshot
    bool guess_main_pid = true;
    bool send_sighup = false;
    ExitType exit_type = ExitType::main;
    /// Absent: main for a service that has to notify (its Type, or a WatchdogSec), else none.
    std::optional<NotifyAccess> notify_access;
    TimeoutFailureMode timeout_start_failure_mode = TimeoutFailureMode::terminate;
    TimeoutFailureMode timeout_stop_failure_mode = TimeoutFailureMode::terminate;
    OomPolicy oom_policy = OomPolicy::stop;
    std::uint8_t kill_signal = SIGTERM;
    std::uint8_t restart_kill_signal = 0;  ///< 0: kill_signal
    std::uint8_t final_kill_signal = SIGKILL;
    std::uint8_t watchdog_signal = SIGABRT;
    std::uint8_t reload_signal = SIGHUP;  ///< of Type=notify-reload
    std::uint32_t restart_steps = 0;      ///< 0: every restart after restart_delay
    Duration restart_delay{100'000};      ///< RestartSec
    Duration timeout_start{90'000'000};  ///< kInfinity: none; the default of a oneshot is kInfinity
    Duration timeout_stop{90'000'000};
    std::optional<Duration> timeout_abort;   ///< absent: timeout_stop
    Duration restart_max_delay = kInfinity;  ///< RestartMaxDelaySec; what restart_steps lead up to
    Duration runtime_max = kInfinity;
    Duration watchdog{0};  ///< WatchdogSec; 0 is off
    std::string pid_file;
    std::vector<Command> commands;  ///< in the order of CommandRole, and within a role as written
    std::shared_ptr<const ExecSettings> exec;
    std::shared_ptr<const RareServiceSettings> rare;  ///< null: nothing of it is said

    const RareServiceSettings& rarely() const;
    /// A service that has to notify is heard, whatever NotifyAccess says.
    NotifyAccess notify_access_in_force() const;

    bool operator==(const ServiceSettings&) const = default;
};

struct Dependency {
    Relation relation;
    std::string unit;
    /// Where it is written, for the report of a cycle: a line of the fragment, 0 when it is implied
    /// or stands in a drop-in.
    std::uint32_t line = 0;

    bool operator==(const Dependency& other) const {
        return relation == other.relation && unit == other.unit;
    }
};

/// What few units say; shared, and absent where nothing of it is said.
struct RareUnitSettings {
    std::vector<Condition> conditions;  ///< those of RequiresMountsFor included
    std::vector<std::string> requires_mounts_for;
    std::string source_path;
    std::string slice;  ///< as written; empty: the default, see UnitDefinition::slice()
    std::string reboot_argument;
    JobMode on_failure_job_mode = JobMode::replace;
    JobMode on_success_job_mode = JobMode::fail;
    Duration job_timeout = kInfinity;          ///< JobTimeoutSec, from when the job was made
    Duration job_running_timeout = kInfinity;  ///< JobRunningTimeoutSec, from when it began
    EmergencyAction job_timeout_action = EmergencyAction::none;
    EmergencyAction failure_action = EmergencyAction::none;
    EmergencyAction success_action = EmergencyAction::none;
    EmergencyAction start_limit_action = EmergencyAction::none;
    std::int32_t failure_action_exit_status = -1;  ///< -1: that of the main process
    std::int32_t success_action_exit_status = -1;

    bool operator==(const RareUnitSettings&) const = default;
};

/// One unit as its files say. `dependencies` holds what is written and what DefaultDependencies
/// adds; the core resolves it into its graph and does not keep it.
struct UnitDefinition {
    std::string name;  ///< "web.service"
    std::string description;
    std::vector<std::string> documentation;
    std::vector<Dependency> dependencies;
    bool default_dependencies = true;
    bool ignore_on_isolate = false;
    bool allow_isolate = false;
    bool refuse_manual_start = false;
    bool refuse_manual_stop = false;
    bool stop_when_unneeded = false;
    std::uint32_t start_limit_burst = 5;
    Duration start_limit_interval{10'000'000};  ///< StartLimitIntervalSec; 0 is off
    std::string fragment_path;  ///< the unit file; empty for a unit that is built in
    std::vector<std::string> drop_in_paths;
    /// [Install], kept for `show`: "WantedBy=default.target", ...
    std::vector<std::string> install;
    /// Of a service; null otherwise.
    std::unique_ptr<ServiceSettings> service;
    std::shared_ptr<const RareUnitSettings> rare;  ///< null: nothing of it is said

    const RareUnitSettings& rarely() const;
    /// The slice it is in: what Slice says, system-NAME.slice for the instance NAME@x, the parent
    /// of a slice, else system.slice; empty for the root slice and for units without processes.
    std::string slice() const;
};

/// A unit as the loader hands it on. When `state` is not `loaded`, `error` says why, `definition`
/// holds no more than the name, and a unit that is loaded already keeps the definition it has.
struct LoadedUnit {
    LoadState state = LoadState::loaded;
    std::string error;  ///< diagnostics, one a line
    UnitDefinition definition;
};

/// The unit type by the suffix of the name, or nothing when the name is not a valid unit name
/// (systemd.unit(5): at most 255 of [A-Za-z0-9:_.\\@-], a suffix of a type that exists, not a
/// template; of a slice see is_slice_name()).
std::optional<UnitType> unit_type_of(std::string_view name);

std::string_view name_of(EmergencyAction action);
/// "ConditionPathExists", "AssertUser"; "RequiresMountsFor".
std::string setting_of(const Condition& condition);
/// "ConditionPathExists=!/etc/x", as it stands in a unit file.
std::string describe(const Condition& condition);

/// "-.slice", or parts with single dashes between them, such as "a-b.slice" (systemd.slice(5)).
bool is_slice_name(std::string_view name);

/// Always there and always active: the root slice and system.slice.
bool is_perpetual(std::string_view name);

/// The setting without the word Condition or Assert before it, "PathExists"; of mounts_for the
/// setting that makes it, "RequiresMountsFor".
std::string_view name_of(ConditionKind kind);

}  // namespace svcd
