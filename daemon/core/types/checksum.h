// The checksum of what outlives a manager: it has to notice a write that was cut short, not an
// attacker.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace svcd {

/// FNV-1a over 64-bit words (the last one filled up with zeros), each folded, so that every bit
/// reaches every other.
inline std::uint64_t checksum_of(const void* bytes, std::size_t size) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (std::size_t at = 0; at < size; at += sizeof hash) {
        std::uint64_t word = 0;
        std::memcpy(&word, static_cast<const char*>(bytes) + at, std::min(sizeof word, size - at));
        hash = (hash ^ word) * 0x100000001b3U;
        hash ^= hash >> 32U;
    }
    return hash;
}

inline std::uint64_t checksum_of(std::string_view text) {
    return checksum_of(text.data(), text.size());
}

}  // namespace svcd
