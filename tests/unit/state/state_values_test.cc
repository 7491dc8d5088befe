// A state file whose checksums are right and whose values are none that a manager writes.
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

#include "core/types/record_check.h"
#include "unit/state/state_file_fixture.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StateValuesTest : public StateFileTest {};

struct Change {
    std::string field;
    std::function<void(UnitRecord&)> make;
};

UnitRecord running(const std::string& name) {
    UnitRecord unit = record(name, 8);
    unit.sub_state = static_cast<std::uint8_t>(SubState::running);
    unit.flags = kUnitHasRun;
    return unit;
}

template <std::size_t Size>
void leave_without_end(std::array<char, Size>& text) {
    text.fill('x');
}

const std::vector<Change>& changes() {
    static const std::vector<Change> all{
        {"name", [](UnitRecord& unit) { leave_without_end(unit.name); }},
        {"name", [](UnitRecord& unit) { unit.name[1] = '/'; }},
        {"name", [](UnitRecord& unit) { unit.name[1] = '\x1b'; }},
        {"sub_state", [](UnitRecord& unit) { unit.sub_state = 23; }},
        {"sub_state", [](UnitRecord& unit) { unit.sub_state = 22; }},  // of targets
        {"flags", [](UnitRecord& unit) { unit.sub_state = 5; }},  // runs, and was never started
        {"result", [](UnitRecord& unit) { unit.result = 13; }},
        {"reload_result", [](UnitRecord& unit) { unit.reload_result = 255; }},
        {"service_type", [](UnitRecord& unit) { unit.service_type = 8; }},
        {"state_deadline", [](UnitRecord& unit) { unit.state_deadline = -1; }},
        {"watchdog_interval", [](UnitRecord& unit) { unit.watchdog_interval = INT64_MIN; }},
        {"state_changed_at", [](UnitRecord& unit) { unit.state_changed_at = INT64_MAX; }},
        {"inactive_exit_at", [](UnitRecord& unit) { unit.inactive_exit_at = -1; }},
        {"start_count", [](UnitRecord& unit) { unit.start_count = 65; }},
        {"start_times",
         [](UnitRecord& unit) {
             unit.start_count = 64;
             unit.start_times[63] = -5;
         }},
        {"main_code", [](UnitRecord& unit) { unit.main_code = 5; }},
        {"main_code", [](UnitRecord& unit) { unit.main_code = -1; }},
        {"main_code",
         [](UnitRecord& unit) {
             unit.main_code = 1;
             unit.main_status = 256;
         }},
        {"main_pid_last", [](UnitRecord& unit) { unit.main_pid_last = -1; }},
        {"main", [](UnitRecord& unit) { unit.main.pid = -1; }},
        {"main",
         [](UnitRecord& unit) {
             unit = running("a.service");
             unit.main.token = 70000;
             unit.sub_state = static_cast<std::uint8_t>(SubState::start_pre);
         }},
        {"control", [](UnitRecord& unit) { unit.control.is_foreign = 2; }},
        {"name", [](UnitRecord& unit) { std::strcpy(unit.name.data(), "a"); }},
        {"name", [](UnitRecord& unit) { std::strcpy(unit.name.data(), ".service"); }},
        {"name", [](UnitRecord& unit) { std::strcpy(unit.name.data(), "a@.service"); }},
        {"name", [](UnitRecord& unit) { std::strcpy(unit.name.data(), ".."); }},
        {"checker", [](UnitRecord& unit) { unit.checker.pid = -2; }},
        {"checker_deadline", [](UnitRecord& unit) { unit.flags2 = kUnitHasCheck; }},
        {"stop_times.count", [](UnitRecord& unit) { unit.stop_times.count = 17; }},
        {"stop_times.next", [](UnitRecord& unit) { unit.stop_times.next = 16; }},
        {"job.type", [](UnitRecord& unit) { unit.job.type = 8; }},
        {"job.state", [](UnitRecord& unit) { unit.job.state = 2; }},
        {"job.requester_command",
         [](UnitRecord& unit) { leave_without_end(unit.job.requester_command); }},
        {"job.reason", [](UnitRecord& unit) { leave_without_end(unit.job.reason); }},
        {"status_text", [](UnitRecord& unit) { leave_without_end(unit.status_text); }},
        {"exec_step", [](UnitRecord& unit) { unit.exec_step = 16; }},
        {"exec_problem", [](UnitRecord& unit) { unit.exec_problem = 200; }},
        {"exec_role", [](UnitRecord& unit) { unit.exec_role = 7; }},
        {"exec_nice", [](UnitRecord& unit) { unit.exec_nice = 20; }},
        {"exec_text", [](UnitRecord& unit) { leave_without_end(unit.exec_text); }},
        {"unclean_restarts.used", [](UnitRecord& unit) { unit.unclean_restarts.used = 17; }},
        {"unclean_restarts.end",
         [](UnitRecord& unit) {
             unit.unclean_restarts.used = 1;
             unit.unclean_restarts.end[0] = 5;
         }},
        {"failure", [](UnitRecord& unit) { unit.failure.kind = 255; }},
        {"failure", [](UnitRecord& unit) { unit.failure.during = 23; }},
        {"reload_failure", [](UnitRecord& unit) { unit.reload_failure.code = 5; }},
    };
    return all;
}

TEST_F(StateValuesTest, ARecordWithAValueThatNoManagerWritesIsLostAloneAndSaysWhich) {
    for (const Change& change : changes()) {
        SCOPED_TRACE(change.field);
        UnitRecord changed = record("a.service", 1);
        EXPECT_EQ(fault_in(changed), "");
        change.make(changed);
        {
            StateFile::Opened opened = open();
            EXPECT_TRUE(opened.file.begin_anew());
            EXPECT_TRUE(opened.file.write(UnitId{0}, changed));
            EXPECT_TRUE(opened.file.write(UnitId{1}, record("b.service", 2)));
        }
        const StateFile::Opened opened = open();
        const std::string which = change.field == "name" ? "unit 0" : "a.service";
        EXPECT_THAT(opened.set_aside, HasSubstr("is damaged; lost is the record of " + which +
                                                " (its " + change.field + " is out of range)"));
        ASSERT_NE(opened.saved, nullptr);
        ASSERT_THAT(opened.saved->units, SizeIs(1));
        EXPECT_STREQ(opened.saved->units[0].name.data(), "b.service");
    }
}

/// Where one job or process ended, the other unit's would have gone with it.
TEST_F(StateValuesTest, OfTwoRecordsWithOneJobOrProcessTheSecondIsLost) {
    const std::vector<Change> all{
        {"job.id", [](UnitRecord& unit) { unit.job.id = 7; }},
        {"token", [](UnitRecord& unit) { unit.main.token = 70000; }},
        {"token", [](UnitRecord& unit) { unit.checker.token = 70000; }},
    };
    for (const Change& change : all) {
        {
            StateFile::Opened opened = open();
            EXPECT_TRUE(opened.file.begin_anew());
            UnitRecord first = running("a.service");
            first.job.id = 7;
            first.control.token = 70000;
            UnitRecord second = running("b.service");
            change.make(second);
            EXPECT_TRUE(opened.file.write(UnitId{0}, first));
            EXPECT_TRUE(opened.file.write(UnitId{1}, second));
            EXPECT_TRUE(opened.file.write(UnitId{2}, record("c.service", 9)));
        }
        const StateFile::Opened opened = open();
        EXPECT_THAT(opened.set_aside, HasSubstr("lost is the record of b.service (its " +
                                                change.field + " is another's, too)"));
        ASSERT_THAT(opened.saved->units, SizeIs(2));
        EXPECT_STREQ(opened.saved->units[0].name.data(), "a.service");
        EXPECT_STREQ(opened.saved->units[1].name.data(), "c.service");
    }
}

/// What is in a field that nobody reads is no reason to lose a unit.
TEST_F(StateValuesTest, AFieldThatIsNotInUseHasNoRange) {
    UnitRecord unused = record("a.service", 1);
    unused.job.id = 0;
    unused.job.type = 99;
    unused.start_count = 3;
    unused.start_times[3] = -1;
    unused.unclean_restarts.end[0] = 255;
    EXPECT_EQ(fault_in(unused), "");
    EXPECT_EQ(fault_in(UnitRecord{}), "");
}

TEST_F(StateValuesTest, ASupervisorsRecordWithAValueThatThereIsNotSetsTheFileAside) {
    const std::vector<std::pair<std::string, std::function<void(SupervisorRecord&)>>> all{
        {"shutdown_signal", [](SupervisorRecord& record) { record.shutdown_signal = 65; }},
        {"shutdown_kind", [](SupervisorRecord& record) { record.shutdown_kind = 4; }},
        {"shutting_down", [](SupervisorRecord& record) { record.shutting_down = 2; }},
        {"exit_status", [](SupervisorRecord& record) { record.exit_status = 256; }},
        {"shutdown_end", [](SupervisorRecord& record) { record.shutdown_end = -1; }},
    };
    for (const auto& [field, make] : all) {
        SCOPED_TRACE(field);
        SupervisorRecord changed{};
        make(changed);
        EXPECT_TRUE(open().file.write(changed));
        expect_set_aside("damaged (its " + field + " is out of range)");
        std::filesystem::remove(path_);
        std::filesystem::remove(path_ + ".old");
    }
}

TEST_F(StateValuesTest, AnAnswerWithAResultThatThereIsNotIsForgotten) {
    RequestRecord good{};
    good.until = 5;
    good.result = 9;  // JobResult::once
    RequestRecord bad = good;
    bad.result = 10;
    {
        StateFile::Opened opened = open();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 1)));
        EXPECT_TRUE(opened.file.write(3, good));
        EXPECT_TRUE(opened.file.write(4, bad));
    }
    const StateFile::Opened opened = open();
    EXPECT_THAT(opened.set_aside, IsEmpty());
    ASSERT_THAT(opened.saved->requests, SizeIs(1));
    EXPECT_EQ(opened.saved->requests[0].slot, 3U);
}

}  // namespace
}  // namespace svcd::test
