// Settings that a run can do without: for the shrinker, and for who wants to know what matters.
#include <algorithm>
#include <utility>

#include "simulation/unit_generator.h"

namespace svcd::simulation {
namespace {

void drop_commands(UnitDefinition& definition, CommandRole role) {
    std::erase_if(definition.service->commands,
                  [role](const Command& command) { return command.role == role; });
}

void drop_relation(UnitDefinition& definition, Relation relation) {
    std::erase_if(definition.dependencies, [relation](const Dependency& dependency) {
        return dependency.relation == relation;
    });
}

template <CommandRole role>
void without_commands(UnitDefinition& definition) {
    if (definition.service != nullptr) {
        drop_commands(definition, role);
    }
}

template <Relation relation>
void without_relation(UnitDefinition& definition) {
    drop_relation(definition, relation);
}

template <auto member>
void without_service_setting(UnitDefinition& definition) {
    if (definition.service != nullptr) {
        definition.service.get()->*member = ServiceSettings{}.*member;
    }
}

template <auto member>
void without_rare_setting(UnitDefinition& definition) {
    if (definition.rare != nullptr) {
        auto rare = std::make_shared<RareUnitSettings>(*definition.rare);
        rare.get()->*member = RareUnitSettings{}.*member;
        definition.rare = std::move(rare);
    }
}

template <auto member>
void without_rare_service_setting(UnitDefinition& definition) {
    if (definition.service != nullptr && definition.service->rare != nullptr) {
        auto rare = std::make_shared<RareServiceSettings>(*definition.service->rare);
        rare.get()->*member = RareServiceSettings{}.*member;
        definition.service->rare = std::move(rare);
    }
}

template <auto member>
void without_unit_setting(UnitDefinition& definition) {
    definition.*member = UnitDefinition{}.*member;
}

struct Omission {
    const char* name;
    void (*leave_out)(UnitDefinition&);
};

constexpr Omission kOmissions[] = {
    {"ExecCondition", without_commands<CommandRole::condition>},
    {"ExecStartPre", without_commands<CommandRole::start_pre>},
    {"ExecStartPost", without_commands<CommandRole::start_post>},
    {"ExecReload", without_commands<CommandRole::reload>},
    {"ExecStopPost", without_commands<CommandRole::stop_post>},
    {"Requires", without_relation<Relation::requires_>},
    {"Requisite", without_relation<Relation::requisite>},
    {"Wants", without_relation<Relation::wants>},
    {"BindsTo", without_relation<Relation::binds_to>},
    {"PartOf", without_relation<Relation::part_of>},
    {"Upholds", without_relation<Relation::upholds>},
    {"Conflicts", without_relation<Relation::conflicts>},
    {"Before", without_relation<Relation::before>},
    {"After", without_relation<Relation::after>},
    {"OnFailure", without_relation<Relation::on_failure>},
    {"OnSuccess", without_relation<Relation::on_success>},
    {"PropagatesReloadTo", without_relation<Relation::propagates_reload_to>},
    {"PropagatesStopTo", without_relation<Relation::propagates_stop_to>},
    {"StopWhenUnneeded", without_unit_setting<&UnitDefinition::stop_when_unneeded>},
    {"RefuseManualStart", without_unit_setting<&UnitDefinition::refuse_manual_start>},
    {"RefuseManualStop", without_unit_setting<&UnitDefinition::refuse_manual_stop>},
    {"StartLimitBurst", without_unit_setting<&UnitDefinition::start_limit_burst>},
    {"StartLimitIntervalSec", without_unit_setting<&UnitDefinition::start_limit_interval>},
    {"Condition", without_rare_setting<&RareUnitSettings::conditions>},
    {"OnFailureJobMode", without_rare_setting<&RareUnitSettings::on_failure_job_mode>},
    {"OnSuccessJobMode", without_rare_setting<&RareUnitSettings::on_success_job_mode>},
    {"JobTimeoutSec", without_rare_setting<&RareUnitSettings::job_timeout>},
    {"JobRunningTimeoutSec", without_rare_setting<&RareUnitSettings::job_running_timeout>},
    {"JobTimeoutAction", without_rare_setting<&RareUnitSettings::job_timeout_action>},
    {"FailureAction", without_rare_setting<&RareUnitSettings::failure_action>},
    {"SuccessAction", without_rare_setting<&RareUnitSettings::success_action>},
    {"StartLimitAction", without_rare_setting<&RareUnitSettings::start_limit_action>},
    {"Restart", without_service_setting<&ServiceSettings::restart>},
    {"RestartSteps", without_service_setting<&ServiceSettings::restart_steps>},
    {"KillMode", without_service_setting<&ServiceSettings::kill_mode>},
    {"KillSignal", without_service_setting<&ServiceSettings::kill_signal>},
    {"RestartKillSignal", without_service_setting<&ServiceSettings::restart_kill_signal>},
    {"SendSIGHUP", without_service_setting<&ServiceSettings::send_sighup>},
    {"SendSIGKILL", without_service_setting<&ServiceSettings::send_sigkill>},
    {"WatchdogSignal", without_service_setting<&ServiceSettings::watchdog_signal>},
    {"FinalKillSignal", without_service_setting<&ServiceSettings::final_kill_signal>},
    {"WatchdogSec", without_service_setting<&ServiceSettings::watchdog>},
    {"RuntimeMaxSec", without_service_setting<&ServiceSettings::runtime_max>},
    {"TimeoutStartSec", without_service_setting<&ServiceSettings::timeout_start>},
    {"TimeoutStopSec", without_service_setting<&ServiceSettings::timeout_stop>},
    {"TimeoutAbortSec", without_service_setting<&ServiceSettings::timeout_abort>},
    {"TimeoutStartFailureMode",
     without_service_setting<&ServiceSettings::timeout_start_failure_mode>},
    {"TimeoutStopFailureMode",
     without_service_setting<&ServiceSettings::timeout_stop_failure_mode>},
    {"OOMPolicy", without_service_setting<&ServiceSettings::oom_policy>},
    {"ExitType", without_service_setting<&ServiceSettings::exit_type>},
    {"GuessMainPID", without_service_setting<&ServiceSettings::guess_main_pid>},
    {"NotifyAccess", without_service_setting<&ServiceSettings::notify_access>},
    {"ReloadSignal", without_service_setting<&ServiceSettings::reload_signal>},
    {"SuccessExitStatus", without_rare_service_setting<&RareServiceSettings::success_exit_status>},
    {"RestartPreventExitStatus",
     without_rare_service_setting<&RareServiceSettings::restart_prevent_exit_status>},
    {"RestartForceExitStatus",
     without_rare_service_setting<&RareServiceSettings::restart_force_exit_status>},
    {"RestartMode", without_rare_service_setting<&RareServiceSettings::restart_mode>},
    {"RestartRandomizedDelaySec",
     without_rare_service_setting<&RareServiceSettings::restart_randomized_delay>},
};

}  // namespace

void leave_out(UnitDefinition& definition, const std::set<std::string>& settings) {
    for (const std::string& setting : settings) {
        for (const Omission& omission : kOmissions) {
            if (setting == omission.name) {
                omission.leave_out(definition);
            }
        }
    }
}

std::vector<std::string> settings_to_leave_out() {
    std::vector<std::string> names;
    for (const Omission& omission : kOmissions) {
        names.emplace_back(omission.name);
    }
    return names;
}

}  // namespace svcd::simulation
