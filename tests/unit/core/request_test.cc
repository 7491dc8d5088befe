// A request for one or several units: whose refusal counts, what is left out and said, and what is
// one transaction.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Refusal& refusal(const Scenario& scenario) {
    static const Refusal kNone;
    const auto& refused = scenario.last_reply().refusal;
    return refused.has_value() ? *refused : kNone;
}

Scenario with_faulty(std::vector<UnitSpec> units, const std::vector<std::string>& faulty) {
    Scenario scenario;
    scenario.load(std::move(units));
    for (const std::string& name : faulty) {
        scenario.load_broken(name, "/etc/svcd/units/" + name + ".yaml:3:1: unknown key 'Typ'");
    }
    return scenario;
}

TEST(Culprit, IsThatOfTheChainAndNotOfAnotherWish) {
    for (const bool wish_comes_first : {true, false}) {
        UnitSpec x = service("x");
        if (wish_comes_first) {
            x.wants("optional-cache.service").requires_("r.service");
        } else {
            x.requires_("r.service").wants("optional-cache.service");
        }
        Scenario scenario =
            with_faulty(list(std::move(x), std::move(service("r").requires_("s.service")),
                             std::move(service("s").requires_("database.service"))),
                        {"database.service"});
        scenario.start("x");
        EXPECT_EQ(refusal(scenario).kind, RefusalKind::bad_setting);
        EXPECT_THAT(refusal(scenario).message,
                    HasSubstr("it requires r.service, which requires s.service, which requires "
                              "database.service"));
        EXPECT_THAT(refusal(scenario).message, HasSubstr("database.service.yaml:3:1"));
        EXPECT_THAT(refusal(scenario).message, Not(HasSubstr("optional-cache")));
    }
}

TEST(Culprit, OfAWishIsItsOwn) {
    // Two instances need one faulty unit, a third wish is not there at all.
    Scenario scenario =
        with_faulty(list(std::move(target("shop")
                                       .wants("worker@1.service")
                                       .wants("gone.service")
                                       .wants("worker@2.service")),
                         std::move(service("worker@1").requires_("web.service")),
                         std::move(service("worker@2").depends(Relation::binds_to, "web.service"))),
                    {"web.service"});
    scenario.start("shop.target");
    EXPECT_EQ(scenario.state("shop.target"), "active/active");
    EXPECT_THAT(
        scenario.said(),
        Contains(HasSubstr("goes on without worker@1.service: it requires web.service; unit "
                           "web.service has errors")));
    EXPECT_THAT(
        scenario.said(),
        Contains(HasSubstr("goes on without worker@2.service: it is bound to web.service")));
    EXPECT_THAT(scenario.said(),
                Contains(HasSubstr("goes on without gone.service: unit gone.service not found")));
}

TEST(Culprit, MaskedRequisiteAndBoundUnitsAreNamedWithTheWay) {
    const std::pair<Relation, const char*> kWays[] = {
        {Relation::requires_, "requires db.service"},
        {Relation::binds_to, "is bound to db.service"},
        {Relation::requisite, "needs db.service to be active already"}};
    for (const auto& [relation, words] : kWays) {
        Scenario scenario = with(std::move(service("web").depends(relation, "db.service")));
        UnitsLoaded masked;
        LoadedUnit unit;
        unit.state = LoadState::masked;
        unit.definition.name = "db.service";
        masked.units.push_back(std::move(unit));
        scenario.happens(std::move(masked)).start("web");
        EXPECT_EQ(refusal(scenario).kind, RefusalKind::unit_masked);
        EXPECT_THAT(refusal(scenario).message, HasSubstr(words));
        EXPECT_THAT(refusal(scenario).message, HasSubstr("is masked"));
    }
}

TEST(Culprit, Systemd16909WantedUnitThatNeedsAMaskedOneIsLeftOut) {
    Scenario scenario = with(std::move(target("top").wants("fail.target").after("fail.target")),
                             std::move(target("fail").requires_("masked.service")));
    UnitsLoaded masked;
    LoadedUnit unit;
    unit.state = LoadState::masked;
    unit.definition.name = "masked.service";
    masked.units.push_back(std::move(unit));
    scenario.happens(std::move(masked)).start("top.target");
    EXPECT_EQ(scenario.state("top.target"), "active/active");
    EXPECT_EQ(scenario.state("fail.target"), "inactive/dead");
    EXPECT_THAT(scenario.said(),
                Contains(HasSubstr("goes on without fail.target: it requires masked.service; unit "
                                   "masked.service is masked")));
}

TEST(Culprit, Systemd39668ConflictSaysWhoWantsWhat) {
    Scenario scenario =
        with(service("db"), std::move(service("web")
                                          .depends(Relation::requisite, "db.service")
                                          .depends(Relation::conflicts, "db.service")));
    scenario.start("db").start("web");
    EXPECT_EQ(refusal(scenario).kind, RefusalKind::transaction_jobs_conflicting);
    EXPECT_THAT(refusal(scenario).message, HasSubstr("web.service has it in Conflicts"));
    EXPECT_THAT(refusal(scenario).message, HasSubstr("web.service has it in Requisite"));
}

TEST(Culprit, OfALongChainIsToldInShort) {
    std::vector<UnitSpec> units;
    constexpr int kLength = 2000;
    for (int index = 0; index < kLength; ++index) {
        units.push_back(std::move(service("u" + std::to_string(index))
                                      .requires_("u" + std::to_string(index + 1) + ".service")));
    }
    Scenario scenario;
    scenario.load(std::move(units));
    scenario.start("u0");
    EXPECT_EQ(refusal(scenario).kind, RefusalKind::no_such_unit);
    EXPECT_THAT(refusal(scenario).message, HasSubstr("requires u1.service"));
    EXPECT_THAT(refusal(scenario).message, HasSubstr("unit u2000.service not found"));
    EXPECT_LT(refusal(scenario).message.size(), 2000u);
}

TEST(LeftOut, IsInTheReplyInTheStatusAndDegradesUntilItIsThere) {
    Scenario scenario =
        with_faulty(list(std::move(target("shop").wants("a.service").wants("b.service"))),
                    {"a.service", "b.service"});
    JobRequested boot;
    boot.unit = *scenario.supervisor().find("shop.target");
    scenario.happens(boot);
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::degraded);
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("goes on without a.service")));
    scenario.start("shop.target");
    EXPECT_THAT(scenario.last_reply().left_out, SizeIs(2));
    EXPECT_THAT(scenario.status("shop.target").left_out, SizeIs(2));

    scenario.manager_dies();
    EXPECT_THAT(scenario.status("shop.target").left_out, SizeIs(2));

    scenario.load(list(service("a"), service("b")), false).start("a");
    EXPECT_THAT(scenario.status("shop.target").left_out, SizeIs(1));
    scenario.start("shop.target");
    EXPECT_EQ(scenario.state("b"), "active/running");
    EXPECT_THAT(scenario.status("shop.target").left_out, IsEmpty());
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::running);
}

TEST(LeftOut, OfManyTheFirstOfEachKindAreTold) {
    UnitSpec shop = target("shop");
    for (int index = 0; index < 5000; ++index) {
        shop.wants("w" + std::to_string(index) + ".service");
    }
    shop.wants("z.service");
    Scenario scenario = with_faulty(list(std::move(shop)), {"z.service"});
    JobRequested boot;
    boot.unit = *scenario.supervisor().find("shop.target");
    scenario.happens(boot);
    EXPECT_EQ(std::ranges::count_if(scenario.said(),
                                    [](const std::string& line) {
                                        return line.find("goes on without") != std::string::npos;
                                    }),
              21);
    scenario.start("shop.target");
    const std::vector<LeftOut>& left_out = scenario.last_reply().left_out;
    ASSERT_THAT(left_out, SizeIs(21));
    EXPECT_THAT(left_out[19].why, HasSubstr("not found; and 4980 more units are left out"));
    EXPECT_EQ(left_out[20].kind, RefusalKind::bad_setting);
    EXPECT_THAT(scenario.status("shop.target").left_out, SizeIs(21));
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::degraded);
}

TEST(LeftOut, AUnitThatIsNotInstalledIsToldAndDoesNotDegrade) {
    Scenario scenario = with(std::move(target("shop").wants("nosuch.service")));
    JobRequested boot;
    boot.unit = *scenario.supervisor().find("shop.target");
    scenario.happens(boot).start("shop.target");
    EXPECT_THAT(scenario.last_reply().left_out, SizeIs(1));
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::running);
}

TEST(Several, StopsAreInTheUnitsOwnOrderWhateverWasTyped) {
    Scenario scenario = with(service("db"), std::move(service("web").after("db.service")));
    scenario.start("db").start("web").take_log();
    scenario.ask_all(JobVerb::stop, {"db", "web"});
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 cgroup"));
    scenario.killed("web", SIGTERM);
    EXPECT_THAT(scenario.take_log(), Contains("signal db.service 15 cgroup"));
}

TEST(Several, StartsAndRestartsAreInTheUnitsOwnOrder) {
    UnitSpec db = service("db");
    db.type(ServiceType::notify);
    Scenario scenario = with(std::move(db), std::move(service("web").after("db.service")));
    scenario.ask_all(JobVerb::start, {"web", "db"});
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/db"));
    scenario.ready("db");
    EXPECT_THAT(scenario.spawned(), ElementsAre("/bin/db", "/bin/web"));
    scenario.take_log();
    scenario.ask_all(JobVerb::restart, {"db", "web"});
    EXPECT_THAT(scenario.take_log(), ElementsAre("signal web.service 15 cgroup"));
}

TEST(Several, WhatCantBeByItselfIsReportedAndTheOthersGoOn) {
    Scenario scenario = with_faulty(
        list(service("a"), std::move(service("needy").requires_("broken.service")), service("b")),
        {"broken.service"});
    scenario.ask_all(JobVerb::start, {"a", "broken", "needy", "b"});
    ASSERT_FALSE(scenario.last_reply().refusal.has_value());
    const auto& units = scenario.last_reply().units;
    ASSERT_THAT(units, SizeIs(4));
    EXPECT_NE(units[0].job, JobId::none);
    EXPECT_EQ(units[1].refusal->kind, RefusalKind::bad_setting);
    EXPECT_EQ(units[2].refusal->kind, RefusalKind::bad_setting);
    EXPECT_THAT(units[2].refusal->message, HasSubstr("requires broken.service"));
    EXPECT_NE(units[3].job, JobId::none);
    EXPECT_EQ(scenario.state("a"), "active/running");
    EXPECT_EQ(scenario.state("b"), "active/running");
    EXPECT_EQ(scenario.state("needy"), "inactive/dead");
}

// Seed 138942: what the refused ones only wished for was started all the same.
TEST(Several, WhatOnlyRefusedOnesWishForIsNotStarted) {
    for (const bool one_is_left : {true, false}) {
        Scenario scenario = with_faulty(
            list(std::move(service("x").requires_("gone.service").wants("helper.service")),
                 std::move(service("y").requires_("gone.service").wants("helper.service")),
                 std::move(service("helper").wants("other.service")),
                 std::move(service("other").wants("helper.service")), service("z")),
            {"gone.service"});
        std::vector<std::string> names{"x", "y"};
        if (one_is_left) {
            names.emplace_back("z");
        }
        scenario.ask_all(JobVerb::start, names);
        EXPECT_EQ(scenario.state("helper"), "inactive/dead");
        EXPECT_EQ(scenario.state("other"), "inactive/dead");
        EXPECT_EQ(scenario.state("z"), one_is_left ? "active/running" : "inactive/dead");
    }
}

TEST(Several, AreRefusedWholeForAConflictAmongThem) {
    Scenario scenario =
        with(service("a"), std::move(service("b").depends(Relation::conflicts, "a.service")),
             service("c"));
    scenario.ask_all(JobVerb::start, {"a", "b", "c"});
    EXPECT_EQ(refusal(scenario).kind, RefusalKind::transaction_jobs_conflicting);
    EXPECT_THAT(refusal(scenario).message, HasSubstr("a.service"));
    EXPECT_THAT(refusal(scenario).message, HasSubstr("b.service"));
    EXPECT_THAT(scenario.spawned(), IsEmpty());
    EXPECT_THAT(scenario.supervisor().jobs(), IsEmpty());
}

TEST(Several, AreRefusedWholeForACycleAmongThem) {
    Scenario scenario =
        with(std::move(service("a").requires_("b.service").after("b.service")),
             std::move(service("b").requires_("a.service").after("a.service")), service("c"));
    scenario.ask_all(JobVerb::start, {"c", "a", "b"});
    EXPECT_EQ(refusal(scenario).kind, RefusalKind::transaction_order_is_cyclic);
    EXPECT_THAT(refusal(scenario).message, HasSubstr("a.service/start"));
    EXPECT_THAT(scenario.spawned(), IsEmpty());
    EXPECT_THAT(scenario.supervisor().jobs(), IsEmpty());
}

TEST(Several, WhatWouldUndoAnotherJobIsRefusedAlone) {
    UnitSpec a = service("a");
    a.type(ServiceType::notify);
    Scenario scenario = with(std::move(a), service("b"));
    scenario.start("b").start("a").ask_all(JobVerb::stop, {"b", "a"}, JobMode::fail);
    ASSERT_FALSE(scenario.last_reply().refusal.has_value());
    EXPECT_EQ(scenario.last_reply().units[1].refusal->kind,
              RefusalKind::transaction_is_destructive);
    EXPECT_EQ(scenario.state("b"), "deactivating/stop-sigterm");
    EXPECT_EQ(scenario.state("a"), "activating/start");
}

TEST(Several, WhatIsSoAlreadyIsToldApart) {
    Scenario scenario = with(service("a"), service("b"));
    scenario.start("a").ask_all(JobVerb::start, {"a", "b"});
    EXPECT_EQ(scenario.last_reply().units[0].job, JobId::none);
    EXPECT_NE(scenario.last_reply().units[1].job, JobId::none);
    scenario.stop("b").killed("b", SIGTERM);
    scenario.ask_all(JobVerb::try_restart, {"b", "a"});
    EXPECT_EQ(scenario.last_reply().units[0].job, JobId::none);
    EXPECT_NE(scenario.last_reply().units[1].job, JobId::none);
}

TEST(Several, OneNamedTwiceHasOneJob) {
    Scenario scenario = with(service("a"));
    scenario.ask_all(JobVerb::start, {"a", "a"});
    EXPECT_THAT(scenario.spawned(), SizeIs(1));
    EXPECT_EQ(scenario.last_reply().units[0].job, scenario.last_reply().units[1].job);
}

TEST(Several, HaveOneRecordOfWhoAsked) {
    UnitSpec db = service("db");
    db.type(ServiceType::notify);
    Scenario scenario =
        with(std::move(db), std::move(service("web").requires_("db.service").after("db.service")),
             std::move(service("app").requires_("web.service").after("web.service")));
    scenario.ask_all(JobVerb::start, {"db", "app"});
    EXPECT_EQ(scenario.status("db").job->requester.reason, "");
    EXPECT_EQ(scenario.status("app").job->requester.reason, "");
    EXPECT_EQ(scenario.status("web").job->requester.reason, "pulled in by app.service");
    EXPECT_EQ(scenario.status("web").job->requester.command, "svctl");
}

TEST(Several, ArePlannedAsOneTransaction) {
    Scenario scenario = with(service("db"), std::move(service("web").after("db.service")));
    scenario.start("db").start("web");
    auto& svcd = scenario.supervisor();
    const UnitId db = *svcd.find("db.service");
    const UnitId web = *svcd.find("web.service");
    const Plan plan = svcd.plan(JobVerb::stop, {db, web}, JobMode::replace);
    ASSERT_THAT(plan.jobs, SizeIs(2));
    EXPECT_EQ(plan.jobs[0].unit, web);
    EXPECT_EQ(plan.jobs[1].unit, db);
    EXPECT_EQ(plan.jobs[1].wave, 2u);
}

TEST(Several, DuringAShutdownAreRefusedEach) {
    Scenario scenario = with(service("a"), service("b"), service("c"));
    scenario.start("a").shut_down().ask_all(JobVerb::start, {"b", "c"});
    ASSERT_THAT(scenario.last_reply().units, SizeIs(2));
    EXPECT_EQ(scenario.last_reply().units[0].refusal->kind, RefusalKind::shutting_down);
    EXPECT_EQ(scenario.last_reply().units[1].refusal->kind, RefusalKind::shutting_down);
}

TEST(Isolate, TellsOfTheStopsThatBelongToIt) {
    UnitSpec rescue = target("rescue");
    rescue.definition().allow_isolate = true;
    Scenario scenario = with(std::move(rescue), service("a"));
    scenario.start("a").ask(JobVerb::start, "rescue.target", JobMode::isolate);
    ASSERT_THAT(scenario.last_reply().isolated, SizeIs(1));
    EXPECT_EQ(scenario.last_reply().isolated[0].job, scenario.status("a").job->id);
}

// ── flapping, giving up

UnitSpec restarting(const std::string& name, Duration delay) {
    UnitSpec spec = service(name);
    spec.restart(RestartPolicy::always, delay);
    spec.definition().start_limit_burst = 0;
    return spec;
}

Scenario& crash(Scenario& scenario, int times, Duration delay = 3s) {
    for (int time = 0; time < times; ++time) {
        scenario.exits("web", 1).advance(delay);
    }
    return scenario;
}

TEST(Flapping, BeginsWithTheFifthUncleanRestartAndTellsHowEachEnded) {
    Scenario scenario = with(restarting("web", 3s));
    JobRequested boot;
    boot.unit = *scenario.supervisor().find("web.service");
    scenario.happens(boot);
    crash(scenario, 4);
    EXPECT_FALSE(scenario.status("web").is_flapping);
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::running);
    scenario.killed("web", SIGSEGV).advance(3s);
    const UnitStatus status = scenario.status("web");
    EXPECT_TRUE(status.is_flapping);
    EXPECT_EQ(status.unclean_count, 5u);
    ASSERT_THAT(status.unclean_restarts, SizeIs(5));
    EXPECT_EQ(status.unclean_restarts[0].result, UnitResult::exit_code);
    EXPECT_EQ(status.unclean_restarts[4].status, SIGSEGV);
    EXPECT_EQ(scenario.supervisor().system_state(), SystemState::degraded);
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(Flapping, IsOverByItselfWhenNoneCameForTheInterval) {
    Scenario scenario = with(restarting("web", 3s));
    scenario.start("web");
    crash(scenario, 7);
    scenario.executes("web").advance(9min);
    EXPECT_TRUE(scenario.status("web").is_flapping);
    scenario.advance(2min);
    EXPECT_FALSE(scenario.status("web").is_flapping);
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("no longer flapping")));
}

TEST(Flapping, CleanEndsAndSlowOnesDoNotCount) {
    Scenario scenario = with(restarting("web", 3s));
    scenario.start("web");
    for (int time = 0; time < 20; ++time) {
        scenario.exits("web", 0).advance(3s);
    }
    EXPECT_FALSE(scenario.status("web").is_flapping);
    crash(scenario, 20, 3min);
    EXPECT_FALSE(scenario.status("web").is_flapping);
}

TEST(Flapping, TrustyTools3631AStartThatWorksDoesNotResetTheCount) {
    UnitSpec web = restarting("web", 3s);
    web.type(ServiceType::notify);
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    for (int time = 0; time < 5; ++time) {
        scenario.ready("web").advance(20s).exits("web", 1).advance(3s);
    }
    EXPECT_TRUE(scenario.status("web").is_flapping);
}

TEST(Flapping, OutlivesTheManagerWithItsEnd) {
    Scenario scenario = with(restarting("web", 3s));
    scenario.start("web");
    crash(scenario, 30);
    const UnitStatus before = scenario.status("web");
    scenario.manager_dies();
    const UnitStatus after = scenario.status("web");
    EXPECT_TRUE(after.is_flapping);
    EXPECT_EQ(after.unclean_count, 30u);
    EXPECT_EQ(after.flapping_until, before.flapping_until);
    EXPECT_EQ(after.unclean_restarts.size(), kUncleanRestartsMax);
    scenario.advance(11min);
    EXPECT_FALSE(scenario.status("web").is_flapping);
}

TEST(Flapping, EndsWhenAPersonStopsOrStartsIt) {
    Scenario scenario = with(restarting("web", 3s));
    scenario.start("web");
    crash(scenario, 5).stop("web").killed("web", SIGTERM);
    EXPECT_FALSE(scenario.status("web").is_flapping);
    scenario.start("web");
    crash(scenario, 5).ask(JobVerb::restart, "web");
    EXPECT_FALSE(scenario.status("web").is_flapping);
}

TEST(Flapping, EndsWhenItsRestartIsStopped) {
    Scenario scenario = with(restarting("web", 3s));
    scenario.start("web");
    crash(scenario, 5).exits("web", 1).stop("web");
    EXPECT_EQ(scenario.state("web"), "inactive/dead");
    EXPECT_FALSE(scenario.status("web").is_flapping);
    EXPECT_FALSE(scenario.supervisor().next_deadline().has_value());
}

TEST(GivingUp, CountsNoRestartThatTheLimitForbids) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 100ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    crash(scenario, 5, 100ms);
    EXPECT_TRUE(scenario.status("web").given_up);
    EXPECT_EQ(scenario.status("web").starts_counted, 5u);
    EXPECT_EQ(scenario.status("web").restarts, 4u);
    EXPECT_THAT(scenario.said(), Not(Contains(HasSubstr("flapping"))));
}

TEST(GivingUp, IsSaidWithoutTheEndOfTheFlapping) {
    UnitSpec web = restarting("web", 100ms);
    web.definition().start_limit_burst = 8;
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    crash(scenario, 8, 100ms);
    EXPECT_TRUE(scenario.status("web").given_up);
    EXPECT_FALSE(scenario.status("web").is_flapping);
    EXPECT_THAT(scenario.said(), Contains(HasSubstr("is flapping")));
    EXPECT_THAT(scenario.said(), Not(Contains(HasSubstr("no longer flapping"))));
}

TEST(GivingUp, IsNotEscapedByAUnitThatRestartsItself) {
    UnitSpec web = service("web");
    web.command(CommandRole::start_post, "/bin/restart-web");
    Scenario scenario = with(std::move(web));
    scenario.start("web");
    JobRequested request;
    request.request = RequestId{99};
    request.unit = *scenario.supervisor().find("web.service");
    request.verb = JobVerb::restart;
    request.requester.pid = 77;
    request.requester.unit = request.unit;
    for (int time = 0; time < 5; ++time) {
        ASSERT_EQ(scenario.state("web"), "activating/start-post") << time;
        scenario.happens(request);
        scenario.killed("web", SIGTERM, ProcessRole::control).killed("web", SIGTERM);
    }
    EXPECT_EQ(scenario.result("web"), UnitResult::start_limit_hit);
    EXPECT_TRUE(scenario.status("web").given_up);
    request.requester.unit = std::nullopt;
    scenario.happens(request);
    EXPECT_EQ(scenario.state("web"), "activating/start-post");
}

TEST(GivingUp, IsSaidWhateverTheResult) {
    UnitSpec web = service("web");
    web.restart(RestartPolicy::always, 100ms);
    Scenario scenario = with(std::move(web));
    scenario.start("web").exits("web", 3);
    EXPECT_EQ(scenario.status("web").next_start, scenario.now() + 100ms);
    EXPECT_FALSE(scenario.status("web").given_up);
    scenario.advance(100ms);
    crash(scenario, 4, 100ms);
    EXPECT_EQ(scenario.result("web"), UnitResult::exit_code);
    EXPECT_TRUE(scenario.status("web").given_up);
    EXPECT_EQ(scenario.status("web").starts_counted, 5u);
    EXPECT_EQ(scenario.status("web").next_start, kNever);
    scenario.manager_dies();
    EXPECT_TRUE(scenario.status("web").given_up);
    scenario.start("web");
    EXPECT_FALSE(scenario.status("web").given_up);
}

}  // namespace
}  // namespace svcd::test
