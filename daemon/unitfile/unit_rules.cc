#include "unitfile/unit_rules.h"

#include <algorithm>

#include "core/types/record.h"

namespace svcd {
namespace {

const std::vector<Command>& commands_of(const UnitDraft& draft, CommandRole role) {
    return draft.commands[static_cast<std::size_t>(role)];
}

std::optional<std::string> problem_of_oneshot(const UnitDraft& draft) {
    const ServiceSettings& service = draft.service;
    if (service.restart == RestartPolicy::always || service.restart == RestartPolicy::on_success) {
        return "Restart: always and on-success are not possible with Type oneshot";
    }
    if (draft.rare_service.restart_force_exit_status != ExitStatusSet{}) {
        return "RestartForceExitStatus is not possible with Type oneshot";
    }
    if (service.exit_type == ExitType::cgroup) {
        return "ExitType: cgroup is not possible with Type oneshot";
    }
    return std::nullopt;
}

std::optional<std::string> problem_of_service(const UnitDraft& draft) {
    const ServiceSettings& service = draft.service;
    const ServiceType type = service_type_of(draft);
    const std::size_t starts = commands_of(draft, CommandRole::start).size();
    const bool has_success_action = draft.rare_unit.success_action != EmergencyAction::none;
    if (starts == 0 && commands_of(draft, CommandRole::stop).empty() && !has_success_action) {
        return "the service has neither ExecStart nor ExecStop: there is nothing to run";
    }
    if (starts == 0 && type != ServiceType::oneshot) {
        return "the service has no ExecStart, which only a service of Type oneshot may lack";
    }
    if (starts == 0 && !service.remain_after_exit && !has_success_action) {
        return "the service has no ExecStart, which only a service with RemainAfterExit: yes may "
               "lack";
    }
    if (has_too_many_starts(draft)) {
        return "the service has more than one ExecStart, which only a service of Type oneshot may "
               "have";
    }
    if (type == ServiceType::dbus && draft.rare_service.bus_name.empty()) {
        return "the service is of Type dbus and has no BusName to wait for";
    }
    if (service.restart_steps > 0 && service.restart_max_delay == kInfinity) {
        return "RestartSteps lead up to RestartMaxDelaySec, which is not set";
    }
    if (service.restart_steps > 0 && service.restart_max_delay < service.restart_delay) {
        return "RestartSteps lead from RestartSec up to RestartMaxDelaySec, which is less";
    }
    if (draft.rare_service.pre_stop_delay > service.timeout_stop / 2) {
        return "PreStopDelaySec is more than half of TimeoutStopSec: it is part of that time, and "
               "the other half is for the stop itself";
    }
    if (draft.rare_unit.slice.empty() && draft.unit.slice().size() > kUnitNameMax) {
        return "the name of the slice of its instances, " + draft.unit.slice() +
               ", is too long: set Slice";
    }
    return type == ServiceType::oneshot ? problem_of_oneshot(draft) : std::nullopt;
}

}  // namespace

ServiceType service_type_of(const UnitDraft& draft) {
    if (draft.service.type_given) {
        return draft.service.type;
    }
    if (!draft.rare_service.bus_name.empty()) {
        return ServiceType::dbus;
    }
    return commands_of(draft, CommandRole::start).empty() ? ServiceType::oneshot
                                                          : ServiceType::simple;
}

bool has_too_many_starts(const UnitDraft& draft) {
    return commands_of(draft, CommandRole::start).size() > 1 &&
           service_type_of(draft) != ServiceType::oneshot;
}

std::optional<std::string> problem_of(const UnitDraft& draft, UnitType type) {
    const auto names_one = [&draft](Relation relation) {
        return std::count_if(
                   draft.unit.dependencies.begin(), draft.unit.dependencies.end(),
                   [relation](const Dependency& each) { return each.relation == relation; }) <= 1;
    };
    if (draft.rare_unit.on_failure_job_mode == JobMode::isolate &&
        !names_one(Relation::on_failure)) {
        return "OnFailureJobMode: isolate is possible with one unit in OnFailure only";
    }
    if (draft.rare_unit.on_success_job_mode == JobMode::isolate &&
        !names_one(Relation::on_success)) {
        return "OnSuccessJobMode: isolate is possible with one unit in OnSuccess only";
    }
    return type == UnitType::service ? problem_of_service(draft) : std::nullopt;
}

}  // namespace svcd
