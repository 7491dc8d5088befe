// What others can make svcd write into its log.
#include "manager/log_limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace svcd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr Time kStart{Duration{1'000'000'000}};

class Limits : public testing::Test {
protected:
    /// How many of `count` such lines are admitted; '#' stands for a number that grows.
    std::size_t admitted(const std::string& unit, const std::string& text, std::size_t count) {
        std::size_t lines = 0;
        for (std::size_t i = 0; i < count; ++i) {
            std::string line = text;
            if (const std::size_t at = line.find('#'); at != std::string::npos) {
                line.replace(at, 1, std::to_string(i));
            }
            lines += limit_.admits(now_, Severity::warning, unit, line) ? 1U : 0U;
        }
        return lines;
    }
    std::vector<std::string> told() {
        std::vector<std::string> lines;
        limit_.tell(now_, [&](Severity, const std::string& text) { lines.push_back(text); });
        return lines;
    }

    LogLimit limit_;
    Time now_ = kStart;
};

TEST_F(Limits, SystemdPull37970LinesThatDifferInNumbersOnlyAreCountedAndTheCountIsTold) {
    EXPECT_EQ(admitted("web.service", "a notification from PID # is not taken", 823), 10U);
    EXPECT_EQ(limit_.due(), kStart + kLogWindow);
    EXPECT_THAT(told(), IsEmpty());
    now_ += kLogWindow;
    EXPECT_THAT(told(), ElementsAre("web.service: a notification from PID 10 is not taken; and 812 "
                                    "more in 10 s"));
    EXPECT_EQ(limit_.due(), std::nullopt);
    EXPECT_THAT(told(), IsEmpty());
    EXPECT_EQ(admitted("web.service", "a notification from PID # is not taken", 2), 2U);
}

TEST_F(Limits, OneUnitDoesNotSilenceAnotherNorOneKindAnother) {
    EXPECT_EQ(admitted("web.service", "is flapping", 50), 10U);
    EXPECT_EQ(admitted("db.service", "is flapping", 5), 5U);
    EXPECT_EQ(admitted("web.service", "main process ended", 5), 5U);
    EXPECT_EQ(admitted("", "is flapping", 5), 5U);
}

TEST_F(Limits, AUnitThatSaysEverNewThingsIsLimitedAsAWhole) {
    std::size_t lines = 0;
    for (std::size_t i = 0; i < 5000; ++i) {
        lines += admitted("web.service", std::string(i % 700, 'x') + "y", 1);
    }
    EXPECT_EQ(lines, kLinesOfUnitMax);
    now_ += kLogWindow;
    EXPECT_THAT(told(), SizeIs(1));
}

TEST_F(Limits, HoldAlsoWhenThereAreMoreUnitsThanCounters) {
    std::size_t lines = 0;
    for (std::size_t i = 0; i < 4 * kLogCountersMax; ++i) {
        lines += admitted(std::string(i + 1, 'u'), "x", 1);
    }
    EXPECT_LE(lines, kLogCountersMax);
    now_ += kLogWindow;
    EXPECT_THAT(told(), ElementsAre(StartsWith("uuuu")));
    EXPECT_EQ(admitted("web.service", "is back", 1), 1U);
}

TEST_F(Limits, WhoAsksForDebugLinesGetsThemAll) {
    std::size_t lines = 0;
    for (int i = 0; i < 500; ++i) {
        lines += limit_.admits(now_, Severity::debug, "web.service", "notifies") ? 1U : 0U;
    }
    EXPECT_EQ(lines, 500U);
}

}  // namespace
}  // namespace svcd
