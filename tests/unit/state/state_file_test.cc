#include "state/state_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

#include "core/types/checksum.h"
#include "unit/state/state_file_fixture.h"

namespace svcd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(StateFileTest, ANewFileHasNothingSaved) {
    StateFile::Opened opened = open();
    EXPECT_EQ(opened.saved, nullptr);
    EXPECT_THAT(opened.set_aside, IsEmpty());
    EXPECT_EQ(open().saved, nullptr);
    EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(StateFileTest, GivesBackTheLastOfEachRecord) {
    {
        StateFile::Opened opened = open();
        for (std::uint32_t round = 1; round <= 5; ++round) {
            SupervisorRecord supervisor{};
            supervisor.next_serial = round;
            EXPECT_TRUE(opened.file.write(supervisor));
            EXPECT_TRUE(opened.file.write(UnitId{7}, record("a.service", round)));
            EXPECT_TRUE(opened.file.write(UnitId{3}, record("b.service", round + 10)));
        }
    }
    const StateFile::Opened opened = open();
    ASSERT_NE(opened.saved, nullptr);
    EXPECT_EQ(opened.saved->supervisor.next_serial, 5U);
    ASSERT_THAT(opened.saved->units, SizeIs(2));
    EXPECT_STREQ(opened.saved->units[0].name.data(), "a.service");
    EXPECT_EQ(opened.saved->units[0].restarts, 5U);
    EXPECT_EQ(opened.saved->units[1].restarts, 15U);
    EXPECT_TRUE(is_whole(opened.saved->units[0]));
}

TEST_F(StateFileTest, FindsAUnitAgainByItsNameUnderAnotherId) {
    EXPECT_TRUE(open().file.write(UnitId{1}, record("a.service", 1)));
    EXPECT_TRUE(open().file.write(UnitId{44}, record("a.service", 2)));
    const StateFile::Opened opened = open();
    ASSERT_THAT(opened.saved->units, SizeIs(1));
    EXPECT_EQ(opened.saved->units[0].restarts, 2U);
}

TEST_F(StateFileTest, ForgetsAnErasedUnitAndUsesItsRecordAgain) {
    {
        StateFile::Opened opened = open();
        for (std::uint32_t unit = 0; unit < 64; ++unit) {
            EXPECT_TRUE(opened.file.write(UnitId{unit},
                                          record("u" + std::to_string(unit) + ".service", unit)));
        }
        EXPECT_TRUE(opened.file.erase(UnitId{5}));
        EXPECT_TRUE(opened.file.erase(UnitId{5}));
        EXPECT_TRUE(opened.file.erase(UnitId{500}));
    }
    const auto size = std::filesystem::file_size(path_);
    {
        StateFile::Opened opened = open();
        EXPECT_THAT(opened.saved->units, SizeIs(63));
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("x.service", 1)));
    }
    EXPECT_EQ(std::filesystem::file_size(path_), size);
    EXPECT_THAT(open().saved->units, SizeIs(64));
}

TEST_F(StateFileTest, HoldsThousandsOfUnits) {
    {
        StateFile::Opened opened = open();
        for (std::uint32_t unit = 0; unit < 3000; ++unit) {
            ASSERT_TRUE(opened.file.write(UnitId{unit},
                                          record("u" + std::to_string(unit) + ".service", unit)));
        }
    }
    const StateFile::Opened opened = open();
    ASSERT_THAT(opened.saved->units, SizeIs(3000));
    EXPECT_TRUE(std::all_of(opened.saved->units.begin(), opened.saved->units.end(), is_whole));
}

TEST_F(StateFileTest, FallsBackToTheRecordBeforeAWriteThatWasCutShort) {
    {
        StateFile::Opened opened = open();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 1)));
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 2)));
    }
    overwrite(kFirstUnit + kPage / 2 + 700, "torn");  // the second write's place
    StateFile::Opened opened = open();
    ASSERT_NE(opened.saved, nullptr);
    ASSERT_THAT(opened.saved->units, SizeIs(1));
    EXPECT_EQ(opened.saved->units[0].restarts, 1U);
    EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 3)));
    EXPECT_EQ(open().saved->units[0].restarts, 3U);
}

TEST_F(StateFileTest, KnowsNothingOfAUnitWhoseFirstWriteWasCutShort) {
    {
        StateFile::Opened opened = open();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 1)));
        EXPECT_TRUE(opened.file.write(UnitId{1}, record("b.service", 1)));
    }
    overwrite(kFirstUnit + kPage + 700, "torn");
    const StateFile::Opened opened = open();
    EXPECT_THAT(opened.set_aside, IsEmpty());
    ASSERT_NE(opened.saved, nullptr);
    EXPECT_THAT(opened.saved->units, SizeIs(1));
}

TEST_F(StateFileTest, SetsADamagedFileAside) {
    {
        StateFile::Opened opened = open();
        EXPECT_TRUE(opened.file.write(SupervisorRecord{}));
        EXPECT_TRUE(opened.file.write(SupervisorRecord{}));
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 1)));
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 2)));
    }
    overwrite(kPage + 40, "damage");
    overwrite(kPage + kPage / 2 + 40, "damage");
    expect_set_aside("damaged");
}

TEST_F(StateFileTest, CallsADamagedRecordByItsNumberWhereItsNameIsDamagedToo) {
    {
        StateFile::Opened opened = open();
        for (std::uint32_t round = 1; round <= 2; ++round) {
            EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", round)));
            EXPECT_TRUE(opened.file.write(UnitId{1}, record("b.service", round)));
        }
    }
    std::ifstream file{path_, std::ios::binary};
    const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
    for (std::size_t at = 0; (at = bytes.find("a.service", at)) != std::string::npos; ++at) {
        overwrite(static_cast<off_t>(at), "a\x1b[31");
    }
    EXPECT_THAT(open().set_aside, HasSubstr("lost is the record of unit 0"));
}

TEST_F(StateFileTest, LosesOnlyTheUnitWhoseRecordIsDamaged) {
    {
        StateFile::Opened opened = open();
        for (std::uint32_t round = 1; round <= 2; ++round) {
            EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", round)));
            EXPECT_TRUE(opened.file.write(UnitId{1}, record("b.service", round)));
        }
    }
    overwrite(kFirstUnit + 700, "damage");
    overwrite(kFirstUnit + kPage / 2 + 700, "damage");
    {
        StateFile::Opened opened = open();
        EXPECT_THAT(opened.set_aside, HasSubstr("is damaged; lost is the record of a.service"));
        ASSERT_NE(opened.saved, nullptr);
        ASSERT_THAT(opened.saved->units, SizeIs(1));
        EXPECT_STREQ(opened.saved->units[0].name.data(), "b.service");
        EXPECT_TRUE(opened.file.write(UnitId{9}, record("c.service", 1)));
    }
    {
        // Nor is what a step replaces of which a part could not be written.
        StateFile::Opened opened = open();
        EXPECT_THAT(opened.set_aside, HasSubstr("lost is the record of a.service"));
        opened.file.begin_step();
        EXPECT_FALSE(opened.file.write(UnitId{0}, UnitRecord{}));
        EXPECT_TRUE(opened.file.commit_step(SupervisorRecord{}));
    }
    {
        // The manager died before it had committed what replaces it: that is not forgotten.
        StateFile::Opened opened = open();
        EXPECT_THAT(opened.set_aside, HasSubstr("lost is the record of a.service"));
        opened.file.begin_step();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 1)));
        EXPECT_TRUE(opened.file.commit_step(SupervisorRecord{}));
    }
    const StateFile::Opened opened = open();
    EXPECT_THAT(opened.set_aside, IsEmpty());
    EXPECT_THAT(opened.saved->units, SizeIs(3));
}

TEST_F(StateFileTest, OfTwoRecordsOfOneNameKeepsTheNewer) {
    for (const bool is_first_newer : {false, true}) {
        {
            StateFile::Opened opened = open();
            EXPECT_TRUE(opened.file.begin_anew());
            UnitRecord one = record("a.service", 1);
            one.state_changed_at = is_first_newer ? 20 : 10;
            UnitRecord other = record("a.service", 2);
            other.state_changed_at = 15;
            EXPECT_TRUE(opened.file.write(UnitId{0}, one));
            EXPECT_TRUE(opened.file.write(UnitId{1}, other));
        }
        for (int successor = 0; successor < 2; ++successor) {
            const StateFile::Opened opened = open();
            EXPECT_THAT(opened.set_aside, IsEmpty());
            ASSERT_THAT(opened.saved->units, SizeIs(1));
            EXPECT_EQ(opened.saved->units[0].restarts, is_first_newer ? 1U : 2U);
        }
    }
}

TEST_F(StateFileTest, SetAsideIsKeptUnderAnotherName) {
    EXPECT_TRUE(open().file.write(UnitId{0}, record("a.service", 1)));
    EXPECT_TRUE(open().file.set_aside());
    EXPECT_EQ(open().saved, nullptr);
    Result<StateFile::Opened> kept = StateFile::open(path_ + ".old");
    ASSERT_TRUE(kept);
    ASSERT_NE(kept->saved, nullptr);
    EXPECT_STREQ(kept->saved->units.at(0).name.data(), "a.service");
}

TEST_F(StateFileTest, BegunAnewHasNothingOfWhatWasThere) {
    EXPECT_TRUE(open().file.write(UnitId{0}, record("a.service", 1)));
    {
        StateFile::Opened opened = open();
        EXPECT_TRUE(opened.file.begin_anew());
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("b.service", 1)));
    }
    const StateFile::Opened opened = open();
    ASSERT_THAT(opened.saved->units, SizeIs(1));
    EXPECT_STREQ(opened.saved->units[0].name.data(), "b.service");
}

// ── steps

TEST_F(StateFileTest, WhatWasWrittenInAStepCountsOnceItIsCommitted) {
    {
        StateFile::Opened opened = open();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 1)));
        EXPECT_TRUE(opened.file.write(UnitId{1}, record("b.service", 1)));
        SupervisorRecord supervisor{};
        supervisor.next_job = 7;
        opened.file.begin_step();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 2)));
        EXPECT_TRUE(opened.file.erase(UnitId{1}));
        EXPECT_TRUE(opened.file.write(UnitId{2}, record("c.service", 2)));
        RequestRecord request{};
        request.until = 5;
        EXPECT_TRUE(opened.file.write(40, request));
        EXPECT_TRUE(opened.file.commit_step(supervisor));
    }
    const StateFile::Opened opened = open();
    EXPECT_EQ(opened.saved->supervisor.next_job, 7U);
    ASSERT_THAT(opened.saved->units, SizeIs(2));
    EXPECT_EQ(opened.saved->units[0].restarts, 2U);
    EXPECT_STREQ(opened.saved->units[1].name.data(), "c.service");
    ASSERT_THAT(opened.saved->requests, SizeIs(1));
    EXPECT_EQ(opened.saved->requests[0].slot, 40U);
    EXPECT_EQ(opened.saved->requests[0].record.until, 5);
}

/// Also after later steps have been committed, by this manager's successors.
TEST_F(StateFileTest, AStepThatWasNeverCommittedNeverWas) {
    {
        StateFile::Opened opened = open();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 1)));
        EXPECT_TRUE(opened.file.write(UnitId{1}, record("b.service", 1)));
        opened.file.begin_step();
        EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", 2)));
        EXPECT_TRUE(opened.file.erase(UnitId{1}));
        EXPECT_TRUE(opened.file.write(UnitId{2}, record("c.service", 2)));
        EXPECT_TRUE(opened.file.write(3, RequestRecord{{1, 2}, 3, 4, 5, 0, {}}));
    }
    for (int successor = 0; successor < 3; ++successor) {
        StateFile::Opened opened = open();
        EXPECT_THAT(opened.set_aside, IsEmpty());
        EXPECT_THAT(opened.saved->requests, IsEmpty());
        ASSERT_THAT(opened.saved->units, SizeIs(successor == 0 ? 2U : 3U));
        EXPECT_EQ(opened.saved->units[0].restarts, 1U);
        EXPECT_STREQ(opened.saved->units[1].name.data(), "b.service");
        opened.file.begin_step();
        EXPECT_TRUE(opened.file.write(UnitId{8}, record("d.service", 1)));
        EXPECT_TRUE(opened.file.commit_step(SupervisorRecord{}));
    }
}

TEST_F(StateFileTest, ASupervisorWrittenAloneTakesNoStepBack) {
    {
        StateFile::Opened opened = open();
        for (std::uint32_t round = 1; round <= 3; ++round) {
            opened.file.begin_step();
            EXPECT_TRUE(opened.file.write(UnitId{0}, record("a.service", round)));
            EXPECT_TRUE(opened.file.commit_step(SupervisorRecord{}));
            EXPECT_TRUE(opened.file.write(SupervisorRecord{}));
        }
    }
    EXPECT_EQ(open().saved->units[0].restarts, 3U);
}

TEST_F(StateFileTest, AStepGoesWithTheNextWhenItsCommitFailed) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        StateFile::Opened opened = open();
        bool is_right = opened.file.write(UnitId{0}, record("a.service", 1)).has_value();
        opened.file.begin_step();
        is_right &= opened.file.write(UnitId{0}, record("a.service", 2)).has_value();
        const rlimit none{kPage, RLIM_INFINITY};  // room for the header only
        ::setrlimit(RLIMIT_FSIZE, &none);
        is_right &= !opened.file.commit_step(SupervisorRecord{});
        const rlimit room{RLIM_INFINITY, RLIM_INFINITY};
        ::setrlimit(RLIMIT_FSIZE, &room);
        opened.file.begin_step();
        is_right &= opened.file.write(UnitId{0}, record("a.service", 3)).has_value();
        ::_exit(is_right ? 0 : 1);  // and dies before it is committed
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(open().saved->units[0].restarts, 1U);
}

// Offsets of the header's fields: checksum 0, magic 8, file version 16, record version 20, sizes 24
// and 28, PID namespace 32, boot ID 40.

TEST_F(StateFileTest, SetsAFileOfAnUnknownVersionAside) {
    open();
    overwrite(20, "\x63");
    expect_set_aside("another version");
}

TEST_F(StateFileTest, SetsAFileWithADamagedHeaderAside) {
    open();
    overwrite(42, "!");
    expect_set_aside("header is damaged");
}

TEST_F(StateFileTest, SetsAFileThatIsNoneAside) {
    open();
    overwrite(8, "notstate");
    expect_set_aside("not a state file");
}

TEST_F(StateFileTest, SetsAShortFileAside) {
    open();
    ASSERT_EQ(::truncate(path_.c_str(), 100), 0);
    expect_set_aside("too short");
}

TEST_F(StateFileTest, ThatOthersCouldReadIsClosedToThem) {
    { const StateFile::Opened opened = open(); }
    ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
    const StateFile::Opened opened = open();
    struct stat facts {};
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(StateFileTest, SetsAFolderOrALinkOrAFifoAside) {
    ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
    expect_set_aside("can't be opened");
    std::filesystem::remove_all(path_);
    std::filesystem::remove_all(path_ + ".old");
    ASSERT_EQ(::symlink("/etc/passwd", path_.c_str()), 0);
    expect_set_aside("can't be opened");
    std::filesystem::remove_all(path_);
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    expect_set_aside("not a regular file");
}

TEST_F(StateFileTest, SetsAFileOfAnotherBootOrPidNamespaceAside) {
    for (const bool is_boot : {true, false}) {
        open();
        std::string header(80, '\0');
        {
            const UniqueFd file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
            ASSERT_EQ(::pread(file.get(), header.data(), header.size(), 0), 80);
        }
        char& changed = header[is_boot ? 40 : 32];
        changed = static_cast<char>(changed ^ 1);
        const std::uint64_t sum = checksum_of(header.data() + 8, header.size() - 8);
        std::memcpy(header.data(), &sum, sizeof sum);
        overwrite(0, header);
        expect_set_aside(is_boot ? "another boot" : "another PID namespace");
        std::filesystem::remove(path_);
        std::filesystem::remove(path_ + ".old");
    }
}

TEST_F(StateFileTest, RefusesARecordWithoutAName) {
    EXPECT_FALSE(open().file.write(UnitId{0}, UnitRecord{}));
}

TEST_F(StateFileTest, KeepsEachRecordWholeWhenTheWriterIsKilled) {
    std::uint32_t start = 1;
    for (int round = 0; round < 60; ++round) {
        int ends[2] = {-1, -1};
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        UniqueFd acknowledged{ends[0]};
        UniqueFd acknowledge{ends[1]};
        const pid_t writer = ::fork();
        if (writer == 0) {
            StateFile::Opened opened = open();
            for (std::uint32_t number = start;; ++number) {
                const bool is_written =
                    opened.file.write(
                        UnitId{number % 3},
                        record("u" + std::to_string(number % 3) + ".service", number)) &&
                    ::write(acknowledge.get(), &number, sizeof number) == sizeof number;
                if (!is_written) {
                    ::_exit(1);
                }
            }
        }
        acknowledge.reset();
        // After some of its writes, anywhere in the next.
        std::uint32_t last = 0;
        for (int count = 0; count < 20 + round; ++count) {
            ASSERT_EQ(::read(acknowledged.get(), &last, sizeof last), ssize_t{sizeof last});
        }
        ::kill(writer, SIGKILL);
        ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
        while (::read(acknowledged.get(), &last, sizeof last) == ssize_t{sizeof last}) {
        }
        const StateFile::Opened opened = open();
        EXPECT_THAT(opened.set_aside, IsEmpty());
        ASSERT_NE(opened.saved, nullptr);
        std::uint32_t newest = 0;
        for (const UnitRecord& found : opened.saved->units) {
            EXPECT_TRUE(is_whole(found));
            EXPECT_GE(found.restarts + 2, last);
            newest = std::max(newest, found.restarts);
        }
        EXPECT_GE(newest, last);
        EXPECT_LE(newest, last + 1);
        start = newest + 1;
    }
}

TEST_F(StateFileTest, KeepsWhatItHasWhenThereIsNoRoomForMore) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        StateFile::Opened opened = open();
        const rlimit limit{600'000, 600'000};  // room for the first 64 units, not for 128
        ::setrlimit(RLIMIT_FSIZE, &limit);
        std::uint32_t unit = 0;
        while (opened.file.write(UnitId{unit},
                                 record("u" + std::to_string(unit) + ".service", unit))) {
            ++unit;
        }
        const Result<void> refused = opened.file.write(UnitId{unit}, record("more.service", 1));
        const bool is_said = !refused && refused.error().error_number == EFBIG;
        const bool goes_on = opened.file.write(UnitId{0}, record("u0.service", 99)).has_value();
        ::_exit(unit == 64 && is_said && goes_on ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    const StateFile::Opened opened = open();
    ASSERT_NE(opened.saved, nullptr);
    ASSERT_THAT(opened.saved->units, SizeIs(64));
    EXPECT_EQ(opened.saved->units[0].restarts, 99U);
}

TEST_F(StateFileTest, SaysWhenTheFileCantBeMade) {
    std::filesystem::remove_all(folder_);
    const Result<StateFile::Opened> opened = StateFile::open(path_);
    ASSERT_FALSE(opened);
    EXPECT_THAT(to_string(opened.error()), HasSubstr("create " + path_ + ".new"));
}

}  // namespace
}  // namespace svcd::test
