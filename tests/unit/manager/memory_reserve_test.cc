// What is held back for stops and exits. (A failing allocation is played by calling the handler:
// a sanitizer's allocator knows none.)
#include "manager/memory_reserve.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <new>
#include <string>
#include <vector>

namespace svcd {
namespace {

constexpr Time kStart{Duration{1'000'000'000}};

class Reserve : public testing::Test {
protected:
    void look(Time now) {
        reserve_.look(now, [this](Severity, const std::string& text) { said_.push_back(text); });
    }
    /// With so little address space that nothing more can be mapped.
    void look_without_room(Time now) {
        rlimit before{};
        ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
        const rlimit none{0, before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_AS, &none), 0);
        look(now);
        ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
    }

    std::vector<std::string> said_;
    MemoryReserve reserve_;
};

TEST_F(Reserve, InitKitIssue17IsGivenUpAtTheFirstFailedAllocationAndTheSecondFails) {
    EXPECT_FALSE(reserve_.is_given_up());
    std::get_new_handler()();
    EXPECT_TRUE(reserve_.is_given_up());
    EXPECT_THROW(std::get_new_handler()(), std::bad_alloc);
    EXPECT_EQ(reserve_.due(), std::nullopt);
}

TEST_F(Reserve, IsTakenAgainWhenThereIsRoomAndEachIsSaidOnce) {
    look(kStart);
    EXPECT_TRUE(said_.empty());
    std::get_new_handler()();
    look(kStart);
    look(kStart);
    EXPECT_EQ(said_.size(), 1U);
    EXPECT_EQ(reserve_.due(), kStart + kLookForMemoryFirst);
    look(kStart + kLookForMemoryFirst);
    look(kStart + kLookForMemoryFirst);
    EXPECT_EQ(said_.size(), 2U);
    EXPECT_FALSE(reserve_.is_given_up());
    EXPECT_EQ(reserve_.due(), std::nullopt);
}

TEST_F(Reserve, IsLookedForEverMoreRarely) {
    std::get_new_handler()();
    look(kStart);
    Time now = kStart;
    Duration waited{0};
    for (int tries = 0; tries < 10; ++tries) {
        ASSERT_TRUE(reserve_.due());
        EXPECT_GE(*reserve_.due() - now, waited);
        waited = *reserve_.due() - now;
        now = *reserve_.due();
        look_without_room(now);
    }
    EXPECT_EQ(waited, kLookForMemoryLast);
    EXPECT_EQ(said_.size(), 1U);
    look(*reserve_.due());
    EXPECT_EQ(said_.size(), 2U);
}

}  // namespace
}  // namespace svcd
