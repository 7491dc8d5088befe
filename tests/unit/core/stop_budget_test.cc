#include "core/stop_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace svcd {
namespace {

using namespace std::chrono_literals;

StopStage stage(Duration wanted, std::vector<std::uint32_t> next = {}) {
    return StopStage{wanted, Duration{0}, std::move(next)};
}

TEST(StopBudget, GivesAllThatIsWantedWhenItFits) {
    const std::vector<StopStage> chain{stage(4s, {1}), stage(5s)};
    EXPECT_EQ(granted(chain, 0, 9s), 4s);
    EXPECT_EQ(granted(chain, 1, 5s), 5s);
}

TEST(StopBudget, SharesEquallyAmongThoseThatWantMore) {
    const std::vector<StopStage> chain{stage(90s, {1}), stage(90s, {2}), stage(90s)};
    EXPECT_EQ(granted(chain, 0, 9s), 3s);
}

TEST(StopBudget, LeavesTheModestTheirShareWhole) {
    const std::vector<StopStage> chain{stage(1s, {1}), stage(90s, {2}), stage(90s)};
    EXPECT_EQ(granted(chain, 0, 9s), 1s);
    EXPECT_EQ(granted(chain, 1, 8s), 4s);
}

TEST(StopBudget, LooksAtTheLongestOfSeveralChains) {
    const std::vector<StopStage> fork{stage(10s, {1, 2}), stage(1s), stage(10s, {3}), stage(10s)};
    EXPECT_EQ(granted(fork, 0, 6s), 2s);
    EXPECT_EQ(granted(fork, 1, 6s), 1s);
}

TEST(StopBudget, AnEndlessWishIsCutLikeAnyOther) {
    const std::vector<StopStage> chain{stage(kInfinity, {1}), stage(2s)};
    EXPECT_EQ(granted(chain, 0, 10s), 8s);
    EXPECT_EQ(granted(chain, 0, kInfinity), kInfinity);
}

TEST(StopBudget, AHugeWishIsAnEndlessOne) {
    const Duration huge = std::chrono::hours{24 * 365 * 200'000};
    const std::vector<StopStage> chain{stage(huge, {1}), stage(huge, {2}), stage(huge)};
    EXPECT_EQ(longest_way(chain, 0), kInfinity);
    EXPECT_EQ(granted(chain, 0, 9s), 3s);
}

TEST(StopBudget, CountsWhatSigkillTakes) {
    std::vector<StopStage> chain{stage(10s, {1}), stage(10s)};
    chain[0].reserve = 1s;
    chain[1].reserve = 1s;
    EXPECT_EQ(granted(chain, 0, 10s), 4s);
}

TEST(StopBudget, OfNothingIsNothing) {
    const std::vector<StopStage> chain{stage(10s, {1}), stage(10s)};
    EXPECT_EQ(granted(chain, 0, 0s), 0s);
    EXPECT_EQ(granted(chain, 0, -1s), 0s);
}

/// A random graph in which edges lead from lower to higher numbers.
std::vector<StopStage> random_stages(std::mt19937& random) {
    const std::size_t count = 1 + random() % 40;
    std::vector<StopStage> stages(count);
    const std::size_t density = 1 + random() % 6;
    for (std::size_t from = 0; from < count; ++from) {
        stages[from].wanted = random() % 20 == 0 ? kInfinity : Duration{random() % 60'000'000};
        stages[from].reserve = random() % 2 == 0 ? kStopReserve : 0us;
        for (std::size_t edge = 0; edge < density && from + 1 < count; ++edge) {
            stages[from].next.push_back(
                static_cast<std::uint32_t>(from + 1 + random() % (count - from - 1)));
        }
    }
    return stages;
}

/// Every stage takes all that it is given, and begins when the last that it waits for has ended.
/// The times of the ends.
std::vector<Duration> run_at_worst(const std::vector<StopStage>& stages,
                                   Duration budget,
                                   std::vector<Duration>& given) {
    std::vector<Duration> begins(stages.size());
    std::vector<Duration> ends(stages.size());
    given.assign(stages.size(), 0us);
    for (std::size_t at = 0; at < stages.size(); ++at) {
        given[at] = granted(stages, at, budget - begins[at]);
        ends[at] = given[at] == kInfinity ? kInfinity : begins[at] + given[at] + stages[at].reserve;
        for (const std::uint32_t next : stages[at].next) {
            begins[next] = std::max(begins[next], ends[at]);
        }
    }
    return ends;
}

TEST(StopBudget, HoldsOnRandomGraphs) {
    std::mt19937 random{4711};
    for (int round = 0; round < 3000; ++round) {
        const std::vector<StopStage> stages = random_stages(random);
        const Duration budget{random() % 120'000'000};
        std::vector<Duration> given;
        const std::vector<Duration> ends = run_at_worst(stages, budget, given);
        // What SIGKILL takes is due however little there is.
        Duration unavoidable{0};
        for (std::size_t at = 0; at < stages.size(); ++at) {
            unavoidable = std::max(unavoidable, longest_way(stages, at, 0us));
        }
        for (std::size_t at = 0; at < stages.size(); ++at) {
            ASSERT_GE(given[at], 0us);
            ASSERT_LE(given[at], stages[at].wanted) << "round " << round;
            ASSERT_LE(ends[at], std::max(budget, unavoidable)) << "round " << round;
        }
    }
}

TEST(StopBudget, ShortensNothingOnRandomGraphsThatFit) {
    std::mt19937 random{17};
    for (int round = 0; round < 1000; ++round) {
        std::vector<StopStage> stages = random_stages(random);
        Duration longest{0};
        for (StopStage& each : stages) {
            each.wanted = std::min<Duration>(each.wanted, 60s);
        }
        for (std::size_t at = 0; at < stages.size(); ++at) {
            longest = std::max(longest, longest_way(stages, at));
        }
        std::vector<Duration> given;
        run_at_worst(stages, longest, given);
        for (std::size_t at = 0; at < stages.size(); ++at) {
            ASSERT_EQ(given[at], stages[at].wanted) << "round " << round;
        }
    }
}

TEST(StopBudget, TimeLeftUnusedFlowsOnRandomGraphs) {
    std::mt19937 random{99};
    for (int round = 0; round < 1000; ++round) {
        const std::vector<StopStage> stages = random_stages(random);
        const std::size_t at = random() % stages.size();
        const Duration little{random() % 30'000'000};
        const Duration more = little + Duration{random() % 30'000'000};
        ASSERT_LE(granted(stages, at, little), granted(stages, at, more)) << "round " << round;
    }
}

}  // namespace
}  // namespace svcd
