// The state file of the release before.
#include "state/state_before.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <map>

#include "core/types/checksum.h"
#include "core/types/states.h"
#include "unit/state/state_file_fixture.h"

namespace svcd::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class FormatBeforeTest : public StateFileTest {
protected:
    /// The file of the release before, as if it had been written in this boot and PID namespace.
    FormatBeforeTest() {
        std::ifstream fixture{SVCD_TEST_DATA "/state-records-4", std::ios::binary};
        std::string bytes{std::istreambuf_iterator<char>{fixture}, {}};
        open();  // for a header of now
        std::string now(80, '\0');
        std::ifstream{path_, std::ios::binary}.read(now.data(), 80);
        bytes.replace(32, 48, now.substr(32, 48));
        const std::uint64_t sum = checksum_of(bytes.data() + 8, 72);
        std::memcpy(bytes.data(), &sum, sizeof sum);
        std::ofstream{path_, std::ios::binary | std::ios::trunc} << bytes;
    }
};

TEST_F(FormatBeforeTest, IsRead) {
    StateFile::Opened opened = open();
    EXPECT_THAT(opened.set_aside, IsEmpty());
    ASSERT_NE(opened.saved, nullptr);
    std::map<std::string, UnitRecord> units;
    for (const UnitRecord& unit : opened.saved->units) {
        units.emplace(unit.name.data(), unit);
    }
    EXPECT_EQ(opened.saved->supervisor.started, 1);
    EXPECT_THAT(units, SizeIs(12));
    EXPECT_EQ(SubState{units.at("web.service").sub_state}, SubState::running);
    EXPECT_GT(units.at("web.service").main.pid, 0);
    EXPECT_GT(units.at("web.service").main.start_time, 0U);
    EXPECT_EQ(SubState{units.at("done.service").sub_state}, SubState::exited);
    EXPECT_EQ(SubState{units.at("bad.service").sub_state}, SubState::failed);
    EXPECT_EQ(units.at("bad.service").main_status, 7);
    EXPECT_EQ(SubState{units.at("crash.service").sub_state}, SubState::auto_restart);
    EXPECT_GT(units.at("crash.service").state_deadline, 0);
    EXPECT_EQ(SubState{units.at("deaf.service").sub_state}, SubState::stop_sigterm);
    EXPECT_EQ(JobType{units.at("deaf.service").job.type}, JobType::stop);
    EXPECT_EQ(units.at("deaf.service").stop_limit, 20'000'000);
    EXPECT_EQ(SubState{units.at("slow.service").sub_state}, SubState::start);
}

TEST_F(FormatBeforeTest, LosesOnlyTheRecordThatIsDamaged) {
    overwrite(kFirstUnit + 100, "damage");
    overwrite(kFirstUnit + kPage / 2 + 100, "damage");
    const StateFile::Opened opened = open();
    EXPECT_THAT(opened.set_aside, ::testing::HasSubstr("the record of bad.service"));
    ASSERT_NE(opened.saved, nullptr);
    EXPECT_THAT(opened.saved->units, SizeIs(11));
}

TEST_F(FormatBeforeTest, IsKeptWhereThereIsNoRoomForAllOfItInTheNewOne) {
    constexpr std::size_t kUnits = 100;  // a new file has room for 64
    constexpr std::size_t kPlace = 1688;
    std::ifstream file{path_, std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{file}, {}};
    std::string unit = bytes.substr(kFirstUnit, kPage);
    bytes.resize(kFirstUnit);
    for (std::size_t number = 0; number < kUnits; ++number) {
        const std::string name = "u" + std::to_string(number) + ".service";
        for (const std::size_t place : {std::size_t{0}, std::size_t{kPage} / 2}) {
            unit.replace(place + 24, kUnitNameMax + 1, kUnitNameMax + 1, '\0');
            unit.replace(place + 24, name.size(), name);
            const std::uint64_t sum = checksum_of(unit.data() + place + 8, kPlace - 8);
            std::memcpy(unit.data() + place, &sum, sizeof sum);
        }
        bytes += unit;
    }
    std::ofstream{path_, std::ios::binary | std::ios::trunc} << bytes;
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{450'000, 450'000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const Result<StateFile::Opened> refused = StateFile::open(path_);
        ::_exit(!refused && refused.error().error_number == EFBIG ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_THAT(open().saved->units, SizeIs(kUnits));
}

/// A death before that takes nothing away.
TEST_F(FormatBeforeTest, StaysUntilWhatItSaysIsWritten) {
    for (int death = 0; death < 2; ++death) {
        StateFile::Opened opened = open();
        ASSERT_NE(opened.saved, nullptr);
        opened.file.begin_step();
        EXPECT_TRUE(opened.file.write(UnitId{0}, opened.saved->units[0]));
    }
    {
        // Nor does a step of which a part could not be written.
        StateFile::Opened opened = open();
        opened.file.begin_step();
        EXPECT_FALSE(opened.file.write(UnitId{0}, UnitRecord{}));
        EXPECT_TRUE(opened.file.write(UnitId{1}, opened.saved->units[1]));
        EXPECT_TRUE(opened.file.commit_step(opened.saved->supervisor));
    }
    const std::size_t count = [this] {
        StateFile::Opened opened = open();
        opened.file.begin_step();
        std::uint32_t unit = 0;
        for (const UnitRecord& record : opened.saved->units) {
            EXPECT_TRUE(opened.file.write(UnitId{unit++}, record));
        }
        EXPECT_TRUE(opened.file.commit_step(opened.saved->supervisor));
        return opened.saved->units.size();
    }();
    const StateFile::Opened opened = open();
    EXPECT_THAT(opened.saved->units, SizeIs(count));
    EXPECT_EQ(opened.saved->supervisor.started, 1);
}

}  // namespace
}  // namespace svcd::test
