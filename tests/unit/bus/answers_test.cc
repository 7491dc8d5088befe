#include "bus/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

namespace svcd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr JobId kJob{7};

TEST(Answers, KnowWhatWasAnsweredAndHowTheJobEnded) {
    Answers answers;
    EXPECT_FALSE(answers.find("0:a"));
    answers.add("0:a", "start web", kJob);
    ASSERT_TRUE(answers.find("0:a"));
    EXPECT_EQ(answers.find("0:a")->job, kJob);
    EXPECT_EQ(answers.find("0:a")->what, Answers::digest("start web"));
    EXPECT_NE(answers.find("0:a")->what, Answers::digest("stop web"));
    EXPECT_FALSE(answers.find("0:a")->result);
    EXPECT_FALSE(answers.find("1:a"));
    answers.job_ended(JobId{8}, JobResult::failed);
    EXPECT_FALSE(answers.find("0:a")->result);
    answers.job_ended(kJob, JobResult::timeout);
    EXPECT_EQ(answers.find("0:a")->result, JobResult::timeout);
}

TEST(Answers, OfSeveralRequestsForOneJobAllLearnItsEnd) {
    Answers answers;
    answers.add("0:a", "start web", kJob);
    answers.add("0:b", "start web", kJob);
    answers.clear_changed();
    answers.job_ended(kJob, JobResult::done);
    EXPECT_EQ(answers.find("0:a")->result, JobResult::done);
    EXPECT_EQ(answers.find("0:b")->result, JobResult::done);
    EXPECT_EQ(answers.changed().size(), 2U);
}

TEST(Answers, SayWhatIsToBeWritten) {
    Answers answers;
    answers.add("0:a", "start web", kJob);
    answers.job_ended(kJob, JobResult::done);
    EXPECT_THAT(answers.changed(), ElementsAre(0U));  // once, though it changed twice
    answers.clear_changed();
    answers.job_ended(kJob, JobResult::failed);  // it has ended before
    EXPECT_THAT(answers.changed(), IsEmpty());
    EXPECT_EQ(answers.find("0:a")->result, JobResult::done);
}

TEST(Answers, OutliveTheManager) {
    Answers before;
    before.add("0:a", "start web", kJob);
    before.add("0:b", "stop db", JobId::none);
    Answers after;
    after.restore(0, before.record(0));
    after.restore(1, before.record(1));
    EXPECT_EQ(after.find("0:b")->job, JobId::none);
    after.job_ended(kJob, JobResult::canceled);
    EXPECT_EQ(after.find("0:a")->result, JobResult::canceled);
    after.clear_changed();
    after.add("0:c", "start web", kJob);
    EXPECT_THAT(after.changed(), ElementsAre(2U));
}

/// Also when others, whose jobs ended later, stand before it.
TEST(Answers, OfARequestUnderWayAreNotGivenUpForANewOne) {
    Answers before;
    for (std::size_t number = 0; number < kRequestsRemembered; ++number) {
        before.add("0:" + std::to_string(number), "start web",
                   JobId{static_cast<std::uint32_t>(number + 1)});
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    before.add("0:new", "restart web", JobId{5000});  // in the place of 0:0
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    before.job_ended(JobId{501}, JobResult::done);  // of 0:500
    Answers after;
    for (std::size_t slot = 0; slot < kRequestsRemembered; ++slot) {
        after.restore(slot, before.record(slot));
    }
    for (std::size_t number = 0; number < 600; ++number) {
        after.add("1:" + std::to_string(number), "stop web", JobId::none);
    }
    EXPECT_TRUE(after.find("0:new"));
    EXPECT_TRUE(after.find("0:500"));
    EXPECT_FALSE(after.find("0:400"));
    EXPECT_TRUE(after.find("0:700"));
}

TEST(Answers, ForgetWhatIsTooOld) {
    Answers before;
    before.add("0:a", "start web", kJob);
    RequestRecord record = before.record(0);
    record.until = 1;
    Answers after;
    after.restore(0, record);
    EXPECT_FALSE(after.find("0:a"));
    after.restore(kRequestsRemembered, before.record(0));  // no such place
    EXPECT_FALSE(after.find("0:a"));
}

TEST(Answers, KeepTheLastOnly) {
    Answers answers;
    for (std::size_t number = 0; number <= kRequestsRemembered; ++number) {
        answers.add("0:" + std::to_string(number), "start web", JobId{1});
    }
    EXPECT_FALSE(answers.find("0:0"));
    EXPECT_TRUE(answers.find("0:1"));
    answers.clear_changed();
    answers.job_ended(JobId{1}, JobResult::done);
    EXPECT_EQ(answers.changed().size(), kRequestsRemembered);
    EXPECT_TRUE(answers.find("0:1")->result);
}

}  // namespace
}  // namespace svcd
