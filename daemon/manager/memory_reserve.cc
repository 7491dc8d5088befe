#include "manager/memory_reserve.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace svcd {
namespace {

MemoryReserve* reserve = nullptr;

void* map(std::size_t size) {
    void* const block =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? nullptr : block;
}

/// Only if there is as much again beside it: else the next allocation would cost it at once.
void* map_with_room() {
    void* const room = map(2 * kMemoryReserve);
    if (room != nullptr) {
        ::munmap(static_cast<char*>(room) + kMemoryReserve, kMemoryReserve);
    }
    return room;
}

}  // namespace

MemoryReserve::MemoryReserve() : block_(map(kMemoryReserve)) {
    reserve = this;
    std::set_new_handler(&MemoryReserve::give_up);
}

MemoryReserve::~MemoryReserve() {
    std::set_new_handler(nullptr);
    reserve = nullptr;
    if (block_ != nullptr) {
        ::munmap(block_, kMemoryReserve);
    }
}

/// Called by `new`, which tries again when this returns.
void MemoryReserve::give_up() {
    if (reserve->block_ == nullptr) {
        throw std::bad_alloc{};
    }
    ::munmap(reserve->block_, kMemoryReserve);
    reserve->block_ = nullptr;
}

void MemoryReserve::look(Time now, const SayLine& say) {
    if (!is_given_up()) {
        return;
    }
    if (!is_told_) {
        is_told_ = true;
        wait_ = kLookForMemoryFirst;
        again_at_ = now + wait_;
        say(Severity::error,
            "svcd is out of memory: what it held back is given up. Stops and exits go on; starts, "
            "reloads, and what users ask who may change nothing are refused until there is room. "
            "Is RLIMIT_AS of svcd-manager, or vm.overcommit_memory, too strict?");
        return;
    }
    if (now < again_at_) {
        return;
    }
    block_ = map_with_room();
    if (is_given_up()) {
        wait_ = std::min(2 * wait_, kLookForMemoryLast);
        again_at_ = now + wait_;
        return;
    }
    is_told_ = false;
    say(Severity::notice, "There is memory again: nothing is refused for want of it any more");
}

std::optional<Time> MemoryReserve::due() const {
    return is_given_up() && is_told_ ? std::optional{again_at_} : std::nullopt;
}

}  // namespace svcd
