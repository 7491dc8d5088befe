#include "unitfile/utf8.h"

namespace svcd {
namespace {

unsigned byte_at(std::string_view text, std::size_t index) {
    return static_cast<unsigned char>(text[index]);
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
        const unsigned first = byte_at(text, 0);
        if (length == 0 || first < 0x20 || first == 0x7F) {
            return first;
        }
        if (length == 2 && first == 0xC2 && byte_at(text, 1) < 0xA0) {
            return byte_at(text, 1);
        }
        text.remove_prefix(length);
    }
    return std::nullopt;
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
