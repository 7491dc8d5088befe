#include "state/process_table.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <unordered_set>
#include <utility>

namespace svcd {
namespace {

/// Memory is taken in chunks of so many slots (64 KiB) ...
constexpr std::size_t kChunkSlots = 2048;
/// ... and `used`, which bounds the launcher's search at each exit, is raised in smaller steps.
constexpr std::size_t kUsedStep = 64;
constexpr std::size_t kBits = 64;

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::int32_t>::is_always_lock_free);
static_assert(kSlots == kProcessesMax);

constexpr std::size_t round_up(std::size_t value, std::size_t step) {
    return (value + step - 1) / step * step;
}

EndKind end_kind_of(ShutdownKind kind) {
    switch (kind) {
        case ShutdownKind::exit:
            return EndKind::exit;
        case ShutdownKind::poweroff:
            return EndKind::poweroff;
        case ShutdownKind::reboot:
            return EndKind::reboot;
        case ShutdownKind::halt:
            return EndKind::halt;
    }
    return EndKind::exit;
}

SlotState state_of(const ProcessSlot& slot) {
    // Acquire: what the launcher wrote before EXITED is seen with it.
    return static_cast<SlotState>(slot.state.load(std::memory_order_acquire));
}

void store_state(ProcessSlot& slot, SlotState state) {
    slot.state.store(static_cast<std::uint32_t>(state), std::memory_order_release);
}

Token token_of(const ProcessSlot& slot) {
    return static_cast<Token>(slot.token.load(std::memory_order_relaxed));
}

Pid pid_of(const ProcessSlot& slot) {
    return slot.pid.load(std::memory_order_relaxed);
}

/// si_code of waitid(2). The three that a reaped process can have carry the same numbers here.
ExitCode exit_code_of(std::int32_t code) {
    const bool is_known = code >= 1 && code <= 3;
    return is_known ? static_cast<ExitCode>(code) : ExitCode::unknown;
}

std::string name_of(Token token) {
    return "token " + std::to_string(serial_of(token)) + " (slot " +
           std::to_string(slot_of(token)) + ")";
}

}  // namespace

Result<ProcessTable> ProcessTable::attach(UniqueFd table) {
    struct stat info {};
    if (::fstat(table.get(), &info) != 0) {
        return failure(errno, "fstat", "the process table", "svcd-manager is started by svcd");
    }
    if (info.st_size != static_cast<off_t>(kTableSize)) {
        return failure(0, "attach", "the process table",
                       "descriptor 3 is none: it has " + std::to_string(info.st_size) + " bytes");
    }
    void* memory = ::mmap(nullptr, kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, table.get(), 0);
    if (memory == MAP_FAILED) {
        return failure(errno, "mmap", "the process table");
    }
    auto* header = static_cast<TableHeader*>(memory);
    if (header->magic != kTableMagic || header->version != kTableVersion) {
        ::munmap(memory, kTableSize);
        return failure(0, "attach", "the process table",
                       "svcd and svcd-manager are of different versions; start svcd again");
    }
    ProcessTable attached{std::move(table), header};
    attached.report_exits_again();
    return attached;
}

ProcessTable::ProcessTable(UniqueFd fd, TableHeader* header)
    : fd_(std::move(fd)), header_(header), allocated_(0) {
    // What is in use was allocated by an earlier manager, in whole chunks.
    allocated_ = round_up(used(), kChunkSlots);
    reported_.resize(allocated_ / kBits);
    per_process_ = header_->has_keepers.load(std::memory_order_relaxed) == 1 ? 2 : 1;
}

ProcessTable::ProcessTable(ProcessTable&& other) noexcept
    : fd_(std::move(other.fd_)),
      header_(std::exchange(other.header_, nullptr)),
      allocated_(other.allocated_),
      per_process_(other.per_process_),
      reported_(std::move(other.reported_)) {}

ProcessTable& ProcessTable::operator=(ProcessTable&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(header_, other.header_);
    std::swap(allocated_, other.allocated_);
    std::swap(per_process_, other.per_process_);
    std::swap(reported_, other.reported_);
    return *this;
}

ProcessTable::~ProcessTable() {
    if (header_ != nullptr) {
        ::munmap(header_, kTableSize);
    }
}

ProcessSlot& ProcessTable::slot(std::size_t index) const {
    auto* bytes = reinterpret_cast<unsigned char*>(header_) + kSlotsOffset;
    return reinterpret_cast<ProcessSlot*>(bytes)[index];
}

std::size_t ProcessTable::index_of(Token token) const {
    return slot_of(token) * per_process_ + (is_keeper(token) ? 1 : 0);
}

void ProcessTable::use_keepers() {
    header_->has_keepers.store(1, std::memory_order_relaxed);
    per_process_ = 2;
}

Result<ProcessTable::KeeperSlot> ProcessTable::claim_for_keeper(Token process) {
    std::uint32_t number = 0;
    const auto token = [&] {
        const auto plain = static_cast<std::uint64_t>(make_token(serial_of(process), number));
        return static_cast<Token>(plain | kKeeperBit);
    };
    while (index_of(token()) < used() && state_of(slot(index_of(token()))) != SlotState::free) {
        ++number;
    }
    const auto cell = claim(token());
    if (!cell) {
        return Failure{cell.error()};
    }
    return KeeperSlot{token(), *cell};
}

Token ProcessTable::kept_by(Token keeper) const {
    const std::uint64_t serial = serial_of(keeper) & ~(kKeeperBit / kProcessesMax);
    for (std::size_t index = 0; index < used(); ++index) {
        const Token token = token_of(slot(index));
        if (state_of(slot(index)) != SlotState::free && !is_keeper(token) &&
            serial_of(token) == serial) {
            return token;
        }
    }
    return Token::none;
}

std::uint32_t ProcessTable::number_of(Token token) const {
    return static_cast<std::uint32_t>(index_of(token));
}

std::size_t ProcessTable::used() const {
    return std::min<std::size_t>(header_->used.load(std::memory_order_acquire), kSlots);
}

/// An earlier manager clears the bit of an exit before it has dealt with it, so the bitmap alone
/// does not say what is left to do; the slots do.
void ProcessTable::report_exits_again() {
    for (std::size_t index = 0; index < used(); ++index) {
        if (state_of(slot(index)) == SlotState::exited) {
            const std::size_t word = index / kBits;
            header_->exited[word].fetch_or(std::uint64_t{1} << (index % kBits));
            header_->exited_summary[word / kBits].fetch_or(std::uint64_t{1} << (word % kBits));
        }
    }
}

Result<void> ProcessTable::make_room_for(std::size_t index) {
    if (index >= allocated_) {
        const std::size_t wanted = round_up(index + 1, kChunkSlots);
        const std::size_t bytes = (wanted - allocated_) * sizeof(ProcessSlot);
        const auto offset = static_cast<off_t>(kSlotsOffset + allocated_ * sizeof(ProcessSlot));
        if (::fallocate(fd_.get(), 0, offset, static_cast<off_t>(bytes)) != 0) {
            return failure(errno, "fallocate", "the process table", "no room for more processes");
        }
        // Writable pages now: the kernel's write of a PID in clone3 must not wait for memory.
        auto* start = reinterpret_cast<unsigned char*>(header_) + offset;
        auto* page = start - reinterpret_cast<std::uintptr_t>(start) % 4096;
        ::madvise(page, bytes, MADV_POPULATE_WRITE);
        allocated_ = wanted;
        reported_.resize(allocated_ / kBits);
    }
    if (index >= used()) {
        const auto raised = static_cast<std::uint32_t>(round_up(index + 1, kUsedStep));
        header_->used.store(raised, std::memory_order_release);
    }
    return {};
}

Result<std::atomic<std::int32_t>*> ProcessTable::claim(Token token) {
    const std::size_t index = index_of(token);
    if (index >= kSlots) {
        return failure(ENOSPC, "claim", name_of(token), "the process table is full");
    }
    if (Result<void> room = make_room_for(index); !room) {
        return Failure{room.error()};
    }
    ProcessSlot& mine = slot(index);
    const bool is_claimed = state_of(mine) != SlotState::free;
    const bool is_same_intent =
        state_of(mine) == SlotState::live && token_of(mine) == token && pid_of(mine) == 0;
    if (is_claimed && !is_same_intent) {
        return failure(EBUSY, "claim", name_of(token),
                       "the slot belongs to " + name_of(token_of(mine)));
    }
    mine.pid.store(0, std::memory_order_relaxed);
    mine.token.store(static_cast<std::uint64_t>(token), std::memory_order_relaxed);
    store_state(mine, SlotState::live);
    return &mine.pid;
}

Result<void> ProcessTable::set_pid(Token token, Pid pid) {
    ProcessSlot& mine = slot(index_of(token));
    if (index_of(token) >= used() || token_of(mine) != token || state_of(mine) != SlotState::live) {
        return failure(ENOENT, "set the PID of", name_of(token), "the slot was not claimed");
    }
    if (const Token other = find(pid); other != Token::none && other != token) {
        return failure(EEXIST, "set the PID of", name_of(token),
                       "process " + std::to_string(pid) + " is " + name_of(other));
    }
    mine.pid.store(pid, std::memory_order_release);
    return {};
}

ProcessFact ProcessTable::look(Token token) const {
    if (token == Token::none) {
        return ProcessFact{};
    }
    if (index_of(token) >= used()) {
        return ProcessFact{ProcessFact::State::lost, 0};
    }
    const ProcessSlot& its = slot(index_of(token));
    const SlotState state = state_of(its);
    if (token_of(its) != token) {
        return ProcessFact{ProcessFact::State::lost, 0};
    }
    const Pid pid = pid_of(its);
    switch (state) {
        case SlotState::free:
            return ProcessFact{ProcessFact::State::lost, 0};
        case SlotState::live:
            return ProcessFact{
                pid == 0 ? ProcessFact::State::never_spawned : ProcessFact::State::alive, pid};
        case SlotState::exited:
            return ProcessFact{ProcessFact::State::exited, pid};
    }
    return ProcessFact{ProcessFact::State::lost, 0};  // a word the launcher never writes
}

Token ProcessTable::find(Pid pid) const {
    for (std::size_t index = 0; index < used(); ++index) {
        const ProcessSlot& its = slot(index);
        if (pid_of(its) == pid && state_of(its) == SlotState::live && !is_keeper(token_of(its))) {
            return token_of(its);
        }
    }
    return Token::none;
}

/// False when `exits` is full.
bool ProcessTable::take_from_word(std::size_t word, std::vector<ExitRecord>& exits) {
    std::atomic<std::uint64_t>& bits = header_->exited[word];
    while (const std::uint64_t left = bits.load(std::memory_order_acquire)) {
        if (exits.size() == kExitsPerTake) {
            return false;
        }
        const std::uint64_t bit = left & (~left + 1);
        bits.fetch_and(~bit, std::memory_order_acq_rel);
        const std::size_t index = word * kBits + static_cast<std::size_t>(std::countr_zero(bit));
        if (index >= allocated_) {
            continue;  // no process of ours was ever there
        }
        const ProcessSlot& its = slot(index);
        const bool was_reported = (reported_[word] & bit) != 0;
        if (was_reported || state_of(its) != SlotState::exited) {
            continue;  // the launcher set the bit again while we started, or it is released
        }
        reported_[word] |= bit;
        exits.push_back(ExitRecord{token_of(its), pid_of(its), exit_code_of(its.code), its.status,
                                   time_from_usec(its.exited_at)});
    }
    return true;
}

std::vector<ExitRecord> ProcessTable::take_exits() {
    std::vector<ExitRecord> exits;
    for (std::size_t group = 0; group < std::size(header_->exited_summary); ++group) {
        std::atomic<std::uint64_t>& summary = header_->exited_summary[group];
        while (const std::uint64_t left = summary.load(std::memory_order_acquire)) {
            const std::uint64_t bit = left & (~left + 1);
            // Before the words: the launcher sets a word first, so what it adds now is seen here or
            // leaves the summary set.
            summary.fetch_and(~bit, std::memory_order_acq_rel);
            const std::size_t word =
                group * kBits + static_cast<std::size_t>(std::countr_zero(bit));
            if (!take_from_word(word, exits)) {
                summary.fetch_or(bit, std::memory_order_acq_rel);
                return exits;
            }
        }
    }
    return exits;
}

void ProcessTable::release(Token token) {
    const std::size_t index = index_of(token);
    if (index >= used() || token_of(slot(index)) != token ||
        state_of(slot(index)) == SlotState::free) {
        return;
    }
    reported_[index / kBits] &= ~(std::uint64_t{1} << (index % kBits));
    slot(index).pid.store(0, std::memory_order_relaxed);
    store_state(slot(index), SlotState::free);
}

Token ProcessTable::find_exited(Pid pid) const {
    for (std::size_t index = 0; index < used(); ++index) {
        const ProcessSlot& its = slot(index);
        if (state_of(its) == SlotState::exited && pid_of(its) == pid && !is_keeper(token_of(its))) {
            return token_of(its);
        }
    }
    return Token::none;
}

std::vector<TableEntry> ProcessTable::strangers(std::span<const Token> known) const {
    const std::unordered_set<Token> tokens(known.begin(), known.end());
    std::vector<TableEntry> found;
    for (std::size_t index = 0; index < used(); ++index) {
        const ProcessSlot& its = slot(index);
        const SlotState state = state_of(its);
        if (state != SlotState::free && !is_keeper(token_of(its)) &&
            !tokens.contains(token_of(its))) {
            found.push_back(TableEntry{token_of(its), pid_of(its), state == SlotState::exited});
        }
    }
    return found;
}

std::vector<TableEntry> ProcessTable::keepers() const {
    std::vector<TableEntry> found;
    for (std::size_t index = 0; index < used(); ++index) {
        const ProcessSlot& its = slot(index);
        const SlotState state = state_of(its);
        if (state != SlotState::free && is_keeper(token_of(its))) {
            found.push_back(TableEntry{token_of(its), pid_of(its), state == SlotState::exited});
        }
    }
    return found;
}

std::uint64_t ProcessTable::highest_serial() const {
    std::uint64_t highest = 0;
    for (std::size_t index = 0; index < used(); ++index) {
        if (const Token token = token_of(slot(index)); !is_keeper(token)) {
            highest = std::max(highest, serial_of(token));
        }
    }
    return highest;
}

std::uint32_t ProcessTable::requests() const {
    return header_->requests.load(std::memory_order_acquire);
}

void ProcessTable::clear_requests(std::uint32_t bits) {
    header_->requests.fetch_and(~bits, std::memory_order_acq_rel);
}

std::uint64_t ProcessTable::signals() const {
    return header_->signals.load(std::memory_order_acquire);
}

void ProcessTable::clear_signals(std::uint64_t signals) {
    header_->signals.fetch_and(~signals, std::memory_order_acq_rel);
}

void ProcessTable::set_end(const TreeEnd& end) {
    const std::int64_t deadline = end.deadline == kNever ? 0 : to_usec(end.deadline);
    header_->end_kind.store(static_cast<std::uint32_t>(end_kind_of(end.kind)));
    header_->end_at_once.store(end.at_once ? 1 : 0);
    header_->end_deadline_usec.store(deadline);
    // Last: it makes the rest valid.
    const auto byte = static_cast<std::uint32_t>(std::clamp(end.status, 0, 255));
    header_->final_status.store(256 + byte, std::memory_order_release);
}

bool ProcessTable::has_taken_over() const {
    return header_->records_taken_over.load(std::memory_order_relaxed) != 0;
}

void ProcessTable::set_taken_over() {
    header_->records_taken_over.store(1, std::memory_order_relaxed);
}

void ProcessTable::set_launcher_settings(const LauncherSettings& settings,
                                         Duration manager_timeout) {
    header_->rescue_shell.store(static_cast<std::uint32_t>(settings.rescue_shell));
    header_->crash_action.store(static_cast<std::uint32_t>(settings.crash_action));
    header_->busybox_signals.store(settings.busybox_signals ? 1 : 0);
    const std::int64_t timeout =
        manager_timeout == kInfinity
            ? kNoManagerTimeout
            : std::clamp<std::int64_t>(manager_timeout.count(), kManagerTimeoutLeast,
                                       kManagerTimeoutMost);
    header_->manager_timeout_usec.store(timeout, std::memory_order_release);
}

std::uint64_t ProcessTable::asked() const {
    return header_->asked.load(std::memory_order_acquire);
}

void ProcessTable::answer(std::uint64_t asked) {
    header_->answered.store(asked, std::memory_order_release);
}

void ProcessTable::show_progress() {
    header_->progress.fetch_add(1, std::memory_order_relaxed);
}

BootState ProcessTable::boot_state() const {
    const std::uint32_t state = header_->boot_state.load(std::memory_order_relaxed);
    return state <= 2 ? BootState{state} : BootState::over;
}

void ProcessTable::set_boot_state(BootState state) {
    header_->boot_state.store(static_cast<std::uint32_t>(state), std::memory_order_relaxed);
}

std::uint32_t ProcessTable::manager_starts() const {
    return header_->manager_starts.load(std::memory_order_relaxed);
}

std::uint64_t ProcessTable::orphans_reaped() const {
    return header_->orphans_reaped.load(std::memory_order_relaxed);
}

}  // namespace svcd
