#include "doctor.h"

#include <algorithm>
#include <array>

#include "messages.h"
#include "reasons.h"

namespace svcd {
namespace {

using Check = void (*)(const Patient&, Findings&);

constexpr auto kChecks =
    std::to_array<Check>({check_load_error,      check_failed,         check_condition_command,
                          check_failing_fork,    check_deleted_output, check_descriptors,
                          check_next_reload,     check_slow_start,     check_followers,
                          check_exec_warnings,   check_needed,         check_last_reload,
                          check_shell,           check_ignored_signal, check_blocked_signal,
                          check_namespace_init,  check_main_process,   check_double_fork,
                          check_held_processes,  check_vfork,          check_uninterruptible,
                          check_tracking,        check_zombies,        check_past_stops,
                          check_past_exec_stops, check_budget,         check_unlimited_stop,
                          check_pid_file,        check_changed_file,   check_order,
                          check_left_out,        check_restarts,       check_named_files,
                          check_watchdog,        check_install,        check_left_over,
                          check_earlier_life});

std::string_view word_of(Severity severity) {
    switch (severity) {
        case Severity::problem:
            return "problem";
        case Severity::warning:
            return "warning";
        case Severity::note:
            break;
    }
    return "note";
}

Colour colour_of_severity(Severity severity) {
    switch (severity) {
        case Severity::problem:
            return Colour::bad;
        case Severity::warning:
            return Colour::busy;
        case Severity::note:
            break;
    }
    return Colour::plain;
}

std::string finding_text(const Finding& finding, const Screen& screen) {
    constexpr std::size_t kWordWidth = 9;
    const std::string indent(2 + kWordWidth, ' ');
    const std::string word = padded(word_of(finding.severity), kWordWidth);
    std::string first =
        wrapped("  " + word + harmless(as_sentence(finding.text)), indent, screen.width);
    // Coloured afterwards: the codes have no width.
    first.replace(2, word.size(), coloured(screen, colour_of_severity(finding.severity), word));
    return first + "\n" +
           wrapped(indent + "→ " + harmless(finding.mend), indent + "  ", screen.width) + "\n";
}

std::string count_text(std::size_t count, std::string_view what) {
    return std::to_string(count) + " " + std::string{what} + (count == 1 ? "" : "s");
}

/// Where to add a finding that was not made by looking at the unit; null: nobody asked for it.
Examined* unit_to_tell_of(const std::string& unit, bool named, std::vector<Examined>& units) {
    const auto of_unit = std::ranges::find(units, unit, &Examined::unit);
    if (of_unit != units.end()) {
        return &*of_unit;
    }
    return named ? nullptr : &units.emplace_back(Examined{unit, {}, true});
}

std::string mend_of_degraded(const DegradedReason& reason) {
    if (reason.kind == "ordering-cycle") {
        return "Take one of these After or Before away, then 'svctl daemon-reload'.";
    }
    if (reason.kind == "config") {
        return "Change the file, then 'svctl daemon-reexec'.";
    }
    return "Mend that, then 'svctl start " + reason.unit + "'; or start svcd with another --unit=.";
}

}  // namespace

std::vector<Finding> examine(const Patient& patient) {
    Findings findings;
    for (const Check check : kChecks) {
        check(patient, findings);
    }
    std::ranges::stable_sort(findings, std::ranges::greater{}, &Finding::severity);
    return findings;
}

void add_file_warnings(const Json& warnings, bool named, std::vector<Examined>& units) {
    constexpr std::string_view kWord = ": warning: ";
    for (const Json& warning : warnings) {
        if (!warning.is_array() || warning.size() != 2 || !warning[0].is_string() ||
            !warning[1].is_string()) {
            continue;
        }
        const std::string unit = warning[0];
        std::string text = warning[1];
        if (const std::size_t word = text.find(kWord); word != std::string::npos) {
            text.replace(word, kWord.size(), ": ");
        }
        if (Examined* of_unit = unit_to_tell_of(unit, named, units)) {
            of_unit->findings.push_back({Severity::warning, "unit-file", std::move(text),
                                         "Change the file, then 'svctl daemon-reload'."});
        }
    }
}

void add_degraded_reasons(const Json& reasons, bool named, std::vector<Examined>& units) {
    for (const DegradedReason& reason : read_degraded_reasons(reasons)) {
        if (Examined* of_unit = unit_to_tell_of(reason.unit, named, units)) {
            of_unit->findings.push_back(
                {Severity::problem, reason.kind, reason.text, mend_of_degraded(reason)});
        }
    }
}

std::string findings_text(const std::vector<Examined>& units, const Screen& screen) {
    std::string text;
    std::size_t count = 0;
    for (const Examined& unit : units) {
        if (unit.findings.empty()) {
            continue;
        }
        text += coloured(screen, Colour::strong, unit.unit.empty() ? "files" : unit.unit) + "\n";
        for (const Finding& finding : unit.findings) {
            text += finding_text(finding, screen);
            ++count;
        }
        text += "\n";
    }
    const auto examined =
        static_cast<std::size_t>(std::ranges::count(units, false, &Examined::only_files));
    return text + count_text(examined, "service") + " examined, " +
           (count == 0 ? "nothing found" : count_text(count, "finding")) + ".\n";
}

Json findings_json(const std::vector<Examined>& units) {
    Json list = Json::array();
    for (const Examined& unit : units) {
        for (const Finding& finding : unit.findings) {
            list.push_back({{"unit", unit.unit},
                            {"severity", word_of(finding.severity)},
                            {"kind", finding.kind},
                            {"text", as_sentence(finding.text)},
                            {"mend", finding.mend}});
        }
    }
    return {{"examined", std::ranges::count(units, false, &Examined::only_files)},
            {"findings", std::move(list)}};
}

}  // namespace svcd
