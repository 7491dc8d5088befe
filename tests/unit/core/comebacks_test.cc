// What a failure has stopped comes back, and nothing that it stops costs the unit that failed its
// own restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;

UnitSpec restarted(const std::string& name, Duration delay = 100ms) {
    return std::move(service(name).restart(RestartPolicy::always, delay));
}

/// One way in which what stops app's companion leads back to app.
struct Loop {
    std::string name;
    std::vector<std::pair<std::string, std::pair<Relation, std::string>>> edges;
};

std::ostream& operator<<(std::ostream& out, const Loop& loop) {
    return out << loop.name;
}

class Loops : public ::testing::TestWithParam<Loop> {
protected:
    static Scenario scenario(Duration delay = 100ms) {
        std::map<std::string, UnitSpec> units;
        for (const std::string name : {"app", "sidecar", "third"}) {
            units.emplace(name, restarted(name, delay));
        }
        for (const auto& [from, edge] : GetParam().edges) {
            units.at(from).depends(edge.first, edge.second + ".service");
        }
        std::vector<UnitSpec> list;
        for (auto& [name, unit] : units) {
            list.push_back(std::move(unit));
        }
        Scenario scenario;
        scenario.load(std::move(list));
        return scenario;
    }
    static void expect_all_up(Scenario& scenario) {
        for (const std::string unit : {"app", "sidecar", "third"}) {
            EXPECT_EQ(scenario.state(unit), "active/running") << unit;
            EXPECT_FALSE(scenario.status(unit).job.has_value()) << unit;
        }
    }
    /// Whatever has been asked to end does so.
    static void obey(Scenario& scenario) {
        for (int round = 0; round < 3; ++round) {
            for (const std::string unit : {"app", "sidecar", "third"}) {
                if (scenario.state(unit) == "deactivating/stop-sigterm") {
                    scenario.killed(unit, SIGTERM);
                }
            }
        }
    }
};

TEST_P(Loops, AreAllUpAgainAfterAnEndOfEither) {
    for (const std::string killed : {"app", "sidecar", "third"}) {
        Scenario it = scenario();
        it.start("app").start("sidecar").start("third").killed(killed, SIGKILL);
        obey(it);
        it.advance(101ms);
        obey(it);
        it.advance(101ms);
        SCOPED_TRACE(killed);
        expect_all_up(it);
    }
}

TEST_P(Loops, AreAllUpAgainWhenTheOthersStopSlowly) {
    for (const std::string killed : {"app", "sidecar", "third"}) {
        Scenario it = scenario();
        it.start("app").start("sidecar").start("third").killed(killed, SIGKILL).advance(2s);
        obey(it);
        it.advance(101ms);
        obey(it);
        it.advance(101ms);
        SCOPED_TRACE(killed);
        expect_all_up(it);
    }
}

TEST_P(Loops, AreAllUpAgainAlsoWithoutAWait) {
    for (const std::string killed : {"app", "sidecar", "third"}) {
        Scenario it = scenario(0ms);
        it.start("app").start("sidecar").start("third").killed(killed, SIGKILL).advance(1ms);
        obey(it);
        it.advance(1ms);
        obey(it);
        it.advance(1ms);
        SCOPED_TRACE(killed);
        expect_all_up(it);
    }
}

TEST_P(Loops, AreAllUpAgainWhenAllEndAtOnce) {
    Scenario it = scenario();
    it.start("app").start("sidecar").start("third");
    it.killed("sidecar", SIGKILL).killed("app", SIGKILL).killed("third", SIGKILL);
    obey(it);
    it.advance(101ms).advance(101ms);
    expect_all_up(it);
}

TEST_P(Loops, AreAllUpAgainAlsoUnderAnotherManager) {
    Scenario it = scenario();
    it.start("app").start("sidecar").start("third").killed("app", SIGKILL).manager_dies();
    obey(it);
    it.manager_dies().advance(101ms);
    obey(it);
    it.advance(101ms);
    expect_all_up(it);
}

TEST_P(Loops, StayDownWhenAPersonStopsThem) {
    Scenario it = scenario();
    it.start("app").start("sidecar").start("third").killed("app", SIGKILL);
    it.stop("app").stop("sidecar").stop("third");
    obey(it);
    it.advance(1s);
    for (const std::string unit : {"app", "sidecar", "third"}) {
        EXPECT_THAT(it.state(unit), ::testing::AnyOf("inactive/dead", "failed/failed")) << unit;
    }
}

using enum Relation;
INSTANTIATE_TEST_SUITE_P(
    Comebacks,
    Loops,
    ::testing::Values(
        Loop{"RequiresAndBindsTo",
             {{"app", {requires_, "sidecar"}},
              {"app", {after, "sidecar"}},
              {"sidecar", {binds_to, "app"}}}},
        Loop{"UnorderedRequiresAndBindsTo",
             {{"app", {requires_, "sidecar"}}, {"sidecar", {binds_to, "app"}}}},
        Loop{"BindsToEachOther", {{"app", {binds_to, "sidecar"}}, {"sidecar", {binds_to, "app"}}}},
        Loop{"PartOfAndBindsTo", {{"app", {part_of, "sidecar"}}, {"sidecar", {binds_to, "app"}}}},
        Loop{"ThreeBoundToEachOther",
             {{"app", {binds_to, "sidecar"}},
              {"app", {binds_to, "third"}},
              {"app", {before, "sidecar"}},
              {"sidecar", {binds_to, "app"}},
              {"sidecar", {binds_to, "third"}},
              {"sidecar", {before, "third"}},
              {"third", {binds_to, "app"}},
              {"third", {binds_to, "sidecar"}}}},
        Loop{"StopPropagated",
             {{"app", {requires_, "sidecar"}}, {"app", {propagates_stop_to, "sidecar"}}}},
        Loop{"StopPropagatedBack",
             {{"sidecar", {propagates_stop_to, "app"}}, {"sidecar", {binds_to, "app"}}}},
        Loop{"ThroughAnother",
             {{"app", {requires_, "third"}},
              {"third", {requires_, "sidecar"}},
              {"sidecar", {binds_to, "app"}}}},
        Loop{"ThroughAnotherByPartOf",
             {{"app", {part_of, "third"}},
              {"third", {binds_to, "sidecar"}},
              {"sidecar", {binds_to, "app"}}}}),
    [](const auto& each) { return each.param.name; });

// ── what was stopped, or not started, for a failure

UnitSpec web_needing(Relation relation) {
    return std::move(service("web").depends(relation, "db.service").after("db.service"));
}

UnitSpec failing_at_first() {
    UnitSpec db = service("db");
    db.type(ServiceType::notify).restart(RestartPolicy::on_failure, 100ms);
    return db;
}

TEST(Comebacks, AfterASecondRestartThatSucceeds) {
    for (const Relation relation : {Relation::requires_, Relation::binds_to}) {
        Scenario it = with(failing_at_first(), web_needing(relation));
        it.start("web").ready("db");
        ASSERT_EQ(it.state("web"), "active/running");
        const auto obey = [&] {
            if (it.state("web") == "deactivating/stop-sigterm") {
                it.killed("web", SIGTERM);
            }
        };
        it.killed("db", SIGKILL);
        obey();
        it.advance(101ms);
        obey();
        it.exits("db", 1);
        EXPECT_EQ(it.state("web"), "inactive/dead") << name_of(relation);
        it.advance(101ms).ready("db");
        EXPECT_EQ(it.state("web"), "active/running") << name_of(relation);
    }
}

TEST(Comebacks, AreNotEndedByTheStartLimitOfWhatComesAlong) {
    for (const Relation relation :
         {Relation::part_of, Relation::requires_, Relation::binds_to, Relation::requisite}) {
        UnitSpec db = restarted("db", 300ms);
        db.definition().start_limit_interval = 0s;
        Scenario it = with(std::move(db), web_needing(relation));
        it.start("db").start("web");
        for (int time = 0; time < 8; ++time) {
            it.killed("db", SIGKILL);
            if (it.state("web") == "deactivating/stop-sigterm") {
                it.killed("web", SIGTERM);
            }
            it.advance(300ms);
            if (it.state("web") == "deactivating/stop-sigterm") {
                it.killed("web", SIGTERM);
            }
            ASSERT_EQ(it.state("db"), "active/running") << name_of(relation);
            ASSERT_EQ(it.state("web"), "active/running") << name_of(relation) << time;
        }
        EXPECT_EQ(it.status("web").starts_counted, 1u);
    }
}

TEST(Comebacks, OfWhatRestartsItselfByAnotherCount) {
    Scenario it = with(service("db"), web_needing(Relation::part_of));
    it.start("db").start("web");
    JobRequested request;
    request.request = RequestId{99};
    request.unit = *it.supervisor().find("db.service");
    request.verb = JobVerb::restart;
    request.requester.pid = 77;
    request.requester.unit = it.supervisor().find("web.service");
    for (int time = 0; time < 5; ++time) {
        ASSERT_EQ(it.state("web"), "active/running") << time;
        it.happens(request).killed("web", SIGTERM).killed("db", SIGTERM);
    }
    EXPECT_EQ(it.result("web"), UnitResult::start_limit_hit);
}

TEST(Comebacks, OfAStartThatWaitedForOneThatFailed) {
    Scenario it = with(failing_at_first(), web_needing(Relation::requires_),
                       std::move(service("worker").requires_("web.service").after("web.service")));
    it.start("worker").exits("db", 1);
    EXPECT_FALSE(it.status("web").job.has_value());
    it.manager_dies().advance(101ms).ready("db");
    EXPECT_EQ(it.state("web"), "active/running");
    EXPECT_EQ(it.state("worker"), "active/running");
}

TEST(Comebacks, ByAPersonsStartOfWhatFailed) {
    UnitSpec db = service("db");
    Scenario it = with(std::move(db), web_needing(Relation::binds_to));
    it.start("web").exits("db", 1).killed("web", SIGTERM).advance(1s);
    EXPECT_EQ(it.state("web"), "inactive/dead");
    it.start("db");
    EXPECT_EQ(it.state("web"), "active/running");
}

TEST(Comebacks, NotOfWhatAPersonHasStoppedWithIt) {
    Scenario it = with(service("db"), web_needing(Relation::binds_to));
    it.start("web").exits("db", 1).stop("db").killed("web", SIGTERM).start("db");
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

TEST(Comebacks, NotOfWhatWasIsolatedAwayFrom) {
    UnitSpec rescue = target("rescue");
    rescue.definition().allow_isolate = true;
    Scenario it = with(service("db"), web_needing(Relation::binds_to), std::move(rescue));
    it.start("web").exits("db", 1);
    it.ask(JobVerb::start, "rescue.target", JobMode::isolate).killed("web", SIGTERM).start("db");
    EXPECT_EQ(it.state("db"), "active/running");
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

TEST(Comebacks, NotOfWhatAReloadHasMadeIndependent) {
    Scenario it = with(service("db"), web_needing(Relation::binds_to));
    it.start("web").exits("db", 1).killed("web", SIGTERM);
    it.load(list(service("db"), service("web"))).start("db");
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

TEST(Comebacks, NotOfWhatNeedsAnother) {
    Scenario it = with(service("db"), service("cache"),
                       std::move(web_needing(Relation::binds_to).requires_("cache.service")));
    it.start("web").exits("db", 1).killed("web", SIGTERM);
    it.ask(JobVerb::restart, "cache").killed("cache", SIGTERM);
    EXPECT_EQ(it.state("cache"), "active/running");
    EXPECT_EQ(it.state("db"), "failed/failed");
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

TEST(Comebacks, NotOfWhatAPersonHasReplacedByAnother) {
    Scenario it = with(service("db"), web_needing(Relation::binds_to),
                       std::move(service("other").depends(Relation::conflicts, "web.service")));
    it.start("web").exits("db", 1).killed("web", SIGTERM).start("other").start("db");
    EXPECT_EQ(it.state("other"), "active/running");
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

TEST(Comebacks, NotOfAStartThatWasCancelled) {
    Scenario it = with(failing_at_first(), web_needing(Relation::requires_));
    it.start("web");
    it.happens(CancelRequested{RequestId{7}, it.status("db").job->id}).ready("db");
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

TEST(Comebacks, AnEndOfItsOwnThatFollowsIsNotUndone) {
    Scenario it = with(failing_at_first(), web_needing(Relation::requires_));
    it.start("web").exits("db", 1).advance(101ms).ready("db").exits("web");
    ASSERT_EQ(it.state("web"), "inactive/dead");
    it.killed("db", SIGKILL).advance(101ms).ready("db");
    EXPECT_EQ(it.state("web"), "inactive/dead");
}

}  // namespace
}  // namespace svcd::test
