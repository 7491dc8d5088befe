// What svctl is told and shows: stop records, timelines, plans, the launcher's file, the lines of a
// log. The first byte says which. What comes to a terminal has no control characters
// but newlines, tabs and svctl's own colours.
#include "explain_stop.h"
#include "explanation.h"
#include "fuzz/scratch_file.h"
#include "fuzz/target.h"
#include "launcher_status.h"
#include "log_lines.h"
#include "plan.h"
#include "plot_svg.h"
#include "print_plan.h"
#include "timeline.h"
#include "timeline_text.h"

namespace svcd::fuzz {
namespace {

constexpr Usec kNow = 5'000'000'000;
constexpr Screen kTerminal{true, true, 80, 24};

/// Nothing that steers a terminal gets through the one door.
void look_at(const std::string& text) {
    const std::string page = harmless_page(text, Screen{});
    for (const char c : page) {
        const auto byte = static_cast<unsigned char>(c);
        require(byte >= 0x20 ? byte != 0x7f : c == '\n' || c == '\t');
    }
    require(page.find("\xc2\x9b") == std::string::npos);
    require(harmless_page(page, Screen{}) == page);
    static_cast<void>(harmless_page(text, kTerminal));
}

void try_record(const Json& json) {
    const StopRecord record = read_record(json);
    Surroundings around;
    around.properties = Json::object();
    around.processes = read_processes(Json::array({json}));
    around.now = kNow;
    around.now_monotonic = kNow;
    look_at(explanation_text(explain_stop(record, around), kTerminal));
    look_at(records_text({record, record}, kNow, kTerminal));
}

void try_timelines(const Json& json) {
    const ClockReadings now{kNow, kNow};
    for (const Timeline& timeline :
         {read_boot_timeline(json, now), read_stop_timeline(json, now)}) {
        look_at(title_of(timeline) + subtitle_of(timeline) + left_out_text(timeline));
        look_at(blame_text(timeline, kTerminal));
        look_at(chain_text(timeline, timeline.critical, true, kTerminal));
        static_cast<void>(json_text(timeline_json(timeline)));
        static_cast<void>(plot_svg(timeline));
    }
}

void try_plan(const Json& json) {
    try {
        look_at(plan_text(read_plan(json), "stop x.service", kTerminal));
    } catch (const Json::exception&) {  // it is none, and svctl says so
    }
}

void try_texts(std::string_view text) {
    look_at(std::string{text});
    look_at(harmless(text));
    const LauncherStatus status = parse_launcher_status(text);
    look_at(no_manager_trouble(status, kNow).message);
    static const ScratchFile kFile;
    kFile.set(text);
    for (const std::string& line : last_lines(kFile.path(), 10)) {
        require(line.find('\n') == std::string::npos);
    }
}

}  // namespace

void try_input(std::string_view input) {
    Bytes bytes{input};
    const unsigned choice = bytes.byte();
    if (choice % 4 == 3) {
        try_texts(bytes.rest());
        return;
    }
    const Json json = Json::parse(bytes.rest(), nullptr, false);
    if (!json.is_object()) {
        return;  // the daemon's answers are objects
    }
    switch (choice % 4) {
        case 0:
            try_record(json);
            break;
        case 1:
            try_timelines(json);
            break;
        default:
            try_plan(json);
            break;
    }
}

}  // namespace svcd::fuzz
