// Who has started a unit, by which rule it is restarted, and where its life begins in its log: kept
// from the moment in which svcd acts, over the deaths of the manager.
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
using ::testing::Contains;
using ::testing::HasSubstr;

struct Starter {
    StartCause cause = StartCause::unknown;
    std::string command;
    std::string unit;
    Relation relation = Relation::requires_;

    bool operator==(const Starter&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Starter& starter) {
    return out << name_of(starter.cause) << " '" << starter.command << "' " << starter.unit << " "
               << name_of(starter.relation);
}

Starter starter_of(const Scenario& scenario, const std::string& unit) {
    const UnitStatus status = scenario.status(unit);
    if (status.started_by == nullptr) {
        return {};
    }
    return {status.started_by->cause, status.started_by->command,
            std::string{status.started_by_unit}, status.started_by->relation};
}

/// Now, and in the manager that follows.
void expect_starter(Scenario& scenario, const std::string& unit, const Starter& starter) {
    EXPECT_EQ(starter_of(scenario, unit), starter);
    scenario.manager_dies();
    EXPECT_EQ(starter_of(scenario, unit), starter) << "after the manager's death";
}

TEST(Starter, IsThePersonWhoAsked) {
    Scenario scenario;
    scenario.load(list(service("web"))).start("web");
    expect_starter(scenario, "web", {StartCause::asked, "svctl", ""});
}

TEST(Starter, OfWhatWasPulledInIsTheUnitThatNeedsIt) {
    Scenario scenario;
    scenario.load(list(std::move(target("shop").wants("web.service")),
                       std::move(service("web").requires_("db.service")), service("db")));
    scenario.start("shop.target");
    expect_starter(scenario, "web",
                   {StartCause::pulled_in, "svctl", "shop.target", Relation::wants});
    expect_starter(scenario, "db",
                   {StartCause::pulled_in, "svctl", "web.service", Relation::requires_});
}

TEST(Starter, IsTheUnitWhoseFailureOrSuccessItWas) {
    Scenario scenario;
    scenario.load(list(
        std::move(service("web").depends(Relation::on_failure, "alarm.service")), service("alarm"),
        std::move(service("job").depends(Relation::on_success, "next.service")), service("next")));
    scenario.start("web").start("job").exits("web", 1).exits("job");
    expect_starter(scenario, "alarm", {StartCause::on_failure, "", "web.service"});
    expect_starter(scenario, "next", {StartCause::on_success, "", "job.service"});
}

TEST(Starter, IsTheUnitThatUpholdsIt) {
    Scenario scenario;
    scenario.load(
        list(std::move(target("shop").depends(Relation::upholds, "web.service")), service("web")));
    scenario.start("shop.target").exits("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    expect_starter(scenario, "web", {StartCause::upholds, "", "shop.target"});
}

TEST(Starter, IsWhatItCameBackWith) {
    Scenario scenario;
    scenario.load(list(
        std::move(service("db").restart(RestartPolicy::always)),
        std::move(service("web").after("db.service").depends(Relation::binds_to, "db.service"))));
    scenario.start("web").killed("db", SIGSEGV).exits("web").advance(1s);
    EXPECT_EQ(scenario.state("web"), "active/running");
    expect_starter(scenario, "web", {StartCause::comeback, "", "db.service"});
}

TEST(Starter, IsKeptOverAutomaticRestarts) {
    Scenario scenario;
    scenario.load(list(std::move(service("web").restart(RestartPolicy::on_failure))));
    scenario.start("web");
    EXPECT_EQ(scenario.status("web").restart_rule, RestartRule::none);
    scenario.exits("web", 1);
    EXPECT_EQ(scenario.status("web").restart_rule, RestartRule::on_failure);
    scenario.advance(1s);
    EXPECT_EQ(scenario.state("web"), "active/running");
    expect_starter(scenario, "web", {StartCause::asked, "svctl", ""});
    EXPECT_EQ(scenario.status("web").restart_rule, RestartRule::on_failure);
    scenario.ask(JobVerb::restart, "web").exits("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.status("web").restart_rule, RestartRule::none);
}

TEST(Starter, IsWhoeverHurriesARestart) {
    Scenario scenario;
    scenario.load(list(std::move(service("web").restart(RestartPolicy::always, 60s)),
                       std::move(service("shop").requires_("web.service"))));
    scenario.start("web").exits("web", 1).advance(1s).start("shop");
    EXPECT_EQ(scenario.state("web"), "activating/auto-restart");
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.status("web").restart_rule, RestartRule::none);
}

TEST(Starter, TextGivesWayToAJobWhoseEndTheManagerDoesNotSee) {
    Scenario scenario;
    scenario.load(list(service("web"))).start("web").stop("web");
    ASSERT_EQ(scenario.state("web"), "deactivating/stop-sigterm");
    scenario.manager_dies();
    const UnitStatus status = scenario.status("web");
    ASSERT_NE(status.started_by, nullptr);
    EXPECT_EQ(status.started_by->cause, StartCause::asked);
    EXPECT_EQ(status.started_by->command, "");
    EXPECT_EQ(status.started_by->uid, UINT32_MAX);
    EXPECT_EQ(status.job->requester.command, "svctl");
}

TEST(Starter, OfAStartUnderWayIsThatOfItsJob) {
    Scenario scenario;
    scenario.load(list(std::move(service("web").type(ServiceType::notify)))).start("web");
    expect_starter(scenario, "web", {StartCause::asked, "svctl", ""});
    scenario.ready("web");
    expect_starter(scenario, "web", {StartCause::asked, "svctl", ""});
}

UnitSpec with_prevented(UnitSpec unit) {
    unit.rarely([](RareServiceSettings& settings) {
        settings.restart_prevent_exit_status.statuses.set(4);
    });
    return unit;
}

TEST(RestartRules, AreKeptForWhatWasForcedAndPrevented) {
    Scenario scenario;
    UnitSpec forced = service("forced");
    forced.rarely(
        [](RareServiceSettings& settings) { settings.restart_force_exit_status.statuses.set(4); });
    UnitSpec always = service("prevented");
    always.restart(RestartPolicy::always);
    scenario.load(list(std::move(forced), with_prevented(std::move(always)),
                       with_prevented(service("neither"))));
    for (const std::string unit : {"forced", "prevented", "neither"}) {
        scenario.start(unit).exits(unit, 4);
    }
    EXPECT_EQ(scenario.status("forced").restart_rule, RestartRule::forced);
    EXPECT_EQ(scenario.state("prevented"), "failed/failed");
    for (int manager = 0; manager < 2; ++manager) {
        EXPECT_EQ(scenario.status("prevented").restart_rule, RestartRule::prevented);
        EXPECT_EQ(scenario.status("neither").restart_rule, RestartRule::none);
        scenario.manager_dies();
    }
}

TEST(LogBegin, IsWhereTheFirstProcessOfALifeFoundTheEnd) {
    Scenario scenario;
    scenario.load(list(std::move(service("web").command(CommandRole::start_pre, "/bin/pre"))))
        .start("web");
    EXPECT_EQ(scenario.status("web").log_begin, -1);
    ExecSucceeded how;
    how.log_size = 4711;
    scenario.executes("web", how).exits("web", 0, ProcessRole::control);
    how.log_size = 5000;
    scenario.executes("web", how);
    EXPECT_EQ(scenario.status("web").log_begin, 4711);
    scenario.manager_dies();
    EXPECT_EQ(scenario.status("web").log_begin, 4711);
    scenario.ask(JobVerb::restart, "web").exits("web");
    EXPECT_EQ(scenario.status("web").log_begin, -1);
}

TEST(LastJob, IsWhatAReloadOrRestartCameTo) {
    Scenario scenario;
    scenario.load(list(std::move(service("web").type(ServiceType::exec))));
    scenario.ask(JobVerb::reload_or_restart, "web");
    const JobId job = scenario.last_reply().job;
    scenario.exits("web", 1);
    EXPECT_EQ(scenario.status("web").last_job, job);
    EXPECT_EQ(scenario.status("web").last_job_type, JobType::start);
}

TEST(Unneeded, NamesWhatNeededItLast) {
    Scenario scenario;
    UnitSpec db = service("db");
    db.definition().stop_when_unneeded = true;
    scenario.load(list(std::move(db), std::move(service("web").requires_("db.service")),
                       std::move(service("app").requires_("db.service"))));
    scenario.start("web").start("app").advance(1s).exits("app").advance(1s);
    EXPECT_EQ(scenario.state("db"), "active/running");
    scenario.exits("web");
    ASSERT_TRUE(scenario.status("db").job.has_value());
    EXPECT_EQ(scenario.status("db").job->requester.reason,
              "StopWhenUnneeded: web.service was the last to need it");
}

TEST(Failures, HoldWhatTheProgramSaidLast) {
    Scenario scenario;
    scenario.load(list(std::move(service("web").type(ServiceType::notify)))).start("web");
    Notification said;
    said.status = "waiting for\x1b the database";
    scenario.notifies("web", said).advance(200s);
    EXPECT_EQ(scenario.status("web").failure.kind, FailureKind::ready_missing);
    EXPECT_THAT(
        scenario.status("web").failure_text,
        HasSubstr("READY=1 has not come; its last STATUS= was \"waiting for? the database\""));
}

}  // namespace
}  // namespace svcd::test
