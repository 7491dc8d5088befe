// As much of UTF-8 as unit files need: is it valid, and how long is a character.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace svcd {

/// The length in bytes of the character that `text` begins with; 0 when it isn't valid UTF-8.
std::size_t utf8_length(std::string_view text);

/// How many characters `text` has; a byte that isn't UTF-8 counts as one.
std::size_t utf8_count(std::string_view text);

/// The first control character (C0, DEL or C1), which a terminal may obey; of a byte that isn't
/// UTF-8, and may be one to a terminal, its number. Nothing when there is none.
std::optional<char32_t> control_character_in(std::string_view text);

/// Appends a code point (at most U+10FFFF, no surrogate).
void append_utf8(std::string& text, char32_t code_point);

}  // namespace svcd
