#include "unitfile/words.h"

#include <algorithm>
#include <cstdint>

#include "core/types/utf8.h"

namespace svcd {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void skip_blanks(std::string_view& text) {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
}

/// `count` digits of base 8 or 16, no more and no fewer.
std::optional<std::uint32_t> read_digits(std::string_view text, std::size_t count, unsigned base) {
    if (text.size() < count) {
        return std::nullopt;
    }
    std::uint32_t value = 0;
    for (const char c : text.substr(0, count)) {
        unsigned digit = base;
        if (c >= '0' && c <= '9') {
            digit = static_cast<unsigned>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<unsigned>(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = static_cast<unsigned>(c - 'A') + 10;
        }
        if (digit >= base) {
            return std::nullopt;
        }
        value = value * base + digit;
    }
    return value;
}

char simple_escape(char c) {
    switch (c) {
        case 'a':
            return '\a';
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        case 's':
            return ' ';
        case '\\':
        case '"':
        case '\'':
            return c;
        default:
            return '\0';
    }
}

/// Appends what the escape after a backslash stands for; the length of the escape, or 0 when there
/// is no such escape.
std::size_t append_escape(std::string_view escape, std::string& word) {
    if (escape.empty()) {
        return 0;
    }
    if (const char c = simple_escape(escape.front()); c != '\0') {
        word += c;
        return 1;
    }
    const auto append_code_point = [&](std::size_t digits) -> std::size_t {
        const auto value = read_digits(escape.substr(1), digits, 16);
        if (!value || *value == 0 || *value > 0x10FFFF || (*value >= 0xD800 && *value <= 0xDFFF)) {
            return 0;
        }
        append_utf8(word, *value);
        return 1 + digits;
    };
    switch (escape.front()) {
        case 'x': {
            const auto value = read_digits(escape.substr(1), 2, 16);
            if (!value || *value == 0) {
                return 0;
            }
            word += static_cast<char>(*value);
            return 3;
        }
        case 'u':
            return append_code_point(4);
        case 'U':
            return append_code_point(8);
        default: {
            const auto value = read_digits(escape, 3, 8);
            if (!value || *value == 0 || *value > 255) {
                return 0;
            }
            word += static_cast<char>(*value);
            return 3;
        }
    }
}

}  // namespace

Parsed<std::optional<std::string>> take_word(std::string_view& text) {
    skip_blanks(text);
    if (text.empty()) {
        return std::optional<std::string>{};
    }
    std::string word;
    char quote = '\0';
    std::size_t i = 0;
    while (i < text.size() && (quote != '\0' || !is_blank(text[i]))) {
        const char c = text[i];
        ++i;
        if (c == '\\') {
            const std::size_t length = append_escape(text.substr(i), word);
            if (length > 0) {
                i += length;
                continue;
            }
            word += c;
            if (i < text.size()) {
                word += text[i];
                ++i;
            }
        } else if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        } else {
            word += c;
        }
    }
    if (quote != '\0') {
        return Unparsable{std::string("a quote (") + quote + ") is not closed"};
    }
    text.remove_prefix(i);
    skip_blanks(text);
    return std::optional{std::move(word)};
}

Parsed<std::vector<std::string>> split_quoted_words(std::string_view text) {
    std::vector<std::string> words;
    for (;;) {
        auto word = take_word(text);
        if (!word) {
            return Unparsable{word.error()};
        }
        if (!word->has_value()) {
            return words;
        }
        words.push_back(std::move(**word));
    }
}

}  // namespace svcd
