#include "core/process_slots.h"

#include <algorithm>
#include <functional>

namespace svcd {

Token ProcessSlots::allocate(ProcessOwner owner) {
    std::uint32_t slot = 0;
    if (!free_.empty()) {
        std::pop_heap(free_.begin(), free_.end(), std::greater<>{});
        slot = free_.back();
        free_.pop_back();
    } else if (slots_.size() < kProcessesMax) {
        slot = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        return Token::none;
    }
    const Token token = make_token(next_serial_++, slot);
    slots_[slot] = Slot{token, owner};
    return token;
}

void ProcessSlots::adopt(Token token, ProcessOwner owner) {
    const std::uint32_t slot = slot_of(token);
    while (slots_.size() <= slot) {
        push_free(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    std::erase(free_, slot);
    std::make_heap(free_.begin(), free_.end(), std::greater<>{});
    slots_[slot] = Slot{token, owner};
}

void ProcessSlots::retire(Token token) {
    const std::uint32_t slot = slot_of(token);
    if (slot < slots_.size() && slots_[slot].token == token) {
        slots_[slot] = Slot{};
        push_free(slot);
    }
}

std::optional<ProcessOwner> ProcessSlots::owner(Token token) const {
    const std::uint32_t slot = slot_of(token);
    if (token == Token::none || slot >= slots_.size() || slots_[slot].token != token) {
        return std::nullopt;
    }
    return slots_[slot].owner;
}

void ProcessSlots::push_free(std::uint32_t slot) {
    free_.push_back(slot);
    std::push_heap(free_.begin(), free_.end(), std::greater<>{});
}

}  // namespace svcd
