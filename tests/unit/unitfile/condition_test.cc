// Condition... and Assert...: prefixes, lists, and the parameters of each kind.
#include <gmock/gmock.h>

#include "unit_folder.h"
#include "unitfile/condition_value.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kRun = "Service: {ExecStart: /bin/true}\n";

LoadedUnit load_unit_section(const std::string& lines, const std::string& drop_in = {}) {
    LoadReport report = load_with_drop_in("Unit:\n" + lines + kRun,
                                          drop_in.empty() ? std::string{} : "Unit:\n" + drop_in);
    return std::move(report.units.front());
}

std::vector<Condition> conditions(const std::string& lines, const std::string& drop_in = {}) {
    const LoadedUnit unit = load_unit_section(lines, drop_in);
    EXPECT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_EQ(unit.error, "");
    return unit.definition.rarely().conditions;
}

std::string parameter(ConditionKind kind, std::string_view text) {
    const auto parsed = parse_condition(kind, text);
    return parsed ? *parsed : "error: " + parsed.error();
}

constexpr auto kPathExists = ConditionKind::path_exists;

TEST(Conditions, AreOneValueOrAList) {
    EXPECT_THAT(conditions("  ConditionPathExists: /a\n"),
                ElementsAre(Condition{kPathExists, false, false, false, "/a"}));
    EXPECT_THAT(conditions("  ConditionPathExists: [/a b, '!/%p']\n  AssertUser: root\n"),
                ElementsAre(Condition{kPathExists, false, false, false, "/a b"},
                            Condition{kPathExists, false, false, true, "/x"},
                            Condition{ConditionKind::user, true, false, false, "root"}));
    EXPECT_THAT(load_unit_section("  ConditionPathExists: {a: b}\n").error,
                HasSubstr("takes one value, or a list"));
    EXPECT_THAT(load_unit_section("  ConditionPathExists: [[/a]]\n").error,
                HasSubstr("takes one value, or a list"));
}

TEST(Conditions, HavePrefixesInSystemdsOrder) {
    EXPECT_THAT(conditions("  AssertPathExists: ['|/a', '|!/b', '| ! /c']\n"),
                ElementsAre(Condition{kPathExists, true, true, false, "/a"},
                            Condition{kPathExists, true, true, true, "/b"},
                            Condition{kPathExists, true, true, true, "/c"}));
    for (const char* value : {"'!|/a'", "'||/a'", "'!!/a'"}) {
        EXPECT_THAT(load_unit_section("  ConditionPathExists: " + std::string(value) + "\n").error,
                    HasSubstr("'|' comes first, then '!'"))
            << value;
    }
    EXPECT_THAT(load_unit_section("  ConditionHost: '|!'\n").error,
                HasSubstr("nothing after the prefix"));
    EXPECT_THAT(load_unit_section("  ConditionPathExists: !/a\n").error,
                HasSubstr("stands in quotes"));
}

TEST(Conditions, AreTakenBackAllAtOnceAndAssertsApart) {
    const std::string both =
        "  ConditionPathExists: /a\n  ConditionUser: root\n  AssertPathExists: /b\n";
    const Condition assertion{kPathExists, true, false, false, "/b"};
    for (const char* nothing : {"[]", "''", "null"}) {
        EXPECT_THAT(conditions(both, "  ConditionHost: " + std::string(nothing) + "\n"),
                    ElementsAre(assertion));
    }
    EXPECT_THAT(conditions(both, "  ConditionHost: [null, web]\n"),
                ElementsAre(assertion, Condition{ConditionKind::host, false, false, false, "web"}));
    EXPECT_THAT(conditions(both, "  AssertCPUs: []\n").size(), 2U);
    EXPECT_EQ(conditions(both, "  ConditionHost: web\n").size(), 4U);
}

TEST(Conditions, OfRequiresMountsForAreAssertsThatNoResetTakesBack) {
    EXPECT_THAT(conditions("  RequiresMountsFor: /srv/a /var\n  AssertPathExists: /x\n",
                           "  AssertPathExists: []\n"),
                ElementsAre(Condition{ConditionKind::mounts_for, true, false, false, "/srv/a"},
                            Condition{ConditionKind::mounts_for, true, false, false, "/var"}));
    EXPECT_THAT(conditions("  RequiresMountsFor: /srv\n", "  RequiresMountsFor: []\n"), IsEmpty());
}

TEST(Conditions, ExistForEveryKindAsConditionAndAsAssert) {
    for (std::size_t i = 0; i + 1 < kConditionKinds; ++i) {
        const auto kind = static_cast<ConditionKind>(i);
        for (const char* prefix : {"Condition", "Assert"}) {
            const std::string key = prefix + std::string(name_of(kind));
            const LoadedUnit unit = load_unit_section("  " + key + ": '%z'\n");
            EXPECT_THAT(unit.error, AllOf(HasSubstr(key + ": "), HasSubstr("not a specifier")));
        }
    }
    EXPECT_THAT(load_unit_section("  ConditionRequiresMountsFor: /a\n").error,
                HasSubstr("unknown key"));
    EXPECT_THAT(load_unit_section("  ConditionPathExist: /a\n").error,
                HasSubstr("did you mean 'ConditionPathExists'?"));
    EXPECT_THAT(load_unit_section("  AssertOSRelease: ID=debian\n").error,
                HasSubstr("not supported by this version"));
}

TEST(ConditionParameters, OfPathsAreAbsoluteAndTidy) {
    using enum ConditionKind;
    for (const ConditionKind kind : {path_exists, path_exists_glob, path_is_directory,
                                     path_is_symbolic_link, path_is_mount_point, path_is_read_write,
                                     directory_not_empty, file_not_empty, file_is_executable}) {
        EXPECT_EQ(parameter(kind, "/a//b/./*/"), "/a/b/*") << name_of(kind);
        EXPECT_THAT(parameter(kind, "a"), HasSubstr("not an absolute path"));
        EXPECT_THAT(parameter(kind, "/a/../b"), HasSubstr("'..'"));
    }
    EXPECT_EQ(parameter(path_exists, "//"), "/");
    EXPECT_EQ(parameter(path_exists, "/..a"), "/..a");
    EXPECT_THAT(parameter(path_exists, "/" + std::string(5000, 'a')),
                HasSubstr("not an absolute path"));
    EXPECT_EQ(parameter(needs_update, "/etc/"), "/etc");
    EXPECT_EQ(parameter(needs_update, "/var"), "/var");
    EXPECT_THAT(parameter(needs_update, "/usr"), HasSubstr("not /etc or /var"));
}

TEST(ConditionParameters, OfAccountsAndHosts) {
    using enum ConditionKind;
    EXPECT_EQ(parameter(user, "www-data"), "www-data");
    EXPECT_EQ(parameter(user, "1000"), "1000");
    EXPECT_EQ(parameter(user, "@system"), "@system");
    EXPECT_THAT(parameter(user, "@sytem"), HasSubstr("not the name or number of an account"));
    EXPECT_THAT(parameter(group, "@system"), HasSubstr("error"));
    EXPECT_THAT(parameter(group, "a b"), HasSubstr("error"));
    EXPECT_EQ(parameter(host, "web-*.example"), "web-*.example");
    EXPECT_THAT(parameter(host, "a b"), HasSubstr("not the name of a host"));
}

TEST(ConditionParameters, OfWordsAndVariables) {
    using enum ConditionKind;
    EXPECT_EQ(parameter(kernel_command_line, "quiet"), "quiet");
    EXPECT_EQ(parameter(kernel_command_line, "a.b=c d"), "a.b=c d");
    EXPECT_THAT(parameter(kernel_command_line, "a b"), HasSubstr("neither a word nor NAME=VALUE"));
    EXPECT_EQ(parameter(environment, "HOME"), "HOME");
    EXPECT_EQ(parameter(environment, "LANG=de DE"), "LANG=de DE");
    EXPECT_THAT(parameter(environment, "1A"), HasSubstr("neither the name of a variable"));
    EXPECT_THAT(parameter(environment, "=x"), HasSubstr("error"));
}

TEST(ConditionParameters, OfKernelVersions) {
    const auto version = [](std::string_view text) {
        return parameter(ConditionKind::kernel_version, text);
    };
    EXPECT_EQ(version(">=5.10"), ">=5.10");
    EXPECT_EQ(version(">= 5.10 <7"), ">=5.10 <7");
    EXPECT_EQ(version("6.*-amd64"), "6.*-amd64");
    EXPECT_EQ(version("<>6 !$=5* ==4 =3.1 !=2"), "<>6 !$=5* ==4 =3.1 !=2");
    for (const char* bad : {">=", "> =4", ">=4 <", ">=4 < 9", ">>4"}) {
        EXPECT_THAT(version(bad), HasSubstr("error")) << bad;
    }
}

TEST(ConditionParameters, OfAmountsBecomeNumbersWithAnOperator) {
    using enum ConditionKind;
    EXPECT_EQ(parameter(memory, "1G 512M"), ">=1610612736");
    EXPECT_EQ(parameter(memory, "<= 1.5K"), "<=1536");
    EXPECT_EQ(parameter(memory, "==4"), "=4");
    EXPECT_EQ(parameter(memory, "<>4"), "!=4");
    EXPECT_THAT(parameter(memory, "10%"), HasSubstr("not a size"));
    EXPECT_THAT(parameter(memory, "$=4"), HasSubstr("one of < <= = != >= >"));
    EXPECT_EQ(parameter(cpus, "4"), ">=4");
    EXPECT_EQ(parameter(cpus, "<4"), "<4");
    EXPECT_THAT(parameter(cpus, ">x"), HasSubstr("not a number"));
    EXPECT_THAT(parameter(cpus, "<"), HasSubstr("not a number"));
}

TEST(ConditionParameters, OfWordsThatSystemdKnows) {
    using enum ConditionKind;
    EXPECT_EQ(parameter(architecture, "x86-64"), "x86-64");
    EXPECT_EQ(parameter(architecture, "native"), "native");
    EXPECT_THAT(parameter(architecture, "x86_64"), HasSubstr("did you mean 'x86-64'?"));
    EXPECT_EQ(parameter(virtualization, "True"), "yes");
    EXPECT_EQ(parameter(virtualization, "container"), "container");
    EXPECT_EQ(parameter(virtualization, "systemd-nspawn"), "systemd-nspawn");
    EXPECT_THAT(parameter(virtualization, "dockr"), HasSubstr("did you mean 'docker'?"));
    EXPECT_EQ(parameter(capability, "cap_mknod"), "CAP_MKNOD");
    EXPECT_EQ(parameter(capability, "40"), "CAP_CHECKPOINT_RESTORE");
    EXPECT_THAT(parameter(capability, "41"), HasSubstr("not the number of a capability"));
    EXPECT_THAT(parameter(capability, "CAP_NET_ADMN"), HasSubstr("did you mean 'CAP_NET_ADMIN'?"));
    EXPECT_EQ(parameter(security, "apparmor"), "apparmor");
    EXPECT_THAT(parameter(security, "AppArmor"), HasSubstr("did you mean 'apparmor'?"));
    EXPECT_EQ(parameter(control_group_controller, "cpu  memory"), "cpu memory");
    EXPECT_EQ(parameter(control_group_controller, "v2"), "v2");
    EXPECT_THAT(parameter(control_group_controller, "cpu memry"),
                HasSubstr("did you mean 'memory'?"));
    EXPECT_THAT(parameter(control_group_controller, "v2 cpu"), HasSubstr("error"));
    EXPECT_EQ(parameter(first_boot, "on"), "yes");
    EXPECT_EQ(parameter(ac_power, "0"), "no");
    EXPECT_THAT(parameter(ac_power, "battery"), HasSubstr("not a boolean"));
}

}  // namespace
}  // namespace svcd
