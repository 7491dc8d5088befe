// How a text may look where it goes: colours and a width on a terminal, neither in a pipe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace svcd {

struct Screen {
    bool terminal = false;
    bool colour = false;
    std::size_t width = 0;   ///< 0: as wide as it gets
    std::size_t height = 0;  ///< 0: not a screen
};

enum class Colour : unsigned char { plain, good, bad, busy, dim, strong };

/// The text in a colour, or as it is where there are none.
std::string coloured(const Screen& screen, Colour colour, std::string_view text);

/// Columns that a UTF-8 text takes (each code point counts one).
std::size_t width_of(std::string_view text);

/// Cut to `width` columns, the last of them "…"; 0 doesn't cut.
std::string cut(std::string_view text, std::size_t width);

/// Filled up with blanks to `width` columns.
std::string padded(std::string_view text, std::size_t width);

/// Broken at blanks into lines of `width` columns, all but the first with `indent` before them; 0
/// leaves it on one line. A word that is longer stands alone.
std::string wrapped(std::string_view text, std::string_view indent, std::size_t width);

/// A single value (a process's name, a status, a command line) with all its control characters
/// made visible, C1 ones (U+0080 to U+009F), those that turn the direction of text, and bytes that
/// are no UTF-8 too: what a service calls itself must neither steer the
/// terminal nor begin a line that looks like svctl's own.
std::string harmless(std::string_view text);

/// The same for a text that has lines: newlines and tabs stay.
std::string harmless_lines(std::string_view text);

/// The same for a whole answer, with the colours of coloured() where the screen has any. All that
/// svctl prints for people goes through it.
std::string harmless_page(std::string_view text, const Screen& screen);

/// What is true of a standard stream (1 or 2), by NO_COLOR, TERM, COLUMNS and the terminal itself.
Screen screen_of(int descriptor, bool plain);

/// The sign that stands for an active state, which carries the meaning where there is no colour.
std::string_view glyph_of(std::string_view active_state);
Colour colour_of(std::string_view active_state);

}  // namespace svcd
