#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>

#include "core/types/record.h"
#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

LoadedUnit load_text(const std::string& text, const std::string& name = "x.service") {
    UnitFolder folder;
    folder.write(name + ".yaml", text);
    LoadReport report = folder.load(name);
    return std::move(report.units.front());
}

std::vector<std::vector<std::string>> argvs(const LoadedUnit& unit, CommandRole role) {
    std::vector<std::vector<std::string>> all;
    for (const Command& command : unit.definition.service->commands) {
        if (command.role == role) {
            all.push_back(command.argv);
        }
    }
    return all;
}

TEST(Commands, ListIsArgvWordForWord) {
    const LoadedUnit unit =
        load_service("ExecStop: [/bin/stop, 'a b', \"\", null, 010, ';', 'x\\ny']");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_THAT(argvs(unit, CommandRole::stop),
                ElementsAre(ElementsAre("/bin/stop", "a b", "", "null", "010", ";", "x\\ny")));
}

TEST(Commands, ListOfListsIsSeveral) {
    const LoadedUnit unit = load_service("ExecStop: [[/bin/a, 1], [/bin/b], -/bin/c 3]");
    EXPECT_THAT(
        argvs(unit, CommandRole::stop),
        ElementsAre(ElementsAre("/bin/a", "1"), ElementsAre("/bin/b"), ElementsAre("/bin/c", "3")));
    EXPECT_TRUE(unit.definition.service->commands.back().ignore_failure);
}

TEST(Commands, ListOfCommandLinesIsSeveral) {
    const LoadedUnit unit = load_service("ExecStop:\n  - /bin/a 1\n  - /bin/b");
    EXPECT_THAT(argvs(unit, CommandRole::stop),
                ElementsAre(ElementsAre("/bin/a", "1"), ElementsAre("/bin/b")));
}

TEST(Commands, ListThatCouldBeEitherIsAnError) {
    const LoadedUnit unit = load_service("ExecStop: [/bin/true, /bin/mkdir -p /x]");
    EXPECT_THAT(unit.error, HasSubstr("one command or several?"));
    EXPECT_EQ(load_service("ExecStop: [/bin/cat, /etc/passwd]").state, LoadState::loaded);
}

TEST(Commands, StringMayHoldSeveral) {
    const LoadedUnit unit = load_service("ExecStop: /bin/a \"1 2\" ; @-/bin/b zero \\; x");
    EXPECT_THAT(argvs(unit, CommandRole::stop),
                ElementsAre(ElementsAre("/bin/a", "1 2"), ElementsAre("zero", ";", "x")));
    EXPECT_EQ(unit.definition.service->commands.back().path, "/bin/b");
}

TEST(Commands, PrefixesAreRead) {
    const LoadedUnit unit = load_service("ExecStop: ['-:+/bin/a']");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    const Command& command = unit.definition.service->commands.back();
    EXPECT_TRUE(command.ignore_failure && command.no_expansion && command.full_privileges);
    EXPECT_EQ(load_service("ExecStop: '+!/bin/a'").state, LoadState::bad_setting);
    EXPECT_EQ(load_service("ExecStop: '!!!/bin/a'").state, LoadState::bad_setting);
    EXPECT_EQ(load_service("ExecStop: '@/bin/a'").state, LoadState::bad_setting);
}

TEST(Commands, BlockOfTextJoinsItsLines) {
    const LoadedUnit unit = load_service("ExecStop: |\n  /bin/a x \\\n  # not this\n    y\n    z");
    EXPECT_THAT(argvs(unit, CommandRole::stop), ElementsAre(ElementsAre("/bin/a", "x", "y", "z")));
}

TEST(ServiceRules, AreSystemds) {
    EXPECT_THAT(load_text("Service: {Type: oneshot, ExecStart: ['/bin/a x', /bin/b]}\n").state,
                LoadState::loaded);
    EXPECT_THAT(load_text("Service: {ExecStart: ['/bin/a x', /bin/b]}\n").error,
                HasSubstr("more than one ExecStart"));
    EXPECT_THAT(load_text("Service: {Type: simple, ExecStop: /bin/a}\n").error,
                HasSubstr("no ExecStart, which only a service of Type oneshot"));
    EXPECT_THAT(load_text("Service: {ExecStop: /bin/a}\n").error, HasSubstr("RemainAfterExit"));
    EXPECT_THAT(load_text("Service: {Type: oneshot, ExecStart: /bin/a, Restart: always}\n").error,
                HasSubstr("not possible with Type oneshot"));
}

TEST(ServiceDefaults, OneshotWithoutExecStart) {
    const LoadedUnit unit = load_text("Service: {ExecStop: /bin/a, RemainAfterExit: yes}\n");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_EQ(unit.definition.service->type, ServiceType::oneshot);
    EXPECT_FALSE(unit.definition.service->type_given);
    EXPECT_EQ(unit.definition.service->timeout_start, kInfinity);
}

TEST(ServiceDefaults, AreSystemds) {
    const LoadedUnit unit = load_service("");
    const ServiceSettings& service = *unit.definition.service;
    EXPECT_EQ(service.type, ServiceType::simple);
    EXPECT_EQ(service.timeout_start, 90s);
    EXPECT_EQ(service.timeout_stop, 90s);
    EXPECT_EQ(service.restart_delay, 100ms);
    EXPECT_EQ(service.kill_signal, SIGTERM);
    EXPECT_EQ(*service.exec, ExecSettings{});
}

TEST(Timeouts, TimeoutSecSetsBothAndZeroIsNone) {
    const LoadedUnit unit = load_service("TimeoutSec: 5\nTimeoutStopSec: 0");
    EXPECT_EQ(unit.definition.service->timeout_start, 5s);
    EXPECT_EQ(unit.definition.service->timeout_stop, kInfinity);
}

TEST(KillSettings, MayStandInTheirOwnSection) {
    const LoadedUnit unit = load_text(
        "Service: {ExecStart: /bin/a, KillSignal: INT}\n"
        "Kill: {KillMode: mixed, SendSIGKILL: no, FinalKillSignal: SIGABRT}\n");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    const ServiceSettings& service = *unit.definition.service;
    EXPECT_EQ(service.kill_signal, SIGINT);
    EXPECT_EQ(service.kill_mode, KillMode::mixed);
    EXPECT_FALSE(service.send_sigkill);
    EXPECT_EQ(service.final_kill_signal, SIGABRT);
    EXPECT_THAT(load_text("Service: {ExecStart: /bin/a}\nKill: {Nice: 1}\n").error,
                HasSubstr("it belongs in section Service"));
}

TEST(Environment, ComesAsMapListOrString) {
    for (const char* text : {"Environment: {A: 1, B: x y}", "Environment: ['A=1', 'B=x y']",
                             "Environment: A=1 \"B=x y\""}) {
        const LoadedUnit unit = load_service(text);
        ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
        EXPECT_THAT(unit.definition.service->exec->environment, ElementsAre("A=1", "B=x y"));
    }
    EXPECT_EQ(load_service("Environment: {1A: x}").state, LoadState::bad_setting);
    EXPECT_EQ(load_service("Environment: {HOME: ~}").state, LoadState::bad_setting);
    EXPECT_EQ(load_service("Environment: [A]").state, LoadState::bad_setting);
    EXPECT_THAT(load_service("Environment: {A: null, B: ''}").definition.service->exec->environment,
                ElementsAre("A=", "B="));
}

TEST(EnvironmentFile, MayBeMissingWithAMinus) {
    const LoadedUnit unit = load_service("EnvironmentFile: [/etc/a, -/etc/b]");
    EXPECT_THAT(unit.definition.service->exec->environment_files,
                ElementsAre(EnvironmentFile{"/etc/a", false}, EnvironmentFile{"/etc/b", true}));
    EXPECT_EQ(load_service("EnvironmentFile: etc/a").state, LoadState::bad_setting);
}

TEST(Streams, AreReadAsSystemdNamesThem) {
    const LoadedUnit unit = load_service(
        "StandardInput: file:/dev/zero\nStandardOutput: append:/var/log/%N\nStandardError: null");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    const ExecSettings& exec = *unit.definition.service->exec;
    EXPECT_EQ(exec.standard_input, InputKind::file);
    EXPECT_EQ(exec.standard_input_path, "/dev/zero");
    EXPECT_EQ(exec.standard_output, (Output{OutputKind::append, "/var/log/x"}));
    EXPECT_EQ(exec.standard_error, (Output{OutputKind::null, {}}));
    EXPECT_EQ(
        load_service("StandardOutput: journal").definition.service->exec->standard_output.kind,
        OutputKind::log);
    EXPECT_EQ(load_service("StandardError: inherit").definition.service->exec->standard_error,
              std::nullopt);
    EXPECT_EQ(load_service("StandardOutput: ~").definition.service->exec->standard_output,
              Output{});
    EXPECT_THAT(load_service("StandardInput: tty").error,
                HasSubstr("not supported by this version"));
    EXPECT_THAT(load_service("StandardOutput: append:x").error, HasSubstr("absolute path"));
    EXPECT_THAT(load_service("StandardOutput: append").error, HasSubstr("absolute path"));
    EXPECT_THAT(load_service("StandardOutput: null:/x").error, HasSubstr("takes no path"));
}

TEST(ExecSettings, AreRead) {
    const LoadedUnit unit = load_service(
        "WorkingDirectory: -~\nUser: '%p'\nGroup: 33\nUMask: 077\nLimitNOFILE: 1K:2\nNice: -5");
    EXPECT_THAT(unit.error, HasSubstr("LimitNOFILE: '1K' is not a number"));
    const LoadedUnit good = load_service(
        "WorkingDirectory: -~\nUser: '%p'\nGroup: 33\nUMask: 077\nLimitNOFILE: 10:20\nNice: -5\n"
        "OOMScoreAdjust: 100\nSyslogIdentifier: me-%n");
    ASSERT_EQ(good.state, LoadState::loaded) << good.error;
    const ExecSettings& exec = *good.definition.service->exec;
    EXPECT_EQ(exec.working_directory, "~");
    EXPECT_TRUE(exec.working_directory_may_be_missing);
    EXPECT_EQ(exec.user, "x");
    EXPECT_EQ(exec.group, "33");
    EXPECT_EQ(exec.umask, 077);
    EXPECT_THAT(exec.limits, ElementsAre(ResourceLimit{RLIMIT_NOFILE, 10, 20}));
    EXPECT_EQ(exec.nice, -5);
    EXPECT_EQ(exec.oom_score_adjust, 100);
    EXPECT_EQ(exec.syslog_identifier, "me-x.service");
}

TEST(PidFile, RelativeIsBelowTheRuntimeDirectory) {
    EXPECT_EQ(load_service("PIDFile: x.pid").definition.service->pid_file, "/run/x.pid");
    EXPECT_EQ(load_service("PIDFile: /a/%p.pid").definition.service->pid_file, "/a/x.pid");
}

TEST(SuccessExitStatus, TakesNumbersNamesAndSignals) {
    const LoadedUnit unit = load_service("SuccessExitStatus: [3, DATAERR SIGUSR1]");
    const ExitStatusSet& set = unit.definition.service->rarely().success_exit_status;
    EXPECT_TRUE(set.statuses.test(3) && set.statuses.test(65) && set.signals.test(SIGUSR1));
    EXPECT_THAT(load_service("SuccessExitStatus: [DATAER]").error,
                HasSubstr("did you mean 'DATAERR'?"));
}

TEST(StartLimit, HasAMost) {
    const LoadedUnit unit = load_text(
        "Unit: {StartLimitBurst: 65, StartLimitIntervalSec: 5}\nService: {ExecStart: /bin/a}\n");
    EXPECT_THAT(unit.error, HasSubstr("more than " + std::to_string(kStartLimitBurstMax)));
}

TEST(Relations, OfTypesThatAreNotSupportedAreDroppedWhereTheyAreWishes) {
    const LoadedUnit unit = load_text(
        "Unit: {After: 'a.socket b.service', Wants: x.mount, DefaultDependencies: no}\n"
        "Service: {ExecStart: /bin/a}\n");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_THAT(unit.definition.dependencies,
                ElementsAre(Dependency{Relation::after, "b.service"}));
}

TEST(UsersOwn, KeysAndSectionsAreLeftAlone) {
    const LoadedUnit unit = load_text(
        "X-Mine: [1, {a: b}]\nUnit: {X-Team: web}\nService: {ExecStart: /bin/a, X-y: [z]}\n");
    EXPECT_EQ(unit.state, LoadState::loaded) << unit.error;
}

TEST(Targets, HaveNoServiceSection) {
    EXPECT_EQ(load_text("Unit: {AllowIsolate: yes}\n", "t.target").state, LoadState::loaded);
    EXPECT_THAT(load_text("Service: {ExecStart: /bin/a}\n", "t.target").error,
                HasSubstr("the section Service does not belong in a target"));
}

TEST(Aliases, OfYamlMayBeUsedInModeration) {
    const LoadedUnit unit = load_text(
        "X-common: &common [a.service, b.service]\n"
        "Unit: {After: *common, Wants: *common}\nService: {ExecStart: /bin/a}\n");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_TRUE(has_dependency(unit, Relation::wants, "b.service"));
}

}  // namespace
}  // namespace svcd
