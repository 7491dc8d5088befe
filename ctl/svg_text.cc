#include "svg_text.h"

#include <array>
#include <cstdint>

namespace svcd {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kEllipsis = 0x2026;

/// XML 1.0, production 2; surrogates are no code points of UTF-8 to begin with.
bool may_stand_in_xml(char32_t c) {
    return c == '\t' || c == '\n' || (c >= 0x20 && c < 0x7F) || (c > 0x9F && c < 0xD800) ||
           (c > 0xDFFF && c < 0xFFFE) || (c > 0xFFFF && c < 0x110000);
}

/// How many bytes follow the first one, or -1 when it can't be a first one.
int bytes_after(std::uint8_t first) {
    if (first < 0x80) {
        return 0;
    }
    if (first >= 0xC2 && first < 0xE0) {
        return 1;
    }
    if (first >= 0xE0 && first < 0xF0) {
        return 2;
    }
    return first >= 0xF0 && first < 0xF5 ? 3 : -1;
}

/// Takes a code point off the beginning; at least one byte.
char32_t take_one(std::string_view& text) {
    const auto first = static_cast<std::uint8_t>(text.front());
    const int more = bytes_after(first);
    text.remove_prefix(1);
    if (more <= 0) {
        return more == 0 ? first : kReplacement;
    }
    char32_t c = first & (0x3FU >> more);
    for (int i = 0; i < more; ++i) {
        const auto next = static_cast<std::uint8_t>(text.empty() ? '\0' : text.front());
        if ((next & 0xC0U) != 0x80) {
            return kReplacement;
        }
        c = (c << 6U) | (next & 0x3FU);
        text.remove_prefix(1);
    }
    // The same in fewer bytes, which only an attack would write in more.
    const bool is_overlong = (more == 2 && c < 0x800) || (more == 3 && c < 0x10000);
    return is_overlong ? kReplacement : c;
}

void append_utf8(std::string& text, char32_t c) {
    const auto add = [&text](char32_t byte) { text += static_cast<char>(byte); };
    if (c < 0x80) {
        add(c);
    } else if (c < 0x800) {
        add(0xC0U | (c >> 6U));
        add(0x80U | (c & 0x3FU));
    } else if (c < 0x10000) {
        add(0xE0U | (c >> 12U));
        add(0x80U | ((c >> 6U) & 0x3FU));
        add(0x80U | (c & 0x3FU));
    } else {
        add(0xF0U | (c >> 18U));
        add(0x80U | ((c >> 12U) & 0x3FU));
        add(0x80U | ((c >> 6U) & 0x3FU));
        add(0x80U | (c & 0x3FU));
    }
}

/// Advances of DejaVu Sans in thousandths of its size, from the blank on.
constexpr auto kAdvances = std::to_array<std::uint16_t>(
    {318,  401, 460, 838, 636, 951, 780, 275, 391, 391, 500, 838, 318, 361, 318, 337,  // blank to /
     637,  637, 637, 637, 637, 637, 637, 637, 637, 637, 337, 337, 838, 838, 838, 531,  // 0 to ?
     1000, 685, 687, 699, 771, 632, 576, 775, 752, 295, 296, 656, 558, 863, 749, 788,  // @ to O
     604,  788, 695, 635, 611, 732, 685, 989, 686, 611, 686, 391, 337, 391, 838, 500,  // P to _
     500,  613, 635, 550, 635, 616, 353, 635, 634, 278, 278, 580, 278, 975, 634, 612,  // ` to o
     635,  635, 412, 521, 393, 634, 592, 818, 592, 592, 525, 637, 337, 637, 838});     // p to ~

double width_of_one(char32_t c) {
    constexpr char32_t kFirst = U' ';
    constexpr char32_t kSymbols = 0x2E80;  // CJK and what stands beside it, emoji
    if (c >= kFirst && c - kFirst < kAdvances.size()) {
        return kAdvances[c - kFirst] / 1000.0;
    }
    return c < kSymbols ? 1.03 : 1.25;
}

}  // namespace

std::u32string code_points(std::string_view text) {
    std::u32string result;
    while (!text.empty()) {
        const char32_t c = take_one(text);
        result += may_stand_in_xml(c) ? c : kReplacement;
    }
    return result;
}

std::string xml_text(std::u32string_view text) {
    std::string result;
    for (const char32_t c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            default:
                append_utf8(result, c);
        }
    }
    return result;
}

std::string xml_text(std::string_view text) {
    return xml_text(std::u32string_view{code_points(text)});
}

double text_width(std::u32string_view text) {
    double width = 0;
    for (const char32_t c : text) {
        width += width_of_one(c);
    }
    return width;
}

std::u32string cut_middle(std::u32string text, double width) {
    if (text_width(text) <= width) {
        return text;
    }
    std::size_t begin = 0;
    std::size_t end = 0;
    double used = width_of_one(kEllipsis);
    while (begin + end < text.size()) {
        const bool at_end = end < begin;
        const char32_t c = at_end ? text[text.size() - end - 1] : text[begin];
        used += width_of_one(c);
        if (used > width) {
            break;
        }
        ++(at_end ? end : begin);
    }
    return text.substr(0, begin) + kEllipsis + text.substr(text.size() - end);
}

std::u32string cut_end(std::u32string text, double width) {
    if (text_width(text) <= width) {
        return text;
    }
    double used = width_of_one(kEllipsis);
    std::size_t kept = 0;
    while (kept < text.size() && used + width_of_one(text[kept]) <= width) {
        used += width_of_one(text[kept]);
        ++kept;
    }
    return text.substr(0, kept) + kEllipsis;
}

}  // namespace svcd
