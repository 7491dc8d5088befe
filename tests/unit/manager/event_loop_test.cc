#include "manager/event_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

using ::testing::Each;
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
    void watch(const UniqueFd& fd, EventOrder order, std::function<void()> handler) {
        auto watch = loop_.watch(fd.get(), order, std::move(handler));
        ASSERT_TRUE(watch);
        watches_.push_back(std::move(*watch));
    }
    void note_and_drain(const UniqueFd& fd, EventOrder order, const std::string& name) {
        watch(fd, order, [this, &fd, name] {
            lines_.push_back(name);
            drain(fd);
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

/// Each is ready again at once, for ever.
TEST_F(EventLoopTest, SourcesThatNeverRunDryTakeTurns) {
    const EventOrder orders[] = {EventOrder::notify, EventOrder::execs, EventOrder::exits,
                                 EventOrder::cgroups, EventOrder::bus};
    std::vector<UniqueFd> descriptors;
    std::vector<std::size_t> counts(std::size(orders));
    for (std::size_t index = 0; index < std::size(orders); ++index) {
        descriptors.push_back(ready_descriptor());
        watch(descriptors.back(), orders[index], [&counts, index] { ++counts[index]; });
    }
    constexpr std::size_t kRounds = 5;
    for (std::size_t dispatch = 0; dispatch < kRounds * std::size(orders); ++dispatch) {
        ASSERT_TRUE(loop_.run_one());
    }
    EXPECT_THAT(counts, Each(kRounds));
}

TEST_F(EventLoopTest, InEachTurnTheOrderBeginsAnew) {
    const UniqueFd bus = ready_descriptor();
    const UniqueFd notify = ready_descriptor();
    watch(bus, EventOrder::bus, [&] { lines_.push_back("bus"); });
    note_and_drain(notify, EventOrder::notify, "notify");
    ASSERT_TRUE(loop_.at_turn_end([this, &notify] {
        lines_.push_back("end");
        const std::uint64_t one = 1;
        ASSERT_EQ(::write(notify.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
    }));
    while (std::count(lines_.begin(), lines_.end(), "end") < 2) {
        ASSERT_TRUE(loop_.run_one());
    }
    const auto end = std::find(lines_.begin(), lines_.end(), "end");
    ASSERT_GE(std::distance(end, lines_.end()), 3);
    EXPECT_EQ(lines_.front(), "notify");
    EXPECT_EQ(*(end + 1), "notify") << "clients have been ready all the time";
}

/// As many connections of clients are, that call without pause.
TEST_F(EventLoopTest, ManySourcesOfOneOrderDoNotKeepAnExitWaiting) {
    const UniqueFd exits = ready_descriptor();
    std::vector<UniqueFd> clients;
    std::size_t calls = 0;
    std::size_t calls_before_exit = 0;
    for (int index = 0; index < 200; ++index) {
        clients.push_back(ready_descriptor());
        watch(clients.back(), EventOrder::bus, [&] { ++calls; });
    }
    watch(exits, EventOrder::exits, [&] { calls_before_exit = std::exchange(calls, 0); });
    ASSERT_TRUE(loop_.at_turn_end([] {}));
    std::size_t most = 0;
    for (int dispatch = 0; dispatch < 2'000; ++dispatch) {
        ASSERT_TRUE(loop_.run_one());
        most = std::max(most, calls_before_exit);
    }
    EXPECT_GT(most, 0U);
    EXPECT_LE(most, kDispatchesPerTurn);
}

TEST_F(EventLoopTest, ATurnEndsInBoundedTimeUnderAFlood) {
    const UniqueFd notify = ready_descriptor();
    std::size_t dispatches = 0;
    std::size_t at_end = 0;
    watch(notify, EventOrder::notify, [&] { ++dispatches; });
    ASSERT_TRUE(loop_.at_turn_end([&] { at_end = dispatches; }));
    while (at_end == 0 && dispatches < 10 * kDispatchesPerTurn) {
        ASSERT_TRUE(loop_.run_one());
    }
    EXPECT_GT(at_end, 0U);
    EXPECT_LE(at_end, kDispatchesPerTurn + 1);
}

TEST_F(EventLoopTest, SlowCallsEndATurnByItsTime) {
    const UniqueFd bus = ready_descriptor();
    std::size_t calls = 0;
    std::size_t at_end = 0;
    watch(bus, EventOrder::bus, [&] {
        ++calls;
        const auto begun = std::chrono::steady_clock::now();
        while (std::chrono::steady_clock::now() - begun < kTurnMax) {
        }
    });
    ASSERT_TRUE(loop_.at_turn_end([&] { at_end = calls; }));
    while (at_end == 0 && calls < kDispatchesPerTurn) {
        ASSERT_TRUE(loop_.run_one());
    }
    EXPECT_GE(at_end, 1U);
    EXPECT_LE(at_end, 2U);
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
