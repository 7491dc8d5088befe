// Several units: what a request pulls in, in which order it happens, what is refused, and how units
// take each other down.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "core/job.h"
#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

UnitSpec ready_later(const std::string& name) {
    UnitSpec spec = service(name);
    spec.type(ServiceType::notify);
    return spec;
}

std::string refusal(const Scenario& scenario) {
    const auto& refused = scenario.last_reply().refusal;
    return refused.has_value() ? refused->message : "";
}

TEST(Start, WaitsForWhatItIsAfter) {
    Scenario scenario = with(ready_later("db"),
                             std::move(service("web").requires_("db.service").after("db.service")));
    scenario.start("web");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/db"));
    scenario.ready("db");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/db", "/bin/web"));
}

TEST(Start, RequirementWithoutOrderStartsBothAtOnce) {
    Scenario scenario = with(ready_later("db"), std::move(service("web").requires_("db.service")));
    scenario.start("web");
    EXPECT_EQ(scenario.spawned().size(), 2u);
}

TEST(Start, OrderWithoutRequirementPullsNothingIn) {
    Scenario scenario = with(service("db"), std::move(service("web").after("db.service")));
    scenario.start("web");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/web"));
}

TEST(Start, FailsWithItsRequirement) {
    Scenario scenario = with(ready_later("db"),
                             std::move(service("web").requires_("db.service").after("db.service")));
    scenario.start("web").exits("db", 1);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_THAT(scenario.take_log(), Contains("job web.service dependency"));
}

TEST(Start, GoesOnWithoutWhatItOnlyWants) {
    Scenario scenario =
        with(ready_later("db"), std::move(service("web").wants("db.service").after("db.service")));
    scenario.start("web").exits("db", 1);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Start, IsRefusedWhenARequirementDoesNotExist) {
    Scenario scenario =
        with(service("db"),
             std::move(service("web").requires_("nosuch.service").requires_("db.service")));
    scenario.start("web");
    ASSERT_TRUE(scenario.last_reply().refusal.has_value());
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::no_such_unit);
    EXPECT_THAT(refusal(scenario), HasSubstr("nosuch.service"));
    EXPECT_THAT(scenario.spawned(), IsEmpty());
    EXPECT_THAT(scenario.supervisor().jobs(), IsEmpty());
}

TEST(Start, GoesOnWhenAWantedUnitDoesNotExist) {
    Scenario scenario = with(std::move(service("web").wants("nosuch.service")));
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("nosuch.service")));
}

TEST(Start, RequisiteThatIsNotActiveFailsTheJob) {
    Scenario scenario = with(
        service("db"),
        std::move(service("web").depends(Relation::requisite, "db.service").after("db.service")));
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_THAT(scenario.spawned(), IsEmpty());
    EXPECT_THAT(scenario.take_log(), Contains("job web.service dependency"));
}

TEST(Start, OfWhatIsBothRequiredAndARequisiteDoesNotReloadIt) {
    UnitSpec db = service("db");
    db.command(CommandRole::reload, "/bin/reload");
    Scenario scenario =
        with(std::move(db), std::move(service("web")
                                          .requires_("db.service")
                                          .depends(Relation::requisite, "db.service")
                                          .after("db.service")));
    scenario.start("db").executes("db").take_log();
    scenario.start("web");
    EXPECT_THAT(scenario.take_log(),
                ElementsAre("spawn web.service /bin/web", "job web.service done"));
    scenario.stop("db").exits("web").exits("db").take_log();
    EXPECT_EQ(scenario.state("db"), "inactive/dead");
    scenario.start("web");
    EXPECT_EQ(scenario.state("db"), "active/running");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Start, ConflictingUnitIsStoppedFirst) {
    Scenario scenario =
        with(service("a"),
             std::move(service("b").depends(Relation::conflicts, "a.service").after("a.service")));
    scenario.start("a").start("b");
    EXPECT_EQ(scenario.state("a"), "deactivating/stop-sigterm");
    EXPECT_EQ(scenario.state("b"), "inactive/dead");
    scenario.killed("a", SIGTERM);
    EXPECT_EQ(scenario.state("b"), "active/running");
}

TEST(Start, OfACycleIsRefusedWithTheCycle) {
    Scenario scenario = with(std::move(service("a").requires_("b.service").after("b.service")),
                             std::move(service("b").requires_("a.service").after("a.service")));
    scenario.start("a");
    ASSERT_TRUE(scenario.last_reply().refusal.has_value());
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::transaction_order_is_cyclic);
    EXPECT_THAT(refusal(scenario), HasSubstr("a.service/start"));
    EXPECT_THAT(refusal(scenario), HasSubstr("b.service/start"));
    EXPECT_THAT(scenario.spawned(), IsEmpty());
}

TEST(Start, CycleThatHangsOnAWantsIsBrokenThereAndSaid) {
    Scenario scenario = with(std::move(service("a").requires_("b.service").after("b.service")),
                             std::move(service("b").requires_("a.service").after("a.service")),
                             std::move(service("c").wants("a.service")));
    scenario.start("c");
    EXPECT_EQ(scenario.state("c"), "active/running");
    EXPECT_EQ(scenario.state("a"), "inactive/dead");
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("cycle")));
}

TEST(Start, CycleOfRequirementsWithoutOrderIsNone) {
    Scenario scenario = with(std::move(service("a").requires_("b.service")),
                             std::move(service("b").requires_("a.service")));
    scenario.start("a");
    EXPECT_EQ(scenario.state("a"), "active/running");
    EXPECT_EQ(scenario.state("b"), "active/running");
}

TEST(Start, NeedsBothToBeStartedAndStoppedIsRefused) {
    Scenario scenario = with(
        std::move(service("a").requires_("b.service").depends(Relation::conflicts, "b.service")),
        service("b"));
    scenario.start("b").start("a");
    ASSERT_TRUE(scenario.last_reply().refusal.has_value());
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::transaction_jobs_conflicting);
    EXPECT_EQ(scenario.state("b"), "active/running");
}

TEST(Stop, TakesDependentsFirstInReverseOrder) {
    Scenario scenario =
        with(service("db"), std::move(service("web").requires_("db.service").after("db.service")),
             std::move(service("proxy").requires_("web.service").after("web.service")));
    scenario.start("proxy").take_log();
    scenario.stop("db");
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal proxy.service 15 cgroup"));
    scenario.killed("proxy", SIGTERM);
    EXPECT_THAT(scenario.take_log(), Contains("signal web.service 15 cgroup"));
    scenario.killed("web", SIGTERM);
    EXPECT_THAT(scenario.take_log(), Contains("signal db.service 15 cgroup"));
    scenario.killed("db", SIGTERM);
    EXPECT_EQ(scenario.state("db"), "inactive/dead");
}

TEST(Stop, OfWhatGoesDownByItselfWaitsForItAndKeepsItDown) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always).command(CommandRole::stop_post, "/bin/cleanup");
    Scenario scenario = with(std::move(web));
    scenario.start("web").executes("web").exits("web", 1).take_log();
    EXPECT_EQ(scenario.state("web"), "deactivating/stop-post");
    scenario.stop("web");
    EXPECT_FALSE(scenario.last_reply().was_so_already);
    EXPECT_THAT(scenario.take_log(), IsEmpty()) << "the job is not done before the unit is down";
    scenario.exits("web", 0, ProcessRole::control).advance(10s);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_FALSE(scenario.status("web").job.has_value());
}

TEST(Stop, OfAMemberLeavesTheRest) {
    Scenario scenario = with(service("db"), std::move(service("web").requires_("db.service")));
    scenario.start("web").stop("web").killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("db"), "active/running");
}

TEST(Stop, PartOfFollowsATarget) {
    Scenario scenario =
        with(std::move(target("app").wants("a.service").wants("b.service")), service("a"),
             std::move(service("b").depends(Relation::part_of, "app.target")));
    scenario.start("app.target").stop("app.target");
    EXPECT_EQ(scenario.state("a"), "active/running");
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
}

TEST(Death, OfWhatItIsBoundToStopsAUnit) {
    Scenario scenario =
        with(service("a"),
             std::move(service("b").depends(Relation::binds_to, "a.service").after("a.service")));
    scenario.start("b").killed("a", SIGKILL);
    EXPECT_EQ(scenario.state("a"), "failed/failed");
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
    scenario.killed("b", SIGTERM);
    EXPECT_EQ(scenario.state("b"), "inactive/dead");
    EXPECT_EQ(scenario.result("b"), UnitResult::success);
}

TEST(Death, OfARequirementLeavesTheDependentUp) {
    Scenario scenario =
        with(service("a"), std::move(service("b").requires_("a.service").after("a.service")));
    scenario.start("b").killed("a", SIGKILL);
    EXPECT_EQ(scenario.state("b"), "active/running");
}

TEST(Restart, OfADependencyRestartsWhatRequiresItAndNotWhatWantsIt) {
    Scenario scenario =
        with(service("a"), std::move(service("b").requires_("a.service").after("a.service")),
             std::move(service("w").wants("a.service").after("a.service")));
    scenario.start("b").start("w").take_log();
    scenario.ask(JobVerb::restart, "a").killed("b", SIGTERM).killed("a", SIGTERM);
    EXPECT_THAT(scenario.take_log(),
                ElementsAre("signal b.service 15 cgroup", "signal a.service 15 cgroup",
                            "spawn a.service /bin/a", "job a.service done",
                            "spawn b.service /bin/b", "job b.service done"));
}

TEST(Restart, DoesNotStartAPartThatIsDown) {
    Scenario scenario =
        with(service("a"), std::move(service("b").depends(Relation::part_of, "a.service")));
    scenario.start("a").ask(JobVerb::restart, "a").killed("a", SIGTERM);
    EXPECT_EQ(scenario.state("a"), "active/running");
    EXPECT_EQ(scenario.state("b"), "inactive/dead");
}

TEST(Jobs, OfOneUnitMergeAsThoseOfSystemd) {
    const auto both = [](JobType first, JobType second) {
        EXPECT_EQ(merged(first, second), merged(second, first));
        return merged(first, second);
    };
    for (const JobType type :
         {JobType::start, JobType::reload, JobType::restart, JobType::verify_active}) {
        EXPECT_EQ(both(type, type), type);
        EXPECT_EQ(both(type, JobType::verify_active), type) << "a look adds nothing";
        EXPECT_EQ(both(type, JobType::nop), type);
        EXPECT_EQ(both(type, JobType::stop), std::nullopt);
        EXPECT_EQ(both(type, JobType::restart), JobType::restart);
    }
    EXPECT_EQ(both(JobType::start, JobType::reload), JobType::reload_or_start);
}

TEST(Jobs, StopReplacesAQueuedStart) {
    Scenario scenario =
        with(ready_later("db"), std::move(service("web").wants("db.service").after("db.service")));
    scenario.start("web").stop("web");
    EXPECT_THAT(scenario.take_log(), Contains("job web.service canceled"));
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    scenario.ready("db");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/db"));
}

TEST(Jobs, ModeFailRefusesToUndoAJob) {
    Scenario scenario = with(ready_later("web"));
    scenario.start("web").ask(JobVerb::stop, "web", JobMode::fail);
    ASSERT_TRUE(scenario.last_reply().refusal.has_value());
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::transaction_is_destructive);
}

TEST(Jobs, IgnoreDependenciesStartsTheUnitAlone) {
    Scenario scenario = with(ready_later("db"),
                             std::move(service("web").requires_("db.service").after("db.service")));
    scenario.ask(JobVerb::start, "web", JobMode::ignore_dependencies);
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/web"));
}

TEST(Jobs, CancelEndsADependentStartToo) {
    Scenario scenario = with(ready_later("db"),
                             std::move(service("web").requires_("db.service").after("db.service")));
    scenario.start("web");
    Effects effects;
    CancelRequested cancel;
    cancel.job = scenario.status("db").job->id;
    scenario.supervisor().step(cancel, scenario.now(), effects);
    EXPECT_THAT(scenario.supervisor().jobs(), IsEmpty());
}

TEST(Isolate, StopsWhatTheTargetDoesNotPullIn) {
    UnitSpec rescue = target("rescue");
    rescue.wants("b.service").definition().allow_isolate = true;
    UnitSpec kept = service("kept");
    kept.definition().ignore_on_isolate = true;
    Scenario scenario = with(std::move(rescue), service("a"), service("b"), std::move(kept));
    scenario.start("a").start("b").start("kept");
    scenario.ask(JobVerb::start, "rescue.target", JobMode::isolate);
    EXPECT_EQ(scenario.state("a"), "deactivating/stop-sigterm");
    EXPECT_EQ(scenario.state("b"), "active/running");
    EXPECT_EQ(scenario.state("kept"), "active/running");
}

TEST(Isolate, KeepsWhatIsReachedThroughUnitsThatAreUp) {
    UnitSpec rescue = target("rescue");
    rescue.wants("y.target").definition().allow_isolate = true;
    Scenario scenario =
        with(std::move(rescue), std::move(target("y").wants("x.service")), service("x"));
    scenario.start("rescue.target");
    scenario.ask(JobVerb::start, "rescue.target", JobMode::isolate);
    EXPECT_EQ(scenario.state("x"), "active/running");
}

TEST(Loading, BrokenFileKeepsTheOldDefinition) {
    Scenario scenario = with(service("web"));
    scenario.start("web").load_broken("web.service", "web.service.yaml:3:1: unknown key");
    EXPECT_EQ(scenario.status("web").load_state, LoadState::loaded);
    EXPECT_TRUE(scenario.status("web").need_daemon_reload);
    scenario.ask(JobVerb::restart, "web").killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Loading, StartOfABrokenUnitSaysWhereTheErrorIs) {
    Scenario scenario;
    scenario.load_broken("web.service", "web.service.yaml:3:1: unknown key").start("web");
    EXPECT_THAT(refusal(scenario), HasSubstr("web.service.yaml:3:1"));
}

TEST(Loading, UnitWithoutAFileCanStillBeStopped) {
    Scenario scenario = with(service("web"));
    scenario.start("web").load({});
    EXPECT_EQ(scenario.status("web").load_state, LoadState::not_found);
    scenario.stop("web").killed("web", SIGTERM);
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    scenario.start("web");
    EXPECT_TRUE(scenario.last_reply().refusal.has_value());
}

TEST(Loading, ChainOfThousandsIsNoProblem) {
    std::vector<UnitSpec> units;
    constexpr int kLength = 5000;
    for (int index = 0; index < kLength; ++index) {
        UnitSpec link = target("t" + std::to_string(index));
        if (index > 0) {
            const std::string previous = "t" + std::to_string(index - 1) + ".target";
            link.requires_(previous).after(previous);
        }
        units.push_back(std::move(link));
    }
    Scenario scenario;
    scenario.load(std::move(units));
    scenario.start("t" + std::to_string(kLength - 1) + ".target");
    EXPECT_EQ(scenario.state("t" + std::to_string(kLength - 1) + ".target"), "active/active");
    scenario.stop("t0.target");
    EXPECT_EQ(scenario.state("t" + std::to_string(kLength - 1) + ".target"), "inactive/dead");
}

TEST(Shutdown, StopsEverythingInReverseOrderAndThenExits) {
    Scenario scenario =
        with(service("db"), std::move(service("web").requires_("db.service").after("db.service")));
    scenario.start("web").take_log();
    scenario.shut_down();
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 cgroup"));
    scenario.killed("web", SIGTERM);
    EXPECT_FALSE(scenario.has_exited());
    scenario.killed("db", SIGTERM);
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 0);
}

TEST(Shutdown, ExitStatusSaysThatSomethingHadToBeKilled) {
    Scenario scenario = with(service("db"));
    scenario.start("db").executes("db").shut_down().advance(90s).killed("db", SIGKILL);
    ASSERT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.exit_status(), 1);
}

TEST(Shutdown, StartsNothingAnyMore) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 1ms);
    Scenario scenario = with(service("db"), std::move(web));
    scenario.start("db").start("web").shut_down().start("web");
    ASSERT_TRUE(scenario.last_reply().refusal.has_value());
    EXPECT_EQ(scenario.last_reply().refusal->kind, RefusalKind::shutting_down);
    scenario.killed("web", SIGTERM).advance(1s).killed("db", SIGTERM);
    EXPECT_TRUE(scenario.has_exited());
    EXPECT_EQ(scenario.spawned().size(), 2u);
}

TEST(Shutdown, OrderingCycleKeepsNothingRunning) {
    Scenario scenario = with(std::move(service("a").after("b.service")),
                             std::move(service("b").after("a.service")));
    scenario.start("a").start("b").shut_down();
    scenario.killed("a", SIGTERM).killed("b", SIGTERM);
    EXPECT_TRUE(scenario.has_exited());
}

TEST(Shutdown, EndsAlsoWhenAStopJobWasCancelled) {
    Scenario scenario = with(std::move(target("t").before("w.service")), service("w"));
    scenario.start("t.target").start("w").shut_down();
    CancelRequested cancel;
    cancel.job = scenario.status("t.target").job->id;
    scenario.happens(cancel).killed("w", SIGTERM);
    EXPECT_TRUE(scenario.has_exited());
}

TEST(Shutdown, WhoseJobsAreCancelledStillStopsInOrder) {
    Scenario scenario =
        with(service("db"), std::move(service("web").requires_("db.service").after("db.service")));
    scenario.start("web").shut_down().take_log();
    scenario.happens(CancelRequested{});
    EXPECT_THAT(scenario.take_log(), Not(Contains("signal db.service 15 cgroup")));
    scenario.killed("web", SIGTERM);
    EXPECT_THAT(scenario.take_log(), Contains("signal db.service 15 cgroup"));
}

TEST(Shutdown, WithNothingRunningIsImmediate) {
    Scenario scenario = with(service("a"));
    scenario.shut_down();
    EXPECT_TRUE(scenario.has_exited());
}

}  // namespace
}  // namespace svcd::test
