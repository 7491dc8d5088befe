#include "linux/log_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace svcd {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const std::string& path) {
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

class LogFiles : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "svcd-logs-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string make(const std::string& path, mode_t mode) {
        const std::string whole = folder_ + "/" + path;
        fs::create_directories(fs::path{whole}.parent_path());
        std::ofstream{whole} << "said\n";
        EXPECT_EQ(::chmod(whole.c_str(), mode), 0);
        return whole;
    }

    std::string folder_;
    LogAccess own_;
};

TEST_F(LogFiles, AreMadeWithTheirFoldersForNobodyElse) {
    const std::string logs = folder_ + "/var/log";
    EXPECT_TRUE(open_log_file(logs, "a.service", own_));
    EXPECT_EQ(mode_of(folder_ + "/var"), 0755U);
    EXPECT_EQ(mode_of(logs), 0700U);
    EXPECT_EQ(mode_of(logs + "/a.service"), 0700U);
    EXPECT_EQ(mode_of(logs + "/a.service/current"), 0600U);
    const std::string shared = folder_ + "/shared";
    EXPECT_TRUE(open_log_file(shared, "a.service", shared_with(::getegid())));
    EXPECT_EQ(mode_of(shared), 0750U);
    EXPECT_EQ(mode_of(shared + "/a.service/current"), 0640U);
}

TEST_F(LogFiles, AreClosedToOthersWhenTheyAreOpened) {
    const std::string file = make("a.service/current", 0644);
    EXPECT_TRUE(open_log_file(folder_, "a.service", own_));
    EXPECT_EQ(mode_of(file), 0600U);
}

TEST_F(LogFiles, AreMendedAndNothingIsOpened) {
    const std::string file = make("a.service/current", 0644);
    const std::string rotated = make("a.service/@1.s", 0444);
    const std::string closed = make("b.slice/current", 0200);
    ASSERT_TRUE(mend_logs(folder_, own_));
    EXPECT_EQ(mode_of(file), 0600U);
    EXPECT_EQ(mode_of(rotated), 0400U);
    EXPECT_EQ(mode_of(folder_ + "/a.service"), 0700U);
    EXPECT_EQ(mode_of(folder_), 0700U);
    EXPECT_EQ(mode_of(closed), 0200U);
}

TEST_F(LogFiles, AreMendedWithoutFollowingLinksOrTouchingOtherThings) {
    const std::string outside = make("outside/file", 0644);
    const std::string logs = folder_ + "/logs";
    fs::create_directories(logs + "/a.service");
    fs::create_symlink(outside, logs + "/a.service/current");
    fs::create_symlink(folder_ + "/outside", logs + "/b.service");
    fs::create_hard_link(outside, logs + "/a.service/second");
    const std::string other = make("logs/nginx/access.log", 0644);
    ASSERT_EQ(::chmod(logs.c_str(), 0755), 0);
    ASSERT_TRUE(mend_logs(logs, own_));
    EXPECT_EQ(mode_of(outside), 0644U);
    EXPECT_EQ(mode_of(folder_ + "/outside"), 0755U);
    EXPECT_EQ(mode_of(other), 0644U);
    EXPECT_EQ(mode_of(logs), 0755U) << "another program has its files there";
    EXPECT_EQ(mode_of(logs + "/a.service"), 0700U);
}

TEST_F(LogFiles, ThatAreNotThereNeedNoMending) {
    EXPECT_TRUE(mend_logs(folder_ + "/nothing", own_));
}

}  // namespace
}  // namespace svcd
