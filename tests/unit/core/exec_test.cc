// What is known of a service whose command could not be executed, or not as its file says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "unit/core/scenario.h"

namespace svcd::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

ExecError missing(const std::string& path, CommandRole role = CommandRole::start) {
    ExecError error;
    error.step = ExecStep::exec;
    error.problem = ExecProblem::missing;
    error.role = role;
    error.error_number = ENOENT;
    error.object = path;
    return error;
}

ExecError no_environment() {
    ExecError error;
    error.step = ExecStep::environment_file;
    error.error_number = ENOENT;
    error.object = "/etc/default/web";
    return error;
}

UnitSpec with_exec(UnitSpec spec, const std::function<void(ExecSettings&)>& change) {
    ExecSettings exec;
    change(exec);
    spec.settings().exec = std::make_shared<const ExecSettings>(std::move(exec));
    return spec;
}

UnitSpec reads_file(const std::string& name) {
    return with_exec(service(name), [](ExecSettings& exec) {
        exec.environment_files = {EnvironmentFile{"/etc/default/web", false}};
    });
}

UnitSpec with_command(UnitSpec spec, CommandRole role, const std::string& path) {
    spec.command(role, path);
    return spec;
}

TEST(ExecErrors, TellStepObjectAndErrnoUntilTheNextStart) {
    Scenario scenario = with(service("web"));
    scenario.start("web").does_not_execute("web", missing("/bin/web"), 203);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.status("web").exec_error, missing("/bin/web"));
    EXPECT_FALSE(scenario.status("web").exec_started);
    scenario.start("web");
    EXPECT_EQ(scenario.status("web").exec_error, ExecError{});
    scenario.executes("web");
    EXPECT_TRUE(scenario.status("web").exec_started);
}

TEST(ExecErrors, AreNoneOfAProgramThatItselfExitsWith203) {
    Scenario scenario = with(service("web"));
    scenario.start("web").executes("web").exits("web", 203);
    EXPECT_EQ(scenario.status("web").result, UnitResult::exit_code);
    EXPECT_EQ(scenario.status("web").exec_error.step, ExecStep::none);
    EXPECT_TRUE(scenario.status("web").exec_started);
}

TEST(ExecErrors, AreKeptOverTheManagersDeath) {
    Scenario scenario = with(service("web"), service("own"));
    ExecError error = missing("/srv/web/run");
    error.problem = ExecProblem::interpreter_missing;
    error.detail = "/bin/bash42";
    scenario.start("web").does_not_execute("web", error, 203);
    scenario.start("own").executes("own").exits("own", 203);
    scenario.manager_dies();
    EXPECT_EQ(scenario.status("web").exec_error, error);
    EXPECT_FALSE(scenario.status("web").exec_started);
    EXPECT_EQ(scenario.status("own").exec_error.step, ExecStep::none);
    EXPECT_TRUE(scenario.status("own").exec_started);
}

TEST(ExecErrors, OfPathsOfAnyLengthAreKeptAsFarAsTheyFit) {
    for (const std::size_t length : {50U, 95U, 200U}) {
        Scenario scenario = with(service("web"));
        ExecError error = missing(std::string(length, 'o'));
        error.detail = std::string(length, 'd');
        scenario.start("web").does_not_execute("web", error, 203).manager_dies();
        const ExecError kept = scenario.status("web").exec_error;
        EXPECT_THAT(error.object, StartsWith(kept.object));
        EXPECT_THAT(error.detail, StartsWith(kept.detail));
        EXPECT_GE(kept.detail.size(), kExecDetailKept);
        EXPECT_GE(kept.object.size(), std::min<std::size_t>(length, 64));
    }
}

TEST(ExecErrors, TheFirstOfALifeIsTheOneThatTells) {
    Scenario scenario = with(with_command(service("web"), CommandRole::stop_post, "/bin/post"));
    scenario.start("web").does_not_execute("web", missing("/bin/web"), 203);
    scenario.does_not_execute("web", missing("/bin/post", CommandRole::stop_post), 203,
                              ProcessRole::control);
    EXPECT_EQ(scenario.status("web").exec_error.object, "/bin/web");
}

TEST(ExecErrors, OfAReloadAreForgottenByTheNext) {
    Scenario scenario = with(with_command(service("web"), CommandRole::reload, "/bin/hup"));
    scenario.start("web").executes("web").ask(JobVerb::reload, "web");
    scenario.does_not_execute("web", missing("/bin/hup", CommandRole::reload), 203,
                              ProcessRole::control);
    EXPECT_EQ(scenario.state("web"), "active/running");
    EXPECT_EQ(scenario.status("web").exec_error.role, CommandRole::reload);
    scenario.ask(JobVerb::reload, "web").exits("web", 0, ProcessRole::control);
    EXPECT_EQ(scenario.status("web").exec_error.step, ExecStep::none);
}

// ── environment files

TEST(EnvironmentFileOfASimpleService, ThatIsMissingFailsTheStartSystemd2716) {
    Scenario scenario = with(reads_file("web"));
    scenario.start("web");
    EXPECT_EQ(scenario.state("web"), "activating/start");
    scenario.does_not_execute("web", no_environment(), 255);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
    EXPECT_EQ(scenario.status("web").result, UnitResult::resources);
    EXPECT_EQ(scenario.status("web").main.code, ExitCode::none);
    EXPECT_EQ(scenario.status("web").exec_error.object, "/etc/default/web");
}

TEST(EnvironmentFileOfASimpleService, ThatIsReadLetsItBeActive) {
    Scenario scenario = with(reads_file("web"));
    scenario.start("web").executes("web");
    EXPECT_EQ(scenario.state("web"), "active/running");
}

TEST(EnvironmentFileOfASimpleService, ThatHangsIsEndedAtTimeoutStartSec) {
    UnitSpec spec = reads_file("web");
    spec.settings().timeout_start = std::chrono::seconds{3};
    Scenario scenario = with(std::move(spec));
    scenario.start("web").advance(std::chrono::seconds{3});
    EXPECT_EQ(scenario.status("web").result, UnitResult::timeout);
    scenario.killed("web", 9);
    EXPECT_EQ(scenario.state("web"), "failed/failed");
}

TEST(EnvironmentFileOfASimpleService, DoesNotDelayOtherFailures) {
    Scenario scenario = with(reads_file("web"));
    scenario.start("web").does_not_execute("web", missing("/bin/web"), 203);
    EXPECT_EQ(scenario.status("web").result, UnitResult::exit_code);
    EXPECT_EQ(scenario.status("web").main.status, 203);
}

TEST(EnvironmentFileOfASimpleService, IsWaitedForByAManagerThatFollows) {
    Scenario scenario = with(reads_file("web"));
    scenario.start("web").manager_dies();
    EXPECT_EQ(scenario.state("web"), "active/running") << "nobody can tell any more";
}

TEST(EnvironmentFile, ThatIsMissingFailsEveryCommandWithResources) {
    for (const ServiceType type :
         {ServiceType::exec, ServiceType::oneshot, ServiceType::notify, ServiceType::dbus}) {
        UnitSpec spec = reads_file("web");
        spec.type(type);
        Scenario scenario = with(std::move(spec));
        scenario.start("web").does_not_execute("web", no_environment(), 255);
        EXPECT_EQ(scenario.status("web").result, UnitResult::resources);
        EXPECT_EQ(scenario.state("web"), "failed/failed");
    }
    Scenario scenario = with(with_command(reads_file("web"), CommandRole::start_pre, "/bin/pre"));
    ExecError error = no_environment();
    error.role = CommandRole::start_pre;
    scenario.start("web").does_not_execute("web", error, 255, ProcessRole::control);
    EXPECT_EQ(scenario.status("web").result, UnitResult::resources);
}

// ── what differs

TEST(Deviations, AreSaidOnceAndShownAndKept) {
    Scenario scenario =
        with(with_exec(service("web"), [](ExecSettings& exec) { exec.oom_score_adjust = -900; }));
    ExecSucceeded how;
    how.deviations.oom_score_errno = EACCES;
    how.warnings = {"web.env:1: no assignment"};
    scenario.start("web").executes("web", how);
    EXPECT_THAT(scenario.status("web").exec_warnings,
                ElementsAre(AllOf(HasSubstr("OOMScoreAdjust: -900"), HasSubstr("EACCES")),
                            "web.env:1: no assignment"));
    scenario.manager_dies();
    EXPECT_THAT(scenario.status("web").exec_warnings, ElementsAre(HasSubstr("OOMScoreAdjust")));
    scenario.stop("web").killed("web", 15);
    scenario.start("web");
    EXPECT_THAT(scenario.status("web").exec_warnings, IsEmpty());
}

// ── the words

TEST(ExecErrorText, NamesSettingObjectErrnoAndWhatToDo) {
    EXPECT_EQ(
        to_string(missing("/bin/web", CommandRole::start_pre)),
        "ExecStartPre: /bin/web can't be executed: there is no such file (ENOENT, No such file "
        "or directory); correct the path, or install the program");
    EXPECT_THAT(to_string(no_environment()),
                StartsWith("ExecStart: the EnvironmentFile /etc/default/web can't be read: No such "
                           "file or directory (ENOENT); "));
    EXPECT_EQ(to_string(ExecError{}), "");
    EXPECT_EQ(name_of(ExecStep::exec), "EXEC");
    EXPECT_EQ(errno_name(EACCES), "EACCES");
}

TEST(ExecErrorText, EveryStepAndProblemHasWords) {
    for (int step = 1; step <= static_cast<int>(kLastExecStep); ++step) {
        ExecError error = missing("OBJECT");
        error.step = static_cast<ExecStep>(step);
        for (int problem = 0; problem <= static_cast<int>(kLastExecProblem); ++problem) {
            error.problem = static_cast<ExecProblem>(problem);
            EXPECT_THAT(to_string(error), HasSubstr("ENOENT")) << step << " " << problem;
            EXPECT_FALSE(name_of(error.step).empty());
        }
    }
}

}  // namespace
}  // namespace svcd::test
