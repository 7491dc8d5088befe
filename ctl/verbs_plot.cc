// plot, blame, critical-chain: how long it took until everything was up or down, and whose doing
// that was.
#include "guard.h"
#include "plot_svg.h"
#include "signals.h"
#include "timeline.h"
#include "timeline_text.h"
#include "unit_names.h"
#include "verbs.h"

namespace svcd {
namespace {

Json parsed(const std::string& text) {
    return Json::parse(text, nullptr, false);
}

ClockReadings now() {
    return {monotonic_now(), realtime_now()};
}

/// Until when a unit ran that isn't active any more, or failed to become so: the boot's timeline
/// has only the beginnings. One call for each such unit, of which there are few.
void add_ends(Session& session, Json& answer) {
    for (Json& unit : answer["units"]) {
        const std::string state = text_of(unit, "active_state");
        if ((state != "inactive" && state != "failed") || unit.contains("inactive_enter_usec")) {
            continue;
        }
        try {
            unit["inactive_enter_usec"] = session.daemon().unit_property(
                text_of(unit, "unit"), "org.svcd1.Unit", "InactiveEnterTimestampMonotonic");
        } catch (const sdbus::Error& error) {
            if (is_connection_lost(error.getName())) {
                throw;
            }
            // It was unloaded in the meantime.
        }
    }
}

Timeline boot_timeline(Session& session) {
    Json answer = parsed(session.daemon().manager().GetBootTimeline());
    if (answer.is_object() && answer.contains("units") && answer["units"].is_array()) {
        add_ends(session, answer);
    }
    return read_boot_timeline(answer, now());
}

Timeline stop_timeline(Session& session) {
    return read_stop_timeline(parsed(session.daemon().manager().GetStopTimeline()), now());
}

/// What was asked for last. A shutdown of the svcd before this one is older than the boot.
Timeline latest_timeline(Session& session) {
    Timeline boot = boot_timeline(session);
    Timeline stop = stop_timeline(session);
    return !stop.units.empty() && (stop.began > boot.began || boot.units.empty()) ? stop : boot;
}

[[noreturn]] void throw_no_units(const Timeline& timeline) {
    const bool is_boot = timeline.kind == TimelineKind::boot;
    throw Trouble{ExitStatus::failed,
                  "org.svcd1.NoTimeline",
                  is_boot ? "no unit was started when svcd was, or all have been started again"
                          : "nobody has asked for a stop since svcd keeps records",
                  "",
                  is_boot ? "'--stop' shows the last stop" : "'--boot' shows the start of svcd",
                  ""};
}

/// `by_default`: what is shown when neither --boot nor --stop is given.
Timeline wanted_timeline(Session& session, Timeline (*by_default)(Session&)) {
    const Options& options = session.options();
    const auto ask = options.of_boot ? boot_timeline : options.of_stop ? stop_timeline : by_default;
    Timeline timeline = ask(session);
    if (timeline.units.empty()) {
        throw_no_units(timeline);
    }
    return timeline;
}

std::size_t named_unit(Session& session, const Timeline& timeline) {
    const std::string name = complete_unit_name(session.options().arguments.front());
    if (const auto unit = find_unit(timeline, name)) {
        return *unit;
    }
    try {
        session.daemon().active_state(name);
    } catch (const sdbus::Error& error) {
        Trouble trouble = trouble_of(error, name);
        explain_unknown_unit(session, trouble);
        throw trouble;
    }
    const bool is_boot = timeline.kind == TimelineKind::boot;
    throw Trouble{ExitStatus::failed,
                  "org.svcd1.NotInTimeline",
                  is_boot ? "it was not started when svcd was, or has been started again since"
                          : "it is not among what was stopped last",
                  name,
                  is_boot ? "'--stop' shows the last stop, 'svctl blame' lists the units"
                          : "'svctl blame --stop' lists what was",
                  ""};
}

}  // namespace

ExitStatus plot_timeline(Session& session) {
    if (session.out().terminal && !session.options().json) {
        throw Trouble{ExitStatus::usage,
                      "org.svcd1.NeedsFile",
                      "the picture is an SVG document, nothing for a terminal",
                      "",
                      "write it into a file: 'svctl plot > plot.svg'; a browser shows it",
                      ""};
    }
    const Timeline timeline = wanted_timeline(session, latest_timeline);
    session.print(session.options().json ? json_text(timeline_json(timeline)) : plot_svg(timeline));
    return ExitStatus::done;
}

ExitStatus blame_units(Session& session) {
    const Timeline timeline = wanted_timeline(session, boot_timeline);
    session.print(session.options().json ? json_text(blame_json(timeline))
                                         : blame_text(timeline, session.out()));
    return ExitStatus::done;
}

ExitStatus show_critical_chain(Session& session) {
    const Options& options = session.options();
    const Timeline timeline = wanted_timeline(session, boot_timeline);
    const std::vector<std::size_t> chain =
        options.arguments.empty() ? timeline.critical
                                  : chain_from(timeline, named_unit(session, timeline));
    session.print(options.json ? json_text(chain_json(timeline, chain))
                               : chain_text(timeline, chain, !options.no_legend, session.out()));
    return ExitStatus::done;
}

}  // namespace svcd
