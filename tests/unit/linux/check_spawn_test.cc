// The spawn of a look at conditions: svcd-exec in svcd's own cgroup.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <csignal>

#include "linux/procfs.h"
#include "linux/spawn.h"
#include "unit/linux/hung_fs.h"
#include "unit/linux/test_tree.h"

namespace svcd {
namespace {

class Checking : public TestTree {
protected:
    Result<SpawnOutcome> look(Spawner& spawner,
                              std::size_t index,
                              const std::vector<std::string>& paths) {
        for (const std::string& path : paths) {
            Condition& condition = conditions_.emplace_back();
            condition.parameter = path;
        }
        const auto settled = tree_->settle({});
        EXPECT_TRUE(settled) << to_string(settled.error());
        CheckSpawn request;
        request.token = make_token(1, static_cast<std::uint32_t>(index));
        request.unit = "web.service";
        request.conditions = &conditions_;
        request.cgroup_folder = tree_->root_folder();
        request.cgroup_fd = tree_->own_cgroup().value();
        request.pid = &pids_[index];
        return spawner.spawn(request);
    }

    std::vector<Condition> conditions_;
};

TEST_F(Checking, TellsTheOneThatDecidedByItsExitStatus) {
    in_manager([&] {
        Spawner spawner{SVCD_EXEC_PATH};
        ASSERT_TRUE(look(spawner, 0, {"/", "/proc"}));
        ASSERT_TRUE(look(spawner, 1, {"/nowhere", "/proc"}));
    });
    EXPECT_EQ(exit_status_of(0), 0);
    EXPECT_EQ(exit_status_of(1), 3);
}

TEST_F(Checking, HangsAloneInSvcdsCgroupAndIsNotInFlight) {
    in_manager([&] {
        const std::string mounted = folder_ + "/hung";
        ASSERT_EQ(::mkdir(mounted.c_str(), 0755), 0);
        const Result<HungFs> hung = HungFs::mount(mounted);
        if (!hung) {
            std::fprintf(stderr, "not checked: %s\n", to_string(hung.error()).c_str());
            return;
        }
        Spawner spawner{SVCD_EXEC_PATH};
        ASSERT_TRUE(look(spawner, 0, {mounted + "/x"}));
        while (spawner.in_flight() != 0) {
            spawner.take_started();
        }
        EXPECT_EQ(cgroup_of(pids_[0]).value(), root_ + "/svcd.scope");
        ASSERT_EQ(::kill(pids_[0], SIGKILL), 0);
    });
    if (pids_[0] == 0) {
        GTEST_SKIP() << "no FUSE here";
    }
    EXPECT_EQ(exit_status_of(0), -SIGKILL);
}

}  // namespace
}  // namespace svcd
