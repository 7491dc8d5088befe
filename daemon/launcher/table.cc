#include "launcher/table.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/os.h"

namespace svcd {
namespace {

/// Memory that is there from the start: enough for most machines. The manager allocates the rest.
constexpr std::uint32_t kFirstSlots = 2048;
constexpr std::size_t kFirstBytes = kSlotsOffset + kFirstSlots * sizeof(ProcessSlot);

// Of linux/memfd.h since 6.3; without it a newer kernel warns, with it an older one refuses.
constexpr unsigned kNoExecSeal = 8;

int make_memfd() {
    constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    const int fd = ::memfd_create("svcd-processes", kFlags | kNoExecSeal);
    return fd >= 0 || errno != EINVAL ? fd : ::memfd_create("svcd-processes", kFlags);
}

constexpr std::uint32_t number(SlotState state) {
    return static_cast<std::uint32_t>(state);
}

}  // namespace

bool Table::create() {
    fd_ = above_fixed_fds(make_memfd());
    poke_fd_ = above_fixed_fds(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (fd_ < 0 || poke_fd_ < 0 || ::ftruncate(fd_, kTableSize) != 0 ||
        ::fallocate(fd_, 0, 0, kFirstBytes) != 0 ||
        ::fcntl(fd_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        say("can't make the process table: %s", std::strerror(errno));
        return false;
    }
    void* memory = ::mmap(nullptr, kTableSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (memory == MAP_FAILED) {
        say("can't map the process table: %s", std::strerror(errno));
        return false;
    }
    header_ = static_cast<TableHeader*>(memory);
    slots_ = reinterpret_cast<ProcessSlot*>(static_cast<unsigned char*>(memory) + kSlotsOffset);
    header_->version = kTableVersion;
    header_->magic = kTableMagic;
    return true;
}

std::uint32_t Table::used() const {
    // The manager writes it, and we must survive what it writes.
    const std::uint32_t used = header_->used.load(std::memory_order_acquire);
    return used < kSlots ? used : kSlots;
}

bool Table::record_exit(pid_t pid, int code, int status) {
    bool is_ours = false;
    const std::uint32_t end = used();
    for (std::uint32_t index = 0; index < end; ++index) {
        ProcessSlot& slot = slots_[index];
        std::uint32_t state = number(SlotState::live);
        if (slot.pid.load(std::memory_order_relaxed) != pid ||
            slot.state.load(std::memory_order_acquire) != state) {
            continue;
        }
        const std::uint64_t token = slot.token.load(std::memory_order_relaxed);
        slot.code = code;
        slot.status = status;
        slot.exited_at = now_usec();
        if (!slot.state.compare_exchange_strong(state, number(SlotState::exited),
                                                std::memory_order_acq_rel)) {
            continue;  // released in this moment
        }
        if (slot.token.load(std::memory_order_acquire) != token ||
            slot.pid.load(std::memory_order_relaxed) != pid) {
            // Released and taken for another process in this moment: that one lives.
            slot.state.store(number(SlotState::live), std::memory_order_release);
            continue;
        }
        mark_exited(index);
        is_ours = true;
        // Go on: a manager that died while it adopted a process can have left its PID in a second
        // slot, and nobody must wait for that one for ever.
    }
    return is_ours;
}

/// After the slot is EXITED: a manager that finds the bit finds the exit. The word before its
/// summary: a manager that finds no summary bit will find it later.
void Table::mark_exited(std::uint32_t index) {
    const std::uint32_t word = index / 64;
    header_->exited[word].fetch_or(std::uint64_t{1} << (index % 64), std::memory_order_release);
    header_->exited_summary[word / 64].fetch_or(std::uint64_t{1} << (word % 64),
                                                std::memory_order_release);
}

void Table::count_orphan() {
    header_->orphans_reaped.fetch_add(1, std::memory_order_relaxed);
}

void Table::request(std::uint32_t bits) {
    header_->requests.fetch_or(bits, std::memory_order_release);
    poke();
}

void Table::poke() {
    // EAGAIN: the counter is full, so the manager has been poked often enough.
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(poke_fd_, &one, sizeof one);
}

bool Table::read_end(EndOrder& end) const {
    const std::uint32_t value = header_->final_status.load(std::memory_order_acquire);
    if (value == 0) {
        return false;
    }
    end.status = static_cast<int>(value & 255U);
    end.kind = EndKind{header_->end_kind.load(std::memory_order_relaxed)};
    end.at_once = header_->end_at_once.load(std::memory_order_relaxed) != 0;
    end.deadline = header_->end_deadline_usec.load(std::memory_order_relaxed);
    return true;
}

void Table::count_start() {
    header_->manager_starts.fetch_add(1, std::memory_order_relaxed);
}

bool Table::has_processes() const {
    for (std::uint32_t index = 0; index < used(); ++index) {
        if (slots_[index].state.load(std::memory_order_relaxed) != number(SlotState::free)) {
            return true;
        }
    }
    return false;
}

}  // namespace svcd
