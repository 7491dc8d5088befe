// How long the last stops of a service took: what `svctl status` says of the next one, and what is
// warned of before it becomes a SIGKILL.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/types/record.h"
#include "core/types/time.h"

namespace svcd {

class StopHistory {
public:
    void add(Duration took) {
        const std::int64_t usec = std::clamp<std::int64_t>(took.count(), 0, UINT32_MAX);
        took_usec_[next_] = static_cast<std::uint32_t>(usec);
        next_ = static_cast<std::uint8_t>((next_ + 1) % kStopTimesMax);
        count_ = static_cast<std::uint8_t>(std::min<std::size_t>(count_ + 1u, kStopTimesMax));
    }

    /// How many are remembered.
    std::size_t size() const { return count_; }
    /// The time that `percent` of them did not exceed; 0 of none.
    Duration percentile(unsigned percent) const {
        if (count_ == 0) {
            return Duration{0};
        }
        std::array<std::uint32_t, kStopTimesMax> sorted = took_usec_;
        std::sort(sorted.begin(), sorted.begin() + count_);
        const std::size_t rank = (count_ * std::size_t{percent} + 99) / 100;
        return Duration{sorted[std::max<std::size_t>(rank, 1) - 1]};
    }

    void save(StopTimesRecord& record) const {
        record.took_usec = took_usec_;
        record.count = count_;
        record.next = next_;
    }
    void restore(const StopTimesRecord& record) {
        took_usec_ = record.took_usec;
        count_ = static_cast<std::uint8_t>(std::min<std::size_t>(record.count, kStopTimesMax));
        next_ = static_cast<std::uint8_t>(record.next % kStopTimesMax);
    }

private:
    std::array<std::uint32_t, kStopTimesMax> took_usec_{};
    std::uint8_t count_ = 0;
    std::uint8_t next_ = 0;
};

}  // namespace svcd
