// The settings of one value, each through its whole life: the default, a value, a drop-in that
// replaces it, one that takes it back, and a value that is none.
#include <gmock/gmock.h>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::HasSubstr;

struct SettingCase {
    const char* section;
    const char* key;
    const char* value;
    const char* other;  ///< what a drop-in says
    const char* bad;
    const char* problem;  ///< part of the message about `bad`
    const char* property;
    const char* shown_default;
    const char* shown_value;
    const char* shown_other;
};

void PrintTo(const SettingCase& each, std::ostream* out) {
    *out << each.key;
}

// clang-format off
constexpr SettingCase kCases[] = {
    {"Unit", "StopWhenUnneeded", "yes", "off", "2", "not a boolean", "StopWhenUnneeded", "no", "yes", "no"},
    {"Unit", "IgnoreOnIsolate", "yes", "off", "2", "not a boolean", "IgnoreOnIsolate", "no", "yes", "no"},
    {"Unit", "OnFailureJobMode", "isolate", "flush", "isolat", "did you mean 'isolate'?", "OnFailureJobMode", "replace", "isolate", "flush"},
    {"Unit", "OnFailureJobMode", "replace-irreversibly", "ignore-requirements", "triggering", "is none of", "OnFailureJobMode", "replace", "replace-irreversibly", "ignore-requirements"},
    {"Unit", "OnSuccessJobMode", "replace", "ignore-dependencies", "lazy", "is none of", "OnSuccessJobMode", "fail", "replace", "ignore-dependencies"},
    {"Unit", "JobTimeoutSec", "5min", "0", "5parsecs", "not a time span", "JobTimeoutUSec", "infinity", "300000000", "infinity"},
    {"Unit", "JobTimeoutSec", "5min", "2", "x", "not a time span", "JobRunningTimeoutUSec", "infinity", "300000000", "2000000"},
    {"Unit", "JobRunningTimeoutSec", "3s", "infinity", "x", "not a time span", "JobRunningTimeoutUSec", "infinity", "3000000", "infinity"},
    {"Unit", "JobTimeoutAction", "reboot", "poweroff-immediate", "halt", "is none of none, exit", "JobTimeoutAction", "none", "reboot", "poweroff-immediate"},
    {"Unit", "FailureAction", "exit", "reboot-force", "reboot-forced", "did you mean 'reboot-force'?", "FailureAction", "none", "exit", "reboot-force"},
    {"Unit", "SuccessAction", "exit-force", "poweroff", "yes", "is none of", "SuccessAction", "none", "exit-force", "poweroff"},
    {"Unit", "StartLimitAction", "reboot-immediate", "poweroff-force", "kill", "is none of", "StartLimitAction", "none", "reboot-immediate", "poweroff-force"},
    {"Unit", "FailureActionExitStatus", "0", "255", "256", "not an exit status from 0 to 255", "FailureActionExitStatus", "-1", "0", "255"},
    {"Unit", "SuccessActionExitStatus", "7", "8", "-1", "not an exit status from 0 to 255", "SuccessActionExitStatus", "-1", "7", "8"},
    {"Unit", "RebootArgument", "'%p boot'", "b", "'%z'", "not a specifier", "RebootArgument", "", "x boot", "b"},
    {"Unit", "SourcePath", "/etc//%p.conf/", "/b", "etc/x", "not an absolute path", "SourcePath", "", "/etc/x.conf", "/b"},
    {"Unit", "RequiresMountsFor", "'/srv//%p /var/'", "[/a b]", "srv", "not an absolute path", "RequiresMountsFor", "", "/srv/x /var", "/srv/x /var /a b"},
    {"Unit", "RequiresMountsFor", "/srv", "[null, /a]", "/srv/../a", "'..'", "RequiresMountsFor", "", "/srv", "/a"},
    {"Service", "Type", "notify-reload", "idle", "probe", "not supported by this version", "Type", "simple", "notify-reload", "idle"},
    {"Service", "RestartMaxDelaySec", "5min", "1h", "x", "not a time span", "RestartMaxDelayUSec", "infinity", "300000000", "3600000000"},
    {"Service", "PreStopDelaySec", "2s", "500ms", "infinity", "infinity is not possible here", "PreStopDelayUSec", "0", "2000000", "500000"},
    {"Service", "TimeoutAbortSec", "10", "0", "-1", "not a time span", "TimeoutAbortUSec", "90000000", "10000000", "0"},
    {"Service", "TimeoutStopSec", "10", "20", "x", "not a time span", "TimeoutAbortUSec", "90000000", "10000000", "20000000"},
    {"Service", "TimeoutStartFailureMode", "abort", "kill", "term", "is none of terminate, abort, kill", "TimeoutStartFailureMode", "terminate", "abort", "kill"},
    {"Service", "TimeoutStopFailureMode", "kill", "terminate", "aborted", "did you mean 'abort'?", "TimeoutStopFailureMode", "terminate", "kill", "terminate"},
    {"Service", "RuntimeMaxSec", "1h", "infinity", "1x", "not a time span", "RuntimeMaxUSec", "infinity", "3600000000", "infinity"},
    {"Service", "ExitType", "cgroup", "main", "cgroups", "did you mean 'cgroup'?", "ExitType", "main", "cgroup", "main"},
    {"Service", "GuessMainPID", "no", "yes", "maybe", "not a boolean", "GuessMainPID", "yes", "no", "yes"},
    {"Service", "NotifyAccess", "exec", "all", "any", "is none of none, main, exec, all", "NotifyAccess", "none", "exec", "all"},
    {"Service", "BusName", "org.example.%p", "a.b-c._d", "web", "not the name of a service on the bus", "BusName", "", "org.example.x", "a.b-c._d"},
    {"Service", "OOMPolicy", "continue", "kill", "contine", "did you mean 'continue'?", "OOMPolicy", "stop", "continue", "kill"},
    {"Service", "ReloadSignal", "USR1", "12", "SIGUSR3", "not a signal", "ReloadSignal", "1", "10", "12"},
    {"Service", "RestartPreventExitStatus", "[3, DATAERR]", "SIGKILL", "300", "not an exit status", "RestartPreventExitStatus", "", "3 65", "3 65 SIGKILL"},
    {"Service", "RestartForceExitStatus", "TEMPFAIL TERM", "[null, 4]", "DATAER", "did you mean 'DATAERR'?", "RestartForceExitStatus", "", "75 SIGTERM", "4"},
    {"Service", "SuccessExitStatus", "3", "RTMIN+1", "x", "neither an exit status nor a signal", "SuccessExitStatus", "", "3", "3 SIGRTMIN+1"},
    {"Service", "Slice", "web-%p.slice", "-.slice", "web", "did you mean 'web.slice'?", "Slice", "system.slice", "web-x.slice", "-.slice"},
    {"Service", "Slice", "a.slice", "b.slice", "a--b.slice", "not the name of a slice", "Slice", "system.slice", "a.slice", "b.slice"},
    {"Kill", "RestartKillSignal", "INT", "9", "0", "not a signal", "RestartKillSignal", "15", "2", "9"},
    {"Kill", "KillSignal", "INT", "USR1", "x", "not a signal", "RestartKillSignal", "15", "2", "10"},
    {"Kill", "SendSIGHUP", "yes", "no", "SIGHUP", "not a boolean", "SendSIGHUP", "no", "yes", "no"},
    {"Kill", "WatchdogSignal", "SIGQUIT", "TERM", "QUITT", "did you mean 'QUIT'?", "WatchdogSignal", "6", "3", "15"},
};
// clang-format on

class Setting : public ::testing::TestWithParam<SettingCase> {
protected:
    static std::string line(const std::string& value) {
        return std::string(GetParam().section) + ":\n  " + GetParam().key + ": " + value + "\n";
    }
    /// A service with the value, whichever section it stands in.
    static std::string fragment(const std::string& value) {
        return std::string(GetParam().section) == "Service"
                   ? line(value) + "  ExecStart: /bin/true\n"
                   : line(value) + "Service:\n  ExecStart: /bin/true\n";
    }
    static std::string shown(const LoadReport& report) {
        const LoadedUnit& unit = report.units.front();
        EXPECT_EQ(unit.state, LoadState::loaded) << unit.error;
        EXPECT_EQ(unit.error, "");
        return shown_text(unit.definition, GetParam().property);
    }
};

TEST_P(Setting, HasADefault) {
    EXPECT_EQ(shown(load_with_drop_in("Service:\n  ExecStart: /bin/true\n")),
              GetParam().shown_default);
}

TEST_P(Setting, IsRead) {
    EXPECT_EQ(shown(load_with_drop_in(fragment(GetParam().value))), GetParam().shown_value);
}

TEST_P(Setting, IsChangedByADropIn) {
    EXPECT_EQ(shown(load_with_drop_in(fragment(GetParam().value), line(GetParam().other))),
              GetParam().shown_other);
}

TEST_P(Setting, IsTakenBackByADropIn) {
    for (const char* nothing : {"null", "''", "[]"}) {
        EXPECT_EQ(shown(load_with_drop_in(fragment(GetParam().value), line(nothing))),
                  GetParam().shown_default)
            << nothing;
    }
}

TEST_P(Setting, RefusesABadValue) {
    const LoadReport report = load_with_drop_in(fragment(GetParam().bad));
    EXPECT_EQ(report.units.front().state, LoadState::bad_setting);
    EXPECT_THAT(report.units.front().error, HasSubstr(GetParam().problem));
    EXPECT_THAT(report.units.front().error, HasSubstr(":2:"));
    EXPECT_EQ(load_with_drop_in(fragment("{a: b}")).units.front().state, LoadState::bad_setting);
}

std::string name_of_case(const ::testing::TestParamInfo<SettingCase>& info) {
    return std::string(info.param.key) + std::to_string(info.index);
}
INSTANTIATE_TEST_SUITE_P(Settings, Setting, ::testing::ValuesIn(kCases), name_of_case);

}  // namespace
}  // namespace svcd
