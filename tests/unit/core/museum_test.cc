// The bug museum (tests/integration/test_museum.py has its list): those of other supervisors' bugs
// that are about time, where the core's virtual time says in a moment what takes a month, and the
// one about the kernel's OOM killer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;

Notification ping() {
    Notification message;
    message.watchdog = true;
    return message;
}

// systemd#42912. Ten hours that the core's clock counts are more than the interval. (Whether it
// counts those of a suspend is up to the shell, which hands it the time.)
TEST(Museum, No17StartLimitForgetsStartsThatAreOlderThanItsInterval) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 1ms).definition().start_limit_burst = 3;
    web.definition().start_limit_interval = 1h;
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 1).advance(1ms).exits("web", 1).advance(1ms);
    ASSERT_EQ(scenario.spawned().size(), 3u);
    scenario.executes("web").advance(10h);
    scenario.exits("web", 1).advance(1ms).exits("web", 1).advance(1ms);
    EXPECT_EQ(scenario.state("web"), "active/running");
    scenario.exits("web", 1).advance(1ms).exits("web", 1).advance(1ms);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
}

// The wall clock is nothing that the core hears of: a watchdog counts from the ping, and one that
// is fed a moment before it is overdue never barks.
TEST(Museum, No18WatchdogCountsFromThePingAndFromNothingElse) {
    UnitSpec web = service("web");
    web.settings().watchdog = 1s;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web");
    for (int round = 0; round < 1000; ++round) {
        scenario.advance(1s - 1us).notifies("web", ping());
    }
    EXPECT_EQ(scenario.state("web"), "active/running");
    scenario.advance(1s);
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-watchdog");
}

// systemd#43813. Each crash is the first for the back-off, when months lie between.
TEST(Museum, No22CrashOnceAMonthWaitsForTheFirstDelayEachTime) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 1s);
    web.settings().restart_steps = 5;
    web.settings().restart_max_delay = 1h;
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    for (int month = 1; month <= 12; ++month) {
        scenario.executes("web").advance(30 * 24h).exits("web", 1).advance(1s - 1us);
        EXPECT_EQ(scenario.state("web"), "activating/auto-restart") << month;
        scenario.advance(1us);
        EXPECT_EQ(scenario.state("web"), "active/running") << month;
    }
    EXPECT_EQ(scenario.status("web").restarts, 12u);
}

// systemd#43439. A helper is killed because memory ran out, and the main process lives.
struct OomCase {
    OomPolicy policy;
    std::string state;
    std::string signal;  ///< that follows, if any
};

class MuseumOom : public ::testing::TestWithParam<OomCase> {};

TEST_P(MuseumOom, No23OomKillOfAHelperDoesWhatThePolicySays) {
    UnitSpec web = service("web");
    web.settings().oom_policy = GetParam().policy;
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").take_log();
    scenario.happens(OomKilled{*scenario.supervisor().find("web.service")});
    EXPECT_EQ(scenario.state("web"), GetParam().state);
    const std::vector<std::string> log = scenario.take_log();
    if (GetParam().signal.empty()) {
        EXPECT_THAT(log, Not(Contains(::testing::HasSubstr("signal"))));
        EXPECT_EQ(scenario.result("web"), UnitResult::success);
        return;
    }
    EXPECT_THAT(log, Contains("signal web.service " + GetParam().signal + " cgroup"));
    scenario.exits("web", 0);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.result("web"), UnitResult::oom_kill);
}

INSTANTIATE_TEST_SUITE_P(
    Policies,
    MuseumOom,
    ::testing::Values(OomCase{OomPolicy::continue_, "active/running", ""},
                      OomCase{OomPolicy::stop, "deactivating/stop-sigterm", "15"},
                      OomCase{OomPolicy::kill, "deactivating/stop-sigkill", "9"}));

}  // namespace
}  // namespace svcd::test
