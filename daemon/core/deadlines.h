// Which unit is due next: a binary heap that knows where each unit sits in it, so that a deadline
// is moved or dropped in O(log n) and the earliest is at hand.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/types/ids.h"
#include "core/types/time.h"

namespace svcd {

class Deadlines {
public:
    /// kNever takes the unit out.
    void set(UnitId unit, Time when);
    std::optional<Time> earliest() const;
    /// A unit whose deadline has come, the earliest first; ties by id.
    std::optional<UnitId> due(Time now) const;

private:
    struct Entry {
        Time when;
        UnitId unit;
        bool operator<(const Entry& other) const {
            return when != other.when ? when < other.when : unit < other.unit;
        }
    };
    static constexpr std::uint32_t kAbsent = 0xffffffff;

    void place(std::size_t slot, Entry entry);
    void sift_up(std::size_t slot);
    void sift_down(std::size_t slot);

    std::vector<Entry> heap_;
    std::vector<std::uint32_t> place_of_;  ///< by unit
};

}  // namespace svcd
