// A cgroup tree of the test's own, and a manager in it.
//
// Services are children of the launcher, so the test process plays the launcher: a child subreaper
// that reaps. The manager is a process that it forks; what the manager spawns are the test's
// children, and their PIDs stand in memory that both share.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "linux/cgroup.h"
#include "linux/spawn.h"

namespace svcd {

class TestTree : public testing::Test {
protected:
    static constexpr std::size_t kPids = 1024;

    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "making cgroups needs root";
        }
        ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        root_ = "/svcd-test-" + std::to_string(::getpid());
        Result<CgroupTree> tree = CgroupTree::open(root_, "system.slice");
        if (!tree) {
            GTEST_SKIP() << "no cgroup v2 that we may write to: " << to_string(tree.error());
        }
        tree_.emplace(std::move(*tree));
        char folder[] = "/tmp/svcd-test-XXXXXX";
        ASSERT_NE(::mkdtemp(folder), nullptr);
        folder_ = folder;
        void* memory = ::mmap(nullptr, kPids * sizeof(std::atomic<std::int32_t>),
                              PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ASSERT_NE(memory, MAP_FAILED);
        pids_ = static_cast<std::atomic<std::int32_t>*>(memory);
    }

    void TearDown() override {
        if (!tree_) {
            return;
        }
        const std::vector<std::string> units = tree_->existing_units();
        for (const std::string& unit : units) {
            EXPECT_TRUE(tree_->kill(unit));
        }
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
        for (const std::string& unit : units) {
            const auto removed = tree_->remove(unit);
            EXPECT_TRUE(removed) << to_string(removed.error());
        }
        std::filesystem::remove_all(folder_);
        const std::string mounted = cgroup_folder("");
        EXPECT_EQ(::rmdir(mounted.c_str()), 0) << mounted;
        ::rmdir((mount_of_root() + "/svcd.scope").c_str());
        EXPECT_EQ(::rmdir(mount_of_root().c_str()), 0);
        ::munmap(pids_, kPids * sizeof(std::atomic<std::int32_t>));
    }

    /// Where the tests' cgroups are seen as folders.
    std::string mount_of_root() const {
        const char* hybrid = "/sys/fs/cgroup/unified";
        const std::string mount = std::filesystem::exists(hybrid) ? hybrid : "/sys/fs/cgroup";
        return mount + root_;
    }
    std::string cgroup_folder(const std::string& unit) const {
        return mount_of_root() + "/system.slice" + (unit.empty() ? "" : "/" + unit);
    }

    /// Runs `work` as the manager, to its end.
    void in_manager(const std::function<void()>& work) {
        const pid_t manager = ::fork();
        ASSERT_GE(manager, 0);
        if (manager == 0) {
            work();
            ::_exit(HasFailure() ? 1 : 0);
        }
        int status = 0;
        while (::waitpid(manager, &status, 0) < 0 && errno == EINTR) {
        }
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the manager failed";
    }

    /// The status of what was spawned with pids_[index], as waitpid gives it.
    int wait_for(std::size_t index) {
        int status = -1;
        EXPECT_EQ(::waitpid(pids_[index], &status, 0), pids_[index]);
        return status;
    }
    int exit_status_of(std::size_t index) {
        const int status = wait_for(index);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    std::string root_;
    std::string folder_;
    std::optional<CgroupTree> tree_;
    std::vector<Pid> reached_;
    std::atomic<std::int32_t>* pids_ = nullptr;
};

}  // namespace svcd
