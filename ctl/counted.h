// Counts in a sentence: "1 process", "2 processes", "once", "3 times".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace svcd {

/// `noun`: one of them, in words that make their plural with -s or -es.
inline std::string counted(std::uint64_t count, std::string_view noun) {
    const std::string_view ending = count == 1 ? "" : noun.ends_with('s') ? "es" : "s";
    return std::to_string(count) + " " + std::string{noun} + std::string{ending};
}

inline std::string times_text(std::uint64_t count) {
    return count == 1 ? "once" : counted(count, "time");
}

}  // namespace svcd
