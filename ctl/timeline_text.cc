#include "timeline_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

#include "counted.h"
#include "explain_words.h"

namespace svcd {
namespace {

std::string units_text(std::size_t count) {
    return counted(count, "unit");
}

std::string_view kind_name(TimelineKind kind) {
    switch (kind) {
        case TimelineKind::boot:
            return "boot";
        case TimelineKind::stop:
            return "stop";
        case TimelineKind::shutdown:
            return "shutdown";
    }
    return "";
}

bool goes_on(const Timeline& timeline) {
    return std::ranges::any_of(timeline.units, &TimelineUnit::goes_on);
}

std::string asked_text(const Requester& asked) {
    if (asked.pid == 0) {
        return asked.reason;
    }
    return "asked for by " + user_text(asked.uid) + " with '" + without_folder(asked.command) +
           "', PID " + std::to_string(asked.pid) +
           (asked.reason.empty() ? "" : "; reason: \"" + asked.reason + "\"");
}

/// From the longest on.
std::vector<std::size_t> by_length(const Timeline& timeline) {
    std::vector<std::size_t> order(timeline.units.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](std::size_t unit) { return timeline.units[unit].took(); });
    return order;
}

Colour colour_of_note(const TimelineUnit& unit) {
    return unit.goes_on ? Colour::busy : Colour::bad;
}

Json span_json(const PhaseSpan& span) {
    return {{"phase", name_of(span.phase)}, {"begin_usec", span.begin}, {"end_usec", span.end}};
}

Json unit_json(const Timeline& timeline, const TimelineUnit& unit) {
    Json phases = Json::array();
    for (const PhaseSpan& span : unit.phases) {
        phases.push_back(span_json(span));
    }
    Json object = {{"unit", unit.name},
                   {"begin_usec", unit.begin},
                   {"end_usec", unit.end},
                   {"phases", std::move(phases)},
                   {"sigkill_usec", unit.sigkills},
                   {"result", unit.result},
                   {"goes_on", unit.goes_on},
                   {"lost", unit.lost},
                   {"waited_for", nullptr},
                   {"critical", unit.is_critical}};
    if (unit.waited_for) {
        object["waited_for"] = timeline.units[*unit.waited_for].name;
    }
    return object;
}

}  // namespace

std::string took_text(Usec span) {
    std::array<char, 40> text{};
    if (span == 0) {
        return "0";
    }
    const double milliseconds = static_cast<double>(span) / 1e3;
    // What rounds to 1000 ms is a second already.
    if (span < 999'500) {
        const int digits = span < 1'000 ? 2 : span < 10'000 ? 1 : 0;
        std::snprintf(text.data(), text.size(), "%.*f ms", digits, milliseconds);
        return text.data();
    }
    if (span < 100'000'000) {
        std::snprintf(text.data(), text.size(), "%.3f s", milliseconds / 1e3);
        return text.data();
    }
    return rough_timespan(span);
}

std::string title_of(const Timeline& timeline) {
    const std::string units = units_text(timeline.units.size());
    const std::string in = goes_on(timeline) ? ", for " : " in ";
    const std::string end = in + took_text(timeline.length) + (goes_on(timeline) ? " now" : "");
    switch (timeline.kind) {
        case TimelineKind::boot:
            return "Start of svcd with " + units + end;
        case TimelineKind::stop:
            return "Stop of " + units + end;
        case TimelineKind::shutdown:
            return "Shutdown of " + units + end;
    }
    return "";
}

std::string subtitle_of(const Timeline& timeline) {
    std::string text = timestamp(timeline.began_realtime);
    const std::string asked = timeline.asked_by ? asked_text(*timeline.asked_by) : "";
    text += text.empty() || asked.empty() ? "" : ", ";
    return text + asked;
}

std::string left_out_text(const Timeline& timeline) {
    std::string text;
    if (timeline.later > 0) {
        text = units_text(timeline.later) + " that " + (timeline.later == 1 ? "was" : "were") +
               " started, or started again, later";
    }
    if (timeline.more > 0) {
        text += (text.empty() ? "" : "; ") + units_text(timeline.more) +
                " for which there was no room in svcd's answer";
    }
    return text.empty() ? "" : "Not shown: " + text;
}

std::string note_of(const TimelineUnit& unit) {
    std::string text = unit.sigkills.empty() ? "" : "SIGKILL";
    const auto add = [&text](std::string_view what) {
        text += text.empty() || what.empty() ? "" : ", ";
        text += what;
    };
    add(unit.result);
    add(unit.goes_on ? "goes on" : "");
    add(unit.lost ? "svcd left" : "");
    return text;
}

std::string blame_text(const Timeline& timeline, const Screen& screen) {
    std::size_t width = 0;
    for (const TimelineUnit& unit : timeline.units) {
        width = std::max(width, width_of(took_text(unit.took())));
    }
    std::string text;
    for (const std::size_t index : by_length(timeline)) {
        const TimelineUnit& unit = timeline.units[index];
        if (unit.took() == 0) {
            break;
        }
        const std::string took = took_text(unit.took());
        const std::string note = note_of(unit);
        text += std::string(width - width_of(took), ' ') + took + "  " + harmless(unit.name) +
                (note.empty() ? "" : "  " + coloured(screen, colour_of_note(unit), note)) + "\n";
    }
    return text;
}

Json blame_json(const Timeline& timeline) {
    Json list = Json::array();
    for (const std::size_t index : by_length(timeline)) {
        const TimelineUnit& unit = timeline.units[index];
        list.push_back({{"unit", unit.name},
                        {"took_usec", unit.took()},
                        {"sigkill", !unit.sigkills.empty()},
                        {"result", unit.result},
                        {"goes_on", unit.goes_on}});
    }
    return list;
}

std::string chain_text(const Timeline& timeline,
                       const std::vector<std::size_t>& chain,
                       bool legend,
                       const Screen& screen) {
    std::string text;
    if (legend) {
        text = title_of(timeline) + ". Below each unit stands what it waited for;\n" +
               "@ is when it began, + how long it took.\n\n";
    }
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const TimelineUnit& unit = timeline.units[chain[i]];
        // A long chain would leave the screen with an indent for each step.
        constexpr std::size_t kIndentMax = 20;
        text += i == 0 ? "" : std::string(2 * (std::min(i, kIndentMax) - 1), ' ') + "└─";
        text += harmless(unit.name) + " @" + took_text(unit.begin);
        text += unit.took() == 0
                    ? ""
                    : " " + coloured(screen, Colour::strong, "+" + took_text(unit.took()));
        const std::string note = note_of(unit);
        text += (note.empty() ? "" : "  " + coloured(screen, colour_of_note(unit), note)) + "\n";
    }
    return text;
}

Json chain_json(const Timeline& timeline, const std::vector<std::size_t>& chain) {
    Json list = Json::array();
    for (const std::size_t index : chain) {
        const TimelineUnit& unit = timeline.units[index];
        list.push_back({{"unit", unit.name},
                        {"begin_usec", unit.begin},
                        {"took_usec", unit.took()},
                        {"sigkill", !unit.sigkills.empty()},
                        {"result", unit.result},
                        {"goes_on", unit.goes_on}});
    }
    return list;
}

Json timeline_json(const Timeline& timeline) {
    Json units = Json::array();
    for (const TimelineUnit& unit : timeline.units) {
        units.push_back(unit_json(timeline, unit));
    }
    Json critical = Json::array();
    for (const std::size_t index : timeline.critical) {
        critical.push_back(timeline.units[index].name);
    }
    Json asked;
    if (timeline.asked_by) {
        asked = {{"type", timeline.asked_by->type},
                 {"uid", timeline.asked_by->uid},
                 {"pid", timeline.asked_by->pid},
                 {"command", timeline.asked_by->command},
                 {"reason", timeline.asked_by->reason}};
    }
    return {{"kind", kind_name(timeline.kind)},
            {"began_usec", timeline.began},
            {"began_realtime_usec", timeline.began_realtime},
            {"length_usec", timeline.length},
            {"asked_by", asked},
            {"units", std::move(units)},
            {"critical", std::move(critical)},
            {"later", timeline.later},
            {"more", timeline.more}};
}

}  // namespace svcd
