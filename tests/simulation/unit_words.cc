// A unit's definition in words, much as its file would say.
#include <array>

#include "core/types/exec_error.h"
#include "simulation/trace.h"

namespace svcd::simulation {
namespace {

std::string_view name_of(ServiceType type) {
    constexpr std::array<std::string_view, 8> kNames = {
        "simple", "exec", "oneshot", "forking", "notify", "notify-reload", "dbus", "idle"};
    return kNames[static_cast<std::size_t>(type)];
}

std::string_view name_of(KillMode mode) {
    constexpr std::array<std::string_view, 4> kNames = {"control-group", "mixed", "process",
                                                        "none"};
    return kNames[static_cast<std::size_t>(mode)];
}

std::string_view name_of(RestartPolicy policy) {
    constexpr std::array<std::string_view, 7> kNames = {
        "no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog"};
    return kNames[static_cast<std::size_t>(policy)];
}

std::string_view name_of(NotifyAccess access) {
    constexpr std::array<std::string_view, 4> kNames = {"none", "main", "exec", "all"};
    return kNames[static_cast<std::size_t>(access)];
}

std::string_view name_of(TimeoutFailureMode mode) {
    constexpr std::array<std::string_view, 3> kNames = {"terminate", "abort", "kill"};
    return kNames[static_cast<std::size_t>(mode)];
}

std::string_view name_of(OomPolicy policy) {
    constexpr std::array<std::string_view, 3> kNames = {"continue", "stop", "kill"};
    return kNames[static_cast<std::size_t>(policy)];
}

/// Collects what is not as it is by default.
class Settings {
public:
    void add(const char* name, std::string_view value) {
        text_ += std::string{" "} + name + "=" + std::string{value};
    }
    template <typename T>
    void add_unless(const T& usual, const T& value, const char* name, std::string_view words_of) {
        if (value != usual) {
            add(name, words_of);
        }
    }
    void add_if(bool is_set, const char* name) {
        if (is_set) {
            text_ += std::string{" "} + name;
        }
    }
    std::string take() { return std::move(text_); }

private:
    std::string text_;
};

std::string list(const ExitStatusSet& set) {
    std::string text;
    for (std::size_t status = 0; status < set.statuses.size(); ++status) {
        text += set.statuses.test(status) ? (text.empty() ? "" : ",") + std::to_string(status) : "";
    }
    for (std::size_t signal = 0; signal < set.signals.size(); ++signal) {
        text += set.signals.test(signal)
                    ? (text.empty() ? "" : ",") + signal_words(static_cast<int>(signal))
                    : "";
    }
    return text;
}

std::string unit_section(const UnitDefinition& definition) {
    static const UnitDefinition kUsual;
    static const RareUnitSettings kUsualRare;
    const RareUnitSettings& rare = definition.rarely();
    Settings settings;
    for (const Dependency& dependency : definition.dependencies) {
        settings.add(std::string{svcd::name_of(dependency.relation)}.c_str(), dependency.unit);
    }
    settings.add_if(definition.refuse_manual_start, "RefuseManualStart");
    settings.add_if(definition.refuse_manual_stop, "RefuseManualStop");
    settings.add_if(definition.allow_isolate, "AllowIsolate");
    settings.add_if(definition.ignore_on_isolate, "IgnoreOnIsolate");
    settings.add_if(definition.stop_when_unneeded, "StopWhenUnneeded");
    settings.add_unless(kUsual.start_limit_burst, definition.start_limit_burst, "StartLimitBurst",
                        std::to_string(definition.start_limit_burst));
    settings.add_unless(kUsual.start_limit_interval, definition.start_limit_interval,
                        "StartLimitIntervalSec", words(definition.start_limit_interval));
    for (const Condition& condition : rare.conditions) {
        settings.add_if(true, describe(condition).c_str());
    }
    settings.add_unless(kUsualRare.on_failure_job_mode, rare.on_failure_job_mode,
                        "OnFailureJobMode", svcd::name_of(rare.on_failure_job_mode));
    settings.add_unless(kUsualRare.on_success_job_mode, rare.on_success_job_mode,
                        "OnSuccessJobMode", svcd::name_of(rare.on_success_job_mode));
    settings.add_unless(kInfinity, rare.job_timeout, "JobTimeoutSec", words(rare.job_timeout));
    settings.add_unless(kInfinity, rare.job_running_timeout, "JobRunningTimeoutSec",
                        words(rare.job_running_timeout));
    const auto action = [&](const char* name, EmergencyAction value) {
        settings.add_unless(EmergencyAction::none, value, name, svcd::name_of(value));
    };
    action("JobTimeoutAction", rare.job_timeout_action);
    action("FailureAction", rare.failure_action);
    action("SuccessAction", rare.success_action);
    action("StartLimitAction", rare.start_limit_action);
    return settings.take();
}

void add_kill_section(Settings& settings, const ServiceSettings& service) {
    static const ServiceSettings kUsual;
    settings.add_unless(kUsual.kill_mode, service.kill_mode, "KillMode",
                        name_of(service.kill_mode));
    const auto signal = [&](const char* name, std::uint8_t usual, std::uint8_t value) {
        settings.add_unless(usual, value, name, signal_words(value));
    };
    signal("KillSignal", kUsual.kill_signal, service.kill_signal);
    signal("RestartKillSignal", kUsual.restart_kill_signal, service.restart_kill_signal);
    signal("FinalKillSignal", kUsual.final_kill_signal, service.final_kill_signal);
    signal("WatchdogSignal", kUsual.watchdog_signal, service.watchdog_signal);
    signal("ReloadSignal", kUsual.reload_signal, service.reload_signal);
    settings.add_if(service.send_sighup, "SendSIGHUP");
    settings.add_if(!service.send_sigkill, "SendSIGKILL=no");
}

std::string service_section(const ServiceSettings& service) {
    static const ServiceSettings kUsual;
    Settings settings;
    settings.add("Type", name_of(service.type));
    settings.add_unless(kUsual.restart, service.restart, "Restart", name_of(service.restart));
    settings.add_unless(kUsual.restart_delay, service.restart_delay, "RestartSec",
                        words(service.restart_delay));
    settings.add_unless(kUsual.restart_steps, service.restart_steps, "RestartSteps",
                        std::to_string(service.restart_steps));
    settings.add_unless(kUsual.restart_max_delay, service.restart_max_delay, "RestartMaxDelaySec",
                        words(service.restart_max_delay));
    settings.add("TimeoutStartSec", words(service.timeout_start));
    settings.add("TimeoutStopSec", words(service.timeout_stop));
    if (service.timeout_abort) {
        settings.add("TimeoutAbortSec", words(*service.timeout_abort));
    }
    settings.add_unless(kUsual.timeout_start_failure_mode, service.timeout_start_failure_mode,
                        "TimeoutStartFailureMode", name_of(service.timeout_start_failure_mode));
    settings.add_unless(kUsual.timeout_stop_failure_mode, service.timeout_stop_failure_mode,
                        "TimeoutStopFailureMode", name_of(service.timeout_stop_failure_mode));
    settings.add_unless(kUsual.runtime_max, service.runtime_max, "RuntimeMaxSec",
                        words(service.runtime_max));
    settings.add_unless(kUsual.watchdog, service.watchdog, "WatchdogSec", words(service.watchdog));
    settings.add_if(service.remain_after_exit, "RemainAfterExit");
    settings.add_if(service.exit_type == ExitType::cgroup, "ExitType=cgroup");
    settings.add_if(!service.guess_main_pid, "GuessMainPID=no");
    if (service.notify_access) {
        settings.add("NotifyAccess", name_of(*service.notify_access));
    }
    settings.add_unless(kUsual.oom_policy, service.oom_policy, "OOMPolicy",
                        name_of(service.oom_policy));
    settings.add_if(!service.pid_file.empty(), "PIDFile");
    const RareServiceSettings& rare = service.rarely();
    const auto statuses = [&](const char* name, const ExitStatusSet& set) {
        settings.add_unless(ExitStatusSet{}, set, name, list(set));
    };
    statuses("SuccessExitStatus", rare.success_exit_status);
    statuses("RestartPreventExitStatus", rare.restart_prevent_exit_status);
    statuses("RestartForceExitStatus", rare.restart_force_exit_status);
    settings.add_unless(RestartMode::normal, rare.restart_mode, "RestartMode", "direct");
    settings.add_unless(Duration{0}, rare.restart_randomized_delay, "RestartRandomizedDelaySec",
                        words(rare.restart_randomized_delay));
    add_kill_section(settings, service);
    return settings.take();
}

}  // namespace

std::string words(const LoadedUnit& unit) {
    const UnitDefinition& definition = unit.definition;
    std::string text = definition.name + ":";
    if (unit.state != LoadState::loaded) {
        return text + " " + std::string{svcd::name_of(unit.state)};
    }
    text += unit_section(definition);
    if (!definition.service) {
        return text;
    }
    text += "\n       " + service_section(*definition.service) + "\n       ";
    for (const Command& command : definition.service->commands) {
        text += " " + std::string{name_of(command.role)} + (command.ignore_failure ? "=-" : "");
    }
    return text;
}

}  // namespace svcd::simulation
