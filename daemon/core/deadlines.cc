#include "core/deadlines.h"

#include <utility>

namespace svcd {

void Deadlines::set(UnitId unit, Time when) {
    const std::size_t index = index_of(unit);
    if (place_of_.size() <= index) {
        place_of_.resize(index + 1, kAbsent);
    }
    std::uint32_t slot = place_of_[index];
    if (when == kNever) {
        if (slot == kAbsent) {
            return;
        }
        const Entry last = heap_.back();
        heap_.pop_back();
        place_of_[index] = kAbsent;
        if (last.unit != unit) {
            place(slot, last);
            sift_up(slot);
            sift_down(place_of_[index_of(last.unit)]);
        }
        return;
    }
    if (slot == kAbsent) {
        slot = static_cast<std::uint32_t>(heap_.size());
        heap_.push_back(Entry{when, unit});
    }
    place(slot, Entry{when, unit});
    sift_up(slot);
    sift_down(place_of_[index]);
}

std::optional<Time> Deadlines::earliest() const {
    if (heap_.empty()) {
        return std::nullopt;
    }
    return heap_.front().when;
}

std::optional<UnitId> Deadlines::due(Time now) const {
    if (heap_.empty() || heap_.front().when > now) {
        return std::nullopt;
    }
    return heap_.front().unit;
}

void Deadlines::place(std::size_t slot, Entry entry) {
    heap_[slot] = entry;
    place_of_[index_of(entry.unit)] = static_cast<std::uint32_t>(slot);
}

void Deadlines::sift_up(std::size_t slot) {
    while (slot > 0) {
        const std::size_t parent = (slot - 1) / 2;
        if (!(heap_[slot] < heap_[parent])) {
            return;
        }
        const Entry child = heap_[slot];
        place(slot, heap_[parent]);
        place(parent, child);
        slot = parent;
    }
}

void Deadlines::sift_down(std::size_t slot) {
    while (true) {
        std::size_t least = slot;
        for (const std::size_t child : {2 * slot + 1, 2 * slot + 2}) {
            if (child < heap_.size() && heap_[child] < heap_[least]) {
                least = child;
            }
        }
        if (least == slot) {
            return;
        }
        const Entry entry = heap_[slot];
        place(slot, heap_[least]);
        place(least, entry);
        slot = least;
    }
}

}  // namespace svcd
