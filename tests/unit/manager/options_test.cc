#include "manager/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace svcd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Surroundings root() {
    Surroundings around;
    around.pid_of_svcd = 4711;
    around.home = "/root";
    return around;
}

Surroundings user() {
    Surroundings around;
    around.uid = 1000;
    around.pid_of_svcd = 4711;
    around.home = "/home/ann";
    around.xdg_runtime_dir = "/run/user/1000";
    return around;
}

TEST(CommandLine, OfTheFirstProcessInAContainerManagesTheContainer) {
    Surroundings around = root();
    around.pid_of_svcd = 1;
    EXPECT_EQ(parse_command_line({}, around).options->mode, RunMode::system);
    around.in_container = true;
    const ParsedCommandLine parsed = parse_command_line({}, around);
    EXPECT_EQ(parsed.options->mode, RunMode::container);
    EXPECT_EQ(parsed.options->bus, "none");
    EXPECT_EQ(parse_command_line({"--system"}, around).options->mode, RunMode::system);
    around.pid_of_svcd = 4711;
    EXPECT_EQ(parse_command_line({}, around).options->mode, RunMode::system);
}

TEST(CommandLine, OfAContainerSaysMoreAtItsEnd) {
    const ParsedCommandLine parsed = parse_command_line({"--container"}, root());
    EXPECT_EQ(parsed.options->stop_report, StopReport::text);
    EXPECT_TRUE(parsed.options->exit_when_idle);
    EXPECT_EQ(parse_command_line({}, root()).options->stop_report, StopReport::no);
    EXPECT_FALSE(parse_command_line({}, root()).options->exit_when_idle);
    EXPECT_EQ(parse_command_line({"--stop-report=json"}, root()).options->stop_report,
              StopReport::json);
    EXPECT_FALSE(
        parse_command_line({"--container", "--exit-when-idle=no"}, root()).options->exit_when_idle);
    EXPECT_FALSE(parse_command_line({"--container", "--", "true"}, root()).options->exit_when_idle);
}

TEST(CommandLine, OfACommandIsItsUnit) {
    const ParsedCommandLine parsed = parse_command_line(
        {"--container", "-p", "A=1", "-p", "B=2", "--stop-signal=INT,15", "--forward-to=group",
         "--leftover-timeout=3s", "--exit-status-map=143:0", "--", "web", "--port", "80"},
        root());
    ASSERT_TRUE(parsed.options) << parsed.text;
    EXPECT_EQ(parsed.options->unit, "main.service");
    const CommandOptions& command = *parsed.options->command;
    EXPECT_THAT(command.words, ElementsAre("web", "--port", "80"));
    EXPECT_THAT(command.settings, ElementsAre("A=1", "B=2"));
    EXPECT_EQ(command.stop_signals, 1U << 1 | 1U << 14);
    EXPECT_TRUE(command.forward_to_group);
    EXPECT_EQ(command.leftover_timeout, std::chrono::seconds{3});
    EXPECT_EQ(command.exit_status_map.at(143), 0);
    EXPECT_FALSE(parse_command_line({"--container", "--"}, root()).options->command);
}

TEST(CommandLine, SaysWhetherLinesOfServicesBeginWithTheirUnit) {
    EXPECT_TRUE(parse_command_line({"--container"}, root()).options->log_prefix);
    EXPECT_FALSE(
        parse_command_line({"--container", "--log-prefix=no"}, root()).options->log_prefix);
    EXPECT_EQ(parse_command_line({"--container", "--log-prefix=maybe"}, root()).status, 2);
}

TEST(CommandLine, OfRootWithoutModeManagesTheMachine) {
    const ParsedCommandLine parsed = parse_command_line({}, root());
    ASSERT_TRUE(parsed.options);
    EXPECT_EQ(parsed.options->mode, RunMode::system);
    EXPECT_EQ(parsed.options->runtime_dir, "/run/svcd");
    EXPECT_EQ(parsed.options->log_dir, "/var/log/svcd");
    EXPECT_EQ(parsed.options->config, "/etc/svcd/svcd.yaml");
    EXPECT_FALSE(parsed.options->config_given);
    EXPECT_EQ(parsed.options->bus, "system");
    EXPECT_EQ(parsed.options->unit, "default.target");
    EXPECT_TRUE(parsed.options->unit_path.empty());
}

TEST(CommandLine, OfAUserWithoutModeManagesTheUsersServices) {
    const ParsedCommandLine parsed = parse_command_line({}, user());
    ASSERT_TRUE(parsed.options);
    EXPECT_EQ(parsed.options->mode, RunMode::user);
    EXPECT_EQ(parsed.options->runtime_dir, "/run/user/1000/svcd");
    EXPECT_EQ(parsed.options->log_dir, "/home/ann/.local/state/svcd/log");
    EXPECT_EQ(parsed.options->config, "/home/ann/.config/svcd/svcd.yaml");
    EXPECT_EQ(parsed.options->bus, "session");
}

TEST(CommandLine, OfAContainerNeedsNoMessageBus) {
    const ParsedCommandLine parsed = parse_command_line({"--container"}, root());
    ASSERT_TRUE(parsed.options);
    EXPECT_EQ(parsed.options->mode, RunMode::container);
    EXPECT_EQ(parsed.options->bus, "none");
}

TEST(CommandLine, TakesEveryOption) {
    const ParsedCommandLine parsed = parse_command_line(
        {"--user", "--unit-path=/a:/b", "--runtime-dir=/r", "--log-dir=/l", "--cgroup=/c",
         "--bus=private", "--config=/f", "--unit", "web.service", "--log-level=debug"},
        root());
    ASSERT_TRUE(parsed.options) << parsed.text;
    EXPECT_THAT(parsed.options->unit_path, ElementsAre("/a", "/b"));
    EXPECT_EQ(parsed.options->runtime_dir, "/r");
    EXPECT_EQ(parsed.options->log_dir, "/l");
    EXPECT_EQ(parsed.options->cgroup, "/c");
    EXPECT_EQ(parsed.options->bus, "none") << "private is the older word for it";
    EXPECT_EQ(parsed.options->config, "/f");
    EXPECT_TRUE(parsed.options->config_given);
    EXPECT_EQ(parsed.options->unit, "web.service");
    EXPECT_EQ(parsed.options->log_level, Severity::debug);
}

TEST(CommandLine, MakesRelativeFoldersAbsoluteForALaterManager) {
    const ParsedCommandLine parsed = parse_command_line({"--runtime-dir=run"}, root());
    ASSERT_TRUE(parsed.options);
    EXPECT_EQ(parsed.options->runtime_dir.front(), '/');
    EXPECT_THAT(parsed.options->runtime_dir, HasSubstr("/run"));
}

TEST(CommandLine, TheLastOfTwoWins) {
    const ParsedCommandLine parsed =
        parse_command_line({"--unit=a.target", "--unit=b.target"}, root());
    ASSERT_TRUE(parsed.options) << parsed.text;
    EXPECT_EQ(parsed.options->unit, "b.target");
}

TEST(CommandLine, AUnitWithoutATypeIsAService) {
    EXPECT_EQ(parse_command_line({"--unit=web"}, root()).options->unit, "web.service");
    EXPECT_EQ(parse_command_line({"--unit=web.v2"}, root()).options->unit, "web.v2.service");
    EXPECT_EQ(parse_command_line({"--unit=srv.mount"}, root()).options->unit, "srv.mount");
}

TEST(CommandLine, HelpAndVersionLeaveWithStatusZero) {
    for (const char* word : {"--help", "--version"}) {
        const ParsedCommandLine parsed = parse_command_line({word}, root());
        EXPECT_FALSE(parsed.options);
        EXPECT_EQ(parsed.status, 0);
        EXPECT_THAT(parsed.text, HasSubstr("svcd"));
    }
}

TEST(CommandLine, AMistakeLeavesWithStatusTwoAndSaysWhich) {
    const ParsedCommandLine unknown = parse_command_line({"--unitpath=/a"}, root());
    EXPECT_EQ(unknown.status, 2);
    EXPECT_THAT(unknown.text, HasSubstr("--unitpath"));
    const ParsedCommandLine level = parse_command_line({"--log-level=loud"}, root());
    EXPECT_EQ(level.status, 2);
    EXPECT_THAT(level.text, HasSubstr("loud"));
    const ParsedCommandLine both = parse_command_line({"--user", "--system"}, root());
    EXPECT_EQ(both.status, 2);
}

}  // namespace
}  // namespace svcd
