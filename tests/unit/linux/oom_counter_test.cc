#include "linux/oom_counter.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

class OomCounters : public testing::Test {
protected:
    void SetUp() override {
        char path[] = "/tmp/svcd-oom-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        path_ = path;
        folder_.reset(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
    void TearDown() override { std::filesystem::remove_all(path_); }

    void kernel_says(int kills) const {
        std::ofstream{path_ + "/memory.events"} << "low 0\nhigh 3\nmax 9\noom 7\noom_kill " << kills
                                                << "\noom_group_kill 5\n";
    }

    std::string path_;
    UniqueFd folder_;
};

TEST_F(OomCounters, TellEachGrowthOnce) {
    OomCounter counter;
    kernel_says(0);
    counter.start(folder_.get());
    EXPECT_FALSE(counter.has_grown(folder_.get()));
    kernel_says(2);
    EXPECT_TRUE(counter.has_grown(folder_.get()));
    EXPECT_FALSE(counter.has_grown(folder_.get()));
    kernel_says(3);
    EXPECT_TRUE(counter.has_grown(folder_.get()));
}

TEST_F(OomCounters, LeaveOutWhatWasThereAtTheStart) {
    OomCounter counter;
    kernel_says(4);
    counter.start(folder_.get());
    EXPECT_FALSE(counter.has_grown(folder_.get()));
    kernel_says(5);
    EXPECT_TRUE(counter.has_grown(folder_.get()));
}

TEST_F(OomCounters, TellNothingWithoutAMemoryController) {
    OomCounter counter;
    counter.start(folder_.get());
    EXPECT_FALSE(counter.has_grown(folder_.get()));
    std::ofstream{path_ + "/memory.events"} << "oom_kill";
    EXPECT_FALSE(counter.has_grown(folder_.get()));
}

}  // namespace
}  // namespace svcd
