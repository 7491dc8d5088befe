// The launcher, as a process: what it promises to the manager and to services (launcher/main.cc).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <vector>

#include "core/types/ids.h"
#include "launcher/protocol.h"
#include "unit/launcher/svcd_under_test.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Launcher, RecordsTheEndOfAThousandShortLivedProcessesAndLeavesNoZombie) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    const pid_t manager = pid_in(svcd.line());
    EXPECT_EQ(svcd.ask("burst 1000"), "burst 1000 wrong 0 doubled 0");
    EXPECT_EQ(svcd.line(), "ok");
    EXPECT_TRUE(eventually([&] { return children_of(svcd.pid()) == std::vector<pid_t>{manager}; }));
    EXPECT_EQ(svcd.ask("orphans"), "orphans 0");
}

TEST(Launcher, GrowsTheTableBeyondItsFirstSlots) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    EXPECT_EQ(svcd.ask("burst 2500"), "burst 2500 wrong 0 doubled 0");
}

TEST(Launcher, GivesANewManagerWhatItsPredecessorSpawned) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    EXPECT_THAT(svcd.ask("spawn 1 pause"), StartsWith("pid "));
    EXPECT_THAT(svcd.ask("spawn 2 exit 7"), StartsWith("pid "));
    EXPECT_THAT(svcd.ask("spawn 3 kill 15"), StartsWith("pid "));
    EXPECT_EQ(svcd.ask("wait-exits 2"), "exits 2:1:7 3:2:15");
    EXPECT_EQ(svcd.ask("release 3"), "ok");
    EXPECT_EQ(svcd.ask("claim 4"), "ok");

    svcd.say(signal_text("die", SIGKILL));
    EXPECT_THAT(svcd.line(), StartsWith("started 2 "));
    EXPECT_THAT(svcd.log_line("killed by"), HasSubstr("signal 9 (SIGKILL)"));
    EXPECT_EQ(svcd.ask("look 1"), "alive");
    EXPECT_EQ(svcd.ask("look 2"), "exited");
    EXPECT_EQ(svcd.ask("look 3"), "lost");
    EXPECT_EQ(svcd.ask("look 4"), "never_spawned");
    EXPECT_EQ(svcd.ask("look 5"), "lost");
    EXPECT_EQ(svcd.ask("exits"), "exits 2:1:7");
    EXPECT_EQ(svcd.ask("exits"), "exits");
    EXPECT_EQ(svcd.ask("strangers"), "strangers 3");
}

TEST(Launcher, LosesAndDoublesNoExitWhenTheManagerIsKilledAgainAndAgain) {
    constexpr std::uint64_t kProcesses = 2000;
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.arguments = {"--", "storm", std::to_string(kProcesses)};
    SvcdUnderTest svcd{folder, setup};
    const auto size_of = [&](const std::string& name) {
        struct stat info {};
        return ::stat((folder / name).c_str(), &info) == 0 ? info.st_size : 0;
    };
    const auto manager = [&] {
        std::ifstream file(folder / "manager");
        pid_t pid = -1;
        file >> pid;
        return pid;
    };
    // Each time it has got on by some processes it is killed, wherever it is. SIGTERM cuts short
    // the time that svcd waits with a manager that dies so often.
    for (off_t next = 600; next < static_cast<off_t>(kProcesses * 8); next += 600) {
        ASSERT_TRUE(eventually([&] { return size_of("ends") >= next; }));
        const pid_t killed = manager();
        ASSERT_EQ(::kill(killed, SIGKILL), 0);
        ASSERT_TRUE(eventually([&] {
            svcd.signal(SIGTERM);
            return manager() != killed;
        }));
    }
    svcd.say("");
    EXPECT_EQ(svcd.wait(), 0);

    const auto numbers = [&](const std::string& name) {
        std::map<std::uint64_t, int> counts;
        const UniqueFd file{::open((folder / name).c_str(), O_RDONLY | O_CLOEXEC)};
        for (std::uint64_t number = 0; ::read(file.get(), &number, sizeof number) == 8;) {
            ++counts[number];
        }
        return counts;
    };
    const auto intents = numbers("intents");
    EXPECT_EQ(intents.size(), kProcesses);
    EXPECT_EQ(numbers("ends"), intents);  // each once, and none with the bit for a wrong status
}

TEST(Launcher, KeepsDescriptorsOverTheManagersDeath) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    EXPECT_EQ(svcd.ask("put notify"), "ok");
    EXPECT_EQ(svcd.ask("put web.socket"), "ok");
    EXPECT_EQ(svcd.ask("put notify"), "ok");
    EXPECT_EQ(svcd.ask("list"), "list notify web.socket");
    svcd.say(signal_text("die", SIGKILL));
    svcd.line();
    EXPECT_EQ(svcd.ask("list"), "list notify web.socket");
    EXPECT_EQ(svcd.ask("drop notify"), "ok");
    EXPECT_THAT(svcd.ask("drop notify"), HasSubstr("No such file or directory"));
    EXPECT_EQ(svcd.ask("list"), "list web.socket");
}

TEST(Launcher, RefusesADescriptorWhenTheStoreIsFull) {
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.before = [] {
        const rlimit limit{48, 48};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    };
    SvcdUnderTest svcd{folder, setup};
    svcd.line();
    for (int count = 0; count < 24; ++count) {
        EXPECT_EQ(svcd.ask("put fd" + std::to_string(count)), "ok");
    }
    EXPECT_THAT(svcd.ask("put one-more"), HasSubstr("Too many open files in system"));
    EXPECT_EQ(svcd.ask("put fd7"), "ok");
    EXPECT_EQ(svcd.ask("drop fd8"), "ok");
    EXPECT_EQ(svcd.ask("put one-more"), "ok");
}

TEST(Launcher, ListsMoreDescriptorsThanTheLinkHoldsAtATime) {
    constexpr int kCount = 700;
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.before = [] {
        const rlimit limit{1024, 2048};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    };
    SvcdUnderTest svcd{folder, setup};
    svcd.line();
    for (int count = 0; count < kCount; ++count) {
        ASSERT_EQ(svcd.ask("put " + std::to_string(count)), "ok");
    }
    svcd.say(signal_text("die", SIGKILL));
    svcd.line();
    const std::string answer = svcd.ask("list");
    EXPECT_EQ(std::count(answer.begin(), answer.end(), ' '), kCount) << answer;
    EXPECT_EQ(std::count(answer.begin(), answer.end(), '!'), 0) << answer;
}

TEST(Launcher, AnswersAMalformedMessageWithARefusal) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    EXPECT_EQ(svcd.ask("garbage"), "answer " + std::to_string(EINVAL));
    EXPECT_EQ(svcd.ask("put a"), "ok");
}

TEST(Launcher, HandsSignalsToTheManager) {
    const std::map<int, std::uint32_t> kRequests{
        {SIGTERM, kRequestTerminate},      {SIGINT, kRequestInterrupt},
        {SIGHUP, kRequestReload},          {SIGPWR, kRequestPower},
        {SIGUSR1, kRequestReconnect},      {SIGUSR2, kRequestDump},
        {SIGRTMIN + 0, kRequestDefault},   {SIGRTMIN + 1, kRequestRescue},
        {SIGRTMIN + 2, kRequestEmergency}, {SIGRTMIN + 3, kRequestHalt},
        {SIGRTMIN + 4, kRequestPowerOff},  {SIGRTMIN + 5, kRequestReboot}};
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    for (const auto& [signal, request] : kRequests) {
        svcd.signal(signal);
        EXPECT_EQ(svcd.ask("wait-requests"), "requests " + std::to_string(request));
        EXPECT_EQ(svcd.ask("clear"), "ok");
    }
}

TEST(Launcher, TakesAThirdSigtermInFiveSecondsForHurry) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    for (const std::uint32_t wanted : {1U, 1U, 1U | kRequestHurry, 1U | kRequestHurry}) {
        svcd.signal(SIGTERM);
        EXPECT_EQ(svcd.ask("wait-requests"), "requests " + std::to_string(wanted));
        EXPECT_EQ(svcd.ask("clear"), "ok");
    }
}

TEST(Launcher, KeepsARequestUntilAManagerHasTakenIt) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    svcd.signal(SIGTERM);
    EXPECT_EQ(svcd.ask("wait-requests"), "requests 1");
    svcd.say(signal_text("die", SIGKILL));
    svcd.line();
    EXPECT_EQ(svcd.ask("requests"), "requests 1");
}

TEST(Launcher, WaitsWithAManagerThatDiesTooOftenAndStillReapsAndListens) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    const pid_t service = pid_in(svcd.ask("spawn 1 pause"));
    for (int deaths = 1; deaths < 5; ++deaths) {
        svcd.say(signal_text("die", SIGKILL));
        EXPECT_THAT(svcd.line(), StartsWith("started " + std::to_string(deaths + 1)));
    }
    svcd.say(signal_text("die", SIGKILL));
    EXPECT_THAT(svcd.log_line("too often"), HasSubstr("next start is in 1 s"));
    EXPECT_TRUE(exists(service));
    ::kill(service, SIGKILL);
    EXPECT_TRUE(eventually([&] { return !exists(service); }));
    // Somebody wants an end: the manager that has to see to it is started at once.
    svcd.signal(SIGTERM);
    EXPECT_THAT(svcd.line(), StartsWith("started 6 "));
    EXPECT_EQ(svcd.ask("requests"), "requests 1");
    EXPECT_EQ(svcd.ask("exits"), "exits 1:2:9");
}

TEST(Launcher, WaitsTwiceAsLongEachTime) {
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.arguments = {"--", "crash"};
    SvcdUnderTest svcd{folder, setup};
    EXPECT_THAT(svcd.log_line("too often"), HasSubstr("next start is in 1 s"));
    EXPECT_THAT(svcd.log_line("too often"), HasSubstr("next start is in 2 s"));
}

TEST(Launcher, LeavesWithTheStatusThatTheManagerSet) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    svcd.say("leave 3");
    EXPECT_EQ(svcd.wait(), 3);
}

TEST(Launcher, StartsAManagerThatJustLeftAgain) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    svcd.say("end 0");
    EXPECT_THAT(svcd.line(), StartsWith("started 2 "));
}

/// svctl daemon-reexec, more often than a manager may die.
TEST(Launcher, TakesAManagerThatWasReadyAndLeavesWithStatusZeroForNoDeath) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    for (int starts = 2; starts < 20; ++starts) {
        EXPECT_EQ(svcd.ask("ready"), "ok");
        svcd.say("end 0");
        EXPECT_THAT(svcd.line(), StartsWith("started " + std::to_string(starts) + " "));
        EXPECT_THAT(svcd.log_line("svcd-manager"), HasSubstr("makes room for a new one"));
    }
}

TEST(Launcher, TakesAManagerThatWasNeverReadyAndLeavesWithStatusZeroForADeath) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    svcd.line();
    for (int deaths = 1; deaths < 5; ++deaths) {
        svcd.say("end 0");
        EXPECT_THAT(svcd.line(), StartsWith("started " + std::to_string(deaths + 1)));
    }
    svcd.say("end 0");
    EXPECT_THAT(svcd.log_line("too often"), HasSubstr("next start is in 1 s"));
}

TEST(Launcher, LeavesWithAFirstManagerThatRefusesToStart) {
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.arguments = {"refuse"};
    SvcdUnderTest svcd{folder, setup};
    EXPECT_EQ(svcd.wait(), 42);
    EXPECT_THAT(svcd.log_line("could not start"), HasSubstr("status 42"));
}

TEST(Launcher, SaysWhenThereIsNoManagerToStart) {
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.arguments = {"--manager=/nonexistent/svcd-manager"};
    SvcdUnderTest svcd{folder, setup};
    EXPECT_EQ(svcd.wait(), 1);
    EXPECT_THAT(svcd.log_line("can't execute"), HasSubstr("/nonexistent/svcd-manager: No such"));
}

TEST(Launcher, TakesTheManagerWithItWhenItIsKilled) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    const pid_t manager = pid_in(svcd.line());
    const UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, manager, 0))};
    svcd.signal(SIGKILL);
    pollfd waiting{pidfd.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 30'000), 1);
}

TEST(Launcher, ReapsOrphansOfServices) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};
    const pid_t manager = pid_in(svcd.line());
    svcd.ask("spawn 1 orphan");
    EXPECT_TRUE(eventually([&] { return svcd.ask("orphans") == "orphans 1"; }));
    EXPECT_EQ(svcd.ask("wait-exits 1"), "exits 1:1:0");
    EXPECT_TRUE(eventually([&] { return children_of(svcd.pid()) == std::vector<pid_t>{manager}; }));
}

TEST(Launcher, RefusesARuntimeDirThatAnotherOneHas) {
    const TemporaryFolder folder;
    SvcdUnderTest first{folder};
    first.line();
    {
        // Not by the class: its destructor ends all our descendants.
        const std::string command = std::string(SVCD_BINARY) + " --runtime-dir=" + folder.path() +
                                    " --manager=" + FAKE_MANAGER_BINARY + " 2>&1";
        FILE* second = ::popen(command.c_str(), "r");
        ASSERT_NE(second, nullptr);
        std::array<char, 400> text{};
        EXPECT_NE(std::fgets(text.data(), text.size(), second), nullptr);
        EXPECT_THAT(text.data(), HasSubstr("PID " + std::to_string(first.pid())));
        EXPECT_EQ(WEXITSTATUS(::pclose(second)), 1);
    }
    first.say("leave 0");
    EXPECT_EQ(first.wait(), 0);
    SvcdUnderTest third{folder};
    EXPECT_THAT(third.line(), StartsWith("started 1 "));
}

TEST(Launcher, RefusesARuntimeDirThatOthersCanWriteTo) {
    const TemporaryFolder folder;
    ::chmod(folder.path().c_str(), 0777);
    SvcdUnderTest svcd{folder};
    EXPECT_EQ(svcd.wait(), 1);
    EXPECT_THAT(svcd.log_line("runtime dir"), HasSubstr("can be changed by others"));
}

TEST(Launcher, TellsWhoStartedItWhenTheManagerIsReady) {
    const TemporaryFolder folder;
    const std::string path = folder / "notify";
    const UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    SvcdSetup setup;
    setup.before = [&] { ::setenv("NOTIFY_SOCKET", path.c_str(), 1); };
    SvcdUnderTest svcd{folder, setup};
    svcd.line();
    EXPECT_EQ(svcd.ask("env NOTIFY_SOCKET"), "(none)");
    EXPECT_EQ(svcd.ask("ready"), "ok");
    std::array<char, 64> text{};
    EXPECT_GT(::recv(socket.get(), text.data(), text.size(), 0), 0);
    EXPECT_STREQ(text.data(), "READY=1");
    EXPECT_EQ(svcd.ask("ready"), "ok");
    EXPECT_LT(::recv(socket.get(), text.data(), text.size(), MSG_DONTWAIT), 0);
}

TEST(Launcher, AnswersOnTheLinkWhenNobodyWaitsForReady) {
    const TemporaryFolder folder;
    SvcdUnderTest svcd{folder};  // without NOTIFY_SOCKET
    svcd.line();
    EXPECT_EQ(svcd.ask("ready"), "ok");
    EXPECT_EQ(svcd.ask("put one"), "ok");
    EXPECT_EQ(svcd.ask("drop one"), "ok");
}

TEST(Launcher, IsNotConfusedByWhatItInherits) {
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.before = [] {
        ::signal(SIGCHLD, SIG_IGN);
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        ::dup2(STDOUT_FILENO, 3);  // leaked: not close-on-exec
        ::dup2(STDOUT_FILENO, 77);
    };
    SvcdUnderTest svcd{folder, setup};
    svcd.line();
    EXPECT_EQ(svcd.ask("burst 10"), "burst 10 wrong 0 doubled 0");
    EXPECT_EQ(svcd.line(), "ok");
    EXPECT_EQ(svcd.ask("fds"), "fds 0 1 2 3 4 5");
}

TEST(Launcher, PassesItsArgumentsOn) {
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.arguments = {"--unit=x.target", "--bus", "none", "--", "--manager=y", "z"};
    SvcdUnderTest svcd{folder, setup};
    EXPECT_THAT(svcd.line(), HasSubstr("arguments --runtime-dir=" + folder.path() +
                                       " --unit=x.target --bus none -- --manager=y z"));
}

TEST(Launcher, MountsTheApiFileSystemsAsPidOne) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to make namespaces";
    }
    const TemporaryFolder folder;
    SvcdSetup setup;
    setup.is_pid1 = true;
    SvcdUnderTest svcd{folder, setup};
    ASSERT_THAT(svcd.line(), StartsWith("started 1 pid 2 "));
    // The fake manager sees the mounts that svcd made.
    EXPECT_EQ(svcd.ask("mounts"), "mounts cgroup2 devtmpfs proc sysfs tmpfs");
    EXPECT_EQ(svcd.ask("burst 100"), "burst 100 wrong 0 doubled 0");
    EXPECT_EQ(svcd.line(), "ok");
    svcd.say("leave 5");
    EXPECT_EQ(svcd.wait(), 5);
}

/// As PID 1 of a PID namespace.
class LauncherAsPidOne : public ::testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root, to make namespaces";
        }
        SvcdSetup setup;
        setup.is_pid1 = true;
        svcd_.emplace(folder_, setup);
        svcd_->line();
    }
    /// To svcd itself, and not to the process that waits for it.
    void signal_inside(int number) {
        const std::vector<pid_t> children = children_of(svcd_->pid());
        ASSERT_EQ(children.size(), 1U);
        ::kill(children[0], number);
    }

    const TemporaryFolder folder_;
    std::optional<SvcdUnderTest> svcd_;
};

TEST_F(LauncherAsPidOne, EndsWhatIsLeftWithSigtermAndThenSigkill) {
    svcd_->ask("spawn 1 pause");
    const pid_t deaf = pid_in(svcd_->ask("spawn 2 deaf"));
    svcd_->say("leave-soon 5");
    // The first process it names is the deaf one: the other has heard SIGTERM.
    EXPECT_THAT(svcd_->log_line("gets SIGKILL"),
                HasSubstr("process " + std::to_string(deaf) + " (svcd_fake_manag)"));
    EXPECT_EQ(svcd_->wait(), 5);
}

TEST_F(LauncherAsPidOne, LeavesAsSoonAsNothingIsLeft) {
    const auto began = std::chrono::steady_clock::now();
    svcd_->ask("spawn 1 pause");
    svcd_->say("leave 6");
    EXPECT_EQ(svcd_->wait(), 6);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{4});
}

TEST_F(LauncherAsPidOne, KillsAtOnceWhenItIsToldSo) {
    const auto began = std::chrono::steady_clock::now();
    svcd_->ask("spawn 1 deaf");
    svcd_->say("leave-at-once 7");
    EXPECT_EQ(svcd_->wait(), 7);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{4});
}

TEST_F(LauncherAsPidOne, GoesDownWithoutItsManagerForAnImmediateSignal) {
    svcd_->ask("spawn 1 pause");
    signal_inside(SIGRTMIN + 14);
    svcd_->log_line("without stopping units");
    EXPECT_EQ(svcd_->wait(), 0);
}

TEST_F(LauncherAsPidOne, IsNoMachineWhoseKeyboardMayRebootIt) {
    for (int times = 0; times < 8; ++times) {
        signal_inside(SIGINT);
        EXPECT_EQ(svcd_->ask("wait-requests"), "requests 2");
        EXPECT_EQ(svcd_->ask("clear"), "ok");
    }
}

TEST(Launcher, NeedsNoLibraryButLibc) {
    const std::string command = std::string("readelf -d ") + SVCD_BINARY + " 2>&1";
    FILE* readelf = ::popen(command.c_str(), "r");
    ASSERT_NE(readelf, nullptr);
    std::array<char, 400> line{};
    int libraries = 0;
    while (std::fgets(line.data(), line.size(), readelf) != nullptr) {
        if (std::strstr(line.data(), "(NEEDED)") != nullptr) {
            ++libraries;
            EXPECT_THAT(line.data(), HasSubstr("[libc.so"));
        }
    }
    ::pclose(readelf);
    EXPECT_EQ(libraries, 1);
}

}  // namespace
}  // namespace svcd::test
