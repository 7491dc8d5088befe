#include "linux/spawn.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>

#include "linux/procfs.h"
#include "unit/linux/hung_fs.h"
#include "unit/linux/spawning.h"

namespace svcd {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST_F(Spawning, PutsTwoHundredProcessesInCgroupsOfTheirOwnWithTheirExitStatuses) {
    constexpr std::size_t kCount = 200;
    in_manager([&] {
        Spawner spawner{SVCD_EXEC_PATH};
        for (std::size_t index = 0; index < kCount; ++index) {
            const Command command =
                sh("grep -q 0::.*/unit" + std::to_string(index) +
                   ".service$ /proc/self/cgroup && exit " + std::to_string(index % 100));
            const ExecSettings exec = quiet();
            Result<SpawnOutcome> outcome = spawn(spawner, index, command, exec);
            while (!outcome && outcome.error().error_number == EAGAIN) {
                outcome = spawn(spawner, index, command, exec);
            }
            ASSERT_TRUE(outcome) << to_string(outcome.error());
            EXPECT_EQ(outcome->pid, pids_[index]);
        }
        std::vector<Token> started;
        while (started.size() < kCount) {
            for (const Token token : spawner.take_started()) {
                started.push_back(token);
            }
        }
        EXPECT_EQ(spawner.in_flight(), 0U);
        std::sort(started.begin(), started.end());
        EXPECT_EQ(std::unique(started.begin(), started.end()), started.end());
    });
    for (std::size_t index = 0; index < kCount; ++index) {
        EXPECT_EQ(exit_status_of(index), static_cast<int>(index % 100)) << index;
    }
}

TEST_F(Spawning, MakesTheProcessAChildOfTheManagersParentAndASessionLeader) {
    ExecSettings exec = quiet();
    exec.standard_output = Output{OutputKind::file, folder_ + "/out"};
    in_manager([&] {
        Spawner spawner{SVCD_EXEC_PATH};
        EXPECT_TRUE(spawn(spawner, 0, sh("set -- $(cat /proc/$$/stat); echo $4 $6 $$"), exec));
    });
    EXPECT_EQ(exit_status_of(0), 0);
    const std::string pid = std::to_string(pids_[0]);
    EXPECT_EQ(contents(folder_ + "/out"),
              std::to_string(::getpid()) + " " + pid + " " + pid + "\n");
}

TEST_F(Spawning, SaysWhichExecutableIsMissingAndEndsWith203) {
    EXPECT_EQ(failure_text(program("/usr/bin/webb"), quiet()),
              "/usr/bin/webb can't be executed: there is no such file (ENOENT, No such file or "
              "directory); correct the path, or install the program");
    EXPECT_EQ(exit_status_of(0), 203);
}

TEST_F(Spawning, LooksUpABareNameInTheFixedSearchPath) {
    EXPECT_EQ(failure_text(program("true"), quiet()), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, EndsWith203ForABareNameThatIsNowhere) {
    EXPECT_THAT(failure_text(program("no-such-program-at-all"), quiet()),
                StartsWith("no-such-program-at-all can't be executed: none of the folders that "
                           "commands are looked up in has it"));
    EXPECT_EQ(exit_status_of(0), 203);
}

TEST_F(Spawning, EndsWith200ForAMissingWorkingDirectory) {
    ExecSettings exec = quiet();
    exec.working_directory = folder_ + "/nowhere";
    EXPECT_EQ(failure_text(program("/bin/true"), exec),
              "the working directory " + folder_ +
                  "/nowhere can't be entered: No such file or directory (ENOENT); make it, or "
                  "correct WorkingDirectory");
    EXPECT_EQ(exit_status_of(0), 200);
}

TEST_F(Spawning, GoesOnWithoutAWorkingDirectoryThatMayBeMissing) {
    ExecSettings exec = quiet();
    exec.working_directory = folder_ + "/nowhere";
    exec.working_directory_may_be_missing = true;
    EXPECT_EQ(failure_text(sh("test $PWD = /"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, EndsWith209AtOnceWhenTheOutputIsAFifoWithoutAReader) {
    const std::string fifo = folder_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    ExecSettings exec = quiet();
    exec.standard_output = Output{OutputKind::append, fifo};
    EXPECT_THAT(failure_text(program("/bin/true"), exec),
                StartsWith("the standard output " + fifo +
                           " can't be opened: No such device or address (ENXIO); "));
    EXPECT_EQ(exit_status_of(0), 209);
}

TEST_F(Spawning, EndsWith222AtOnceWhenStandardErrorIsAFifoWithoutAReader) {
    const std::string fifo = folder_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    ExecSettings exec = quiet();
    exec.standard_error = Output{OutputKind::file, fifo};
    EXPECT_THAT(failure_text(program("/bin/true"), exec),
                HasSubstr("the standard error " + fifo + " can't be opened"));
    EXPECT_EQ(exit_status_of(0), 222);
}

TEST_F(Spawning, EndsWith208ForAMissingInputFile) {
    ExecSettings exec = quiet();
    exec.standard_input = InputKind::file;
    exec.standard_input_path = folder_ + "/nowhere";
    EXPECT_THAT(failure_text(program("/bin/true"), exec),
                HasSubstr("the standard input " + folder_ + "/nowhere can't be opened"));
    EXPECT_EQ(exit_status_of(0), 208);
}

TEST_F(Spawning, ReadsStandardInputFromAFile) {
    std::ofstream{folder_ + "/in"} << "line\n";
    ExecSettings exec = quiet();
    exec.standard_input = InputKind::file;
    exec.standard_input_path = folder_ + "/in";
    EXPECT_EQ(failure_text(sh("read x && test \"$x\" = line"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, MakesTheFolderOfALogAndAppendsBothOutputsToIt) {
    const ExecSettings exec;
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(failure_text(sh("echo out; echo err >&2"), exec), "");
        EXPECT_EQ(exit_status_of(0), 0);
    }
    EXPECT_EQ(contents(folder_ + "/log/web.service/current"), "out\nerr\nout\nerr\n");
}

TEST_F(Spawning, AppendsTruncatesAndOverwritesAsTheOutputSays) {
    struct Case {
        OutputKind kind;
        const char* expected;
    };
    for (const Case& one :
         {Case{OutputKind::append, "before\nnew\n"}, Case{OutputKind::truncate, "new\n"},
          Case{OutputKind::file, "new\nre\n"}}) {
        const std::string path = folder_ + "/out";
        std::ofstream{path, std::ios::trunc} << "before\n";
        ExecSettings exec;
        exec.standard_output = Output{one.kind, path};
        EXPECT_EQ(failure_text(sh("echo new"), exec), "");
        EXPECT_EQ(exit_status_of(0), 0);
        EXPECT_EQ(contents(path), one.expected);
    }
}

TEST_F(Spawning, WritesStandardErrorToAFileOfItsOwn) {
    ExecSettings exec;
    exec.standard_output = Output{OutputKind::truncate, folder_ + "/out"};
    exec.standard_error = Output{OutputKind::truncate, folder_ + "/err"};
    EXPECT_EQ(failure_text(sh("echo out; echo err >&2"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_EQ(contents(folder_ + "/out"), "out\n");
    EXPECT_EQ(contents(folder_ + "/err"), "err\n");
}

TEST_F(Spawning, HandsOnEnvironmentLimitsUmaskNiceAndWorkingDirectory) {
    ExecSettings exec;
    exec.standard_output = Output{OutputKind::truncate, folder_ + "/out"};
    exec.working_directory = folder_;
    exec.umask = 0027;
    exec.nice = 5;
    exec.limits = {ResourceLimit{RLIMIT_NOFILE, 123, 456}, ResourceLimit{RLIMIT_CORE, 0, 0}};
    environment_ = {"PATH=/usr/bin:/bin", "ONE=one", "TWO=two two"};
    EXPECT_EQ(
        failure_text(sh("env | sort; umask; nice; ulimit -Sn; ulimit -Hn; ulimit -c; pwd"), exec),
        "");
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_EQ(contents(folder_ + "/out"), "ONE=one\nPATH=/usr/bin:/bin\nPWD=" + folder_ +
                                              "\nTWO=two two\n0027\n5\n123\n456\n0\n" + folder_ +
                                              "\n");
}

TEST_F(Spawning, TakesALimitAboveWhatIsAllowedAsTheHighestThatIs) {
    ExecSettings exec = quiet();
    exec.limits = {ResourceLimit{RLIMIT_NOFILE, RLIM_INFINITY, RLIM_INFINITY}};
    EXPECT_EQ(failure_text(sh("exit 0"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, LeavesNoSignalBlockedOrIgnoredButSigpipe) {
    ExecSettings exec;
    exec.standard_output = Output{OutputKind::truncate, folder_ + "/out"};
    in_manager([&] {
        ::signal(SIGHUP, SIG_IGN);
        ::signal(SIGUSR1, [](int) {});
        sigset_t blocked;
        sigfillset(&blocked);
        ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
        Spawner spawner{SVCD_EXEC_PATH};
        Command command = program("/bin/cat");
        command.argv = {"cat", "/proc/self/status"};
        EXPECT_TRUE(spawn(spawner, 0, command, exec));
    });
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_THAT(contents(folder_ + "/out"),
                HasSubstr("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001000\n"
                          "SigCgt:\t0000000000000000\n"));
}

TEST_F(Spawning, LeavesNoDescriptorOpenInTheServiceAndNoneBehindInTheManager) {
    in_manager([&] {
        const auto open_fds = [] {
            const std::filesystem::directory_iterator entries{"/proc/self/fd"};
            return std::distance(begin(entries), end(entries));
        };
        // As if inherited from whoever started the manager: they don't close on exec.
        ASSERT_EQ(::dup2(0, 200), 200);
        ASSERT_EQ(::dup2(0, 9), 9);
        const auto before = open_fds();
        Spawner spawner{SVCD_EXEC_PATH};
        std::uint32_t index = 0;
        for (const bool reports : {false, true}) {
            for (const bool with_helper : {false, true}) {
                ExecSettings exec = quiet();
                if (with_helper) {
                    exec.oom_score_adjust = 100;
                }
                const Command command =
                    sh("for n in 3 4 5 6 7 8 9 10 11 12 200; do "
                       "[ -e /proc/$$/fd/$n ] && exit $n; done; exit 0");
                ASSERT_TRUE(spawn(spawner, index++, command, exec, reports));
                while (spawner.in_flight() != 0) {
                    spawner.take_started();
                }
            }
        }
        EXPECT_EQ(open_fds(), before);
    });
    for (std::size_t index = 0; index < 4; ++index) {
        EXPECT_EQ(exit_status_of(index), 0) << index;
    }
}

TEST_F(Spawning, ExpandsVariablesOfTheEnvironmentIntoArguments) {
    environment_ = {"TWO=two words"};
    Command command = sh("test $# = 3 && test \"$3\" = 'two words'");
    command.no_expansion = false;
    command.argv.insert(command.argv.end(), {"zero", "$TWO", "${TWO}"});
    EXPECT_EQ(failure_text(command, quiet()), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, RefusesACgroupThatWasRemovedWithTheReason) {
    in_manager([&] {
        const Result<UniqueFd> cgroup = tree_->ensure("gone.service");
        ASSERT_TRUE(cgroup);
        ASSERT_EQ(::rmdir(cgroup_folder("gone.service").c_str()), 0);
        Spawner spawner{SVCD_EXEC_PATH};
        const Command command = program("/bin/true");
        const ExecSettings exec = quiet();
        SpawnRequest request;
        request.unit = "gone.service";
        request.command = &command;
        request.exec = &exec;
        request.cgroup_fd = cgroup->get();
        const Result<SpawnOutcome> outcome = spawner.spawn(request);
        ASSERT_FALSE(outcome);
        EXPECT_THAT(to_string(outcome.error()), HasSubstr("was removed by somebody else"));
        EXPECT_EQ(spawner.in_flight(), 0U);
    });
}

TEST_F(Spawning, IsNotDelayedByAnExecutableOnAFileSystemThatHangs) {
    in_manager([&] {
        const std::string mounted = folder_ + "/hung";
        ASSERT_EQ(::mkdir(mounted.c_str(), 0755), 0);
        const Result<HungFs> hung = HungFs::mount(mounted);
        if (!hung) {
            std::fprintf(stderr, "not checked: %s\n", to_string(hung.error()).c_str());
            return;
        }
        Spawner spawner{SVCD_EXEC_PATH};
        const auto before = std::chrono::steady_clock::now();
        ExecSettings hung_log = quiet();
        hung_log.standard_output = Output{OutputKind::append, mounted + "/log"};
        ExecSettings helped = quiet();
        helped.environment_files = {EnvironmentFile{mounted + "/environment", false}};
        ASSERT_TRUE(spawn(spawner, 0, program(mounted + "/service"), quiet()));
        ASSERT_TRUE(spawn(spawner, 1, program("/bin/true"), hung_log));
        ASSERT_TRUE(spawn(spawner, 2, program("/bin/true"), helped));
        const Result<SpawnOutcome> outcome = spawn(spawner, 3, program("/bin/true"), quiet(), true);
        ASSERT_TRUE(outcome);
        wait_for_report(*outcome);
        EXPECT_THAT(spawner.take_started(), ElementsAre(make_token(1, 3)));
        EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds{5});
        EXPECT_EQ(spawner.in_flight(), 3U);
        for (const char* unit : {"unit0.service", "unit1.service", "unit2.service"}) {
            EXPECT_TRUE(tree_->kill(unit));
        }
        while (spawner.in_flight() != 0) {
            spawner.take_started();
        }
    });
    if (pids_[0] == 0) {
        GTEST_SKIP() << "no FUSE here";
    }
    EXPECT_EQ(exit_status_of(0), -SIGKILL);
    EXPECT_EQ(exit_status_of(1), -SIGKILL);
    EXPECT_EQ(exit_status_of(2), -SIGKILL);
    EXPECT_EQ(exit_status_of(3), 0);
}

TEST_F(Spawning, RefusesTheSixtyFifthInFlight) {
    in_manager([&] {
        const std::string mounted = folder_ + "/hung";
        ASSERT_EQ(::mkdir(mounted.c_str(), 0755), 0);
        const Result<HungFs> hung = HungFs::mount(mounted);
        if (!hung) {
            return;
        }
        Spawner spawner{SVCD_EXEC_PATH};
        for (std::size_t index = 0; index < kSpawnsInFlight; ++index) {
            ASSERT_TRUE(spawn(spawner, index, program(mounted + "/service"), quiet()));
        }
        const auto refused =
            spawn(spawner, kSpawnsInFlight, program(mounted + "/service"), quiet());
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().error_number, EAGAIN);
        for (std::size_t index = 0; index < kSpawnsInFlight; ++index) {
            EXPECT_TRUE(tree_->kill("unit" + std::to_string(index) + ".service"));
        }
        while (spawner.in_flight() != 0) {
            spawner.take_started();
        }
        EXPECT_TRUE(spawn(spawner, kSpawnsInFlight, program("/bin/true"), quiet()));
    });
    if (pids_[0] == 0) {
        GTEST_SKIP() << "no FUSE here";
    }
    EXPECT_EQ(exit_status_of(kSpawnsInFlight), 0);
}

// ── svcd-exec

TEST_F(Spawning, RunsAsTheUserWithItsGroupsAndLoginEnvironment) {
    ExecSettings exec;
    exec.standard_output = Output{OutputKind::truncate, folder_ + "/out"};
    exec.user = "nobody";
    exec.environment = {"SHELL=/bin/mine"};
    environment_ = {"HOME=/home/manager", "SHELL=/bin/mine"};
    EXPECT_EQ(failure_text(sh("id -un; id -gn; id -G; echo $HOME $USER $LOGNAME $SHELL"), exec),
              "");
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_EQ(contents(folder_ + "/out"),
              "nobody\nnogroup\n65534\n/home/manager nobody nobody /bin/mine\n");
}

TEST_F(Spawning, EndsWith217ForAUserThatDoesNotExist) {
    ExecSettings exec = quiet();
    exec.user = "nosuch";
    EXPECT_EQ(failure_text(program("/bin/true"), exec),
              "the user nosuch can't be taken: there is no such user; add "
              "it, or correct the name");
    EXPECT_EQ(exit_status_of(0), 217);
}

TEST_F(Spawning, EndsWith216ForAGroupThatDoesNotExist) {
    ExecSettings exec = quiet();
    exec.group = "nosuch";
    EXPECT_THAT(failure_text(program("/bin/true"), exec),
                HasSubstr("the group nosuch can't be taken: there is no such group"));
    EXPECT_EQ(exit_status_of(0), 216);
}

TEST_F(Spawning, KeepsFullPrivilegesForACommandThatAsksForThem) {
    ExecSettings exec = quiet();
    exec.user = "nobody";
    Command command = sh("test $(id -u) = 0");
    command.full_privileges = true;
    EXPECT_FALSE(needs_exec_helper(command, exec));
    EXPECT_EQ(failure_text(command, exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, ReadsEnvironmentFilesOverTheEnvironmentAndExpandsArgumentsWithThem) {
    std::ofstream{folder_ + "/environment"} << "# comment\nONE=\"from file\"\n";
    ExecSettings exec = quiet();
    exec.environment_files = {EnvironmentFile{folder_ + "/environment", false},
                              EnvironmentFile{folder_ + "/missing", true}};
    environment_ = {"ONE=from unit"};
    Command command = sh("test \"$1\" = 'from file' && test \"$ONE\" = 'from file'");
    command.no_expansion = false;
    command.argv.insert(command.argv.end(), {"zero", "${ONE}"});
    EXPECT_EQ(failure_text(command, exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, SaysWhichEnvironmentFileIsMissing) {
    ExecSettings exec = quiet();
    exec.environment_files = {EnvironmentFile{folder_ + "/missing", false}};
    EXPECT_THAT(failure_text(program("/bin/true"), exec),
                StartsWith("the EnvironmentFile " + folder_ +
                           "/missing can't be read: No such file or directory (ENOENT); "));
    EXPECT_EQ(exit_status_of(0), 255);
}

TEST_F(Spawning, SetsTheOomScoreInTheServiceAndNotInTheManager) {
    ExecSettings exec = quiet();
    exec.oom_score_adjust = 321;
    in_manager([&] {
        const std::string before = contents("/proc/self/oom_score_adj");
        Spawner spawner{SVCD_EXEC_PATH};
        const Command command = sh("test $(cat /proc/$$/oom_score_adj) = 321");
        ASSERT_TRUE(spawn(spawner, 0, command, exec));
        while (spawner.in_flight() != 0) {
            spawner.take_started();
        }
        EXPECT_EQ(contents("/proc/self/oom_score_adj"), before);
    });
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, EntersTheHomeOfTheUserForATilde) {
    ExecSettings exec = quiet();
    exec.user = "root";
    exec.working_directory = "~";
    EXPECT_EQ(failure_text(sh("test $PWD = $HOME"), exec), "");
    EXPECT_EQ(exit_status_of(0), 0);
}

TEST_F(Spawning, EntersTheWorkingDirectoryAsTheUser) {
    ASSERT_EQ(::mkdir((folder_ + "/private").c_str(), 0700), 0);
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    ExecSettings exec = quiet();
    exec.user = "nobody";
    exec.working_directory = folder_ + "/private";
    EXPECT_THAT(failure_text(program("/bin/true"), exec),
                AllOf(StartsWith("the working directory "), HasSubstr("Permission denied")));
    EXPECT_EQ(exit_status_of(0), 200);
}

TEST_F(Spawning, ReportsAFailedExecveOfSvcdExecAsThatOfTheService) {
    ExecSettings exec = quiet();
    exec.user = "nobody";
    EXPECT_THAT(failure_text(program("/usr/bin/webb"), exec),
                StartsWith("/usr/bin/webb can't be executed: there is no such file"));
    EXPECT_EQ(exit_status_of(0), 203);
}

TEST_F(Spawning, SaysThatSvcdExecItselfIsMissing) {
    ExecSettings exec = quiet();
    exec.user = "nobody";
    in_manager([&] {
        Spawner spawner{"/nowhere/svcd-exec"};
        ASSERT_TRUE(spawn(spawner, 0, program("/bin/true"), exec));
        std::vector<Token> started;
        while (started.empty()) {
            started = spawner.take_started();
        }
        const ExecReport report = spawner.report_of(started[0]);
        EXPECT_THAT(describe(report.error), StartsWith("/nowhere/svcd-exec can't be executed"));
        EXPECT_TRUE(spawner.report_of(started[0]).is_empty());
    });
    EXPECT_EQ(exit_status_of(0), 203);
}

}  // namespace
}  // namespace svcd
