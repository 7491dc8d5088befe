#include "exec/trusted_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace svcd {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kSomebody = 65534;

/// A folder of root's, and in it one of somebody else's and a file of root's.
class TrustedPath : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "only root has something to lose";
        }
        std::string name = (fs::temp_directory_path() / "svcd-trusted-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
        theirs_ = root_ + "/theirs";
        secret_ = root_ + "/secret";
        fs::create_directory(theirs_);
        ASSERT_EQ(::chown(theirs_.c_str(), kSomebody, kSomebody), 0);
        write(secret_, "root's");
    }
    void TearDown() override {
        if (!root_.empty()) {
            fs::remove_all(root_);
        }
    }

    static void write(const std::string& path, const std::string& text) {
        std::ofstream{path} << text;
    }
    static std::string read(const std::string& path) {
        std::stringstream text;
        text << std::ifstream{path}.rdbuf();
        return text.str();
    }
    static void link(const std::string& target, const std::string& path, uid_t owner) {
        fs::create_symlink(target, path);
        ASSERT_EQ(::lchown(path.c_str(), owner, owner), 0);
    }

    /// 0, or the negative errno; `refusal_` says more.
    long open(const std::string& path, int flags, FileKinds kinds = FileKinds::streams) {
        refusal_ = PathRefusal{};
        const long fd = open_trusted(path.c_str(), flags, 0644, kinds, refusal_);
        if (fd >= 0) {
            EXPECT_NE(::fcntl(static_cast<int>(fd), F_GETFD) & FD_CLOEXEC, 0);
            ::close(static_cast<int>(fd));
        }
        return fd < 0 ? fd : 0;
    }
    static constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;
    static constexpr int kTruncate = O_WRONLY | O_CREAT | O_TRUNC;

    std::string root_;
    std::string theirs_;
    std::string secret_;
    PathRefusal refusal_;
};

TEST_F(TrustedPath, OpensAndMakesFilesWhereverTheyAre) {
    EXPECT_EQ(open(secret_, O_RDONLY), 0);
    EXPECT_EQ(open(root_ + "/new", kAppend), 0);
    EXPECT_EQ(open(theirs_ + "/new", kAppend), 0);
    write(theirs_ + "/old", "old");
    ASSERT_EQ(::chown((theirs_ + "/old").c_str(), kSomebody, kSomebody), 0);
    EXPECT_EQ(open(theirs_ + "/old", kTruncate), 0);
    EXPECT_EQ(read(theirs_ + "/old"), "");
    EXPECT_EQ(open(root_ + "/./theirs/../new", O_RDONLY), 0);
    EXPECT_EQ(open(root_ + "/missing", O_RDONLY), -ENOENT);
    EXPECT_EQ(open(root_ + "/secret/x", O_RDONLY), -ENOTDIR);
    EXPECT_EQ(open(root_, O_RDONLY), -EISDIR);
}

TEST_F(TrustedPath, DoesNotFollowALinkOfSomebodyElse) {
    link(secret_, theirs_ + "/log", kSomebody);
    EXPECT_EQ(open(theirs_ + "/log", kTruncate), -EPERM);
    EXPECT_EQ(refusal_.problem, ExecProblem::foreign_link);
    EXPECT_STREQ(refusal_.link.data(), "log");
    EXPECT_EQ(open(theirs_ + "/log", O_RDONLY), -EPERM);
    EXPECT_EQ(read(secret_), "root's");
    link(root_ + "/made", theirs_ + "/dangling", kSomebody);
    EXPECT_EQ(open(theirs_ + "/dangling", kAppend), -EPERM);
    EXPECT_FALSE(fs::exists(root_ + "/made"));
}

TEST_F(TrustedPath, OpenrcIssue201DoesNotFollowOneOnTheWay) {
    link(root_, theirs_ + "/run", kSomebody);
    EXPECT_EQ(open(theirs_ + "/run/secret", kAppend), -EPERM);
    EXPECT_EQ(refusal_.problem, ExecProblem::foreign_link);
    EXPECT_STREQ(refusal_.link.data(), "run");
    EXPECT_EQ(open(theirs_ + "/run/new", kAppend), -EPERM);
    EXPECT_FALSE(fs::exists(root_ + "/new"));
    link(theirs_ + "/run", root_ + "/through", 0);  // root's link, to one of somebody else
    EXPECT_EQ(open(root_ + "/through/secret", O_RDONLY), -EPERM);
}

TEST_F(TrustedPath, SystemdIssue14226FollowsLinksOfRoots) {
    fs::create_directory(root_ + "/real");
    link("real", root_ + "/relative", 0);
    link(root_ + "/relative", root_ + "/absolute", 0);
    link("../real/file", root_ + "/real/last", 0);
    EXPECT_EQ(open(root_ + "/absolute/file", kAppend), 0);
    EXPECT_TRUE(fs::exists(root_ + "/real/file"));
    EXPECT_EQ(open(root_ + "/absolute/last", O_RDONLY), 0);
    link(root_ + "/real/made", theirs_ + "/log", 0);
    EXPECT_EQ(open(theirs_ + "/log", kAppend), 0);
    EXPECT_TRUE(fs::exists(root_ + "/real/made"));
}

TEST_F(TrustedPath, OpenrcIssue195OpensNoSecondNameOfAnothersFile) {
    fs::create_hard_link(secret_, theirs_ + "/log");
    EXPECT_EQ(open(theirs_ + "/log", kTruncate), -EPERM);
    EXPECT_EQ(refusal_.problem, ExecProblem::several_names);
    EXPECT_EQ(read(secret_), "root's");
    EXPECT_EQ(open(secret_, kAppend), 0) << "nobody else could have made that name";
    ASSERT_EQ(::chmod(root_.c_str(), 01777), 0);
    EXPECT_EQ(open(secret_, kAppend), -EPERM);
}

/// Whoever gives a name to root's file and removes it again leaves one name at a moment of his.
TEST(TrustedOwners, AFileOfOthersIsThatOfTheOneWhoMayWriteTheFolder) {
    struct stat folder {};
    struct stat file {};
    folder.st_uid = file.st_uid = 65534;
    folder.st_mode = S_IFDIR | 0755;
    EXPECT_TRUE(is_owners_own(file, folder));
    folder.st_mode = S_IFDIR | 0775;
    EXPECT_FALSE(is_owners_own(file, folder)) << "a group may write it";
    folder.st_mode = S_IFDIR | 0755;
    file.st_uid = 0;
    EXPECT_FALSE(is_owners_own(file, folder)) << "root's file in another's folder";
    file.st_uid = folder.st_uid = ::geteuid();
    folder.st_mode = S_IFDIR | 01777;
    EXPECT_FALSE(is_owners_own(file, folder)) << "everybody may write /tmp, which is root's";
}

TEST_F(TrustedPath, FollowsNoSecondNameOfALinkOfRoots) {
    link(secret_, root_ + "/link", 0);
    ASSERT_EQ(
        ::linkat(AT_FDCWD, (root_ + "/link").c_str(), AT_FDCWD, (theirs_ + "/log").c_str(), 0), 0);
    EXPECT_EQ(open(theirs_ + "/log", kAppend), -EPERM);
    EXPECT_EQ(open(root_ + "/link", kAppend), 0);
}

TEST_F(TrustedPath, OpenrcIssue773FollowsLinksOfTheUserThatSvcdRunsAs) {
    link(theirs_ + "/real", theirs_ + "/log", kSomebody);
    ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
    ASSERT_EQ(::seteuid(kSomebody), 0);
    const long own = open(theirs_ + "/log", kAppend);
    ASSERT_EQ(::seteuid(0), 0);
    EXPECT_EQ(own, 0);
    EXPECT_TRUE(fs::exists(theirs_ + "/real"));
}

TEST_F(TrustedPath, FollowsWhatTheKernelLinks) {
    EXPECT_EQ(open("/dev/null", kAppend), 0);
    EXPECT_EQ(open("/proc/self/status", O_RDONLY), 0);
    EXPECT_EQ(open("/proc/self/cwd/.", O_RDONLY), -EISDIR);
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const std::string number = std::to_string(ends[1]);
    EXPECT_EQ(open("/proc/self/fd/" + number, kAppend), 0);
    EXPECT_EQ(open("/dev/fd/" + number, kAppend), 0);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(TrustedPath, OpensFifosAndDevicesAsStreamsOnlyAndNeverWaits) {
    const std::string fifo = theirs_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(open(fifo, O_RDONLY), 0);
    EXPECT_EQ(open(fifo, kAppend), -ENXIO);
    EXPECT_EQ(open(fifo, O_RDONLY, FileKinds::regular), -EINVAL);
    EXPECT_EQ(refusal_.problem, ExecProblem::not_a_regular_file);
    EXPECT_EQ(open("/dev/null", O_RDONLY, FileKinds::regular), -EINVAL);
}

TEST_F(TrustedPath, GivesUpAtACircleOrALongChainOfLinks) {
    link(root_ + "/b", root_ + "/a", 0);
    link(root_ + "/a", root_ + "/b", 0);
    EXPECT_EQ(open(root_ + "/a", kAppend), -ELOOP);
    link(secret_, root_ + "/0", 0);
    for (int number = 1; number <= kLinksMax; ++number) {
        link(root_ + "/" + std::to_string(number - 1), root_ + "/" + std::to_string(number), 0);
    }
    EXPECT_EQ(open(root_ + "/" + std::to_string(kLinksMax - 1), O_RDONLY), 0);
    EXPECT_EQ(open(root_ + "/" + std::to_string(kLinksMax), O_RDONLY), -ELOOP);
}

TEST_F(TrustedPath, GivesUpAtWhatIsTooLong) {
    link(secret_, root_ + "/link", 0);
    const std::string name(256, 'n');
    EXPECT_EQ(open(root_ + "/" + name, kAppend), -ENAMETOOLONG);
    std::string path = root_ + "/link";
    while (path.size() < 5000) {
        path.insert(root_.size(), "/.");
    }
    EXPECT_EQ(open(path, O_RDONLY), -ENAMETOOLONG);
    std::string target = "/";
    while (target.size() + secret_.size() < 4000) {
        target += "./";
    }
    link(target + secret_, root_ + "/long", 0);
    EXPECT_EQ(open(root_ + "/long", O_RDONLY), 0);
    EXPECT_EQ(open(root_ + "/long/" + std::string(200, 'x'), O_RDONLY), -ENAMETOOLONG);
}

TEST_F(TrustedPath, LeavesNoDescriptorBehind) {
    const auto count = [] {
        std::size_t number = 0;
        for ([[maybe_unused]] const auto& each : fs::directory_iterator{"/proc/self/fd"}) {
            ++number;
        }
        return number;
    };
    link(secret_, theirs_ + "/log", kSomebody);
    link(secret_, root_ + "/link", 0);
    fs::create_hard_link(secret_, theirs_ + "/second");
    const std::size_t before = count();
    open(theirs_ + "/log", kAppend);
    open(theirs_ + "/second", kAppend);
    open(root_ + "/link", kAppend);
    open(root_ + "/link/x", kAppend);
    open(root_, O_RDONLY);
    open("/proc/self/fd/0", O_RDONLY);
    EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace svcd
