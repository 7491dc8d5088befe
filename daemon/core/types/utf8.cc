#include "core/types/utf8.h"

#include <algorithm>

namespace svcd {
namespace {

unsigned byte_at(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
}

/// Of one character that is valid.
char32_t code_point_of(std::string_view character) {
    char32_t code = byte_at(character, 0);
    if (character.size() > 1) {
        code &= 0x7FU >> character.size();
    }
    for (std::size_t i = 1; i < character.size(); ++i) {
        code = code << 6 | (byte_at(character, i) & 0x3F);
    }
    return code;
}

bool is_obeyed(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) {
        return 0;
    }
    const unsigned first = byte_at(text, 0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, i) & 0xC0) != 0x80) {
            return 0;
        }
    }
    const unsigned second = byte_at(text, 1);
    const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
    const bool surrogate = first == 0xED && second >= 0xA0;
    const bool too_high = first == 0xF4 && second >= 0x90;
    return overlong || surrogate || too_high ? 0 : length;
}

std::size_t utf8_count(std::string_view text) {
    std::size_t count = 0;
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        text.remove_prefix(length == 0 ? 1 : length);
        ++count;
    }
    return count;
}

std::optional<char32_t> control_character_in(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) {
            return byte_at(text, 0);
        }
        if (const char32_t code = code_point_of(text.substr(0, length)); is_obeyed(code)) {
            return code;
        }
        text.remove_prefix(length);
    }
    return std::nullopt;
}

std::string without_controls(std::string_view text, std::string_view kept) {
    std::string clean;
    clean.reserve(text.size());
    while (!text.empty()) {
        const std::string_view character =
            text.substr(0, std::max<std::size_t>(utf8_length(text), 1));
        const bool is_kept = kept.find(character.front()) != std::string_view::npos;
        clean += !is_kept && control_character_in(character) ? "?" : character;
        text.remove_prefix(character.size());
    }
    return clean;
}

void append_utf8(std::string& text, char32_t code_point) {
    const auto tail = [&text, code_point](unsigned shift) {
        text += static_cast<char>(0x80U | ((code_point >> shift) & 0x3FU));
    };
    if (code_point < 0x80) {
        text += static_cast<char>(code_point);
        return;
    }
    if (code_point < 0x800) {
        text += static_cast<char>(0xC0U | (code_point >> 6));
        tail(0);
        return;
    }
    if (code_point < 0x10000) {
        text += static_cast<char>(0xE0U | (code_point >> 12));
        tail(6);
        tail(0);
        return;
    }
    text += static_cast<char>(0xF0U | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
}

}  // namespace svcd
