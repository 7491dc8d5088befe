#include "manager/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace svcd {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Config, OfNothingHasDefaults) {
    const ParsedConfig parsed = parse_config("", "svcd.yaml");
    EXPECT_EQ(parsed.config.kill_grace, 5s);
    EXPECT_THAT(parsed.errors, IsEmpty());
}

TEST(Config, ReadsItsKeyAmongCommentsAndBlankLines) {
    const ParsedConfig parsed =
        parse_config("---\n# patience\n\nKillGraceSec: 1min 30s  # at most\n", "svcd.yaml");
    EXPECT_EQ(parsed.config.kill_grace, 90s);
    EXPECT_THAT(parsed.errors, IsEmpty());
    EXPECT_EQ(parse_config("KillGraceSec: \"2s\"", "f").config.kill_grace, 2s);
}

TEST(Config, ReadsTheShutdownBudget) {
    EXPECT_EQ(parse_config("", "f").config.shutdown_budget, kInfinity);
    EXPECT_EQ(parse_config("", "f").config.shutdown_margin, 2s);
    const ParsedConfig parsed =
        parse_config("ShutdownBudgetSec: 30s\nShutdownMarginSec: 500ms\n", "f");
    EXPECT_EQ(parsed.config.shutdown_budget, 30s);
    EXPECT_EQ(parsed.config.shutdown_margin, 500ms);
    EXPECT_EQ(parsed.config.kill_grace, 5s);
}

TEST(Config, SaysWhereAnUnknownKeyOrABadValueStandsAndKeepsTheRest) {
    const ParsedConfig parsed =
        parse_config("KillGrace: 1s\nKillGraceSec: 3s\nKillGraceSec: soon\nnonsense\n", "f.yaml");
    EXPECT_EQ(parsed.config.kill_grace, 3s);
    EXPECT_THAT(parsed.errors,
                ElementsAre(AllOf(HasSubstr("f.yaml:1: unknown key 'KillGrace'"),
                                  HasSubstr("did you mean 'KillGraceSec'"),
                                  HasSubstr("The line is ignored, and KillGraceSec is 3s")),
                            HasSubstr("f.yaml:3: KillGraceSec: 'soon'"),
                            AllOf(HasSubstr("f.yaml:4:"), HasSubstr("; the line is ignored"))));
    EXPECT_THAT(parse_config("ShutdownMarginSecs: 1s\n", "f").errors,
                ElementsAre(HasSubstr("and ShutdownMarginSec is 2s")));
}

TEST(Config, ReadsWhatIsSaidOfTheLauncher) {
    const LauncherSettings defaults = parse_config("", "f").config.launcher;
    EXPECT_EQ(defaults.rescue_shell, RescueShell::sulogin);
    EXPECT_EQ(defaults.crash_action, CrashAction::reboot);
    EXPECT_FALSE(defaults.busybox_signals);
    const ParsedConfig parsed =
        parse_config("RescueShell: none\nCrashAction: halt\nBusyboxSignals: yes\n", "f");
    EXPECT_THAT(parsed.errors, IsEmpty());
    EXPECT_EQ(parsed.config.launcher.rescue_shell, RescueShell::none);
    EXPECT_EQ(parsed.config.launcher.crash_action, CrashAction::halt);
    EXPECT_TRUE(parsed.config.launcher.busybox_signals);
    EXPECT_THAT(parse_config("RescueShell: suloginn\n", "f").errors,
                ElementsAre(AllOf(HasSubstr("f:1: RescueShell: 'suloginn' is none of"),
                                  HasSubstr("did you mean 'sulogin'"))));
}

TEST(Config, ReadsWhereOutputGoes) {
    EXPECT_EQ(parse_config("", "f").config.log_dir, "");
    EXPECT_EQ(parse_config("", "f").config.early_log_size, std::uint64_t{16} << 20U);
    const ParsedConfig parsed = parse_config("LogDir: /data/log\nEarlyLogSize: 1M\n", "f");
    EXPECT_THAT(parsed.errors, IsEmpty());
    EXPECT_EQ(parsed.config.log_dir, "/data/log");
    EXPECT_EQ(parsed.config.early_log_size, std::uint64_t{1} << 20U);
    EXPECT_THAT(parse_config("LogDir: log\n", "f").errors, ElementsAre(HasSubstr("LogDir: 'log'")));
}

TEST(Config, ReadsWhoMayOpenThePrivateSocket) {
    EXPECT_EQ(parse_config("", "f").config.bus_mode, 0666);
    EXPECT_EQ(parse_config("", "f").config.bus_group, std::nullopt);
    const ParsedConfig parsed = parse_config("BusMode: 0660\nBusGroup: 0\n", "f");
    EXPECT_THAT(parsed.errors, IsEmpty());
    EXPECT_EQ(parsed.config.bus_mode, 0660);
    EXPECT_EQ(parsed.config.bus_group, 0U);
    EXPECT_EQ(parse_config("BusGroup: root\n", "f").config.bus_group, 0U);
    EXPECT_THAT(parse_config("BusGroup: no-such-group\n", "f").errors,
                ElementsAre(HasSubstr("'no-such-group' is no group in /etc/group")));
}

/// Whoever has meant to shut somebody out does not let everybody in.
TEST(Config, AWrongBusModeLetsInTheOwnerOnly) {
    for (const char* text :
         {"BusMode: rw\n", "BusMode: 1777\n", "BusMode: 0o660\n", "BusMode:\n"}) {
        const ParsedConfig parsed = parse_config(text, "f");
        EXPECT_EQ(parsed.config.bus_mode, 0600) << text;
        EXPECT_THAT(parsed.errors, ElementsAre(HasSubstr("and BusMode is 0600"))) << text;
    }
    EXPECT_EQ(parse_config("BusMode: 0640\nBusMode: rw\n", "f").config.bus_mode, 0640);
    EXPECT_EQ(parse_config("BusMode: rw\nBusMode: 0640\n", "f").config.bus_mode, 0640);
}

TEST(Config, ReadsWhoMayReadLogs) {
    EXPECT_EQ(parse_config("", "f").config.log_group, "");
    EXPECT_EQ(parse_config("LogGroup: wheel\n", "f").config.log_group, "wheel");
    EXPECT_THAT(parse_config("LogGroup: a b\n", "f").errors,
                ElementsAre(HasSubstr("LogGroup: 'a b' is not the name of a group")));
}

TEST(Config, ReadsHowLongAManagerMayBeSilent) {
    EXPECT_EQ(parse_config("", "f").config.manager_timeout, 10s);
    EXPECT_EQ(parse_config("ManagerTimeoutSec: infinity\n", "f").config.manager_timeout, kInfinity);
    EXPECT_THAT(parse_config("ManagerTimeoutSec: 10ms\n", "f").errors,
                ElementsAre(HasSubstr("less than 1s")));
    EXPECT_EQ(parse_config("KernelPanicSec: 1min\n", "f").config.kernel_panic, 60s);
}

TEST(Config, AMissingFileIsAnErrorOnlyWhenItWasAskedFor) {
    EXPECT_THAT(read_config("/nonexistent/svcd.yaml", false).errors, IsEmpty());
    EXPECT_THAT(read_config("/nonexistent/svcd.yaml", true).errors,
                ElementsAre(HasSubstr("/nonexistent/svcd.yaml")));
    EXPECT_TRUE(read_config("/nonexistent/svcd.yaml", true).unreadable);
}

TEST(Config, DevNullIsNoConfiguration) {
    EXPECT_THAT(read_config("/dev/null", true).errors, IsEmpty());
}

TEST(Config, IsReadFromRegularFilesOnly) {
    EXPECT_THAT(read_config("/dev/zero", true).errors, ElementsAre(HasSubstr("regular")));
    EXPECT_THAT(read_config("/", true).errors, ElementsAre(HasSubstr("regular")));
}

}  // namespace
}  // namespace svcd
