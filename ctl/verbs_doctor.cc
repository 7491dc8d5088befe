// doctor: finds what will go wrong with services before it does.
#include <poll.h>

#include <algorithm>
#include <array>
#include <set>

#include "doctor.h"
#include "earlier_life.h"
#include "file_look.h"
#include "guard.h"
#include "messages.h"
#include "named_units.h"
#include "plan.h"
#include "proc_look.h"
#include "reasons.h"
#include "signals.h"
#include "unit_names.h"
#include "verbs.h"

namespace svcd {
namespace {

constexpr std::uint32_t kRecordsMax = 10;
/// Uninterruptible sleep is worth a word when it lasts; a disk that works needs less.
constexpr int kLookAgainMs = 300;

std::vector<ProcessFacts> processes_in(const Json& examined) {
    const auto list = examined.is_object() ? examined.find("processes") : examined.end();
    return examined.is_object() && list != examined.end() ? read_processes(*list)
                                                          : std::vector<ProcessFacts>{};
}

bool is_uninterruptible(const ProcessFacts& process) {
    return process.state == 'D';
}

/// The daemon examines only so many.
void add_the_others(Session& session,
                    const std::string& unit,
                    std::vector<ProcessFacts>& processes) {
    std::set<ProcessId> known;
    for (const ProcessFacts& process : processes) {
        known.insert(process.pid);
    }
    for (const ProcessRow& row : session.daemon().processes(unit)) {
        const auto facts = known.contains(row.pid) ? std::nullopt : look_at_process(row.pid);
        if (facts) {
            processes.push_back(*facts);
        }
    }
}

/// What the processes are like, those in state D looked at twice.
std::vector<ProcessFacts> look_at(Session& session, const std::string& unit, Patient& patient) {
    Json examined = session.daemon().examine(unit);
    if (std::ranges::any_of(processes_in(examined), is_uninterruptible)) {
        ::poll(nullptr, 0, kLookAgainMs);
        examined = session.daemon().examine(unit);
    }
    if (examined.is_object()) {
        patient.frozen = truth_of(examined, "frozen");
        patient.frozen_cgroup = text_of(examined, "frozen_cgroup");
    }
    std::vector<ProcessFacts> processes = processes_in(examined);
    if (examined.is_object() && number_of(examined, "more") > 0) {
        add_the_others(session, unit, processes);
    }
    return processes;
}

bool is_service(const std::string& unit) {
    return unit.ends_with(".service");
}

/// The processes that block the stop signal whenever one looks. One that unblocks it now and then
/// takes it, and one that has a handler for it means to.
std::set<ProcessId> blockers_among(const std::vector<ProcessFacts>& processes, int signal) {
    // Uneven: with equal ones a program that unblocks it as regularly might be missed each time.
    constexpr auto kWaitsMs = std::to_array({0, 7, 13, 23, 37, 59, 71, 96});
    std::set<ProcessId> blockers;
    for (const ProcessFacts& process : processes) {
        const std::string name = signal_name(signal);
        if (process.blocked.contains(name) && !process.caught.contains(name) &&
            !may_read_by_signalfd(process.pid, signal)) {
            blockers.insert(process.pid);
        }
    }
    for (const int wait : kWaitsMs) {
        if (blockers.empty()) {
            break;
        }
        ::poll(nullptr, 0, wait);
        std::erase_if(blockers, [&](ProcessId pid) { return !blocks_in_all_threads(pid, signal); });
    }
    return blockers;
}

/// Zombies that stay: a parent may need a moment.
std::vector<Zombie> lasting_zombies(const std::vector<ProcessFacts>& processes) {
    std::vector<Zombie> zombies =
        processes.empty() ? std::vector<Zombie>{} : find_zombies(processes);
    if (!zombies.empty()) {
        ::poll(nullptr, 0, kLookAgainMs);
        const std::vector<Zombie> again = find_zombies(processes);
        std::erase_if(zombies, [&](const Zombie& zombie) {
            return std::ranges::find(again, zombie.pid, &Zombie::pid) == again.end();
        });
    }
    return zombies;
}

/// What a unit that is up needs and is not: by failure, or since it has ended. A oneshot that has
/// done its work, and what a condition kept from starting, are as they should be.
std::map<std::string, std::string> needed_but_down(Session& session, const Patient& patient) {
    std::map<std::string, std::string> down;
    if (text_of(patient.properties, "ActiveState") != "active") {
        return down;
    }
    for (const char* list : {"Requires", "Requisite", "BindsTo"}) {
        for (const Json& name : patient.properties.value(list, Json::array())) {
            const auto state = patient.active_states.find(name.get<std::string>());
            const bool is_down = state != patient.active_states.end() &&
                                 (state->second == "failed" || state->second == "inactive");
            if (!is_down) {
                continue;
            }
            const Json needed = session.daemon().unit_properties(state->first);
            const std::string reason = reason_text(needed);
            if (text_of(needed, "LoadState") == "not-found") {
                continue;  // the fault of the file that names it is a finding of its own
            }
            if (text_of(needed, "ActiveState") == "failed") {
                down[state->first] = "has failed" + (reason.empty() ? "" : ": " + reason);
            } else if (text_of(needed, "ActiveState") == "inactive" && is_service(state->first) &&
                       text_of(needed, "Type") != "oneshot" && unmet_condition(needed).empty() &&
                       text_of(needed, "Result") != "exec-condition") {
                down[state->first] = "is not running";
            }
        }
    }
    return down;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// svcd's own rule, which it tells when it is asked for a plan.
std::string refused_reload(Session& session, const Patient& patient) {
    if (!truth_of(patient.properties, "CanReload") ||
        text_of(patient.properties, "ActiveState") != "active") {
        return "";
    }
    const std::string unit = text_of(patient.properties, "Id");
    const Json plan =
        Json::parse(session.daemon().manager().Plan("reload", {unit}, "replace"), nullptr, false);
    for (const Json& each :
         plan.is_object() ? plan.value("refused_units", Json::array()) : Json{}) {
        if (text_of(each, "error") == "org.svcd1.ReloadWouldEnd") {
            const std::string text = text_of(each, "message");
            return text.substr(0, text.find("; restart it"));
        }
    }
    return "";
}

Patient patient_of(Session& session, const std::string& unit, const Patient& common) {
    Patient patient = common;
    patient.properties = session.daemon().unit_properties(unit);
    if (text_of(patient.properties, "LoadState") == "not-found" &&
        text_of(patient.properties, "ActiveState") == "inactive") {
        throw_no_such_unit(unit);
    }
    patient.now_monotonic = monotonic_now();
    patient.needed_down = needed_but_down(session, patient);
    for (const std::string& fault : lines_of(load_error_text(patient.properties))) {
        if (is_gone_from_file(fault)) {
            patient.mended_faults.insert(fault);
        }
    }
    if (!is_service(unit)) {
        return patient;
    }
    patient.file_faults = faults_of_files(patient.properties);
    patient.program_changed = change_of_program(patient.properties);
    patient.processes = look_at(session, unit, patient);
    for (const Json& record : session.daemon().stop_records(unit, kRecordsMax)) {
        patient.records.push_back(read_record(record));
    }
    if (!patient.records.empty() && were_left_over(patient.properties, patient.records.front())) {
        patient.of_earlier_life =
            older_than_this_life(patient.properties, pids_of(patient.processes));
    }
    patient.zombies = lasting_zombies(patient.processes);
    patient.blockers = blockers_among(
        patient.processes, static_cast<int>(number_of(patient.properties, "KillSignal", 15)));
    patient.refused_reload = refused_reload(session, patient);
    patient.deleted_output =
        deleted_output_of(static_cast<ProcessId>(number_of(patient.properties, "MainPID")));
    patient.descriptors =
        descriptors_of(static_cast<ProcessId>(number_of(patient.properties, "MainPID")));
    if (const std::string path = text_of(patient.properties, "PIDFile"); !path.empty()) {
        patient.pid_file = small_file(path);
    }
    return patient;
}

/// The services that are named; without names those that run. Targets too, for what their start
/// left out.
std::vector<std::string> units_to_examine(Session& session, const std::vector<UnitRow>& loaded) {
    std::vector<std::string> names = named_units(session);
    if (session.options().arguments.empty()) {
        for (const UnitRow& row : loaded) {
            if (row.active != "inactive" && row.active != "failed") {
                names.push_back(row.name);
            }
        }
        std::ranges::sort(names);
    }
    std::erase_if(names, [](const std::string& name) {
        return !is_service(name) && !name.ends_with(".target");
    });
    return names;
}

/// Of each unit whose stop a shutdown that began now would cut short: what it would give it.
std::map<std::string, Usec> shutdown_limits(Session& session) {
    std::map<std::string, Usec> limits;
    const Plan plan =
        read_plan(Json::parse(session.daemon().manager().Plan("poweroff", {}, "replace")));
    for (const PlannedJob& job : plan.jobs) {
        if (job.limit < job.wanted) {
            limits[job.unit] = job.limit;
        }
    }
    return limits;
}

/// Units that do not run, and can't: their file has a fault, they are given up, or an ExecCondition
/// has kept them from it.
std::vector<std::string> units_that_may_be_in_trouble(Session& session,
                                                      const std::vector<std::string>& others) {
    std::vector<std::string> names;
    if (!session.options().arguments.empty()) {
        return names;
    }
    for (const auto& unit : session.daemon().manager().ListUnitsDetailed()) {
        const std::string name = unit.get<0>();
        const std::string load = unit.get<2>();
        const bool has_fault = !unit.get<11>().empty() && load != "not-found" && load != "masked";
        const bool is_skipped = unit.get<5>() == "exec-condition";
        if ((has_fault || is_skipped || unit.get<3>() == "failed") &&
            std::ranges::find(others, name) == others.end()) {
            names.push_back(name);
        }
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace

ExitStatus examine_units(Session& session) {
    Patient common;
    const std::vector<UnitRow> loaded = session.daemon().units();
    for (const UnitRow& row : loaded) {
        common.active_states[row.name] = row.active;
        if (row.load == "not-found") {
            common.missing.insert(row.name);
        } else if (row.load != "loaded") {
            common.unusable[row.name] =
                row.load == "masked" ? "is masked" : "has a fault in its file";
        }
    }
    common.is_named = !session.options().arguments.empty();
    const Json manager = session.daemon().manager_properties();
    common.budget = number_of(manager, "ShutdownBudgetUSec", kUsecInfinity);
    const std::map<std::string, Usec> limits =
        common.budget == kUsecInfinity ? std::map<std::string, Usec>{} : shutdown_limits(session);
    std::vector<Examined> examined;
    ExitStatus worst = ExitStatus::done;
    const std::vector<std::string> units = units_to_examine(session, loaded);
    for (const std::string& unit : units_that_may_be_in_trouble(session, units)) {
        const ExitStatus status = guarded(session, unit, [&] {
            Findings findings = only_of_trouble(examine(patient_of(session, unit, common)));
            if (!findings.empty()) {
                examined.push_back({unit, std::move(findings), true});
            }
            return ExitStatus::done;
        });
        worst = worse(worst, status);
    }
    for (const std::string& unit : units) {
        const ExitStatus status = guarded(session, unit, [&] {
            Patient patient = patient_of(session, unit, common);
            if (const auto limit = limits.find(unit); limit != limits.end()) {
                patient.shutdown_limit = limit->second;
            }
            std::vector<Finding> findings = examine(patient);
            const bool is_well = findings.empty();
            if (!is_well || is_service(unit)) {
                examined.push_back({unit, std::move(findings)});
            }
            return is_well ? ExitStatus::done : ExitStatus::failed;
        });
        worst = worse(worst, status);
    }
    add_file_warnings(manager.value("UnitFileWarnings", Json::array()),
                      !session.options().arguments.empty(), examined);
    add_degraded_reasons(manager.value("DegradedReasons", Json::array()),
                         !session.options().arguments.empty(), examined);
    const bool has_findings =
        std::ranges::any_of(examined, [](const Examined& unit) { return !unit.findings.empty(); });
    worst = worse(worst, has_findings ? ExitStatus::failed : ExitStatus::done);
    if (session.options().json) {
        session.print(json_text(findings_json(examined)));
    } else if (!session.options().quiet) {
        session.print(findings_text(examined, session.out()));
        if (manager.contains("ControlGroup") && text_of(manager, "ControlGroup").empty()) {
            session.print(
                "Keepers find processes here, not cgroups: no limits of memory and CPU are in "
                "force, and no OOM kill is told.\n");
        }
    }
    return worst;
}

}  // namespace svcd
