// As much of UTF-8 as svcd needs: is it valid, how long is a character, and which characters must
// not reach a terminal. All that takes in text of others (unit files, notifications, calls) or puts
// it out (the log, answers) asks here.
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

/// The first character that a terminal may obey: C0, DEL, C1, the separators of lines and
/// paragraphs (U+2028, U+2029) and what turns the direction of text (U+202A to U+202E, U+2066 to
/// U+2069). Of a byte that isn't UTF-8, and may be one to a terminal, its number. Nothing when
/// there is none.
std::optional<char32_t> control_character_in(std::string_view text);

/// The text with '?' for each of those, but for the control characters in `kept`.
std::string without_controls(std::string_view text, std::string_view kept = {});

/// Appends a code point (at most U+10FFFF, no surrogate).
void append_utf8(std::string& text, char32_t code_point);

}  // namespace svcd
