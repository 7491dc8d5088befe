// What doctor says of starts: what they left out, and of those that come again and again.
#include <algorithm>

#include "doctor.h"
#include "explain_words.h"
#include "reasons.h"
#include "restart_words.h"

namespace svcd {

namespace {

bool is_down(const Patient& patient, const std::string& unit) {
    const auto state = patient.active_states.find(unit);
    return state != patient.active_states.end() &&
           (state->second == "inactive" || state->second == "failed");
}

}  // namespace

std::string kept_down_text(const Patient& patient) {
    constexpr std::size_t kNamedMax = 5;
    std::vector<std::string> down;
    for (const char* list : {"RequiredBy", "RequisiteOf", "BoundBy"}) {
        for (const Json& name : patient.properties.value(list, Json::array())) {
            const std::string unit = name.is_string() ? name.get<std::string>() : std::string{};
            if (is_down(patient, unit) && std::ranges::find(down, unit) == down.end()) {
                down.push_back(unit);
            }
        }
    }
    if (down.empty()) {
        return {};
    }
    std::string names;
    for (std::size_t i = 0; i < std::min(down.size(), kNamedMax); ++i) {
        names += (i == 0 ? "" : ", ") + down[i];
    }
    if (down.size() > kNamedMax) {
        names += " and " + std::to_string(down.size() - kNamedMax) + " more";
    }
    return "; " + names +
           (down.size() == 1 ? ", which needs it, is down" : ", which need it, are down");
}

Findings only_of_trouble(Findings findings) {
    std::erase_if(findings, [](const Finding& finding) {
        return finding.kind != "load-error" && finding.kind != "given-up" &&
               finding.kind != "failed" && finding.kind != "condition-not-run";
    });
    return findings;
}

/// A fault in the unit's own file, or in a drop-in that was left out for it.
void check_load_error(const Patient& patient, Findings& findings) {
    const std::string load = text_of(patient.properties, "LoadState");
    if (load == "not-found" || load == "masked") {
        return;
    }
    std::string text = load_error_text(patient.properties);
    const std::string suffix =
        load == "loaded" ? std::string{} : "; the unit can't be started" + kept_down_text(patient);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string fault = text.substr(0, end);
        const bool is_mended = patient.mended_faults.contains(fault);
        findings.push_back(
            {Severity::problem, "load-error",
             fault + (is_mended ? "; that is mended in the file, which is not loaded yet" : "") +
                 suffix,
             is_mended ? "'svctl daemon-reload' reads the file."
                       : "Mend that, if the file has it still, then 'svctl daemon-reload'."});
        text.erase(0, end + 1);
    }
}

/// Each failed unit keeps the system degraded.
void check_failed(const Patient& patient, Findings& findings) {
    if (text_of(patient.properties, "ActiveState") != "failed" ||
        !given_up_text(patient.properties).empty()) {
        return;
    }
    const std::string unit = typed_name(text_of(patient.properties, "Id"));
    const std::string reason = reason_text(patient.properties);
    findings.push_back(
        {Severity::problem, "failed",
         "it has failed" + (reason.empty() ? "" : ": " + reason) + kept_down_text(patient),
         "Mend that ('svctl explain " + unit + "'), then 'svctl start " + unit +
             "'; or have it forgotten with 'svctl reset-failed " + unit + "'."});
}

/// An ExecCondition that can't be executed looks like one that says no: the start is skipped, and
/// the unit is as if nobody had wanted it.
void check_condition_command(const Patient& patient, Findings& findings) {
    const Json error = exec_error_json(patient.properties);
    if (text_of(patient.properties, "Result") != "exec-condition" || error.is_null()) {
        return;
    }
    const std::string unit = typed_name(text_of(patient.properties, "Id"));
    findings.push_back({Severity::problem, "condition-not-run",
                        "its last start was skipped, and not since the condition says no: " +
                            text_of(error, "text") + kept_down_text(patient),
                        "Mend that, then 'svctl start " + unit + "'."});
}

void check_needed(const Patient& patient, Findings& findings) {
    for (const auto& [unit, text] : patient.needed_down) {
        findings.push_back({Severity::warning, "need-down",
                            "it is up, and " + unit + ", which it needs, " + text,
                            "Mend that, then 'svctl start " + typed_name(unit) + "'."});
    }
}

void check_last_reload(const Patient& patient, Findings& findings) {
    const std::string reason = reload_reason_text(patient.properties);
    if (reason.empty() || text_of(patient.properties, "ActiveState") != "active") {
        return;
    }
    const std::string unit = typed_name(text_of(patient.properties, "Id"));
    findings.push_back({Severity::warning, "reload-failed", "its last reload has failed: " + reason,
                        "Mend that, then 'svctl reload " + unit + "'."});
}

void check_next_reload(const Patient& patient, Findings& findings) {
    if (!patient.refused_reload.empty()) {
        findings.push_back({Severity::warning, "reload-would-end", patient.refused_reload,
                            "Take the signal out of ExecReload (or Type: notify-reload), or have "
                            "the program catch it."});
    }
}

/// Names what a start has left out or done otherwise than the files say: lines of an
/// EnvironmentFile, what svcd may not do here. It runs on with that until it is started again.
void check_exec_warnings(const Patient& patient, Findings& findings) {
    for (const Json& warning : patient.properties.value("ExecWarnings", Json::array())) {
        if (warning.is_string()) {
            findings.push_back({Severity::warning, "not-as-written", warning.get<std::string>(),
                                "Correct that, then 'svctl restart " +
                                    typed_name(text_of(patient.properties, "Id")) + "'."});
        }
    }
}

/// Units that are to be started when this one ends, and can't be. Nobody hears of the failure then.
void check_followers(const Patient& patient, Findings& findings) {
    for (const char* list : {"OnFailure", "OnSuccess"}) {
        for (const Json& name : patient.properties.value(list, Json::array())) {
            const auto unit = name.is_string() ? patient.unusable.find(name.get<std::string>())
                                               : patient.unusable.end();
            if (unit != patient.unusable.end()) {
                findings.push_back(
                    {Severity::warning, "follower-unusable",
                     std::string{list} + ": " + unit->first +
                         " can't be started when it is to be: it " + unit->second,
                     unit->second == "is masked"
                         ? "Remove the link " + unit->first +
                               ".yaml to /dev/null from the unit path, then 'svctl "
                               "daemon-reload'; or name another."
                         : "Mend that ('svctl status " + unit->first + "'), or name another."});
            }
        }
    }
}

/// Judges a start that is one wait: each command before and after it would have a time of its own.
void check_slow_start(const Patient& patient, Findings& findings) {
    constexpr std::uint64_t kNear = 50;
    constexpr std::uint64_t kVeryNear = 80;
    constexpr std::uint64_t kWhole = 100;
    const Json& properties = patient.properties;
    const std::string type = text_of(properties, "Type");
    const bool is_one_wait =
        (type == "notify" || type == "notify-reload" || type == "forking" || type == "dbus") &&
        std::ranges::all_of(
            std::initializer_list<const char*>{"ExecCondition", "ExecStartPre", "ExecStartPost"},
            [&](const char* list) { return properties.value(list, Json::array()).empty(); });
    const Usec began = number_of(properties, "InactiveExitTimestampMonotonic");
    const Usec up = number_of(properties, "ActiveEnterTimestampMonotonic");
    const Usec limit = number_of(properties, "TimeoutStartUSec");
    if (!is_one_wait || !is_moment(limit) || began == 0 || up <= began ||
        truth_of(properties, "ReadinessUnknown")) {
        return;
    }
    const std::uint64_t share = (up - began) * kWhole / limit;
    if (share >= kNear && share <= kWhole) {  // more of it is EXTEND_TIMEOUT_USEC
        findings.push_back({share >= kVeryNear ? Severity::warning : Severity::note, "slow-start",
                            "its last start took " + std::to_string(share) +
                                " % of TimeoutStartSec (" + short_time(limit) +
                                "); a little more and it fails",
                            "TimeoutStartSec: more; or have it start sooner."});
    }
}

void check_left_out(const Patient& patient, Findings& findings) {
    const auto wishes = [&](const std::string& unit) {
        return std::ranges::any_of(
            std::initializer_list<const char*>{"Wants", "Upholds"}, [&](const char* list) {
                const Json names = patient.properties.value(list, Json::array());
                return std::ranges::find(names, Json(unit)) != names.end();
            });
    };
    for (const LeftOutUnit& each : left_out_of(patient.properties)) {
        if (!wishes(each.unit)) {
            continue;  // since a reload of its file
        }
        findings.push_back({Severity::problem, "left-out",
                            "it goes on without " + each.unit + ", which it wants: " + each.why,
                            "Mend that, then 'svctl start " + typed_name(each.unit) + "'."});
    }
}

void check_restarts(const Patient& patient, Findings& findings) {
    const std::string unit = text_of(patient.properties, "Id");
    if (const std::string text = flapping_text(patient.properties, patient.now_monotonic);
        !text.empty()) {
        findings.push_back({Severity::problem, "flapping", "it is " + text,
                            "Mend why it ends each time ('svctl explain --all " + unit + "')."});
    }
    if (const std::string text = given_up_text(patient.properties); !text.empty()) {
        findings.push_back({Severity::problem, "given-up",
                            "it is " + text + kept_down_text(patient),
                            "Mend why it ended each time ('svctl explain --all " + unit + "')."});
    }
}

}  // namespace svcd
