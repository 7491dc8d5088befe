// The shown words of the enums in states.h and relation.h. Each table stands in the order of its
// enum.
#include <array>

#include "core/types/failure.h"
#include "core/types/relation.h"
#include "core/types/states.h"
#include "core/types/unit.h"

namespace svcd {
namespace {

template <typename Enum, std::size_t Size>
std::string_view look_up(const std::array<std::string_view, Size>& names, Enum value) {
    const auto index = static_cast<std::size_t>(value);
    return index < Size ? names[index] : std::string_view{"invalid"};
}

}  // namespace

std::string_view name_of(UnitType type) {
    static constexpr auto kNames = std::to_array<std::string_view>({"service", "target", "slice"});
    return look_up(kNames, type);
}

std::string_view name_of(LoadState state) {
    static constexpr auto kNames =
        std::to_array<std::string_view>({"loaded", "not-found", "bad-setting", "error", "masked"});
    return look_up(kNames, state);
}

std::string_view name_of(ActiveState state) {
    static constexpr auto kNames = std::to_array<std::string_view>(
        {"inactive", "activating", "active", "reloading", "deactivating", "failed"});
    return look_up(kNames, state);
}

std::string_view name_of(SubState state) {
    static constexpr auto kNames = std::to_array<std::string_view>(
        {"dead",      "condition",      "start-pre",     "start",         "start-post",
         "running",   "exited",         "reload",        "reload-signal", "reload-notify",
         "pre-stop",  "stop",           "stop-watchdog", "stop-sigterm",  "stop-sigkill",
         "stop-post", "final-watchdog", "final-sigterm", "final-sigkill", "stop-wedged",
         "failed",    "auto-restart",   "active"});
    return look_up(kNames, state);
}

std::string_view name_of(UnitResult result) {
    static constexpr auto kNames = std::to_array<std::string_view>(
        {"success", "resources", "protocol", "timeout", "exit-code", "signal", "core-dump",
         "watchdog", "start-limit-hit", "oom-kill", "exec-condition", "stop-wedged",
         "exit-unknown"});
    return look_up(kNames, result);
}

std::string_view name_of(FailureKind kind) {
    static constexpr auto kNames = std::to_array<std::string_view>({"",
                                                                    "main-ended",
                                                                    "command-failed",
                                                                    "not-executed",
                                                                    "start-timeout",
                                                                    "ready-refused",
                                                                    "command-timeout",
                                                                    "reload-timeout",
                                                                    "stop-timeout",
                                                                    "runtime-max",
                                                                    "watchdog",
                                                                    "watchdog-never",
                                                                    "watchdog-trigger",
                                                                    "not-ready",
                                                                    "no-pid-file",
                                                                    "oom-kill",
                                                                    "start-limit",
                                                                    "ready-missing",
                                                                    "pid-file-wrong",
                                                                    "ended-before-ready"});
    return look_up(kNames, kind);
}

std::string_view name_of(JobType type) {
    static constexpr auto kNames =
        std::to_array<std::string_view>({"start", "verify-active", "stop", "reload", "restart",
                                         "try-restart", "reload-or-start", "nop"});
    return look_up(kNames, type);
}

std::string_view name_of(JobMode mode) {
    static constexpr auto kNames =
        std::to_array<std::string_view>({"replace", "fail", "isolate", "replace-irreversibly",
                                         "flush", "ignore-dependencies", "ignore-requirements"});
    return look_up(kNames, mode);
}

std::string_view name_of(JobState state) {
    static constexpr auto kNames = std::to_array<std::string_view>({"waiting", "running"});
    return look_up(kNames, state);
}

std::string_view name_of(JobResult result) {
    static constexpr auto kNames =
        std::to_array<std::string_view>({"done", "canceled", "timeout", "failed", "dependency",
                                         "skipped", "invalid", "assert", "once"});
    return look_up(kNames, result);
}

std::string_view name_of(SystemState state) {
    static constexpr auto kNames = std::to_array<std::string_view>(
        {"initializing", "starting", "running", "degraded", "maintenance", "stopping"});
    return look_up(kNames, state);
}

std::string_view name_of(ShutdownKind kind) {
    static constexpr auto kNames =
        std::to_array<std::string_view>({"exit", "poweroff", "reboot", "halt"});
    return look_up(kNames, kind);
}

std::string_view name_of(EmergencyAction action) {
    static constexpr auto kNames = std::to_array<std::string_view>(
        {"none", "exit", "exit-force", "reboot", "reboot-force", "reboot-immediate", "poweroff",
         "poweroff-force", "poweroff-immediate"});
    return look_up(kNames, action);
}

std::string_view name_of(StartCause cause) {
    static constexpr auto kNames =
        std::to_array<std::string_view>({"unknown", "asked", "boot", "pulled-in", "on-failure",
                                         "on-success", "upholds", "comeback", "restart", "svcd"});
    return look_up(kNames, cause);
}

std::string_view name_of(RestartRule rule) {
    static constexpr auto kNames = std::to_array<std::string_view>(
        {"", "Restart: always", "Restart: on-success", "Restart: on-failure",
         "Restart: on-abnormal", "Restart: on-abort", "Restart: on-watchdog",
         "RestartForceExitStatus", "RestartPreventExitStatus"});
    return look_up(kNames, rule);
}

std::string_view name_of(Relation relation) {
    static constexpr auto kNames = std::to_array<std::string_view>({"Requires",
                                                                    "Requisite",
                                                                    "Wants",
                                                                    "BindsTo",
                                                                    "PartOf",
                                                                    "Upholds",
                                                                    "Conflicts",
                                                                    "Before",
                                                                    "OnFailure",
                                                                    "OnSuccess",
                                                                    "PropagatesReloadTo",
                                                                    "PropagatesStopTo",
                                                                    "JoinsNamespaceOf",
                                                                    "RequiredBy",
                                                                    "RequisiteOf",
                                                                    "WantedBy",
                                                                    "BoundBy",
                                                                    "ConsistsOf",
                                                                    "UpheldBy",
                                                                    "ConflictedBy",
                                                                    "After",
                                                                    "OnFailureOf",
                                                                    "OnSuccessOf",
                                                                    "ReloadPropagatedFrom",
                                                                    "StopPropagatedFrom",
                                                                    "JoinsNamespaceOf"});
    return look_up(kNames, relation);
}

std::string_view name_of(ConditionKind kind) {
    static constexpr auto kNames = std::to_array<std::string_view>({"PathExists",
                                                                    "PathExistsGlob",
                                                                    "PathIsDirectory",
                                                                    "PathIsSymbolicLink",
                                                                    "PathIsMountPoint",
                                                                    "PathIsReadWrite",
                                                                    "DirectoryNotEmpty",
                                                                    "FileNotEmpty",
                                                                    "FileIsExecutable",
                                                                    "User",
                                                                    "Group",
                                                                    "Host",
                                                                    "KernelCommandLine",
                                                                    "KernelVersion",
                                                                    "Virtualization",
                                                                    "Architecture",
                                                                    "Capability",
                                                                    "Environment",
                                                                    "ControlGroupController",
                                                                    "Memory",
                                                                    "CPUs",
                                                                    "FirstBoot",
                                                                    "NeedsUpdate",
                                                                    "ACPower",
                                                                    "Security",
                                                                    "RequiresMountsFor"});
    static_assert(kNames.size() == kConditionKinds);
    return look_up(kNames, kind);
}

std::optional<UnitType> unit_type_of(std::string_view name) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-@";
    const std::size_t dot = name.rfind('.');
    if (name.size() > 255 || dot == std::string_view::npos || dot == 0 ||
        name.find_first_not_of(kAllowed) != std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t at = name.find('@');
    if (at == 0 || at + 1 == dot) {
        return std::nullopt;  // nothing before the '@', or a template rather than an instance
    }
    const std::string_view suffix = name.substr(dot + 1);
    if (suffix == "service") {
        return UnitType::service;
    }
    if (suffix == "target") {
        return UnitType::target;
    }
    if (suffix == "slice" && is_slice_name(name)) {
        return UnitType::slice;
    }
    return std::nullopt;
}

}  // namespace svcd
