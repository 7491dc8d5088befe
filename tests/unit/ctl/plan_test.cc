#include "plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "print_plan.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Json job(const std::string& unit, const std::string& type, int wave, Json more = Json::object()) {
    Json object = {{"unit", unit},
                   {"type", type},
                   {"restart", false},
                   {"wave", wave},
                   {"waits_for", Json::array()},
                   {"because", {{"kind", "asked"}}},
                   {"wanted_usec", 5'000'000},
                   {"limit_usec", 5'000'000},
                   {"begins_usec", (wave - 1) * 5'000'000},
                   {"ends_usec", wave * 5'000'000},
                   {"slack_usec", 0},
                   {"critical", true}};
    object.update(more);
    return object;
}

Json plan_of(Json jobs, Json more = Json::object()) {
    Json plan = {{"refused", nullptr},       {"jobs", std::move(jobs)}, {"more", 0},
                 {"longest_usec", 10000000}, {"budget_usec", nullptr},  {"notes", Json::array()}};
    plan.update(more);
    return plan;
}

std::string text_of_plan(const Json& plan, const std::string& request = "stop db.service") {
    return plan_text(read_plan(plan), request, Screen{});
}

TEST(PrintPlan, ShowsWavesReasonsAndWhatDecides) {
    const Json web = job(
        "web.service", "stop", 1,
        {{"because", {{"kind", "pulled-in"}, {"relation", "RequiredBy"}, {"by", "db.service"}}}});
    const std::string text = text_of_plan(plan_of({web, job("db.service", "stop", 2)}));
    EXPECT_THAT(text, HasSubstr("stop db.service: 2 jobs in 2 waves, at most 10s"));
    EXPECT_THAT(text, HasSubstr("Wave 1\n  stop web.service  at most 5s, critical  "
                                "db.service is required by it"));
    EXPECT_THAT(text, HasSubstr("Wave 2, after 5s at the latest\n"));
    EXPECT_THAT(text, HasSubstr("What decides: stop web.service (5s) → stop db.service (5s)"));
    EXPECT_THAT(text, HasSubstr("Nothing was changed."));
}

TEST(PrintPlan, ShowsTheSlackOfWhatDoesNotDecide) {
    const Json cron =
        job("cron.service", "stop", 1,
            {{"critical", false}, {"slack_usec", 55'000'000}, {"limit_usec", 5'000'000}});
    EXPECT_THAT(text_of_plan(plan_of(Json::array({cron}))), HasSubstr("slack 55s"));
}

TEST(PrintPlan, SaysWhatTheBudgetCutsShort) {
    const Json cut =
        job("db.service", "stop", 1, {{"wanted_usec", 90'000'000}, {"limit_usec", 2'500'000}});
    const std::string text =
        text_of_plan(plan_of(Json::array({cut}), {{"budget_usec", 9'000'000}}), "poweroff");
    EXPECT_THAT(text, AllOf(HasSubstr("at most 2s 500ms (not 1min 30s, by the shutdown budget)"),
                            HasSubstr("Budget: 9s"), HasSubstr("1 stop would take longer")));
    const std::string fits = text_of_plan(
        plan_of(Json::array({job("db.service", "stop", 1)}), {{"budget_usec", 9'000'000}}));
    EXPECT_THAT(fits, HasSubstr("everything fits into it"));
}

TEST(PrintPlan, WithoutALimitSaysSo) {
    const Json endless =
        job("db.service", "stop", 1,
            {{"wanted_usec", nullptr}, {"limit_usec", nullptr}, {"ends_usec", nullptr}});
    const std::string text =
        text_of_plan(plan_of(Json::array({endless}), {{"longest_usec", nullptr}}));
    EXPECT_THAT(text, HasSubstr("1 job in 1 wave, as long as it takes"));
}

TEST(PrintPlan, MarksTheHalvesOfARestart) {
    const std::string text =
        text_of_plan(plan_of({job("a.service", "stop", 1, {{"restart", true}}),
                              job("a.service", "start", 2, {{"restart", true}})}),
                     "restart a.service");
    EXPECT_THAT(text, AllOf(HasSubstr("stop* a.service"), HasSubstr("start* a.service"),
                            HasSubstr("(*: half of a restart)")));
}

TEST(PrintPlan, GivesTheReasonOfARefusal) {
    const std::string text = text_of_plan(
        plan_of(Json::array(), {{"refused", "db.service may be stopped only by a dependency"}}));
    EXPECT_EQ(text,
              "stop db.service would be refused: db.service may be stopped only by a dependency\n");
}

TEST(PrintPlan, OfNothingIsItsNotes) {
    const std::string text = text_of_plan(
        plan_of(Json::array(), {{"notes", {"db.service is inactive: nothing to do"}}}));
    EXPECT_THAT(text, AllOf(HasSubstr("Note: db.service is inactive"), Not(HasSubstr("Wave"))));
}

}  // namespace
}  // namespace svcd
