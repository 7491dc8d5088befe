#include "print_status.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "counted.h"
#include "explain_state.h"
#include "file_change.h"
#include "messages.h"
#include "phase_text.h"
#include "reasons.h"
#include "restart_words.h"

namespace svcd {
namespace {

constexpr std::size_t kLabelWidth = 10;

std::string label(std::string_view name) {
    const std::size_t width = width_of(name);
    return std::string(width < kLabelWidth ? kLabelWidth - width : 0, ' ') + std::string{name} +
           ": ";
}

std::string since_text(const Json& properties, Usec now) {
    const std::string active = text_of(properties, "ActiveState");
    const char* name = "ActiveExitTimestamp";
    if (active == "active" || active == "reloading") {
        name = "ActiveEnterTimestamp";
    }
    if (active == "inactive" || active == "failed") {
        name = "InactiveEnterTimestamp";
    }
    if (active == "activating") {
        name = "InactiveExitTimestamp";
    }
    const Usec since = number_of(properties, name);
    if (!is_moment(since)) {
        return "";
    }
    std::string text = " since " + timestamp(since);
    if (now > since) {
        text += "; " + rough_timespan(now - since) + " ago";
    }
    return text;
}

std::string loaded_line(const Json& properties) {
    std::string text = text_of(properties, "LoadState");
    const std::string path = text_of(properties, "FragmentPath");
    if (!path.empty()) {
        text += " (" + path + ")";
    }
    if (const auto change = file_change(properties)) {
        text += "; " + change->in_short;
    }
    return label("Loaded") + text + "\n";
}

std::string load_error_lines(const Json& properties) {
    const std::string error = load_error_text(properties);
    if (error.empty()) {
        return "";
    }
    const std::string text = label("Error") + error;
    std::string indented;
    for (const char c : text) {
        indented += c;
        if (c == '\n') {
            indented += std::string(kLabelWidth + 2, ' ');
        }
    }
    return indented + "\n";
}

std::string drop_in_lines(const Json& properties) {
    std::string text;
    const auto paths = properties.find("DropInPaths");
    if (paths == properties.end() || !paths->is_array()) {
        return text;
    }
    for (const Json& path : *paths) {
        text += text.empty() ? label("Drop-In") : std::string(kLabelWidth + 2, ' ');
        text += path.get<std::string>() + "\n";
    }
    return text;
}

/// What a process was started without, and what its environment files had that was left out.
std::string warning_lines(const Json& properties) {
    std::string text;
    const auto warnings = properties.find("ExecWarnings");
    if (warnings == properties.end() || !warnings->is_array()) {
        return text;
    }
    for (const Json& warning : *warnings) {
        if (warning.is_string()) {
            text += label("Warning") + harmless(warning.get<std::string>()) + "\n";
        }
    }
    return text;
}

/// As explain has it.
StateFacts state_of(const StatusFacts& facts) {
    StateFacts state;
    state.properties = facts.properties;
    state.now = facts.now;
    state.now_monotonic = facts.now_monotonic;
    if (facts.examined.is_object()) {
        state.processes = read_processes(facts.examined.value("processes", Json::array()));
        state.frozen = truth_of(facts.examined, "frozen");
        state.frozen_cgroup = text_of(facts.examined, "frozen_cgroup");
        state.held_by = facts.examined.value("held_by", Json{});
    }
    return state;
}

/// With the names that explain has for them in place of their command lines: of a shell that waits
/// for its child to run, svcd can tell only the path.
std::vector<ProcessRow> named_rows(const StatusFacts& facts) {
    std::vector<ProcessRow> rows = facts.processes;
    for (const ProcessFacts& process : state_of(facts).processes) {
        const auto row = std::ranges::find(rows, process.pid, &ProcessRow::pid);
        if (row != rows.end()) {
            row->command = process.name;
        }
    }
    return rows;
}

std::string name_of_main(const StatusFacts& facts) {
    const std::vector<ProcessRow> rows = named_rows(facts);
    const auto row =
        std::ranges::find(rows, number_of(facts.properties, "MainPID"), &ProcessRow::pid);
    return row == rows.end() ? "" : program_of(row->command);
}

/// Its main process, and what holds it.
std::string main_process_lines(const StatusFacts& facts) {
    const StateFacts state = state_of(facts);
    const std::uint64_t main = number_of(facts.properties, "MainPID");
    if (main != 0) {
        const std::string name = name_of_main(facts);
        const auto held = is_held(state);
        return label("Main PID") + std::to_string(main) + (name.empty() ? "" : " (" + name + ")") +
               "\n" + (held ? label("Held") + harmless(held->text + ". " + held->mend) + "\n" : "");
    }
    const std::uint64_t last = number_of(facts.properties, "ExecMainPID");
    const auto code = static_cast<int>(number_of(facts.properties, "ExecMainCode"));
    const auto status = static_cast<int>(number_of(facts.properties, "ExecMainStatus"));
    const bool ran = truth_of(facts.properties, "ExecStarted");
    const bool never_ran = !ran && code == 1 && status >= kFirstOfSvcd &&
                           recorded_failure(facts.properties, "Failure").kind == "not-executed" &&
                           text_of(facts.properties, "ExecErrorText").starts_with("ExecStart:");
    const std::string end = never_ran ? before_executed(status) : describe_end(code, status, ran);
    if (last == 0 || end.empty()) {
        return "";
    }
    return label("Main PID") + std::to_string(last) + " " + end + "\n";
}

/// Where units have no cgroups.
std::string words_for_tracking(std::string_view tracking) {
    return tracking == "keeper"
               ? "by a keeper (svcd-exec): no cgroup can be written here"
               : "its keeper (svcd-exec) was killed: what has left its session may not be found; "
                 "'svctl restart' gives it a new one";
}

std::string process_lines(const StatusFacts& facts, const Screen& screen) {
    const std::string cgroup = text_of(facts.properties, "ControlGroup");
    if (facts.processes.empty() && cgroup.empty()) {
        return "";
    }
    std::string text;
    if (!facts.processes.empty()) {
        text += label("Tasks") + counted(facts.processes.size(), "process");
        text += truth_of(facts.properties, "LeftOver")
                    ? ", left over from before: they are not ended with the unit (KillMode, or "
                      "SendSIGKILL: no)\n"
                : facts.earlier_life.empty() ? "\n"
                                             : ", " + std::to_string(facts.earlier_life.size()) +
                                                   " left over from an earlier life of the unit\n";
    }
    const std::uint64_t memory = number_of(facts.properties, "MemoryCurrent", UINT64_MAX);
    if (memory != UINT64_MAX && memory != 0) {
        text += label("Memory") + size_text(memory) + "\n";
    }
    const std::string unit = text_of(facts.properties, "Id");
    const bool has_other_name =
        unit == "system.slice" && !cgroup.empty() && !cgroup.ends_with("/" + unit);
    const std::string tracking = text_of(facts.properties, "Tracking");
    if (tracking == "keeper" || tracking == "untracked") {
        text += label("Tracking") + words_for_tracking(tracking) + "\n";
    } else {
        text += label("CGroup") + cgroup +
                (has_other_name ? " (where a user instance has its " + unit + ", as with systemd)"
                                : "") +
                "\n";
    }
    const std::string indent(kLabelWidth + 2, ' ');
    for (std::size_t i = 0; i < facts.processes.size(); ++i) {
        const ProcessRow& process = facts.processes[i];
        std::string line = indent + (i + 1 == facts.processes.size() ? "└─" : "├─");
        line += std::to_string(process.pid) + " " + harmless(process.command);
        if (!process.cgroup.empty() && process.cgroup != "/") {
            line += "  [" + process.cgroup + "]";
        }
        if (std::ranges::find(facts.earlier_life, process.pid) != facts.earlier_life.end()) {
            line += "  (left over)";
        }
        text += cut(line, screen.width) + "\n";
    }
    return text;
}

std::string job_line(const Json& properties) {
    const auto job = properties.find("Job");
    if (job == properties.end() || !job->is_array() || job->empty() || (*job)[0] == 0) {
        return "";
    }
    const std::string number = (*job)[0].dump();
    return label("Job") + number + " (see 'svctl list-jobs', end it with 'svctl cancel " + number +
           "')\n";
}

/// Why a unit was not started the last time that it was to be.
std::string condition_line(const Json& properties, Usec now) {
    const std::string unmet = unmet_condition(properties);
    if (unmet.empty()) {
        return {};
    }
    const Usec at = number_of(properties, "ConditionTimestamp");
    return label(unmet.starts_with("Assert") ? "Assert" : "Condition") + "not started, since " +
           unmet + " does not hold" +
           (is_moment(at) && now > at ? "; " + rough_timespan(now - at) + " ago" : "") + "\n";
}

std::string restart_lines(const Json& properties, Usec now_monotonic) {
    std::string text;
    const std::uint64_t restarts = number_of(properties, "NRestarts");
    const std::string next = next_start_text(properties, now_monotonic);
    const std::string given_up = given_up_text(properties);
    if (restarts != 0 || !next.empty() || !given_up.empty()) {
        text += label("Restarts") + std::to_string(restarts) + (next.empty() ? "" : ", " + next) +
                (given_up.empty() ? "" : ", " + given_up) + "\n";
    }
    if (const std::string flapping = flapping_text(properties, now_monotonic); !flapping.empty()) {
        text += label("Flapping") + flapping + "\n";
    }
    return text;
}

std::string left_out_lines(const Json& properties) {
    std::string text;
    for (const LeftOutUnit& each : left_out_of(properties)) {
        text += label("Without") + each.unit + ": " + harmless(each.why) + "\n";
    }
    return text;
}

}  // namespace

std::string status_text(const StatusFacts& facts, const Screen& screen) {
    const Json& properties = facts.properties;
    const std::string active = text_of(properties, "ActiveState");
    const std::string sub = text_of(properties, "SubState");
    const Colour colour = colour_of(active);
    std::string text = coloured(screen, colour, glyph_of(active)) + " " + text_of(properties, "Id");
    const std::string description = harmless(text_of(properties, "Description"));
    if (!description.empty() && description != text_of(properties, "Id")) {
        text += " - " + description;
    }
    text +=
        "\n" + loaded_line(properties) + load_error_lines(properties) + drop_in_lines(properties);
    text += label("Active") + coloured(screen, colour, active + " (" + sub + ")") +
            since_text(properties, facts.now) + "\n";
    if (active == "activating" || active == "deactivating" || active == "reloading") {
        text +=
            label("Phase") + phase_text(properties, named_rows(facts), facts.now_monotonic) + "\n";
    }
    if (const std::string awaited = text_of(properties, "StartWaitsFor"); !awaited.empty()) {
        text += label("Waits") + awaited + "\n";
    }
    text += condition_line(properties, facts.now) + job_line(properties);
    if (const std::string reason = reason_text(properties); !reason.empty()) {
        text += label("Result") + text_of(properties, "Result") + ": " + harmless(reason) + "\n";
    }
    if (const std::string reload = reload_reason_text(properties); !reload.empty()) {
        text += label("Reload") + "the last one has failed: " + harmless(reload) + "\n";
    }
    text += warning_lines(properties);
    text += main_process_lines(facts);
    if (const std::string said = text_of(properties, "StatusText"); !said.empty()) {
        text += label("Status") + "\"" + harmless(said) + "\"\n";
    }
    if (truth_of(properties, "ReadinessUnknown")) {
        text += label("Ready") + "readiness unknown: svcd was away when it started\n";
    }
    text += restart_lines(properties, facts.now_monotonic) + left_out_lines(properties);
    if (const std::string usual = usual_stop_text(properties); !usual.empty()) {
        text += label("Stop") + usual + "\n";
    }
    text += process_lines(facts, screen);
    if (facts.log_is_closed) {
        text += label("Output") + "not for you to read (svcd.yaml: LogGroup may)\n";
    }
    if (!facts.log.empty()) {
        text += "\n";
        for (const std::string& line : facts.log) {
            text += cut(harmless_lines(line), screen.width) + "\n";
        }
    }
    return text;
}

Json status_json(const StatusFacts& facts) {
    Json processes = Json::array();
    for (const ProcessRow& process : facts.processes) {
        processes.push_back(
            {{"pid", process.pid}, {"cgroup", process.cgroup}, {"command", process.command}});
    }
    Json object = facts.properties;
    object["Processes"] = std::move(processes);
    object["exec_error"] = exec_error_json(facts.properties);
    object["earlier_life"] = facts.earlier_life;
    object["LogPath"] = facts.log_path;
    object["Log"] = facts.log;
    return object;
}

std::string manager_status_text(const Json& properties, const std::string& version) {
    std::string text = "svcd " + version + "\n";
    text += label("State") + text_of(properties, "SystemState") + "\n";
    for (const DegradedReason& reason :
         read_degraded_reasons(properties.value("DegradedReasons", Json::array()))) {
        const bool tells_unit = reason.unit.empty() || reason.kind == "boot";
        text += label("Reason") + (tells_unit ? std::string{} : reason.unit + ": ") +
                harmless(reason.text) + "\n";
    }
    text += label("Jobs") + std::to_string(number_of(properties, "NJobs")) + "\n";
    text += label("Failed") + counted(number_of(properties, "NFailedUnits"), "unit") + "\n";
    std::string flapping;
    for (const Json& unit : properties.value("FlappingUnits", Json::array())) {
        flapping += (flapping.empty() ? "" : ", ") + unit.get<std::string>();
    }
    text += flapping.empty() ? std::string{} : label("Flapping") + flapping + "\n";
    text += label("Units") + std::to_string(number_of(properties, "NNames")) + " loaded\n";
    const std::string cgroup = text_of(properties, "ControlGroup");
    text += cgroup.empty() ? label("Tracking") + words_for_tracking("keeper") + "\n"
                           : label("CGroup") + cgroup + "\n";
    return text;
}

}  // namespace svcd
