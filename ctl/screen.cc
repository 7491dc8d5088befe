#include "screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "harmless_json.h"

namespace svcd {
namespace {

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

struct Sequence {
    std::size_t length = 1;
    std::uint32_t code_point = 0;
    bool is_valid = false;
};

/// The UTF-8 sequence that `text` begins with; one byte that is not valid where there is none.
Sequence first_sequence(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return {1, first, true};
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) {
        return {};
    }
    std::uint32_t code = first & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_continuation(text[i])) {
            return {};
        }
        code = code << 6U | (byte(i) & 0x3fU);
    }
    // Overlong forms, surrogates and what lies beyond U+10FFFF.
    const bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (is_overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) {
        return {};
    }
    return {length, code, true};
}

/// C1 control characters, of which a terminal may take U+009B as it takes ESC [, separators of
/// lines and paragraphs, and those that turn the direction in which text is shown.
bool is_hidden(std::uint32_t code) {
    return (code >= 0x80 && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

std::string formatted(const char* format, std::uint32_t number) {
    std::array<char, 16> shown{};
    std::snprintf(shown.data(), shown.size(), format, static_cast<unsigned>(number));
    return shown.data();
}

constexpr auto kColourCodes = std::to_array<std::string_view>(
    {"", "\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[1m"});
constexpr std::string_view kColourEnd = "\x1b[0m";

/// The length of a colour code of coloured() that `text` begins with; 0: there is none.
std::size_t colour_code_length(std::string_view text) {
    if (text.starts_with(kColourEnd)) {
        return kColourEnd.size();
    }
    for (const std::string_view code : kColourCodes) {
        if (!code.empty() && text.starts_with(code)) {
            return code.size();
        }
    }
    return 0;
}

std::string with_controls_shown(std::string_view text, std::string_view kept, bool keeps_colours) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        if (const std::size_t code = keeps_colours ? colour_code_length(text) : 0; code != 0) {
            result += text.substr(0, code);
            text.remove_prefix(code);
            continue;
        }
        const Sequence next = first_sequence(text);
        const std::uint32_t code = next.code_point;
        if (!next.is_valid) {
            result += formatted("<0x%02X>", static_cast<unsigned char>(text[0]));
        } else if (is_hidden(code)) {
            result += formatted("<U+%04X>", code);
        } else if ((code < 0x20 || code == 0x7f) && kept.find(text[0]) == std::string_view::npos) {
            result += '^';
            result += static_cast<char>(code ^ 0x40U);
        } else {
            result += text.substr(0, next.length);
        }
        text.remove_prefix(next.length);
    }
    return result;
}

}  // namespace

std::string coloured(const Screen& screen, Colour colour, std::string_view text) {
    if (!screen.colour || colour == Colour::plain || text.empty()) {
        return std::string{text};
    }
    std::string result{kColourCodes[static_cast<std::size_t>(colour)]};
    result += text;
    result += kColourEnd;
    return result;
}

std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    for (const char c : text) {
        width += is_continuation(c) ? 0U : 1U;
    }
    return width;
}

std::string cut(std::string_view text, std::size_t width) {
    if (width == 0 || width_of(text) <= width) {
        return std::string{text};
    }
    std::size_t columns = 0;
    std::size_t end = 0;
    while (end < text.size()) {
        if (!is_continuation(text[end])) {
            if (columns + 1 == width) {
                break;
            }
            ++columns;
        }
        ++end;
    }
    return std::string{text.substr(0, end)} + "…";
}

std::string padded(std::string_view text, std::size_t width) {
    std::string result{text};
    const std::size_t now = width_of(text);
    result.append(width > now ? width - now : 0, ' ');
    return result;
}

std::string wrapped(std::string_view text, std::string_view indent, std::size_t width) {
    if (width == 0 || width_of(text) <= width) {
        return std::string{text};
    }
    std::string result;
    std::string line;
    bool has_word = false;
    std::size_t begin = 0;
    while (begin < text.size()) {
        // The blanks before a word belong to it, so that indentation and columns stay.
        const std::size_t word = std::min(text.find_first_not_of(' ', begin), text.size());
        const std::size_t end = std::min(text.find(' ', word), text.size());
        const std::string_view piece = text.substr(begin, end - begin);
        if (has_word && width_of(line) + width_of(piece) > width) {
            result += line + "\n";
            line = indent;
            line += text.substr(word, end - word);
        } else {
            line += piece;
        }
        has_word = true;
        begin = end;
    }
    return result + line;
}

std::string harmless(std::string_view text) {
    return with_controls_shown(text, "", false);
}

std::string harmless_lines(std::string_view text) {
    return with_controls_shown(text, "\n\t", false);
}

std::string harmless_page(std::string_view text, const Screen& screen) {
    return with_controls_shown(text, "\n\t", screen.colour);
}

std::string harmless_json(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const Sequence next = first_sequence(text);
        const bool is_delete = next.is_valid && next.code_point == 0x7f;
        if (is_delete || is_hidden(next.code_point)) {
            result += formatted("\\u%04x", next.code_point);
        } else {
            result += text.substr(0, next.length);
        }
        text.remove_prefix(next.length);
    }
    return result;
}

Screen screen_of(int descriptor, bool plain) {
    Screen screen;
    screen.terminal = ::isatty(descriptor) == 1;
    if (!screen.terminal) {
        return screen;
    }
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0) {
        screen.width = size.ws_col;
        screen.height = size.ws_row;
    }
    const char* columns = std::getenv("COLUMNS");
    if (screen.width == 0 && columns != nullptr) {
        screen.width = std::strtoul(columns, nullptr, 10);
    }
    const char* no_colour = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    screen.colour = !plain && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
                    std::strcmp(terminal, "dumb") != 0;
    return screen;
}

std::string_view glyph_of(std::string_view active_state) {
    if (active_state == "active") {
        return "●";
    }
    if (active_state == "failed") {
        return "×";
    }
    if (active_state == "activating" || active_state == "reloading") {
        return "↻";
    }
    return active_state == "deactivating" ? "◌" : "○";
}

Colour colour_of(std::string_view active_state) {
    if (active_state == "active") {
        return Colour::good;
    }
    if (active_state == "failed") {
        return Colour::bad;
    }
    const bool moving = active_state == "activating" || active_state == "reloading" ||
                        active_state == "deactivating";
    return moving ? Colour::busy : Colour::plain;
}

}  // namespace svcd
