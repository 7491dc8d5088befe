#include "linux/cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "linux/cgroup_mount.h"
#include "linux/procfs.h"
#include "unit/linux/test_tree.h"

namespace svcd {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Eq;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;
using testing::SizeIs;

// ── finding the mount

constexpr std::string_view kHybrid =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:7 - cgroup2 cgroup2 rw\n";

TEST(CgroupMount, IsFoundBesideTheV1Hierarchies) {
    const auto mount = find_cgroup_mount(kHybrid, "/a");
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->point, "/sys/fs/cgroup/unified");
    EXPECT_THAT(mount->folder_of("/"), Optional(Eq("/sys/fs/cgroup/unified")));
    EXPECT_THAT(mount->folder_of("/a/b"), Optional(Eq("/sys/fs/cgroup/unified/a/b")));
    EXPECT_THAT(mount->cgroup_at("/sys/fs/cgroup/unified"), Optional(Eq("/")));
    EXPECT_THAT(mount->cgroup_at("/sys/fs/cgroup/unified/a"), Optional(Eq("/a")));
    EXPECT_EQ(mount->cgroup_at("/a"), std::nullopt);
}

TEST(CgroupMount, MayShowAPartOfTheHierarchyOnly) {
    const auto mount = find_cgroup_mount(
        "41 31 0:38 /docker/1 /mnt/with\\040blank rw - cgroup2 cgroup2 rw\n", "/docker/1/x");
    ASSERT_TRUE(mount);
    EXPECT_THAT(mount->folder_of("/docker/1/x"), Optional(Eq("/mnt/with blank/x")));
    EXPECT_THAT(mount->cgroup_at("/mnt/with blank"), Optional(Eq("/docker/1")));
    EXPECT_EQ(mount->folder_of("/docker/12"), std::nullopt);
}

TEST(CgroupMount, ThatShowsMoreIsPreferred) {
    const auto mount = find_cgroup_mount(
        "41 31 0:38 /a /mnt rw - cgroup2 x rw\n42 31 0:38 / /sys/fs/cgroup rw - cgroup2 x rw\n",
        "/a/b");
    ASSERT_TRUE(mount);
    EXPECT_EQ(mount->point, "/sys/fs/cgroup");
}

TEST(CgroupMount, IsNoneWhereOnlyV1OrAnotherPartIsMounted) {
    EXPECT_FALSE(find_cgroup_mount("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw\n", "/"));
    EXPECT_FALSE(find_cgroup_mount("41 31 0:38 /../.. /mnt rw - cgroup2 x rw\n", "/a"));
    EXPECT_FALSE(find_cgroup_mount("", "/"));
    EXPECT_FALSE(find_cgroup_mount("garbage - cgroup2\n- cgroup2\n", "/"));
}

TEST(CgroupName, IsEscapedWhereTheKernelUsesIt) {
    EXPECT_EQ(escape_cgroup_name("web.service"), "web.service");
    EXPECT_EQ(escape_cgroup_name("cgroup.service"), "_cgroup.service");
    EXPECT_EQ(escape_cgroup_name("memory.service"), "_memory.service");
    EXPECT_EQ(escape_cgroup_name("_x.service"), "__x.service");
    EXPECT_EQ(escape_cgroup_name("memory-hog.service"), "memory-hog.service");
    for (const char* unit : {"web.service", "cgroup.service", "_x.service"}) {
        EXPECT_EQ(unescape_cgroup_name(escape_cgroup_name(unit)), unit);
    }
}

// ── the tree

constexpr auto kNoOom = [](std::string_view unit) { ADD_FAILURE() << unit; };

class Cgroups : public TestTree {
protected:
    /// A shell script in the unit's cgroup, as a child of this process. Returns when it has written
    /// a line.
    void run(const std::string& unit, const std::string& script) {
        const Result<UniqueFd> folder = tree_->ensure(unit);
        ASSERT_TRUE(folder) << to_string(folder.error());
        int ready[2];
        ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
        const pid_t pid = ::fork();
        if (pid == 0) {
            const int procs = ::openat(folder->get(), "cgroup.procs", O_WRONLY | O_CLOEXEC);
            if (::write(procs, "0", 1) == 1) {
                ::dup2(ready[1], STDOUT_FILENO);
                ::execl("/bin/sh", "/bin/sh", "-c", script.c_str(), nullptr);
            }
            ::_exit(127);
        }
        ::close(ready[1]);
        char c = 0;
        while (::read(ready[0], &c, 1) == 1 && c != '\n') {
        }
        EXPECT_EQ(c, '\n') << "the script has not started";
        ::close(ready[0]);
        last_ = pid;
    }

    void wait_until_watch_says(const std::string& unit) {
        for (bool found = false; !found;) {
            pollfd entry{tree_->watch_fd(), POLLIN, 0};
            ASSERT_EQ(::poll(&entry, 1, 10'000), 1) << "no notice within 10 s";
            tree_->dispatch([&](std::string_view emptied) { found |= emptied == unit; }, kNoOom);
        }
    }

    static void reap_all() {
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }

    pid_t last_ = 0;
};

TEST_F(Cgroups, HaveThePathThatProcShows) {
    run("web.service", "echo; exec sleep 1000");
    EXPECT_EQ(tree_->path_of("web.service"), root_ + "/system.slice/web.service");
    const Result<std::string> shown = cgroup_of(last_);
    ASSERT_TRUE(shown);
    EXPECT_EQ(*shown, tree_->path_of("web.service"));
    EXPECT_EQ(tree_->unit_of(*shown), "web.service");
    EXPECT_EQ(tree_->unit_of(*shown + "/below/it"), "web.service");
    EXPECT_EQ(tree_->unit_of(root_), "");
    EXPECT_EQ(tree_->unit_of(root_ + "/system.slicer/x"), "");
    EXPECT_EQ(tree_->unit_of("/"), "");
    EXPECT_THAT(tree_->processes("web.service").value(), ElementsAre(last_));
    EXPECT_THAT(tree_->existing_units(), ElementsAre("web.service"));
}

TEST_F(Cgroups, OfOtherSlicesAreNestedByTheDashesOfTheirNames) {
    EXPECT_EQ(tree_->path_of("a-b.slice"), root_ + "/a.slice/a-b.slice");
    EXPECT_EQ(tree_->path_of("-.slice"), root_);
    EXPECT_EQ(tree_->path_of("system.slice"), root_ + "/system.slice");
    ASSERT_TRUE(tree_->ensure("web.service", "a-b.slice"));
    EXPECT_EQ(tree_->path_of("web.service"), root_ + "/a.slice/a-b.slice/web.service");
    EXPECT_EQ(tree_->unit_of(tree_->path_of("web.service") + "/below"), "web.service");
    EXPECT_EQ(tree_->unit_of(tree_->path_of("a-b.slice")), "");
    EXPECT_EQ(tree_->unit_of(root_ + "/svcd.scope"), "");
    // A tree of a later manager finds it there, whatever slice the unit is in by then.
    Result<CgroupTree> later = CgroupTree::open(root_, "system.slice");
    ASSERT_TRUE(later) << to_string(later.error());
    EXPECT_THAT(later->existing_units(), ElementsAre("web.service"));
    ASSERT_TRUE(later->ensure("web.service", "system.slice"));
    EXPECT_EQ(later->path_of("web.service"), root_ + "/a.slice/a-b.slice/web.service");
    ASSERT_TRUE(later->remove("web.service"));
    ASSERT_TRUE(later->ensure("web.service", "system.slice"));
    EXPECT_EQ(later->path_of("web.service"), root_ + "/system.slice/web.service");
    ASSERT_TRUE(later->remove("web.service"));
    ASSERT_TRUE(later->remove("a-b.slice"));
    ASSERT_TRUE(later->remove("a.slice"));
    EXPECT_TRUE(tree_->remove("web.service"));
}

TEST_F(Cgroups, ThatWereKilledAreMadeAnewForTheNextProcess) {
    const auto inode = [&] {
        struct stat facts {};
        EXPECT_EQ(::fstat(tree_->ensure("web.service").value().get(), &facts), 0);
        return facts.st_ino;
    };
    run("web.service", "echo; exec sleep 1000");
    const auto first = inode();
    EXPECT_EQ(inode(), first);
    ASSERT_TRUE(tree_->kill("web.service"));
    reap_all();
    EXPECT_NE(inode(), first);
    EXPECT_TRUE(tree_->remove("web.service"));
}

TEST_F(Cgroups, AreFoundAgainByATreeThatIsGivenTheMountPath) {
    run("cgroup.service", "echo; exec sleep 1000");
    Result<CgroupTree> again = CgroupTree::open(mount_of_root(), "system.slice");
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(again->root(), root_);
    EXPECT_THAT(again->existing_units(), ElementsAre("cgroup.service"));
    EXPECT_TRUE(again->is_populated("cgroup.service").value());
    EXPECT_TRUE(again->kill("cgroup.service"));
    reap_all();
    EXPECT_FALSE(again->is_populated("cgroup.service").value());
}

TEST_F(Cgroups, RefuseARootOutsideOfTheHierarchyOrWithDots) {
    EXPECT_FALSE(CgroupTree::open("relative", "system.slice"));
    EXPECT_FALSE(CgroupTree::open(root_ + "/../other", "system.slice"));
}

TEST_F(Cgroups, AreEmptyWhenTheyDoNotExist) {
    EXPECT_FALSE(tree_->is_populated("nosuch.service").value());
    EXPECT_THAT(tree_->processes("nosuch.service").value(), IsEmpty());
    EXPECT_TRUE(tree_->kill("nosuch.service"));
    EXPECT_TRUE(tree_->signal("nosuch.service", {SIGTERM, SIGCONT}, reached_));
    EXPECT_TRUE(tree_->thaw("nosuch.service"));
    EXPECT_TRUE(tree_->remove("nosuch.service"));
}

TEST_F(Cgroups, OfUnitsWithTheKernelsOwnNamesCanBeMade) {
    for (const char* unit : {"cgroup.procs.service", "_.service", "memory.service"}) {
        run(unit, "echo; exec sleep 1000");
        EXPECT_EQ(tree_->unit_of(cgroup_of(last_).value()), unit);
    }
}

TEST_F(Cgroups, MayBeInTheRootSlice) {
    ASSERT_TRUE(tree_->ensure("web.service", "-.slice"));
    run("web.service", "echo; exec sleep 1000");
    EXPECT_EQ(tree_->path_of("web.service"), root_ + "/web.service");
    EXPECT_EQ(cgroup_of(last_).value(), tree_->path_of("web.service"));
    EXPECT_EQ(tree_->unit_of(root_ + "/web.service/below"), "web.service");
    EXPECT_EQ(tree_->unit_of(root_ + "/svcd.scope"), "");
    const Result<CgroupTree> later = CgroupTree::open(root_, "system.slice");
    ASSERT_TRUE(later);
    EXPECT_TRUE(later->is_populated("web.service").value());
    EXPECT_THAT(later->existing_units(), ElementsAre("web.service"));
}

TEST_F(Cgroups, CostNoDescriptor) {
    const auto open_fds = [] {
        const std::filesystem::directory_iterator entries{"/proc/self/fd"};
        return std::distance(begin(entries), end(entries));
    };
    const auto before = open_fds();
    for (int index = 0; index < 50; ++index) {
        ASSERT_TRUE(tree_->ensure("unit" + std::to_string(index) + ".service"));
    }
    EXPECT_EQ(open_fds(), before);
}

TEST_F(Cgroups, AreMadeAgainWhenTheyWereRemoved) {
    ASSERT_TRUE(tree_->ensure("web.service"));
    ASSERT_TRUE(tree_->remove("web.service"));
    EXPECT_THAT(tree_->existing_units(), IsEmpty());
    EXPECT_TRUE(tree_->ensure("web.service"));
}

TEST_F(Cgroups, AreMadeAgainWhenSomebodyRemovedThem) {
    ASSERT_TRUE(tree_->ensure("web.service"));
    ASSERT_EQ(::rmdir(cgroup_folder("web.service").c_str()), 0);
    run("web.service", "echo; exec sleep 1000");
    EXPECT_TRUE(tree_->is_populated("web.service").value());
}

TEST_F(Cgroups, AreToldFromThoseOfAnotherTree) {
    EXPECT_FALSE(tree_->other_root_of(tree_->path_of("web.service"), "web.service"));
    EXPECT_FALSE(tree_->other_root_of("/elsewhere", "web.service"));
    EXPECT_EQ(tree_->other_root_of("/svcd-b/system.slice/web.service/below", "web.service"),
              "/svcd-b");
    EXPECT_FALSE(tree_->other_root_of("/svcd-b/system.slice/web.service", "other.service"));
    // Of a root that is a slice itself only the svcd in it tells.
    const std::filesystem::path scope = mount_of_root() + "-b.slice/svcd.scope";
    ASSERT_TRUE(std::filesystem::create_directories(scope));
    EXPECT_EQ(tree_->other_root_of(root_ + "-b.slice/system.slice/web.service", "web.service"),
              root_ + "-b.slice");
    ::rmdir(scope.c_str());
    ::rmdir(scope.parent_path().c_str());
}

TEST_F(Cgroups, ThatCanNotBeMadeAreEmpty) {
    std::string slice = "a";
    for (int depth = 1; depth < 70; ++depth) {
        slice += "-a";  // its folder's path is longer than PATH_MAX
    }
    const auto made = tree_->ensure("web.service", slice + ".slice");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().error_number, ENAMETOOLONG);
    EXPECT_EQ(made.error().operation, "mkdir");
    const auto populated = tree_->is_populated("web.service");
    ASSERT_TRUE(populated);
    EXPECT_FALSE(*populated);
    const auto processes = tree_->processes("web.service");
    ASSERT_TRUE(processes);
    EXPECT_THAT(*processes, IsEmpty());
    std::vector<Pid> reached;
    EXPECT_TRUE(tree_->signal("web.service", {SIGTERM}, reached));
    EXPECT_TRUE(tree_->kill("web.service"));
    EXPECT_TRUE(tree_->thaw("web.service"));
    EXPECT_TRUE(tree_->remove("web.service"));
    EXPECT_TRUE(tree_->ensure("web.service"));
}

TEST_F(Cgroups, AreFollowedAsDeepAsAServiceMakesThem) {
    run("web.service", "cd " + mount_of_root() +
                           "/system.slice/web.service; i=0; "
                           "while [ $i -lt 60 ]; do mkdir c && cd c; i=$((i+1)); done; "
                           "echo $$ > cgroup.procs; echo; exec sleep 1000");
    EXPECT_THAT(tree_->processes("web.service").value(), ElementsAre(last_));
    std::vector<Pid> reached;
    ASSERT_TRUE(tree_->signal("web.service", {SIGTERM}, reached));
    EXPECT_THAT(reached, ElementsAre(last_));
    wait_until_watch_says("web.service");
    EXPECT_TRUE(tree_->remove("web.service"));
    EXPECT_FALSE(std::filesystem::exists(mount_of_root() + "/system.slice/web.service"));
}

TEST_F(Cgroups, AreEmptyForTheNextLifeOfAService) {
    ASSERT_TRUE(tree_->ensure("web.service"));
    const std::filesystem::path folder = mount_of_root() + "/system.slice/web.service";
    ASSERT_TRUE(std::filesystem::create_directories(folder / "s0" / "c"));
    ASSERT_TRUE(tree_->ensure("web.service"));
    EXPECT_FALSE(std::filesystem::exists(folder / "s0"));
    ASSERT_TRUE(std::filesystem::create_directories(folder / "s0"));
    run("web.service", "echo; exec sleep 1000");
    EXPECT_FALSE(std::filesystem::exists(folder / "s0"));
    ASSERT_TRUE(std::filesystem::create_directories(folder / "s0"));
    ASSERT_TRUE(tree_->ensure("web.service"));
    EXPECT_TRUE(std::filesystem::exists(folder / "s0")) << "of a life that goes on";
    ASSERT_TRUE(tree_->kill("web.service"));
    wait_until_watch_says("web.service");
}

TEST_F(Cgroups, TellWhenTheLastProcessHasGone) {
    run("web.service", "echo; exec sleep 1000");
    run("other.service", "echo; exec sleep 1000");
    ASSERT_TRUE(tree_->kill("web.service"));
    wait_until_watch_says("web.service");
    EXPECT_FALSE(tree_->is_populated("web.service").value());
    EXPECT_TRUE(tree_->is_populated("other.service").value());
}

TEST_F(Cgroups, MayBeRemovedByWhoIsToldThatTheyAreEmpty) {
    run("web.service", "echo; exec sleep 1000");
    ASSERT_TRUE(tree_->kill("web.service"));
    bool removed = false;
    while (!removed) {
        pollfd entry{tree_->watch_fd(), POLLIN, 0};
        ASSERT_EQ(::poll(&entry, 1, 10'000), 1);
        tree_->dispatch([&](std::string_view unit) { removed = tree_->remove(unit).has_value(); },
                        kNoOom);
    }
    EXPECT_THAT(tree_->existing_units(), IsEmpty());
}

TEST_F(Cgroups, AreNotRemovedWhileTheyHaveProcesses) {
    run("web.service", "echo; exec sleep 1000");
    const auto removed = tree_->remove("web.service");
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().error_number, EBUSY);
}

TEST_F(Cgroups, AreRemovedWithThoseBelowThem) {
    ASSERT_TRUE(tree_->ensure("web.service"));
    std::filesystem::create_directories(cgroup_folder("web.service") + "/a/b/c");
    std::filesystem::create_directories(cgroup_folder("web.service") + "/d");
    const auto removed = tree_->remove("web.service");
    EXPECT_TRUE(removed) << to_string(removed.error());
    EXPECT_FALSE(std::filesystem::exists(cgroup_folder("web.service")));
}

TEST_F(Cgroups, CountProcessesBelowThemAsTheirs) {
    run("web.service", "mkdir " + cgroup_folder("web.service") + "/sub && echo 0 > " +
                           cgroup_folder("web.service") +
                           "/sub/cgroup.procs; echo; exec sleep 1000");
    EXPECT_TRUE(tree_->is_populated("web.service").value());
    EXPECT_THAT(tree_->processes("web.service").value(), ElementsAre(last_));
    EXPECT_TRUE(tree_->signal("web.service", {SIGTERM}, reached_));
    reap_all();
    EXPECT_TRUE(tree_->remove("web.service"));
}

TEST_F(Cgroups, AreKilledWholeWithDaemonsThatForkedTwice) {
    run("web.service",
        "(setsid sh -c 'sleep 1000 & sleep 1000 & wait' &) ; (setsid sleep 1000 &); sleep 1000 & "
        "echo; wait");
    ASSERT_TRUE(tree_->kill("web.service"));
    reap_all();  // returns when all are gone: they are children of this subreaper
    EXPECT_FALSE(tree_->is_populated("web.service").value());
    EXPECT_TRUE(tree_->remove("web.service"));
}

TEST_F(Cgroups, AreKilledWholeWithAForkBombOfFiveHundred) {
    // Every process forks as fast as it can, so that it goes on while the kill is under way.
    constexpr int kKillAt = 500;
    constexpr int kForksMax = 800;
    const Result<UniqueFd> folder = tree_->ensure("bomb.service");
    ASSERT_TRUE(folder);
    int ready[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    std::atomic<std::int32_t>& forks = pids_[0];
    if (::fork() == 0) {
        const int procs = ::openat(folder->get(), "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (::write(procs, "0", 1) != 1) {
            ::_exit(127);
        }
        for (;;) {
            const int number = ++forks;
            if (number == kKillAt) {
                static_cast<void>(!::write(ready[1], "", 1));
            }
            if (number >= kForksMax || ::fork() < 0) {
                ::pause();
            }
        }
    }
    ::close(ready[1]);
    char c = 0;
    ASSERT_EQ(::read(ready[0], &c, 1), 1);
    ::close(ready[0]);
    ASSERT_TRUE(tree_->kill("bomb.service"));
    reap_all();
    EXPECT_FALSE(tree_->is_populated("bomb.service").value());
    EXPECT_TRUE(tree_->remove("bomb.service"));
}

TEST_F(Cgroups, SignalEveryProcessButThoseExcepted) {
    run("web.service", "trap 'exit 7' USR1; sleep 1000 & echo; wait; kill -STOP $$");
    const pid_t shell = last_;
    EXPECT_TRUE(tree_->signal("web.service", {SIGKILL}, reached_, {shell}));
    EXPECT_THAT(reached_, SizeIs(1));
    EXPECT_THAT(reached_, Not(Contains(shell)));
    EXPECT_TRUE(tree_->signal("web.service", {SIGUSR1, SIGCONT}, reached_));
    EXPECT_THAT(reached_, Contains(shell));
    int status = 0;
    ASSERT_EQ(::waitpid(shell, &status, 0), shell);
    EXPECT_TRUE(WIFEXITED(status));
}

TEST_F(Cgroups, SayWhetherTheyAreFrozen) {
    run("web.service", "echo; exec sleep 1000");
    EXPECT_FALSE(tree_->is_frozen("web.service"));
    EXPECT_FALSE(tree_->is_frozen("nosuch.service"));
    std::ofstream{cgroup_folder("web.service") + "/cgroup.freeze"} << "1";
    bool is_frozen = false;
    for (int look = 0; look < 1000 && !is_frozen; ++look) {
        ::poll(nullptr, 0, 5);  // the kernel reports it once every process has got there
        is_frozen = tree_->is_frozen("web.service");
    }
    EXPECT_TRUE(is_frozen);
    EXPECT_TRUE(tree_->thaw("web.service"));
    EXPECT_TRUE(tree_->kill("web.service"));
    reap_all();
    EXPECT_TRUE(tree_->remove("web.service"));
}

TEST_F(Cgroups, LetAStoppedProcessActOnItsSignal) {
    run("web.service", "trap 'exit 7' TERM; echo; kill -STOP $$; while :; do :; done");
    int status = 0;
    ASSERT_EQ(::waitpid(last_, &status, WUNTRACED), last_);
    ASSERT_TRUE(WIFSTOPPED(status));
    EXPECT_TRUE(tree_->signal("web.service", {SIGTERM, SIGCONT}, reached_));
    ASSERT_EQ(::waitpid(last_, &status, 0), last_);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(Cgroups, TakeSeveralSignals) {
    run("web.service",
        "trap 'a=1' TERM; trap 'b=1' HUP; echo; until [ \"$a$b\" = 11 ]; do :; done; "
        "exit 7");
    EXPECT_TRUE(tree_->signal("web.service", {SIGTERM, SIGHUP}, reached_));
    int status = 0;
    ASSERT_EQ(::waitpid(last_, &status, 0), last_);
    EXPECT_EQ(WEXITSTATUS(status), 7);
}

TEST_F(Cgroups, LetAFrozenProcessActOnItsSignalOnceTheyAreThawed) {
    run("web.service", "echo; exec sleep 1000");
    std::ofstream{cgroup_folder("web.service") + "/cgroup.freeze"} << "1";
    EXPECT_TRUE(tree_->thaw("web.service"));
    EXPECT_TRUE(tree_->signal("web.service", {SIGTERM}, reached_));
    reap_all();
    EXPECT_FALSE(tree_->is_populated("web.service").value());
}

TEST_F(Cgroups, SettleTheGivenProcessesInTheScope) {
    const pid_t manager = ::fork();
    if (manager == 0) {
        ::execl("/bin/sleep", "sleep", "1000", nullptr);
        ::_exit(127);
    }
    const auto settled = tree_->settle({manager});
    EXPECT_TRUE(settled) << to_string(settled.error());
    EXPECT_EQ(cgroup_of(manager).value(), root_ + "/svcd.scope");
    EXPECT_TRUE(tree_->settle({manager}));
    EXPECT_TRUE(tree_->unavailable_controllers().empty());
    ::kill(manager, SIGKILL);
    reap_all();
}

}  // namespace
}  // namespace svcd
