// The end of a process, written into the process table (protocol.h) by whoever reaps it: the
// launcher, and the keepers of units without a cgroup (exec/keeper.h). Before the reaping, for
// until then nobody else can have its PID.
#pragma once

#include <sys/types.h>

#include <algorithm>

#include "launcher/protocol.h"

namespace svcd {

struct ExitRecorder {
    TableHeader* head = nullptr;
    ProcessSlot* slots = nullptr;

    /// How many slots may be other than FREE.
    std::uint32_t used() const {
        return std::min(head->used.load(std::memory_order_acquire), kSlots);
    }

    /// `now` in µs of CLOCK_MONOTONIC. True when the process was in the table.
    bool record(pid_t pid, int code, int status, std::int64_t now) const {
        bool is_ours = false;
        // All of them: a manager that died while it adopted a process can have left its PID in a
        // second slot, and nobody must wait for that one for ever.
        for (std::uint32_t index = 0, end = used(); index < end; ++index) {
            if (record_in(slots[index], pid, code, status, now)) {
                mark_exited(index);
                is_ours = true;
            }
        }
        return is_ours;
    }

private:
    static constexpr std::uint32_t kLive = static_cast<std::uint32_t>(SlotState::live);
    static constexpr std::uint32_t kExited = static_cast<std::uint32_t>(SlotState::exited);

    static bool record_in(ProcessSlot& slot, pid_t pid, int code, int status, std::int64_t now) {
        std::uint32_t state = kLive;
        if (slot.pid.load(std::memory_order_relaxed) != pid ||
            slot.state.load(std::memory_order_acquire) != state) {
            return false;
        }
        const std::uint64_t token = slot.token.load(std::memory_order_relaxed);
        slot.code = code;
        slot.status = status;
        slot.exited_at = now;
        if (!slot.state.compare_exchange_strong(state, kExited, std::memory_order_acq_rel)) {
            return false;  // released in this moment
        }
        if (slot.token.load(std::memory_order_acquire) == token &&
            slot.pid.load(std::memory_order_relaxed) == pid) {
            return true;
        }
        // Released and taken for another process in this moment: that one lives.
        slot.state.store(kLive, std::memory_order_release);
        return false;
    }

    /// After the slot is EXITED: a manager that finds the bit finds the exit. The word before its
    /// summary: a manager that finds no summary bit will find it later.
    void mark_exited(std::uint32_t index) const {
        const std::uint32_t word = index / 64;
        head->exited[word].fetch_or(std::uint64_t{1} << (index % 64), std::memory_order_release);
        head->exited_summary[word / 64].fetch_or(std::uint64_t{1} << (word % 64),
                                                 std::memory_order_release);
    }
};

}  // namespace svcd
