// Names for processes: hands out tokens, lowest free slot first (so that the process table stays
// short), and knows whose each is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/types/ids.h"
#include "core/types/states.h"

namespace svcd {

struct ProcessOwner {
    UnitId unit{};
    ProcessRole role = ProcessRole::main;
};

class ProcessSlots {
public:
    /// A token never used before, or none when kProcessesMax processes are there.
    Token allocate(ProcessOwner owner);
    /// Takes a token of an earlier manager, from its record.
    void adopt(Token token, ProcessOwner owner);
    /// The slot may be used again.
    void retire(Token token);
    /// Nothing for a token that was retired.
    std::optional<ProcessOwner> owner(Token token) const;

    std::uint64_t next_serial() const { return next_serial_; }
    void set_next_serial(std::uint64_t serial) { next_serial_ = serial; }

private:
    struct Slot {
        Token token = Token::none;
        ProcessOwner owner;
    };
    void push_free(std::uint32_t slot);

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;  ///< a heap, lowest first
    std::uint64_t next_serial_ = 1;
};

}  // namespace svcd
