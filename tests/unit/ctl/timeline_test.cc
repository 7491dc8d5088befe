// Timelines: what is read from the daemon's answers, the critical path, and the picture of it.
#include "timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "plot_svg.h"
#include "svg_text.h"
#include "timeline_text.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Usec kBegan = 500'000'000;
constexpr ClockReadings kNow{kBegan + 600'000'000, 1'790'000'600'000'000};

Json state(Usec at, const char* name) {
    return {{"at_usec", at}, {"what", "state"}, {"state", name}};
}

/// A stop from `begin` on, for `took`, waiting for its processes all the time.
Json stopped(const char* unit, Usec begin, Usec took, Json changes = Json::object()) {
    Json record = {{"unit", unit},
                   {"began_usec", kBegan + begin},
                   {"began_realtime_usec", 1'790'000'000'000'000 + begin},
                   {"asked_by",
                    {{"type", "stop"},
                     {"at_usec", kBegan},
                     {"uid", 0},
                     {"pid", 4711},
                     {"command", "/usr/bin/svctl stop app.target"},
                     {"reason", ""}}},
                   {"events", {state(0, "stop-sigterm"), state(took, "dead")}},
                   {"duration_usec", took},
                   {"result", "success"}};
    record.update(changes);
    return record;
}

Timeline stops(const std::vector<Json>& records, const Json& after = Json::object()) {
    return read_stop_timeline({{"records", records}, {"after", after}, {"more", 0}}, kNow);
}

Json started(const std::string& unit, Usec exit, Usec active, Json after = Json::array()) {
    return {{"unit", unit},
            {"type", "service"},
            {"inactive_exit_usec", kBegan + exit},
            {"active_enter_usec", active == 0 ? 0 : kBegan + active},
            {"active_state", "active"},
            {"sub", "running"},
            {"after", std::move(after)}};
}

Timeline boot(const std::vector<Json>& units) {
    return read_boot_timeline({{"began_usec", kBegan}, {"units", units}, {"more", 0}}, kNow);
}

std::vector<std::string> critical(const Timeline& timeline) {
    std::vector<std::string> names;
    for (const std::size_t unit : timeline.critical) {
        names.push_back(timeline.units[unit].name);
    }
    return names;
}

const TimelineUnit& unit(const Timeline& timeline, std::string_view name) {
    return timeline.units.at(find_unit(timeline, name).value());
}

/// Why a text is no well-formed XML, or "": tags that match, attributes in quotes, known entities.
std::string xml_fault(const std::string& text) {
    static const std::regex kTag{R"re(<(/?)([a-z]+)((?: [A-Za-z0-9:-]+="[^"<]*")*)(/?)>)re"};
    static const std::regex kReference{"&(?!(amp|lt|gt|quot);)"};
    std::vector<std::string> open;
    std::size_t at = text.find("?>") + 2;
    while ((at = text.find('<', at)) != std::string::npos) {
        const std::size_t end = text.find('>', at);
        std::smatch parts;
        const std::string tag = text.substr(at, end - at + 1);
        if (!std::regex_match(tag, parts, kTag)) {
            return "a tag: " + tag;
        }
        if (parts[1].length() == 0 && parts[4].length() == 0) {
            open.push_back(parts[2]);
        } else if (parts[1].length() != 0) {
            if (open.empty() || open.back() != parts[2]) {
                return "closes nothing: " + tag;
            }
            open.pop_back();
        }
        at = end;
    }
    if (!open.empty()) {
        return "left open: " + open.back();
    }
    const bool has_control = std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; });
    return has_control ? "a control character" : std::regex_search(text, kReference) ? "an &" : "";
}

std::size_t count(const std::string& text, const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++found;
    }
    return found;
}

TEST(StopTimeline, PhasesFollowTheSubStates) {
    const Json events = {
        state(0, "pre-stop"),      state(10, "stop"),
        state(30, "stop-sigterm"), {{"at_usec", 90}, {"what", "signal"}, {"signal", "SIGKILL"}},
        state(90, "stop-sigkill"), state(100, "stop-post"),
        state(120, "failed")};
    const Timeline timeline =
        stops({stopped("a.service", 40, 120, {{"events", events}, {"result", "timeout"}})});
    const TimelineUnit& a = timeline.units.at(0);
    std::vector<std::string> phases;
    for (const PhaseSpan& span : a.phases) {
        phases.push_back(std::string{name_of(span.phase)} + " " + std::to_string(span.begin) + "-" +
                         std::to_string(span.end));
    }
    EXPECT_THAT(phases, ElementsAre("pre-stop 40-50", "ExecStop 50-70", "after the signal 70-130",
                                    "after SIGKILL 130-140", "ExecStopPost 140-160"));
    EXPECT_THAT(a.sigkills, ElementsAre(130));
    EXPECT_EQ(note_of(a), "SIGKILL, timeout");
    EXPECT_EQ(timeline.length, 160U);
    EXPECT_EQ(timeline.began_realtime, 1'790'000'000'000'000U);
}

TEST(StopTimeline, TheCriticalPathGoesBackThroughWhatWasWaitedFor) {
    // web after db after disk, log after disk: web stops first, then db; log is done long before.
    const Timeline timeline =
        stops({stopped("disk.service", 3'000, 10), stopped("db.service", 1'000, 2'000),
               stopped("web.service", 0, 1'000), stopped("log.service", 0, 20),
               stopped("other.service", 0, 3'005)},
              {{"web.service", {"db.service"}},
               {"db.service", {"disk.service"}},
               {"log.service", {"disk.service"}}});
    EXPECT_THAT(critical(timeline), ElementsAre("disk.service", "db.service", "web.service"));
    EXPECT_FALSE(unit(timeline, "other.service").is_critical);
    EXPECT_FALSE(unit(timeline, "log.service").waited_for);
    EXPECT_EQ(chain_text(timeline, timeline.critical, false, {}),
              "disk.service @3.0 ms +0.01 ms\n"
              "└─db.service @1.0 ms +2.0 ms\n"
              "  └─web.service @0 +1.0 ms\n");
}

TEST(StopTimeline, WhatEndsTogetherIsDecidedByTheMoreWork) {
    // Both are done when `last` begins; the slice's stop took no time.
    const Json after = {{"slow.service", {"last.service"}}, {"idle.slice", {"last.service"}}};
    const Timeline timeline =
        stops({stopped("last.service", 500, 10), stopped("idle.slice", 500, 0),
               stopped("slow.service", 0, 500)},
              after);
    EXPECT_THAT(critical(timeline), ElementsAre("last.service", "slow.service"));
}

TEST(StopTimeline, ACycleInTheOrderIsNoLoop) {
    const Timeline timeline =
        stops({stopped("a.service", 0, 0), stopped("b.service", 0, 0)},
              {{"a.service", {"b.service"}}, {"b.service", {"a.service", "b.service"}}});
    EXPECT_LE(timeline.critical.size(), 2U);
}

TEST(StopTimeline, WhatGoesOnReachesUntilNow) {
    const Timeline timeline = stops({stopped(
        "a.service", 0, 0, {{"duration_usec", nullptr}, {"events", {state(0, "stop-sigterm")}}})});
    EXPECT_TRUE(timeline.units[0].goes_on);
    EXPECT_EQ(timeline.units[0].took(), 600'000'000U);
    EXPECT_EQ(timeline.units[0].phases[0].end, 600'000'000U);
    EXPECT_EQ(title_of(timeline), "Stop of 1 unit, for 10min now");
    EXPECT_EQ(xml_fault(plot_svg(timeline)), "");
}

TEST(StopTimeline, WhatSvcdLeftInTheMiddleEndsWithItsLastEvent) {
    const Timeline timeline =
        stops({stopped("a.service", 0, 700, {{"duration_usec", nullptr}, {"lost", true}})});
    EXPECT_FALSE(timeline.units[0].goes_on);
    EXPECT_EQ(timeline.units[0].took(), 700U);
    EXPECT_EQ(note_of(timeline.units[0]), "svcd left");
}

TEST(StopTimeline, TheRequestIsTheOneThatNothingPulledIn) {
    Json pulled = stopped("web.service", 0, 10);
    pulled["asked_by"]["reason"] = "pulled in by db.service";
    Json direct = stopped("db.service", 20, 10);
    direct["asked_by"]["reason"] = "deploy 42";
    EXPECT_THAT(subtitle_of(stops({pulled, direct})),
                AllOf(HasSubstr("with 'svctl stop app.target', PID 4711"),
                      HasSubstr("reason: \"deploy 42\"")));
    const Timeline shutdown =
        stops({stopped("a.service", 0, 10, {{"shutdown", true}, {"asked_by", nullptr}})});
    EXPECT_THAT(title_of(shutdown), StartsWith("Shutdown of 1 unit"));
}

TEST(BootTimeline, AUnitWaitsForTheLastOfThoseItIsAfter) {
    const Timeline timeline =
        boot({started("a.service", 10, 1'000), started("b.service", 10, 3'000),
              started("c.service", 3'000, 4'000, {"a.service", "b.service"}),
              started("d.service", 10, 3'900)});
    EXPECT_THAT(critical(timeline), ElementsAre("c.service", "b.service"));
    EXPECT_EQ(timeline.length, 4'000U);
    EXPECT_EQ(unit(timeline, "a.service").phases.back().end, 4'000U);
    EXPECT_EQ(title_of(timeline), "Start of svcd with 4 units in 4.0 ms");
    EXPECT_EQ(blame_text(timeline, {}),
              " 3.9 ms  d.service\n 3.0 ms  b.service\n 1.0 ms  c.service\n0.99 ms  a.service\n");
}

TEST(BootTimeline, WhatWasNotDoneWhenAUnitBeganDidNotKeepItWaiting) {
    // Started by somebody while c was on its way; and one that is on its way still.
    Json hangs = started("hangs.service", 5, 0);
    hangs["active_state"] = "activating";
    hangs["sub"] = "start";
    const Json after = {"a.service", "later.service", "hangs.service"};
    const Timeline timeline =
        boot({started("a.service", 10, 1'000), started("later.service", 1'200, 1'500),
              started("c.service", 1'000, 2'000, after), hangs});
    const std::size_t c = find_unit(timeline, "c.service").value();
    EXPECT_EQ(timeline.units[timeline.units[c].waited_for.value()].name, "a.service");
}

TEST(BootTimeline, WhatIsStartedLaterIsNoPartOfIt) {
    const Timeline timeline =
        boot({started("a.service", 10, 8'000'000), started("b.service", 17'000'000, 17'000'001),
              started("late.service", 30'000'000, 31'000'000)});
    EXPECT_EQ(timeline.units.size(), 2U);
    EXPECT_EQ(left_out_text(timeline),
              "Not shown: 1 unit that was started, or started again, later");
}

TEST(BootTimeline, AStartThatFailedOrGoesOnIsShown) {
    Json failed = started("f.service", 10, 0);
    failed["active_state"] = "failed";
    failed["inactive_enter_usec"] = kBegan + 310;
    Json loops = started("l.service", 10, 0);
    loops["active_state"] = "activating";
    loops["sub"] = "auto-restart";
    Json hangs = started("h.service", 10, 0);
    hangs["active_state"] = "activating";
    hangs["sub"] = "start";
    const Timeline timeline = boot({failed, loops, hangs});
    EXPECT_EQ(unit(timeline, "f.service").took(), 300U);
    EXPECT_EQ(note_of(unit(timeline, "f.service")), "failed");
    EXPECT_EQ(unit(timeline, "l.service").took(), 0U);
    EXPECT_EQ(note_of(unit(timeline, "l.service")), "restarts");
    EXPECT_TRUE(unit(timeline, "h.service").goes_on);
    EXPECT_THAT(critical(timeline), ElementsAre("h.service"));
}

TEST(Timelines, OfAnAnswerThatIsNoneThereIsNothing) {
    for (const char* text :
         {"null", "[]", "{}", "7", R"({"records": 3, "units": "x", "after": []})",
          R"({"records": [1, null], "units": [[], {"unit": 3}], "began_usec": -4})"}) {
        const Json answer = Json::parse(text);
        EXPECT_THAT(read_stop_timeline(answer, kNow).units, IsEmpty()) << text;
        EXPECT_THAT(read_boot_timeline(answer, kNow).units, IsEmpty()) << text;
    }
    EXPECT_EQ(xml_fault(plot_svg(Timeline{})), "");
}

TEST(Timelines, TimesThatCannotBeAreNoTrouble) {
    const Timeline stop = stops({stopped("a.service", 0, UINT64_MAX), stopped("b.service", 5, 7),
                                 stopped("c.service", 5, 7, {{"began_usec", UINT64_MAX}})});
    EXPECT_EQ(xml_fault(plot_svg(stop)), "");
    Json late = started("a.service", 10, 20);
    late["active_enter_usec"] = UINT64_MAX;
    EXPECT_EQ(xml_fault(plot_svg(boot({late}))), "");
}

TEST(Plot, AnyNameGivesWellFormedXml) {
    std::vector<Json> units;
    for (const char* name : {"a\\x2db.service", "<b>&\"'.service", "-.slice", "ünï@日本.service",
                             "c\x01\x1b[1m.service", "broken\xff\xc3.service",
                             "\xed\xa0\x80 \xf0\x9f\x9a\x80 \xef\xbf\xbf.service", "]]>.service"}) {
        units.push_back(started(name, 10, 20));
    }
    units.push_back(started(std::string(255, 'W') + ".service", 10, 20));
    const std::string svg = plot_svg(boot(units));
    EXPECT_EQ(xml_fault(svg), "");
    EXPECT_THAT(
        svg,
        AllOf(HasSubstr(">a\\x2db.service<"), HasSubstr("&lt;b&gt;&amp;&quot;'.service"),
              HasSubstr("ünï@日本.service"), HasSubstr("broken\xef\xbf\xbd\xef\xbf\xbd.service"),
              Not(HasSubstr("<script")), Not(HasSubstr("href"))));
    EXPECT_EQ(code_points("\xed\xa0\x80"), std::u32string(1, 0xFFFD));
    EXPECT_EQ(code_points("\xc0\xaf\xf4\x90\x80\x80"), (std::u32string{0xFFFD, 0xFFFD, 0xFFFD}));
}

TEST(Plot, ARowForEachOfManyUnits) {
    for (const std::size_t units : {200U, 1000U}) {
        std::vector<Json> list;
        for (std::size_t i = 0; i < units; ++i) {
            const std::string before = "unit" + std::to_string(i - 1) + ".service";
            list.push_back(started("unit" + std::to_string(i) + ".service", i * 100, i * 100 + 100,
                                   i == 0 ? Json::array() : Json::array({before})));
        }
        const Timeline timeline = boot(list);
        EXPECT_EQ(timeline.critical.size(), units);
        const std::string svg = plot_svg(timeline);
        EXPECT_EQ(xml_fault(svg), "");
        EXPECT_EQ(count(svg, "<g><title>"), units);
        EXPECT_EQ(count(svg, "class=\"path\""), units - 1);
        EXPECT_LT(svg.size(), units * 1'000);
        EXPECT_EQ(svg, plot_svg(timeline));
    }
}

TEST(Plot, SigkillAndThePhasesThatOccurAreInTheLegend) {
    const Json kill = {{"at_usec", 90}, {"what", "signal"}, {"signal", "SIGKILL"}};
    Json record = stopped("a.service", 0, 100);
    const std::string clean = plot_svg(stops({record}));
    EXPECT_THAT(clean, AllOf(HasSubstr(">after the signal<"), Not(HasSubstr("SIGKILL"))));
    record["events"] = {state(0, "stop-sigterm"), kill, state(90, "stop-sigkill"),
                        state(100, "failed")};
    const std::string killed = plot_svg(stops({record}));
    EXPECT_THAT(killed, AllOf(HasSubstr(">after SIGKILL<"), HasSubstr(">SIGKILL sent<")));
    EXPECT_EQ(count(killed, "class=\"kill\""), 2U);  // one of them in the legend
}

TEST(Plot, TicksStandWherePeopleCount) {
    EXPECT_EQ(tick_step(1'000, 8), 200U);
    EXPECT_EQ(tick_step(4'600'000, 8), 1'000'000U);
    EXPECT_EQ(tick_step(90'000'000, 8), 15'000'000U);
    EXPECT_EQ(tick_step(3'600'000'000, 8), 600'000'000U);
    for (Usec length = 1; length < 1'000'000'000'000'000; length = length * 3 + 1) {
        EXPECT_LE(length / tick_step(length, 8), 8U) << length;
        EXPECT_GT(tick_step(length, 8), 0U) << length;
    }
}

TEST(Plot, ANameIsCutInTheMiddleToItsWidth) {
    const std::u32string name = code_points("srv-data-with-a-long-name@instance.service");
    EXPECT_EQ(cut_middle(name, 100), name);
    const std::u32string cut = cut_middle(name, 10);
    EXPECT_LE(text_width(cut), 10);
    EXPECT_THAT(xml_text(std::u32string_view{cut}),
                AllOf(StartsWith("srv-da"), HasSubstr("…"), HasSubstr("service")));
    EXPECT_LE(text_width(cut_end(name, 10)), 10);
    EXPECT_EQ(cut_middle(name, 0), U"…");
}

TEST(Took, HasThreeDigitsAndAUnit) {
    EXPECT_EQ(took_text(0), "0");
    EXPECT_EQ(took_text(40), "0.04 ms");
    EXPECT_EQ(took_text(1'500), "1.5 ms");
    EXPECT_EQ(took_text(213'000), "213 ms");
    EXPECT_EQ(took_text(999'700), "1.000 s");
    EXPECT_EQ(took_text(20'020'000), "20.020 s");
    EXPECT_EQ(took_text(125'000'000), "2min 5s");
}

}  // namespace
}  // namespace svcd
