#include "linux/process_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace svcd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

/// A child with a child of its own, both of which wait to be killed.
class Family {
public:
    Family() {
        std::array<int, 2> told{};
        EXPECT_EQ(::pipe(told.data()), 0);
        child_ = ::fork();
        if (child_ == 0) {
            const pid_t grandchild = ::fork();
            if (grandchild != 0) {
                static_cast<void>(!::write(told[1], &grandchild, sizeof grandchild));
            }
            for (;;) {
                ::pause();
            }
        }
        EXPECT_EQ(::read(told[0], &grandchild_, sizeof grandchild_), ssize_t{sizeof grandchild_});
        ::close(told[0]);
        ::close(told[1]);
    }
    ~Family() {
        ::kill(grandchild_, SIGKILL);
        end_child();
        ::waitpid(child_, nullptr, 0);
    }
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;

    /// It is a zombie afterwards.
    void end_child() const {
        ::kill(child_, SIGKILL);
        siginfo_t end{};
        ::waitid(P_PID, static_cast<id_t>(child_), &end, WEXITED | WNOWAIT);
    }
    pid_t child() const { return child_; }
    pid_t grandchild() const { return grandchild_; }

private:
    pid_t child_ = 0;
    pid_t grandchild_ = 0;
};

TEST(ProcessTree, HasChildrenAndTheirs) {
    const Family family;
    EXPECT_THAT(children_of(::getpid()), Contains(family.child()));
    EXPECT_THAT(children_of(family.child()), ElementsAre(family.grandchild()));
    EXPECT_THAT(with_descendants({family.child()}, 100),
                UnorderedElementsAre(family.child(), family.grandchild()));
}

TEST(ProcessTree, HasNoMoreThanTheLimit) {
    const Family family;
    EXPECT_THAT(with_descendants({family.child()}, 1), ElementsAre(family.child()));
}

TEST(ProcessTree, LeavesZombiesOut) {
    const Family family;
    family.end_child();
    EXPECT_THAT(with_descendants({family.child()}, 100), Not(Contains(family.child())));
}

TEST(ProcessTree, HasNothingOfOneThatIsGone) {
    EXPECT_THAT(children_of(999'999'999), IsEmpty());
    EXPECT_THAT(with_descendants({999'999'999}, 100), IsEmpty());
}

}  // namespace
}  // namespace svcd
