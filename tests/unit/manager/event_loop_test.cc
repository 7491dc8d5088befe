#include "manager/event_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

using ::testing::ElementsAre;

UniqueFd ready_descriptor() {
    return UniqueFd{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
}

void drain(const UniqueFd& fd) {
    std::uint64_t count = 0;
    ASSERT_EQ(::read(fd.get(), &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
}

class EventLoopTest : public ::testing::Test {
protected:
    void watch(const UniqueFd& fd, EventOrder order, std::function<Drained()> handler) {
        auto watch = loop_.watch(fd.get(), order, std::move(handler));
        ASSERT_TRUE(watch);
        watches_.push_back(std::move(*watch));
    }
    void note_and_drain(const UniqueFd& fd, EventOrder order, const std::string& name) {
        watch(fd, order, [this, &fd, name] {
            lines_.push_back(name);
            drain(fd);
            return Drained::yes;
        });
    }

    EventLoop loop_;
    std::vector<std::unique_ptr<Watch>> watches_;
    std::vector<std::string> lines_;
};

TEST_F(EventLoopTest, SignsOfLifeComeBeforeDeathsAndBothBeforeClients) {
    const UniqueFd bus = ready_descriptor();
    const UniqueFd exits = ready_descriptor();
    const UniqueFd notify = ready_descriptor();
    note_and_drain(bus, EventOrder::bus, "bus");
    note_and_drain(exits, EventOrder::exits, "exits");
    note_and_drain(notify, EventOrder::notify, "notify");
    loop_.run_ready(3);
    EXPECT_THAT(lines_, ElementsAre("notify", "exits", "bus"));
}

TEST_F(EventLoopTest, ATurnEndsOnceWhenNothingMoreIsReady) {
    const UniqueFd exits = ready_descriptor();
    const UniqueFd notify = ready_descriptor();
    ASSERT_TRUE(loop_.at_turn_end([this] { lines_.push_back("end"); }));
    note_and_drain(exits, EventOrder::exits, "exits");
    note_and_drain(notify, EventOrder::notify, "notify");
    loop_.run_ready(100);
    EXPECT_THAT(lines_, ElementsAre("notify", "exits", "end"));
}

TEST_F(EventLoopTest, ASourceThatHadItsShareWaitsUntilTheOthersHadTheirs) {
    const UniqueFd notify = ready_descriptor();
    const UniqueFd bus = ready_descriptor();
    int rounds = 0;
    watch(notify, EventOrder::notify, [&] {
        lines_.push_back("notify");
        if (++rounds < 3) {
            return Drained::no;
        }
        drain(notify);
        return Drained::yes;
    });
    note_and_drain(bus, EventOrder::bus, "bus");
    loop_.run_ready(100);
    EXPECT_THAT(lines_, ElementsAre("notify", "bus", "notify", "notify"));
}

TEST_F(EventLoopTest, ATurnEndsInBoundedTimeUnderAFlood) {
    const UniqueFd notify = ready_descriptor();
    std::size_t dispatches = 0;
    std::size_t at_end = 0;
    watch(notify, EventOrder::notify, [&] {
        ++dispatches;
        return Drained::yes;  // and ready again at once, for ever
    });
    ASSERT_TRUE(loop_.at_turn_end([&] { at_end = dispatches; }));
    while (at_end == 0 && dispatches < 10 * kDispatchesPerTurn) {
        ASSERT_TRUE(loop_.run_one());
    }
    EXPECT_GT(at_end, 0U);
    EXPECT_LE(at_end, kDispatchesPerTurn + 1);
}

TEST_F(EventLoopTest, ATimerElapsesOnceAndCanBeArmedAgain) {
    int elapsed = 0;
    auto timer = loop_.timer(EventOrder::deadline, [&] { ++elapsed; });
    ASSERT_TRUE(timer);
    (*timer)->arm(loop_.now());
    ASSERT_TRUE(loop_.run_one());
    EXPECT_EQ(elapsed, 1);
    EXPECT_FALSE((*timer)->is_armed());
    (*timer)->arm(loop_.now());
    ASSERT_TRUE(loop_.run_one());
    EXPECT_EQ(elapsed, 2);
    (*timer)->arm(loop_.now());
    (*timer)->arm(std::nullopt);
    loop_.run_ready(10);
    EXPECT_EQ(elapsed, 2);
}

}  // namespace
}  // namespace svcd
