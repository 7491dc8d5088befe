// Conditions and asserts, in a folder that stands for the root of the file system.
#include "exec/conditions.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "exec/condition_kinds.h"

namespace svcd {
namespace {

namespace fs = std::filesystem;

class Conditions : public testing::Test {
protected:
    void SetUp() override {
        char folder[] = "/tmp/svcd-conditions-XXXXXX";
        ASSERT_NE(::mkdtemp(folder), nullptr);
        view_.root = folder;
        view_.cgroup_folder = view_.root + "/cgroup";
    }
    void TearDown() override { fs::remove_all(view_.root); }

    void file(const std::string& path, const std::string& text) {
        fs::create_directories(fs::path(view_.root + path).parent_path());
        std::ofstream{view_.root + path} << text;
    }
    void folder(const std::string& path) { fs::create_directories(view_.root + path); }

    /// "!" before the parameter negates.
    bool is_met(ConditionKind kind, std::string parameter) const {
        Condition condition;
        condition.kind = kind;
        condition.negate = parameter.starts_with('!');
        condition.parameter = parameter.substr(condition.negate ? 1 : 0);
        return holds(condition, view_);
    }

    ConditionView view_;
};

// ── lists

/// "P" stands for a path that is there, "x" for one that isn't; before it 'a' for an assert, '|'.
std::vector<Condition> list(const std::vector<std::string>& words) {
    std::vector<Condition> conditions;
    for (const std::string& word : words) {
        Condition condition;
        condition.is_assert = word.find('a') != std::string::npos;
        condition.trigger = word.find('|') != std::string::npos;
        condition.negate = word.find('!') != std::string::npos;
        condition.parameter = word.back() == 'P' ? "/there" : "/nowhere";
        conditions.push_back(condition);
    }
    return conditions;
}

TEST_F(Conditions, AreDecidedByTheFirstThatDoesNotHold) {
    file("/there", "");
    const auto look = [&](const std::vector<std::string>& words) {
        return look_at_conditions(list(words), view_);
    };
    EXPECT_EQ(look({}), 0);
    EXPECT_EQ(look({"P", "P"}), 0);
    EXPECT_EQ(look({"P", "x", "x"}), 2);
    EXPECT_EQ(look({"!x", "!P"}), 2);
}

TEST_F(Conditions, WithABarNeedOneOfThemOnly) {
    file("/there", "");
    const auto look = [&](const std::vector<std::string>& words) {
        return look_at_conditions(list(words), view_);
    };
    EXPECT_EQ(look({"|x", "|P", "|x"}), 0);
    EXPECT_EQ(look({"|x", "P", "|x"}), 1);
    EXPECT_EQ(look({"|P", "x"}), 2);
    EXPECT_EQ(look({"|x", "x", "|P"}), 2);
    EXPECT_EQ(look({"|!P", "|!x"}), 0);
}

TEST_F(Conditions, ComeBeforeAssertsWhichAreAListOfTheirOwn) {
    file("/there", "");
    const auto look = [&](const std::vector<std::string>& words) {
        return look_at_conditions(list(words), view_);
    };
    EXPECT_EQ(look({"ax", "x"}), 2);
    EXPECT_EQ(look({"ax", "P"}), 1);
    EXPECT_EQ(look({"a|x", "|P"}), 1);
    EXPECT_EQ(look({"|x", "a|P"}), 1);
    EXPECT_EQ(look({"aP", "P", "a|x", "a|P"}), 0);
}

TEST_F(Conditions, BeyondTheLastThatCanBeToldAreToldAsThat) {
    std::vector<std::string> words(400, "!x");
    words[300] = "x";
    EXPECT_EQ(look_at_conditions(list(words), view_), static_cast<int>(kConditionsMax));
}

TEST_F(Conditions, ThatCanNotBeToldDoNotHoldEitherWay) {
    EXPECT_FALSE(is_met(ConditionKind::cpus, ">=x"));
    EXPECT_FALSE(is_met(ConditionKind::cpus, "!>=x"));
    EXPECT_FALSE(is_met(ConditionKind::first_boot, "!maybe"));
    EXPECT_FALSE(is_met(ConditionKind::capability, "!CAP_NONE"));
}

// ── paths

TEST_F(Conditions, KnowAPathThatExists) {
    file("/etc/a.conf", "");
    fs::create_symlink("nowhere", view_.root + "/etc/dangling");
    EXPECT_TRUE(is_met(ConditionKind::path_exists, "/etc/a.conf"));
    EXPECT_FALSE(is_met(ConditionKind::path_exists, "/etc/b.conf"));
    EXPECT_TRUE(is_met(ConditionKind::path_exists, "!/etc/b.conf"));
    EXPECT_FALSE(is_met(ConditionKind::path_exists, "/etc/dangling"));
    EXPECT_TRUE(is_met(ConditionKind::path_is_symbolic_link, "/etc/dangling"));
    EXPECT_FALSE(is_met(ConditionKind::path_is_symbolic_link, "/etc/a.conf"));
    EXPECT_TRUE(is_met(ConditionKind::path_exists_glob, "/etc/*.conf"));
    EXPECT_TRUE(is_met(ConditionKind::path_exists_glob, "/etc/{a,b}.conf"));
    EXPECT_FALSE(is_met(ConditionKind::path_exists_glob, "/etc/*.yaml"));
    EXPECT_TRUE(is_met(ConditionKind::path_is_directory, "/etc"));
    EXPECT_FALSE(is_met(ConditionKind::path_is_directory, "/etc/a.conf"));
}

TEST_F(Conditions, TakeAFolderWithNothingButBackupsForEmpty) {
    folder("/d");
    EXPECT_FALSE(is_met(ConditionKind::directory_not_empty, "/d"));
    EXPECT_FALSE(is_met(ConditionKind::directory_not_empty, "/nowhere"));
    for (const char* name : {"/d/.hidden", "/d/a~", "/d/a.dpkg-old", "/d/a.bak"}) {
        file(name, "");
    }
    EXPECT_FALSE(is_met(ConditionKind::directory_not_empty, "/d"));
    file("/d/a", "");
    EXPECT_TRUE(is_met(ConditionKind::directory_not_empty, "/d"));
    EXPECT_FALSE(is_met(ConditionKind::directory_not_empty, "/d/a"));
}

TEST_F(Conditions, LookAtAFilesSizeAndMode) {
    file("/empty", "");
    file("/full", "x");
    folder("/folder");
    EXPECT_FALSE(is_met(ConditionKind::file_not_empty, "/empty"));
    EXPECT_TRUE(is_met(ConditionKind::file_not_empty, "/full"));
    EXPECT_FALSE(is_met(ConditionKind::file_not_empty, "/folder"));
    EXPECT_FALSE(is_met(ConditionKind::file_is_executable, "/full"));
    ASSERT_EQ(::chmod((view_.root + "/full").c_str(), 0610), 0);
    EXPECT_TRUE(is_met(ConditionKind::file_is_executable, "/full"));
    EXPECT_FALSE(is_met(ConditionKind::file_is_executable, "/folder"));
}

TEST_F(Conditions, KnowWhatIsMountedAndWritable) {
    ConditionView real;
    EXPECT_EQ(path_is_mount_point("/", real), true);
    EXPECT_EQ(path_is_mount_point("/proc", real), true);
    EXPECT_EQ(path_is_mount_point("/proc/self", real), false);
    EXPECT_EQ(path_is_mount_point("/nowhere", real), false);
    EXPECT_TRUE(is_met(ConditionKind::path_is_read_write, "/"));
    EXPECT_FALSE(is_met(ConditionKind::path_is_read_write, "/nowhere"));
}

TEST_F(Conditions, WantMountedWhatFstabMountsOnTheWay) {
    file("/etc/fstab",
         "# a comment\n"
         "/dev/vda1 / ext4 defaults 0 1\n"
         "/dev/vda2 /srv ext4 defaults 0 2\n"
         "/dev/vda3 /srv/with\\040blank/ ext4 noauto 0 2\n"
         "/dev/vda4 none swap sw 0 0\n");
    file("/proc/self/mounts", "/dev/vda2 /srv ext4 rw 0 0\n");
    EXPECT_TRUE(is_met(ConditionKind::mounts_for, "/srv/www"));
    EXPECT_TRUE(is_met(ConditionKind::mounts_for, "/var/lib"));
    EXPECT_TRUE(is_met(ConditionKind::mounts_for, "/srv/with blanks"));
    EXPECT_FALSE(is_met(ConditionKind::mounts_for, "/srv/with blank"));
    EXPECT_FALSE(is_met(ConditionKind::mounts_for, "/srv/with blank/x"));
    file("/proc/self/mounts", "/dev/vda3 /srv/with\\040blank ext4 rw 0 0\n");
    EXPECT_FALSE(is_met(ConditionKind::mounts_for, "/srv"));
    EXPECT_FALSE(is_met(ConditionKind::mounts_for, "/srv/with blank/x"));
}

TEST_F(Conditions, HoldForEveryMountWithoutAnFstab) {
    EXPECT_TRUE(is_met(ConditionKind::mounts_for, "/srv"));
}

// ── the kernel and the machine

TEST_F(Conditions, FindAWordOfTheKernelsCommandLine) {
    file("/proc/cmdline", "root=/dev/vda1 quiet msg=\"two words\" console=ttyS0 console=tty0\n");
    EXPECT_TRUE(is_met(ConditionKind::kernel_command_line, "quiet"));
    EXPECT_TRUE(is_met(ConditionKind::kernel_command_line, "root"));
    EXPECT_TRUE(is_met(ConditionKind::kernel_command_line, "console=tty0"));
    EXPECT_TRUE(is_met(ConditionKind::kernel_command_line, "msg=two words"));
    EXPECT_FALSE(is_met(ConditionKind::kernel_command_line, "roo"));
    EXPECT_FALSE(is_met(ConditionKind::kernel_command_line, "console=tty"));
}

TEST(KernelVersions, AreComparedPartByPart) {
    const auto is_ordered = [](const char* left, const char* right) {
        return order_versions(left, right) < 0 && order_versions(right, left) > 0;
    };
    EXPECT_TRUE(is_ordered("5.9", "5.10"));
    EXPECT_TRUE(is_ordered("6.1.0-18", "6.1.0-20-amd64"));
    EXPECT_TRUE(is_ordered("6.1-rc1", "6.1.0"));
    EXPECT_TRUE(is_ordered("6.1~rc1", "6.1"));
    EXPECT_TRUE(is_ordered("6", "6.1"));
    EXPECT_TRUE(is_ordered("6.a", "6.1"));
    EXPECT_TRUE(is_ordered("6.999999999999999999999", "6.1000000000000000000000"));
    EXPECT_EQ(order_versions("6.01", "6.1"), 0);
    EXPECT_EQ(order_versions("", ""), 0);
    EXPECT_EQ(order_versions("6_1", "6+1"), 0);
}

TEST(KernelVersions, AreMetByOperatorsTextsAndPatterns) {
    const std::string version = "6.1.0-20-amd64";
    for (const char* met : {">=6.1", "<6.2", "<>6.1", "==6.1.0-20-amd64", "=6.1.0-20-amd64",
                            "!=6.1", "6.1.*", "$=6.[12]*", "!$=5.*", "<=6.01.0-20-amd64"}) {
        EXPECT_EQ(compare_version(version, met), true) << met;
    }
    for (const char* unmet : {"<6.1", "=6.01.0-20-amd64", "6.1", "!$=6.*", "==6.1", ">7"}) {
        EXPECT_EQ(compare_version(version, unmet), false) << unmet;
    }
}

TEST_F(Conditions, WantEveryComparisonOfTheKernelsVersionMet) {
    EXPECT_TRUE(is_met(ConditionKind::kernel_version, ">=3.0 <1000"));
    EXPECT_FALSE(is_met(ConditionKind::kernel_version, ">=3.0 <4.0"));
}

TEST(Amounts, AreComparedWithAtLeastWhenNothingIsSaid) {
    EXPECT_EQ(compare_amount(4, "4"), true);
    EXPECT_EQ(compare_amount(4, "5"), false);
    EXPECT_EQ(compare_amount(4, "<=4"), true);
    EXPECT_EQ(compare_amount(4, "<4"), false);
    EXPECT_EQ(compare_amount(4, "!=4"), false);
    EXPECT_EQ(compare_amount(4, ">3"), true);
    EXPECT_EQ(compare_amount(4, "= 4"), true);
    EXPECT_EQ(compare_amount(4, "4G"), std::nullopt);
    EXPECT_EQ(compare_amount(4, ""), std::nullopt);
}

TEST_F(Conditions, KnowTheArchitectureByItsName) {
    EXPECT_TRUE(is_met(ConditionKind::architecture, "native"));
#if defined(__x86_64__)
    EXPECT_TRUE(is_met(ConditionKind::architecture, "x86-64"));
#endif
    EXPECT_TRUE(is_met(ConditionKind::architecture, "!s390x"));
}

TEST_F(Conditions, KnowTheHostByPatternAndByMachineId) {
    utsname names{};
    ASSERT_EQ(::uname(&names), 0);
    EXPECT_TRUE(is_met(ConditionKind::host, names.nodename));
    EXPECT_TRUE(is_met(ConditionKind::host, "*"));
    EXPECT_FALSE(is_met(ConditionKind::host, "no-host-is-called-so"));
    EXPECT_FALSE(is_met(ConditionKind::host, "00112233445566778899aabbccddeeff"));
    file("/etc/machine-id", "00112233445566778899aabbccddeeff\n");
    EXPECT_TRUE(is_met(ConditionKind::host, "00112233445566778899AABBCCDDEEFF"));
    EXPECT_TRUE(is_met(ConditionKind::host, "00112233-4455-6677-8899-aabbccddeeff"));
}

TEST_F(Conditions, KnowTheFirstBootByFileUnlessTheKernelWasTold) {
    EXPECT_TRUE(is_met(ConditionKind::first_boot, "no"));
    file("/run/systemd/first-boot", "");
    EXPECT_TRUE(is_met(ConditionKind::first_boot, "yes"));
    file("/proc/cmdline", "systemd.condition_first_boot=no\n");
    EXPECT_TRUE(is_met(ConditionKind::first_boot, "no"));
}

TEST_F(Conditions, SeeThatUsrIsNewerThanTheStamp) {
    folder("/usr");
    folder("/etc");
    EXPECT_TRUE(is_met(ConditionKind::needs_update, "/etc"));
    file("/etc/.updated", "TIMESTAMP_NSEC=1000000000000000500\n");
    const auto set_times = [&](const std::string& path, long seconds, long nanoseconds) {
        const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (view_.root + path).c_str(), times, 0), 0);
    };
    set_times("/usr", 1'000'000'000, 500);
    set_times("/etc/.updated", 1'000'000'000, 501);
    EXPECT_FALSE(is_met(ConditionKind::needs_update, "/etc"));
    set_times("/usr", 1'000'000'000, 502);
    EXPECT_TRUE(is_met(ConditionKind::needs_update, "/etc"));
    // A file system without nanoseconds: then they stand in the file.
    set_times("/etc/.updated", 1'000'000'000, 0);
    set_times("/usr", 1'000'000'000, 500);
    EXPECT_FALSE(is_met(ConditionKind::needs_update, "/etc"));
    set_times("/usr", 1'000'000'001, 0);
    EXPECT_TRUE(is_met(ConditionKind::needs_update, "/etc"));
    file("/proc/cmdline", "systemd.condition-needs-update=0\n");
    EXPECT_FALSE(is_met(ConditionKind::needs_update, "/etc"));
}

TEST_F(Conditions, TakeAMachineForMainsPoweredUnlessABatteryIsDischarged) {
    EXPECT_TRUE(is_met(ConditionKind::ac_power, "yes"));
    const std::string supplies = "/sys/class/power_supply/";
    file(supplies + "AC/type", "Mains\n");
    file(supplies + "AC/online", "0\n");
    EXPECT_TRUE(is_met(ConditionKind::ac_power, "yes"));
    file(supplies + "mouse/type", "Battery\n");
    file(supplies + "mouse/scope", "Device\n");
    file(supplies + "mouse/status", "Discharging\n");
    EXPECT_TRUE(is_met(ConditionKind::ac_power, "yes"));
    file(supplies + "BAT0/type", "Battery\n");
    file(supplies + "BAT0/status", "Discharging\n");
    EXPECT_TRUE(is_met(ConditionKind::ac_power, "no"));
    file(supplies + "AC/online", "1\n");
    EXPECT_TRUE(is_met(ConditionKind::ac_power, "yes"));
}

TEST_F(Conditions, KnowASecurityTechnologyByWhatTheKernelShows) {
    for (const char* technology :
         {"selinux", "smack", "apparmor", "ima", "tomoyo", "uefi-secureboot", "tpm2", "other"}) {
        EXPECT_FALSE(is_met(ConditionKind::security, technology)) << technology;
    }
    file("/sys/module/apparmor/parameters/enabled", "Y\n");
    file("/sys/fs/selinux/enforce", "1");
    folder("/sys/kernel/security/ima");
    folder("/sys/class/tpmrm");
    file("/sys/firmware/acpi/tables/TPM2", "");
    file("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
         std::string{"\6\0\0\0\1", 5});
    for (const char* technology : {"selinux", "apparmor", "ima", "uefi-secureboot", "tpm2"}) {
        EXPECT_TRUE(is_met(ConditionKind::security, technology)) << technology;
    }
}

TEST_F(Conditions, TellAContainerByWhatItsManagerLeft) {
    EXPECT_FALSE(is_met(ConditionKind::virtualization, "container"));
    file("/.dockerenv", "");
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "container"));
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "docker"));
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "yes"));
    EXPECT_FALSE(is_met(ConditionKind::virtualization, "vm"));
    file("/run/.containerenv", "");
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "podman"));
    file("/proc/1/environ", std::string{"A=1\0container=lxc\0", 18});
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "lxc"));
    file("/run/systemd/container", "something-new\n");
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "container-other"));
}

TEST_F(Conditions, TellAVirtualMachineByItsVendor) {
    file("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "amazon"));
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "vm"));
    EXPECT_FALSE(is_met(ConditionKind::virtualization, "no"));
}

TEST_F(Conditions, TellAUserNamespaceByItsMap) {
    file("/proc/self/uid_map", "         0          0 4294967295\n");
    EXPECT_FALSE(is_met(ConditionKind::virtualization, "private-users"));
    file("/proc/self/uid_map", "         0     100000      65536\n");
    EXPECT_TRUE(is_met(ConditionKind::virtualization, "private-users"));
}

// ── svcd itself

TEST_F(Conditions, KnowTheUserAndGroupThatSvcdRunsAs) {
    EXPECT_TRUE(is_met(ConditionKind::user, std::to_string(::getuid())));
    EXPECT_FALSE(is_met(ConditionKind::user, std::to_string(::getuid() + 1)));
    EXPECT_FALSE(is_met(ConditionKind::user, "no-such-user"));
    EXPECT_EQ(is_met(ConditionKind::user, "@system"), ::getuid() <= 999);
    EXPECT_EQ(is_met(ConditionKind::user, "root"), ::getuid() == 0);
    EXPECT_TRUE(is_met(ConditionKind::group, std::to_string(::getgid())));
    EXPECT_FALSE(is_met(ConditionKind::group, "no-such-group"));
}

TEST_F(Conditions, KnowACapabilityOfTheBoundingSet) {
    file("/proc/self/status", "Name:\tx\nCapEff:\t0\nCapBnd:\t0000000000000005\n");
    EXPECT_TRUE(is_met(ConditionKind::capability, "CAP_CHOWN"));
    EXPECT_FALSE(is_met(ConditionKind::capability, "CAP_DAC_OVERRIDE"));
    EXPECT_TRUE(is_met(ConditionKind::capability, "CAP_DAC_READ_SEARCH"));
}

TEST_F(Conditions, LookIntoSvcdsOwnEnvironment) {
    view_.environment = {"HOME=/root", "EMPTY=", "HOMELESS=1"};
    EXPECT_TRUE(is_met(ConditionKind::environment, "HOME"));
    EXPECT_TRUE(is_met(ConditionKind::environment, "EMPTY"));
    EXPECT_TRUE(is_met(ConditionKind::environment, "HOME=/root"));
    EXPECT_FALSE(is_met(ConditionKind::environment, "HOME=/"));
    EXPECT_FALSE(is_met(ConditionKind::environment, "HOM"));
}

TEST_F(Conditions, WantEachControllerInSvcdsCgroup) {
    file("/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
    EXPECT_TRUE(is_met(ConditionKind::control_group_controller, "cpu memory"));
    EXPECT_FALSE(is_met(ConditionKind::control_group_controller, "cpu devices"));
    EXPECT_FALSE(is_met(ConditionKind::control_group_controller, "v2"));
    EXPECT_TRUE(is_met(ConditionKind::control_group_controller, "v1"));
}

TEST_F(Conditions, CountTheMemoryThatTheContainerMayUse) {
    EXPECT_TRUE(is_met(ConditionKind::memory, ">=1048576"));
    file("/cgroup/memory.max", "max\n");
    EXPECT_TRUE(is_met(ConditionKind::memory, ">1048576"));
    file("/cgroup/memory.max", "1048576\n");
    EXPECT_TRUE(is_met(ConditionKind::memory, "=1048576"));
}

TEST_F(Conditions, CountTheProcessorsThatSvcdMayUse) {
    EXPECT_TRUE(is_met(ConditionKind::cpus, ">=1"));
    EXPECT_FALSE(is_met(ConditionKind::cpus, ">100000"));
}

}  // namespace
}  // namespace svcd
