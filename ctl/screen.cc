#include "screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace svcd {
namespace {

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

/// A C1 control character begins here: two bytes in UTF-8, of which a terminal may take U+009B as
/// it takes ESC [.
bool is_c1(std::string_view text) {
    return text.size() >= 2 && text[0] == '\xc2' && is_continuation(text[1]) &&
           static_cast<unsigned char>(text[1]) < 0xa0;
}

std::string visible_c1(std::string_view text) {
    std::array<char, 16> shown{};
    std::snprintf(shown.data(), shown.size(), "<U+%04X>", static_cast<unsigned char>(text[1]));
    return shown.data();
}

std::string with_controls_shown(std::string_view text, std::string_view kept) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (is_c1(text.substr(i))) {
            result += visible_c1(text.substr(i));
            ++i;
        } else if ((byte < 0x20 || byte == 0x7f) && kept.find(text[i]) == std::string_view::npos) {
            result += '^';
            result += static_cast<char>(byte ^ 0x40U);
        } else {
            result += text[i];
        }
    }
    return result;
}

}  // namespace

std::string coloured(const Screen& screen, Colour colour, std::string_view text) {
    static constexpr auto kCodes = std::to_array<std::string_view>(
        {"", "\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[2m", "\x1b[1m"});
    if (!screen.colour || colour == Colour::plain || text.empty()) {
        return std::string{text};
    }
    std::string result{kCodes[static_cast<std::size_t>(colour)]};
    result += text;
    result += "\x1b[0m";
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
    return with_controls_shown(text, "");
}

std::string harmless_lines(std::string_view text) {
    return with_controls_shown(text, "\n\t");
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
