// The launcher with nobody to rely on: a manager that dies again and again, or does harm; no
// svcd-shutdown; and no memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "launcher/protocol.h"
#include "unit/launcher/svcd_under_test.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(LauncherAlone, OutlivesAManagerThatWritesAnythingAnywhere) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    const pid_t manager = pid_in(svcd.line());
    EXPECT_EQ(svcd.ask("hostile 3000"), "ok");
    EXPECT_TRUE(eventually([&] { return children_of(svcd.pid()) == std::vector<pid_t>{manager}; }));
    ::kill(manager, SIGKILL);
    EXPECT_THAT(svcd.log_line("svcd-manager"), HasSubstr("killed by signal 9"));
    EXPECT_TRUE(eventually([&] {
        const std::vector<pid_t> children = children_of(svcd.pid());
        return children.size() == 1 && children[0] != manager;
    }));
}

std::map<std::string, std::string> launcher_file(const TemporaryFolder& folder) {
    std::map<std::string, std::string> values;
    std::ifstream file(folder / "launcher");
    for (std::string line; std::getline(file, line);) {
        const std::size_t equals = line.find('=');
        if (equals != std::string::npos) {
            values[line.substr(0, equals)] = line.substr(equals + 1);
        }
    }
    return values;
}

TEST(LauncherAlone, TellsWhatBecomesOfItsManagerInAFileOfOneSize) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    const pid_t manager = pid_in(svcd.line());
    EXPECT_TRUE(eventually(
        [&] { return launcher_file(folder)["manager_pid"] == std::to_string(manager); }));
    auto values = launcher_file(folder);
    EXPECT_EQ(values["launcher_pid"], std::to_string(svcd.pid()));
    EXPECT_EQ(values["manager_ready"], "0");
    EXPECT_EQ(values["manager_starts"], "1");
    EXPECT_EQ(values["last_end"], "none");
    EXPECT_EQ(values["next_start_usec"], "0");
    EXPECT_EQ(svcd.ask("ready"), "ok");
    EXPECT_TRUE(eventually([&] { return launcher_file(folder)["manager_ready"] == "1"; }));
    for (int deaths = 1; deaths < 5; ++deaths) {
        svcd.say(signal_text("die", SIGSEGV));
        svcd.line();
    }
    svcd.say("end 3");
    svcd.log_line("too often");
    EXPECT_TRUE(eventually([&] { return launcher_file(folder)["manager_pid"] == "0"; }));
    values = launcher_file(folder);
    EXPECT_EQ(values["last_end"], "left with status 3");
    EXPECT_EQ(values["manager_deaths"], "5");
    EXPECT_EQ(values["manager_starts"], "5");
    EXPECT_GT(std::stoll(values["next_start_usec"]), 0);
    struct stat info {};
    ASSERT_EQ(::stat((folder / "launcher").c_str(), &info), 0);
    EXPECT_EQ(static_cast<std::size_t>(info.st_size), kStatusSize);
}

std::string memory_map(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/maps");
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string oom_score_of(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/oom_score_adj");
    std::string score;
    file >> score;
    return score;
}

bool may_be_spared() {
    const pid_t child = ::fork();
    if (child == 0) {
        std::ofstream file("/proc/self/oom_score_adj");
        file << "-1000" << std::flush;
        ::_exit(file ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status == 0;
}

TEST(LauncherAlone, IsSparedByTheOomKillerAndItsManagerIsNot) {
    if (!may_be_spared()) {
        GTEST_SKIP() << "needs the right to ask for that (CAP_SYS_RESOURCE)";
    }
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    const pid_t manager = pid_in(svcd.line());
    EXPECT_EQ(oom_score_of(std::to_string(svcd.pid())), "-1000");
    EXPECT_EQ(oom_score_of(std::to_string(manager)), oom_score_of("self"));
}

/// With the real program: not a mapping more, nor a larger heap, than when it began.
TEST(LauncherAlone, AllocatesNothingAfterItsStart) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    const std::string before = memory_map(svcd.pid());
    for (int deaths = 1; deaths <= 100; ++deaths) {
        EXPECT_EQ(svcd.ask("put fd" + std::to_string(deaths)), "ok");
        EXPECT_EQ(svcd.ask("ready"), "ok");
        svcd.say(signal_text("die", SIGKILL));
        EXPECT_TRUE(eventually([&] {
            svcd.signal(SIGHUP);  // the wait for one that dies too often is over
            return launcher_file(folder)["manager_starts"] == std::to_string(deaths + 1);
        }));
        EXPECT_THAT(svcd.line(), StartsWith("started " + std::to_string(deaths + 1)));
    }
    EXPECT_EQ(svcd.ask("burst 1000"), "burst 1000 wrong 0 doubled 0");
    EXPECT_EQ(svcd.line(), "ok");
    EXPECT_EQ(svcd.ask("spawn 1 orphan").substr(0, 4), "pid ");
    EXPECT_EQ(svcd.ask("list").substr(0, 8), "list fd1");
    EXPECT_EQ(svcd.ask("hostile 1000"), "ok");  // as many orphans
    EXPECT_TRUE(eventually([&] { return children_of(svcd.pid()).size() == 1; }));
    EXPECT_EQ(memory_map(svcd.pid()), before);
}

/// svcd and its launcher, with this in the place of svcd-shutdown.
std::string svcd_with_shutdown(const TemporaryFolder& folder, const std::string& script) {
    std::filesystem::copy_file(SVCD_BINARY, folder / "svcd");
    std::filesystem::copy_file(SVCD_LAUNCHER_BINARY, folder / "svcd-launcher");
    if (!script.empty()) {
        std::ofstream(folder / "svcd-shutdown") << "#!/bin/sh\n" << script << "\n";
        ::chmod((folder / "svcd-shutdown").c_str(), 0755);
    }
    return folder / "svcd";
}

/// Ends as the manager says by `leave`, although svcd-shutdown (`script`) is of no use.
void expect_end_without_it(const std::string& script, const std::string& leave, int status) {
    const TemporaryFolder folder;
    const TemporaryFolder programs;
    SvcdSetup setup;
    setup.is_pid1 = true;
    setup.program = svcd_with_shutdown(programs, script);
    SvcdUnderTest svcd{folder, setup};
    svcd.line();
    svcd.ask("spawn 1 deaf");
    svcd.say(leave + " " + std::to_string(status));
    svcd.log_line("svcd-shutdown failed");
    EXPECT_EQ(svcd.wait(), status);
}

TEST(LauncherAlone, EndsWithoutSvcdShutdownWhereThatIsMissing) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to make namespaces";
    }
    expect_end_without_it("", "leave", 8);
}

TEST(LauncherAlone, EndsWithoutSvcdShutdownWhenThatHangs) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to make namespaces";
    }
    expect_end_without_it("exec sleep 1000", "leave-soon", 9);
}

}  // namespace
}  // namespace svcd::test
