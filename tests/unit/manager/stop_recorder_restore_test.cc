// Records after a death of the manager.
#include "unit/manager/stop_recorder_fixture.h"

namespace svcd {
namespace {

using test::service;
using testing::ElementsAre;
using testing::SizeIs;

class AfterAManager : public StopRecorderTest {
protected:
    /// What the state file holds now.
    void write_state() {
        saved_ = StateRestored{};
        saved_.supervisor = supervisor_->record();
        RestoredUnit unit;
        unit.record = supervisor_->record(id("a.service"));
        unit.main = ProcessFact{ProcessFact::State::alive, 101};
        unit.populated = true;
        saved_.units.push_back(unit);
    }
    void die_and_restore(bool with_state = true) {
        write_state();
        restore(with_state);
    }
    void restore(bool with_state = true) {
        StateRestored event = saved_;
        begin_manager();
        load(service("a"));
        if (with_state) {
            step(std::move(event));
        } else {
            recorder_->give_up_unfinished();
        }
    }

    StateRestored saved_;
};

TEST_F(AfterAManager, ARecordGoesOn) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    const json before = record("a.service");
    now_ += 1s;
    die_and_restore();
    now_ += 1s;
    main_exits();
    empties("a.service");
    const json after = record("a.service");
    ASSERT_THAT(records("a.service"), SizeIs(1));
    EXPECT_EQ(after["id"], before["id"]);
    EXPECT_EQ(after["asked_by"], before["asked_by"]);
    EXPECT_THAT(outline(after),
                ElementsAre("state stop-sigterm", "signal SIGTERM stop", "manager",
                            "signal SIGTERM again", "exit main", "empty", "state dead"));
    EXPECT_EQ(after["duration_usec"], 2'000'000);
}

TEST_F(AfterAManager, ARecordTellsWhatHadBecomeOfTheOneBefore) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    write_state();
    saved_.supervisor.handed_over = 1;
    restore();
    write_state();
    EXPECT_EQ(saved_.supervisor.handed_over, 0);
    saved_.was_away = true;
    recorder_->end_turn();
    restore();
    recorder_->end_turn();
    die_and_restore();
    std::vector<std::string> how;
    const json found = record("a.service");
    for (const json& event : found["events"]) {
        if (event["what"] == "manager") {
            how.push_back(event["how"]);
        }
    }
    EXPECT_THAT(how, ElementsAre("left", "away", "died"));
}

TEST_F(AfterAManager, AStartThatFailsTellsThatAnotherWentOnWithIt) {
    load(service("a").type(ServiceType::notify));
    start("a.service");
    now_ += 1s;
    write_state();
    begin_manager();
    load(service("a").type(ServiceType::notify));
    step(StateRestored{saved_});
    advance(90s);
    const json failed = record("a.service");
    EXPECT_EQ(failed["from"], "start");
    EXPECT_EQ(outline(failed)[0], "manager");
    EXPECT_EQ(failed["events"][0]["at_usec"], 2'000'000 - failed["began_usec"].get<std::int64_t>());
}

TEST_F(AfterAManager, AStopWhoseRecordWasNotWrittenGetsOne) {
    load(service("a"));
    start("a.service");
    now_ += 1s;
    ask(JobVerb::stop, "a.service");  // no flush
    now_ += 1s;
    die_and_restore();
    const json now = record("a.service");
    EXPECT_EQ(now["began_usec"], 2'000'000);
    EXPECT_EQ(now["from"], "");
    EXPECT_EQ(now["asked_by"]["uid"], 1000);
    EXPECT_THAT(outline(now), ElementsAre("state stop-sigterm", "manager", "signal SIGTERM again"));
}

TEST_F(AfterAManager, AnEndIsInTheLogBeforeItIsInTheStateFile) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    main_exits();
    empties("a.service");  // the turn goes on
    die_and_restore();
    const std::vector<json> all = records("a.service", false);
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0]["asked_by"]["uid"], 1000);
    EXPECT_THAT(outline(all[0]), ElementsAre("state stop-sigterm", "signal SIGTERM stop",
                                             "exit main", "empty", "state dead"));
}

TEST_F(AfterAManager, AnEndThatTheStateFileDoesNotKnowComesAgain) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    now_ += 1s;
    main_exits();
    write_state();
    now_ += 1s;
    empties("a.service");  // and its state is not written any more
    restore();
    EXPECT_TRUE(record("a.service")["duration_usec"].is_null());
    now_ += 1s;
    empties("a.service");
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0]["duration_usec"], 3'000'000);
    EXPECT_THAT(outline(all[0]), ElementsAre("state stop-sigterm", "signal SIGTERM stop",
                                             "exit main", "manager", "empty", "state dead"));
}

TEST_F(AfterAManager, AStopThatBeganAndEndedAtOneTimeComesAgain) {
    load(service("a"));
    start("a.service");
    main_exits(3);
    write_state();
    empties("a.service");
    restore();
    empties("a.service");
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_THAT(outline(all[0]),
                ElementsAre("exit main", "left", "failure ExecStart", "state stop-sigterm",
                            "manager", "empty", "state failed"));
}

TEST_F(AfterAManager, AStopThatTheStateFileDoesNotKnowIsRecordedOnce) {
    load(service("a"));
    start("a.service");
    write_state();
    now_ += 1s;
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    restore();
    EXPECT_TRUE(record("a.service")["lost"]);
    ask(JobVerb::stop, "a.service");
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_FALSE(all[0].contains("lost"));
}

TEST_F(AfterAManager, ACrashThatTheStateFileDoesNotKnowIsRecordedOnce) {
    load(service("a"));
    start("a.service");
    write_state();
    now_ += 1s;
    cgroup_.clear();
    saved_.units[0].populated = false;
    saved_.units[0].main = ProcessFact{ProcessFact::State::exited, 101};
    main_exits(3);
    empties("a.service");
    const json before = record("a.service");
    now_ += 1s;
    restore();
    main_exits(3);
    const std::vector<json> all = records("a.service");
    ASSERT_THAT(all, SizeIs(1));
    EXPECT_EQ(all[0]["id"], before["id"]);
    EXPECT_EQ(all[0]["main_status"], 3);
    EXPECT_EQ(all[0]["began_usec"], 3'000'000);
}

TEST_F(AfterAManager, AStopWhoseEndWasNotWrittenIsEnded) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    now_ += 1s;
    main_exits();
    empties("a.service");  // no flush
    die_and_restore();
    const json now = record("a.service");
    EXPECT_EQ(now["duration_usec"], 1'000'000);
    EXPECT_EQ(now["sub"], "dead");
    EXPECT_FALSE(now.contains("lost"));
}

TEST_F(AfterAManager, WithoutItsStateARecordIsLost) {
    load(service("a"));
    start("a.service");
    ask(JobVerb::stop, "a.service");
    recorder_->end_turn();
    die_and_restore(false);
    const json now = record("a.service");
    EXPECT_TRUE(now["duration_usec"].is_null());
    EXPECT_TRUE(now["lost"]);
    EXPECT_EQ(now["sub"], "stop-sigterm");
    EXPECT_TRUE(log_->stops()[0].ended);
}

}  // namespace
}  // namespace svcd
