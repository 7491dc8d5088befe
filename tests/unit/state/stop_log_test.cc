#include "state/stop_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace svcd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kHeaderSize = 72;

class StopLogTest : public testing::Test {
protected:
    StopLogTest() {
        std::string name = testing::TempDir() + "svcd-stops-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        path_ = folder_ + "/stops";
    }
    ~StopLogTest() override { std::filesystem::remove_all(folder_); }

    StopLog open() {
        auto opened = StopLog::open(path_);
        EXPECT_TRUE(opened) << to_string(opened.error());
        note_ = opened->note;
        return std::move(opened->log);
    }
    static StopFacts facts(std::uint64_t id, bool ended = true) {
        StopFacts facts;
        facts.id = id;
        facts.ended = ended ? 1 : 0;
        return facts;
    }
    static void add(StopLog& log,
                    const std::string& unit,
                    std::uint64_t id,
                    const std::string& text,
                    bool ended = true) {
        EXPECT_TRUE(log.put(unit, facts(id, ended), text));
        EXPECT_TRUE(log.flush());
    }
    static std::vector<std::uint64_t> ids(const StopLog& log, std::string_view unit) {
        std::vector<std::uint64_t> found;
        for (const StopSummary& stop : log.stops_of(unit)) {
            found.push_back(stop.id);
        }
        return found;
    }
    std::uint64_t size() const { return std::filesystem::file_size(path_); }
    void overwrite(std::uint64_t at, const std::string& bytes) const {
        std::fstream file{path_, std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(static_cast<std::streamoff>(at));
        file << bytes;
    }

    std::string folder_;
    std::string path_;
    std::string note_;
};

TEST_F(StopLogTest, GivesBackWhatWasPut) {
    StopLog log = open();
    StopFacts put = facts(1, false);
    put.asked_at_usec = 77;
    put.shutdown_usec = 88;
    put.events_begin = 1;
    put.events_end = 3;
    ASSERT_TRUE(log.put("web.service", put, "{...}"));
    EXPECT_THAT(log.stops(), IsEmpty()) << "before the flush";
    ASSERT_TRUE(log.flush());
    ASSERT_THAT(log.stops_of("web.service"), SizeIs(1));
    const StopSummary stop = log.stops_of("web.service")[0];
    EXPECT_EQ(stop.unit, "web.service");
    EXPECT_EQ(stop.asked_at_usec, 77);
    EXPECT_EQ(stop.shutdown_usec, 88);
    EXPECT_FALSE(stop.ended);
    const auto saved = log.read(1);
    ASSERT_TRUE(saved);
    EXPECT_EQ(saved->unit, "web.service");
    EXPECT_EQ(saved->text, "{...}");
    EXPECT_EQ(saved->facts.events_end, 3U);
    EXPECT_FALSE(log.read(2));
}

TEST_F(StopLogTest, TheLastEntryOfAStopCountsAlsoForTheNextManager) {
    {
        StopLog log = open();
        add(log, "a.service", log.take_id(), "first", false);
        add(log, "b.service", log.take_id(), "other");
        add(log, "a.service", 1, "second");
    }
    StopLog log = open();
    EXPECT_THAT(note_, IsEmpty());
    EXPECT_THAT(ids(log, "a.service"), ElementsAre(1));
    EXPECT_EQ(log.read(1)->text, "second");
    EXPECT_TRUE(log.stops_of("a.service")[0].ended);
    EXPECT_EQ(log.take_id(), 3U) << "IDs go on";
}

TEST_F(StopLogTest, ManyRecordsGoOutInOneFlush) {
    StopLog log = open();
    for (std::uint64_t id = 1; id <= 3; ++id) {
        ASSERT_TRUE(log.put("a.service", facts(id), "text " + std::to_string(id)));
    }
    ASSERT_TRUE(log.flush());
    EXPECT_THAT(ids(log, "a.service"), ElementsAre(3, 2, 1));
    EXPECT_EQ(log.read(2)->text, "text 2");
    EXPECT_THAT(ids(open(), "a.service"), ElementsAre(3, 2, 1));
}

TEST_F(StopLogTest, KeepsTheLastTenOfAUnit) {
    StopLog log = open();
    for (std::uint64_t id = 1; id <= 12; ++id) {
        add(log, "a.service", id, "x");
    }
    add(log, "b.service", 13, "y");
    EXPECT_THAT(ids(log, "a.service"), ElementsAre(12, 11, 10, 9, 8, 7, 6, 5, 4, 3));
    EXPECT_THAT(ids(log, "b.service"), ElementsAre(13));
    EXPECT_FALSE(log.read(1));
    EXPECT_THAT(ids(open(), "a.service"), SizeIs(10));
}

TEST_F(StopLogTest, RefusesARecordThatIsTooLong) {
    StopLog log = open();
    EXPECT_FALSE(log.put("a.service", facts(1), std::string(kStopTextMax + 1, 'x')));
    EXPECT_FALSE(log.put(std::string(kUnitNameMax + 1, 'a'), facts(1), "x"));
    EXPECT_FALSE(log.put("", facts(1), "x"));
    add(log, "a.service", 1, std::string(kStopTextMax, 'x'));
    EXPECT_THAT(log.read(1)->text, SizeIs(kStopTextMax));
}

TEST_F(StopLogTest, TheOldestGoFirstWhenAllAreTooMany) {
    StopLog log = open();
    const std::string text(kStopTextMax, 'x');
    const std::uint64_t count = kStopsBytesMax / kStopTextMax + 20;
    for (std::uint64_t id = 1; id <= count; ++id) {
        add(log, "unit" + std::to_string(id) + ".service", id, text);
    }
    EXPECT_LE(log.stops().size() * kStopTextMax, kStopsBytesMax);
    EXPECT_GE(log.stops().size(), count - 22);
    EXPECT_EQ(log.stops().front().id, count);
    EXPECT_THAT(log.stops_of("unit1.service"), IsEmpty());
    EXPECT_LE(size(), 2 * kStopsBytesMax + 1024 * 1024);
}

TEST_F(StopLogTest, IsMadeSmallerOnceMostOfItIsOfNoUse) {
    StopLog log = open();
    const std::string text(10'000, 'x');
    add(log, "b.service", 1000, "stays");
    std::uint64_t largest = 0;
    for (int change = 0; change < 200; ++change) {
        add(log, "a.service", 1, text + std::to_string(change), false);
        largest = std::max(largest, size());
    }
    EXPECT_LT(largest, 400'000U);
    EXPECT_EQ(log.read(1)->text, text + "199");
    EXPECT_EQ(log.read(1000)->text, "stays");
    EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
    StopLog next = open();
    EXPECT_EQ(next.read(1)->text, text + "199");
    EXPECT_EQ(next.read(1000)->text, "stays");
}

TEST_F(StopLogTest, GoesOnAtTheOldPlaceWhenItCantBeMadeSmaller) {
    StopLog log = open();
    std::filesystem::create_directory(path_ + ".new");
    const std::string text(60'000, 'x');
    bool complained = false;
    for (int change = 0; change < 20; ++change) {
        EXPECT_TRUE(log.put("a.service", facts(1), text + std::to_string(change)));
        complained = !log.flush() || complained;
    }
    EXPECT_TRUE(complained);
    EXPECT_EQ(log.read(1)->text, text + "19");
}

TEST_F(StopLogTest, GoesOnOnceAFileThatGrewToItsLimitCanBeMadeSmaller) {
    StopLog log = open();
    std::filesystem::create_directory(path_ + ".new");
    const std::string text(kStopTextMax - 16, 'x');
    int change = 0;
    std::uint64_t before = 0;
    do {  // each write succeeds and complains, until the file is full
        before = size();
        ASSERT_TRUE(log.put("a.service", facts(1), text + std::to_string(++change)));
        static_cast<void>(log.flush());
    } while (size() > before);
    ASSERT_GT(size(), 3 * kStopsBytesMax);
    EXPECT_EQ(log.read(1)->text, text + std::to_string(change)) << "held in memory";
    std::filesystem::remove(path_ + ".new");
    add(log, "a.service", 1, text + "last");
    EXPECT_EQ(log.read(1)->text, text + "last");
    EXPECT_LT(size(), 2 * kStopTextMax + 1024);
    EXPECT_EQ(open().read(1)->text, text + "last");
}

/// A file system without room, for as long as it lives.
class NoRoom {
public:
    explicit NoRoom(std::uint64_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
        const rlimit limit{size, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    }
    NoRoom(const NoRoom&) = delete;
    NoRoom& operator=(const NoRoom&) = delete;
    ~NoRoom() {
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
        static_cast<void>(std::signal(SIGXFSZ, handler_));
    }

private:
    rlimit before_{};
    void (*handler_)(int);
};

TEST_F(StopLogTest, WhatCantBeWrittenIsKeptInMemoryUntilThereIsRoom) {
    StopLog log = open();
    add(log, "a.service", 1, "first", false);
    {
        const NoRoom full{size()};
        ASSERT_TRUE(log.put("a.service", facts(1), "first, ended"));
        ASSERT_TRUE(log.put("b.service", facts(2), "second"));
        EXPECT_FALSE(log.flush());
        EXPECT_EQ(log.read(1)->text, "first, ended");
        EXPECT_TRUE(log.stops_of("a.service")[0].ended);
        EXPECT_EQ(log.read(2)->text, "second");
        EXPECT_EQ(open().read(1)->text, "first") << "the file is as it was";
    }
    add(log, "c.service", 3, "third");
    StopLog next = open();
    EXPECT_EQ(next.read(1)->text, "first, ended");
    EXPECT_EQ(next.read(2)->text, "second");
    EXPECT_EQ(next.read(3)->text, "third");
}

TEST_F(StopLogTest, KeepsNoMoreThanItsLimitOfWhatCantBeWritten) {
    StopLog log = open();
    const NoRoom full{size()};
    const std::string text(kStopTextMax - 16, 'x');
    constexpr std::uint64_t kFit = kHeldBytesMax / kStopTextMax - 1;
    for (std::uint64_t id = 1; id <= 2 * kFit; ++id) {
        ASSERT_TRUE(log.put("a" + std::to_string(id) + ".service", facts(id), text));
        EXPECT_FALSE(log.flush());
    }
    EXPECT_FALSE(log.read(1)) << "the oldest goes first";
    EXPECT_EQ(log.read(2 * kFit)->text, text);
    EXPECT_LE(log.stops().size(), kHeldBytesMax / kStopTextMax);
}

TEST_F(StopLogTest, AWriteThatWasCutShortCostsItsEntryOnly) {
    {
        StopLog log = open();
        add(log, "a.service", 1, "first");
    }
    const std::uint64_t whole = size();
    {
        StopLog log = open();
        add(log, "a.service", 2, "second, which is cut");
    }
    const std::uint64_t both = size();
    for (std::uint64_t length = both - 1; length > whole; length -= 7) {
        std::filesystem::resize_file(path_, length);
        StopLog log = open();
        EXPECT_THAT(note_, HasSubstr("cut short")) << length;
        EXPECT_THAT(ids(log, "a.service"), ElementsAre(1));
        EXPECT_EQ(size(), whole);
        add(log, "a.service", 2, "second, which is cut");
        EXPECT_THAT(ids(open(), "a.service"), ElementsAre(2, 1))
            << "what is written after it counts";
    }
}

TEST_F(StopLogTest, ADamagedEntryEndsTheLog) {
    std::uint64_t second = 0;
    {
        StopLog log = open();
        add(log, "a.service", 1, "first");
        second = size();
        add(log, "a.service", 2, "second");
        add(log, "a.service", 3, "third");
    }
    overwrite(second + 40, "!");
    StopLog log = open();
    EXPECT_THAT(ids(log, "a.service"), ElementsAre(1));
    EXPECT_EQ(size(), second);
}

TEST_F(StopLogTest, WhatIsDamagedWhileWeRunIsNotHandedOut) {
    StopLog log = open();
    add(log, "a.service", 1, "first");
    overwrite(kHeaderSize + 40, "!");
    EXPECT_FALSE(log.read(1));
}

TEST_F(StopLogTest, AFileOfAnotherBootIsBegunAnew) {
    {
        StopLog log = open();
        add(log, "a.service", 1, "first");
    }
    overwrite(32, "z");  // in the boot ID
    StopLog log = open();
    EXPECT_THAT(note_, HasSubstr("another boot"));
    EXPECT_THAT(log.stops(), IsEmpty());
    EXPECT_EQ(size(), kHeaderSize);
}

TEST_F(StopLogTest, WhatIsNoLogIsBegunAnew) {
    std::ofstream{path_} << "hello";
    StopLog log = open();
    EXPECT_THAT(note_, HasSubstr("begun anew"));
    add(log, "a.service", 1, "first");
    EXPECT_THAT(ids(open(), "a.service"), ElementsAre(1));
}

TEST_F(StopLogTest, DoesNotFollowALinkNorUseAFolder) {
    std::filesystem::create_symlink("/dev/null", path_);
    EXPECT_FALSE(StopLog::open(path_));
    std::filesystem::remove(path_);
    std::filesystem::create_directory(path_);
    EXPECT_FALSE(StopLog::open(path_));
}

TEST(StopEntry, IsParsedOnlyWhole) {
    std::string bytes;
    StopFacts facts;
    facts.id = 5;
    facts.events_end = 3;
    append_stop_entry(bytes, "a.service", facts, "text");
    const auto entry = parse_stop_entry(bytes);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->size, bytes.size());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(parse_stop_entry(std::string_view{bytes}.substr(0, size)));
        std::string damaged = bytes;
        damaged[size] = static_cast<char>(damaged[size] ^ 1);
        EXPECT_FALSE(parse_stop_entry(damaged)) << size;
    }
}

TEST(StopEntry, WhoseEventsAreOutsideOfItsTextIsNone) {
    std::string bytes;
    StopFacts facts;
    facts.events_begin = 1;
    facts.events_end = 5;
    append_stop_entry(bytes, "a.service", facts, "text");
    EXPECT_FALSE(parse_stop_entry(bytes));
}

/// Of a file that isn't what we wrote: nobody adds what can't be added.
TEST(StopEntry, WhoseTimesAreNoneOfThisMachineIsNone) {
    StopFacts facts;
    facts.ended = 1;
    facts.began_usec = INT64_MAX - 1;
    facts.duration_usec = 2;
    std::string bytes;
    append_stop_entry(bytes, "a.service", facts, "text");
    EXPECT_FALSE(parse_stop_entry(bytes));

    facts.began_usec = 5;
    bytes.clear();
    append_stop_entry(bytes, "a.service", facts, "text");
    EXPECT_TRUE(parse_stop_entry(bytes));
}

}  // namespace
}  // namespace svcd
