// RestartMode=direct and RestartRandomizedDelaySec.
#include <gmock/gmock.h>

#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::Not;

UnitSpec direct(const std::string& name) {
    return std::move(
        service(name)
            .restart(RestartPolicy::on_failure, 100ms)
            .rarely([](RareServiceSettings& rare) { rare.restart_mode = RestartMode::direct; }));
}

UnitSpec needing(const std::string& name, Relation relation, const std::string& other) {
    return std::move(service(name).depends(relation, other + ".service"));
}

TEST(RestartModeDirect, IsNothingThatDependentsHearOf) {
    Scenario it =
        with(direct("db"), needing("bound", Relation::binds_to, "db"),
             needing("requiring", Relation::requires_, "db"),
             std::move(direct("other").depends(Relation::propagates_stop_to, "follower.service")),
             service("follower"));
    it.start("bound").start("requiring").start("other").start("follower").take_log();
    it.killed("db", SIGKILL).killed("other", SIGKILL).advance(101ms);
    for (const std::string unit : {"db", "bound", "requiring", "other", "follower"}) {
        EXPECT_EQ(it.state(unit), "active/running") << unit;
    }
    EXPECT_THAT(it.take_log(), Not(Contains("signal bound.service 15 cgroup")));
    EXPECT_EQ(it.status("db").restarts, 1U);
}

TEST(RestartModeDirect, PassesNeitherThroughFailedNorInactive) {
    UnitSpec db = direct("db");
    db.depends(Relation::on_failure, "mail.service").depends(Relation::on_success, "mail.service");
    Scenario it = with(std::move(db), service("mail"));
    it.start("db");
    const Time before = it.status("db").inactive_enter_at;
    it.killed("db", SIGKILL);
    EXPECT_EQ(it.state("db"), "activating/auto-restart");
    it.advance(101ms);
    EXPECT_EQ(it.state("db"), "active/running");
    EXPECT_EQ(it.status("db").inactive_enter_at, before);
    EXPECT_EQ(it.state("mail"), "inactive/dead");
}

TEST(RestartModeDirect, LetsAStartGoOnOverFailuresOnTheWay) {
    UnitSpec db = direct("db");
    db.type(ServiceType::notify);
    Scenario it = with(std::move(db),
                       std::move(needing("web", Relation::requires_, "db").after("db.service")));
    it.start("web").exits("db", 1);
    EXPECT_TRUE(it.status("web").job.has_value());
    it.advance(101ms).exits("db", 1).advance(101ms).ready("db");
    EXPECT_EQ(it.state("db"), "active/running");
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_FALSE(it.status("db").job.has_value());
}

TEST(RestartModeDirect, IsHeardOfWhenItIsGivenUp) {
    UnitSpec db = direct("db");
    db.depends(Relation::on_failure, "mail.service");
    db.depends(Relation::propagates_stop_to, "follower.service");
    db.definition().start_limit_burst = 2;
    Scenario it = with(std::move(db), needing("bound", Relation::binds_to, "db"), service("mail"),
                       service("follower"));
    it.start("bound").start("follower").exits("db", 1).advance(101ms).exits("db", 1).advance(101ms);
    EXPECT_EQ(it.state("db"), "failed/failed");
    EXPECT_EQ(it.state("mail"), "active/running");
    EXPECT_EQ(it.state("bound"), "deactivating/stop-sigterm");
    EXPECT_EQ(it.state("follower"), "deactivating/stop-sigterm");
}

TEST(RestartModeDirect, StopsAndRestartsByAPersonAsEver) {
    Scenario it = with(direct("db"), needing("bound", Relation::binds_to, "db"));
    it.start("bound").killed("db", SIGKILL).stop("db");
    EXPECT_EQ(it.state("db"), "inactive/dead");
    EXPECT_EQ(it.state("bound"), "deactivating/stop-sigterm");
    it.killed("bound", SIGTERM).start("bound").killed("db", SIGKILL).manager_dies();
    it.ask(JobVerb::restart, "db");
    it.killed("bound", SIGTERM);
    EXPECT_EQ(it.state("db"), "active/running");
    EXPECT_EQ(it.state("bound"), "active/running");
}

TEST(RestartModeDirect, GoesOnUnderAnotherManager) {
    Scenario it = with(direct("db"), needing("bound", Relation::binds_to, "db"));
    it.start("bound").killed("db", SIGKILL).manager_dies().advance(101ms);
    EXPECT_EQ(it.state("db"), "active/running");
    EXPECT_EQ(it.state("bound"), "active/running");
}

TEST(RestartRandomizedDelay, AddsFromZeroToSoMuch) {
    std::set<Duration> waits;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        UnitSpec db = service("db");
        db.restart(RestartPolicy::always, 100ms).rarely([](RareServiceSettings& rare) {
            rare.restart_randomized_delay = 1s;
        });
        SupervisorOptions options;
        options.seed = seed;
        Scenario it{options};
        it.load(list(std::move(db))).start("db").exits("db");
        const Duration wait = it.status("db").deadline - it.now();
        EXPECT_GE(wait, 100ms);
        EXPECT_LE(wait, 1100ms);
        waits.insert(wait);
    }
    EXPECT_GT(waits.size(), 10U);
}

}  // namespace
}  // namespace svcd::test
