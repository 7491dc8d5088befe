#include "state/process_table.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace svcd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A table as the launcher makes it, and the launcher's part in it.
class FakeLauncher {
public:
    FakeLauncher() : FakeLauncher(UniqueFd{::memfd_create("table", MFD_CLOEXEC)}) {}
    explicit FakeLauncher(UniqueFd file) : fd_(std::move(file)) {
        EXPECT_EQ(::ftruncate(fd_.get(), kTableSize), 0);
        memory_ = ::mmap(nullptr, kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
        header().version = kTableVersion;
        header().magic = kTableMagic;
    }
    ~FakeLauncher() { ::munmap(memory_, kTableSize); }
    FakeLauncher(const FakeLauncher&) = delete;
    FakeLauncher& operator=(const FakeLauncher&) = delete;

    ProcessTable manager() const {
        Result<ProcessTable> table = ProcessTable::attach(UniqueFd{::dup(fd_.get())});
        EXPECT_TRUE(table) << to_string(table.error());
        return std::move(*table);
    }
    TableHeader& header() const { return *static_cast<TableHeader*>(memory_); }
    ProcessSlot& slot(std::uint32_t index) const {
        return reinterpret_cast<ProcessSlot*>(static_cast<char*>(memory_) + kSlotsOffset)[index];
    }
    void mark(std::uint32_t index) const {
        header().exited[index / 64] |= std::uint64_t{1} << (index % 64);
        header().exited_summary[index / 4096] |= std::uint64_t{1} << (index / 64 % 64);
    }
    void exit(std::uint32_t index, int code, int status) const {
        slot(index).code = code;
        slot(index).status = status;
        slot(index).exited_at = 123;
        slot(index).state = static_cast<std::uint32_t>(SlotState::exited);
        mark(index);
    }

private:
    UniqueFd fd_;
    void* memory_ = nullptr;
};

Token token(std::uint32_t slot, std::uint64_t serial = 1) {
    return make_token(serial, slot);
}

/// As clone3 does it.
void spawn(ProcessTable& table, Token process, Pid pid) {
    const auto cell = table.claim(process);
    ASSERT_TRUE(cell) << to_string(cell.error());
    (*cell)->store(pid);
}

TEST(ProcessTable, RefusesADescriptorThatIsNoTable) {
    Result<ProcessTable> table =
        ProcessTable::attach(UniqueFd{::open("/dev/null", O_RDWR | O_CLOEXEC)});
    ASSERT_FALSE(table);
    EXPECT_THAT(to_string(table.error()), HasSubstr("it has 0 bytes"));
    EXPECT_FALSE(ProcessTable::attach(UniqueFd{}));
}

TEST(ProcessTable, RefusesATableOfAnotherVersion) {
    const UniqueFd file{::memfd_create("table", MFD_CLOEXEC)};
    ASSERT_EQ(::ftruncate(file.get(), kTableSize), 0);
    Result<ProcessTable> table = ProcessTable::attach(UniqueFd{::dup(file.get())});
    ASSERT_FALSE(table);
    EXPECT_THAT(to_string(table.error()), HasSubstr("different versions"));
}

TEST(ProcessTable, TellsWhatBecameOfAProcess) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    using State = ProcessFact::State;
    EXPECT_EQ(table.look(Token::none).state, State::none);
    EXPECT_EQ(table.look(token(5)).state, State::lost);
    ASSERT_TRUE(table.claim(token(5)));
    EXPECT_EQ(table.look(token(5)).state, State::never_spawned);
    spawn(table, token(5), 77);
    EXPECT_EQ(table.look(token(5)).state, State::alive);
    EXPECT_EQ(table.look(token(5)).pid, 77);
    EXPECT_EQ(table.look(token(5, 2)).state, State::lost);
    launcher.exit(5, 1, 3);
    EXPECT_EQ(table.look(token(5)).state, State::exited);
    table.release(token(5));
    EXPECT_EQ(table.look(token(5)).state, State::lost);
}

TEST(ProcessTable, ReportsAnExitOnceAndAgainToTheNextManager) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    spawn(table, token(64), 77);
    EXPECT_THAT(table.take_exits(), IsEmpty());
    launcher.exit(64, 2, 15);
    const std::vector<ExitRecord> exits = table.take_exits();
    ASSERT_THAT(exits, SizeIs(1));
    EXPECT_EQ(exits[0].token, token(64));
    EXPECT_EQ(exits[0].pid, 77);
    EXPECT_EQ(exits[0].code, ExitCode::killed);
    EXPECT_EQ(exits[0].status, 15);
    EXPECT_EQ(exits[0].exited_at, time_from_usec(123));
    EXPECT_THAT(table.take_exits(), IsEmpty());

    ProcessTable next = launcher.manager();
    EXPECT_THAT(next.take_exits(), SizeIs(1));
    // The launcher was just about to set the bit when the manager looked at all slots.
    launcher.mark(64);
    EXPECT_THAT(next.take_exits(), IsEmpty());
    next.release(token(64));
    EXPECT_THAT(launcher.manager().take_exits(), IsEmpty());

    spawn(next, token(64, 2), 78);
    launcher.exit(64, 1, 0);
    EXPECT_THAT(next.take_exits(), SizeIs(1));
}

TEST(ProcessTable, TakesAStormOfExitsInBatches) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    for (std::uint32_t slot = 0; slot < 150; ++slot) {
        spawn(table, token(slot), static_cast<Pid>(1000 + slot));
        launcher.exit(slot, 1, 0);
    }
    EXPECT_THAT(table.take_exits(), SizeIs(kExitsPerTake));
    EXPECT_THAT(table.take_exits(), SizeIs(kExitsPerTake));
    EXPECT_THAT(table.take_exits(), SizeIs(150 - 2 * kExitsPerTake));
    EXPECT_THAT(table.take_exits(), IsEmpty());
}

TEST(ProcessTable, RefusesASlotThatBelongsToAnother) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    spawn(table, token(9), 77);
    const auto again = table.claim(token(9, 2));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().error_number, EBUSY);
    EXPECT_FALSE(table.claim(token(9)));  // it runs: spawning it twice is what tokens prevent
    table.release(token(9, 2));
    EXPECT_EQ(table.look(token(9)).pid, 77);
}

TEST(ProcessTable, LetsTheLauncherLookNoFurtherThanItMust) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    EXPECT_EQ(launcher.header().used, 0U);
    spawn(table, token(3), 77);
    EXPECT_LE(launcher.header().used, 64U);
    spawn(table, token(65535), 78);
    EXPECT_EQ(launcher.header().used, kSlots);
    launcher.exit(65535, 1, 0);
    EXPECT_THAT(table.take_exits(), SizeIs(1));
}

TEST(ProcessTable, FailsByValueWhenThereIsNoMemoryForMoreSlots) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root, to mount a file system that is too small";
    }
    // In a process and a mount namespace of its own.
    const pid_t child = ::fork();
    if (child == 0) {
        const bool is_mounted = ::unshare(CLONE_NEWNS) == 0 &&
                                ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                                ::mount("tmpfs", "/tmp", "tmpfs", 0, "size=128k") == 0;
        if (!is_mounted) {
            ::_exit(2);
        }
        const FakeLauncher launcher{
            UniqueFd{::open("/tmp/table", O_RDWR | O_CREAT | O_CLOEXEC, 0600)}};
        ProcessTable table = launcher.manager();
        const bool has_first = table.claim(token(2047)).has_value();
        const auto beyond = table.claim(token(9000));
        const bool is_said = !beyond && beyond.error().error_number == ENOSPC;
        const bool is_as_before = launcher.header().used == 2048U;
        ::_exit(has_first && is_said && is_as_before ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(ProcessTable, TakesAProcessThatNamedItself) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    spawn(table, token(1), 77);
    EXPECT_FALSE(table.set_pid(token(2), 88));
    ASSERT_TRUE(table.claim(token(2)));
    const Result<void> taken = table.set_pid(token(2), 77);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().error_number, EEXIST);
    EXPECT_TRUE(table.set_pid(token(2), 88));
    EXPECT_EQ(table.find(88), token(2));
    EXPECT_EQ(table.find(99), Token::none);
}

TEST(ProcessTable, ListsWhatNoRecordKnows) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    spawn(table, token(1), 77);
    spawn(table, token(2), 78);
    ASSERT_TRUE(table.claim(token(3)));
    launcher.exit(2, 1, 0);
    const std::vector<Token> known{token(1)};
    const std::vector<TableEntry> strangers = table.strangers(known);
    ASSERT_THAT(strangers, SizeIs(2));
    EXPECT_EQ(strangers[0].token, token(2));
    EXPECT_TRUE(strangers[0].exited);
    EXPECT_EQ(strangers[1].token, token(3));
    EXPECT_EQ(strangers[1].pid, 0);
}

TEST(ProcessTable, KeepsRequestsUntilTheyAreCleared) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    launcher.header().requests = kRequestTerminate | kRequestReload;
    EXPECT_EQ(table.requests(), kRequestTerminate | kRequestReload);
    table.clear_requests(kRequestReload);
    EXPECT_EQ(launcher.manager().requests(), kRequestTerminate);
}

TEST(ProcessTable, TellsTheLauncherHowToEnd) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    table.set_end({});
    EXPECT_EQ(launcher.header().final_status, 256U);
    EXPECT_EQ(launcher.header().end_kind, 0U);
    EXPECT_EQ(launcher.header().end_at_once, 0U);
    EXPECT_EQ(launcher.header().end_deadline_usec, 0);
    table.set_end({300, ShutdownKind::reboot, true, time_from_usec(77)});
    EXPECT_EQ(launcher.header().final_status, 256U + 255U);
    EXPECT_EQ(launcher.header().end_kind, static_cast<std::uint32_t>(EndKind::reboot));
    EXPECT_EQ(launcher.header().end_at_once, 1U);
    EXPECT_EQ(launcher.header().end_deadline_usec, 77);
}

TEST(Keepers, HaveSlotsOfTheirOwnThatOutlastThoseOfTheirProcesses) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    table.use_keepers();
    const Token first = make_token(7, 0);
    ASSERT_TRUE(table.claim(first));
    const auto keeper = table.claim_for_keeper(first);
    ASSERT_TRUE(keeper) << to_string(keeper.error());
    EXPECT_TRUE(is_keeper(keeper->token));
    EXPECT_EQ(table.number_of(first), 0U);
    EXPECT_EQ(table.number_of(keeper->token), 1U);
    *keeper->pid = 100;
    launcher.slot(0).pid = 101;
    EXPECT_EQ(table.kept_by(keeper->token), first);
    EXPECT_EQ(table.look(keeper->token).pid, 100);
    EXPECT_EQ(table.find(101), first);
    EXPECT_EQ(table.find(100), Token::none) << "a keeper is nobody's process";
    EXPECT_THAT(table.strangers({}), SizeIs(1));
    EXPECT_EQ(table.highest_serial(), 7U);

    // The process ends and its slot is taken again, while the keeper has left-overs to keep.
    launcher.exit(0, CLD_EXITED, 3);
    ASSERT_THAT(table.take_exits(), SizeIs(1));
    table.release(first);
    const Token second = make_token(8, 0);
    ASSERT_TRUE(table.claim(second));
    const auto other = table.claim_for_keeper(second);
    ASSERT_TRUE(other) << to_string(other.error());
    EXPECT_EQ(table.number_of(other->token), 3U);
    EXPECT_EQ(table.kept_by(keeper->token), Token::none);
    EXPECT_THAT(table.keepers(), SizeIs(2));

    // The next manager of this launcher knows that there are keepers, and of their ends.
    launcher.exit(1, CLD_KILLED, SIGKILL);
    ProcessTable next = launcher.manager();
    EXPECT_TRUE(next.has_keepers());
    const std::vector<ExitRecord> exits = next.take_exits();
    ASSERT_THAT(exits, SizeIs(1));
    EXPECT_EQ(exits.front().token, keeper->token);
    next.release(keeper->token);
    EXPECT_THAT(next.keepers(), SizeIs(1));
}

TEST(Keepers, HalveTheNumberOfProcesses) {
    const FakeLauncher launcher;
    ProcessTable table = launcher.manager();
    table.use_keepers();
    EXPECT_TRUE(table.claim(make_token(1, kSlots / 2 - 1)));
    const auto one_more = table.claim(make_token(2, kSlots / 2));
    ASSERT_FALSE(one_more);
    EXPECT_EQ(one_more.error().error_number, ENOSPC);
}

}  // namespace
}  // namespace svcd
