// Blanks, digits and fields at the beginning of a text, for parsers.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace svcd {

inline constexpr std::string_view kWhitespace = " \t\n\r";
inline constexpr std::string_view kDigits = "0123456789";

/// Tells whether it is one of 0 to 9, whatever the locale.
inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes the blanks `text` begins with.
inline void skip_whitespace(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(kWhitespace), text.size()));
}

/// Takes what stands before the next `separator`, and the separator; else the whole text.
inline std::string_view take_field(std::string_view& text, char separator) {
    const std::string_view field = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    return field;
}

/// Takes the digits `text` begins with. Nothing when there are none, or when the number is too
/// large.
inline std::optional<std::uint64_t> take_digits(std::string_view& text) {
    const std::size_t length = std::min(text.find_first_not_of(kDigits), text.size());
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
    if (length == 0 || error != std::errc{} || end != text.data() + length) {
        return std::nullopt;
    }
    text.remove_prefix(length);
    return value;
}

}  // namespace svcd
