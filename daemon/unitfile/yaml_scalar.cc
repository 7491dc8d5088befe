#include "unitfile/yaml_scalar.h"

#include <algorithm>

#include "unitfile/values.h"

namespace svcd {
namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view line_from(std::string_view text, std::size_t at) {
    return text.substr(at, std::min(text.find('\n', at), text.size()) - at);
}

/// The place of the quote that closes the one at `begin`; npos: there is none.
std::size_t closing_quote(std::string_view text, std::size_t begin) {
    const char quote = text[begin];
    for (std::size_t at = begin + 1; at < text.size(); ++at) {
        if (quote == '"' && text[at] == '\\') {
            ++at;
        } else if (text[at] == quote) {
            const bool is_doubled = quote == '\'' && at + 1 < text.size() && text[at + 1] == '\'';
            if (!is_doubled) {
                return at;
            }
            ++at;
        }
    }
    return std::string_view::npos;
}

/// "Nice" of "Nice:5" and of "Nice=5": a word that is written as keys are.
std::size_t key_like_length(std::string_view line) {
    std::size_t length = 0;
    bool has_small = false;
    while (length < line.size() && is_letter(line[length])) {
        has_small = has_small || line[length] >= 'a';
        ++length;
    }
    const bool begins_big = length > 1 && line.front() <= 'Z';
    return begins_big && has_small ? length : 0;
}

}  // namespace

std::size_t value_begin(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == '!' || text[at] == '&')) {
        at = std::min(text.find_first_of(" \t\r\n", at), text.size());
        at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
    }
    return at;
}

Mark mark_of(std::string_view text, std::size_t at) {
    const std::string_view before = text.substr(0, at);
    const auto line = std::count(before.begin(), before.end(), '\n');
    const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return {static_cast<int>(line) + 1, static_cast<int>(at - begin) + 1};
}

std::optional<YamlFault> check_scalar(std::string_view text,
                                      const ScalarPlace& place,
                                      std::string_view value) {
    if (place.begin >= text.size()) {
        return std::nullopt;
    }
    const char first = text[place.begin];
    if (first == '"' || first == '\'') {
        if (closing_quote(text, place.begin) == std::string_view::npos) {
            return YamlFault{
                mark_of(text, place.begin),
                std::string("the quote that begins here (") + first + ") is not closed"};
        }
        return std::nullopt;
    }
    if (place.key_column == 0 || first == '|' || first == '>') {
        return std::nullopt;
    }
    std::string_view line = line_from(text, place.begin);
    std::size_t taken = without_comment(line).size();
    std::size_t at = place.begin + line.size();
    while (taken < value.size() && at < text.size()) {
        ++at;
        line = line_from(text, at);
        const std::string_view content = without_comment(line);
        const std::size_t indent = line.find_first_not_of(' ');
        if (!content.empty() && indent != std::string_view::npos) {
            const bool is_below = static_cast<int>(indent) >= place.key_column;
            const auto problem = problem_of_key_line(content);
            if (!is_below || problem) {
                return YamlFault{mark_of(text, at + indent), no_key_in_line(content)};
            }
            taken += content.size() + 1;
        }
        at += line.size();
    }
    return std::nullopt;
}

std::string in_quotes(std::string_view value) {
    if (value.find_first_of("\"\\") == std::string_view::npos) {
        return "\"" + std::string(value) + "\"";
    }
    std::string quoted = "'";
    for (const char c : value) {
        quoted += c == '\'' ? "''" : std::string(1, c);
    }
    return quoted + "'";
}

std::string_view without_comment(std::string_view value) {
    for (std::size_t at = value.find('#'); at != std::string_view::npos;
         at = value.find('#', at + 1)) {
        if (at == 0 || value[at - 1] == ' ' || value[at - 1] == '\t') {
            return trim(value.substr(0, at));
        }
    }
    return trim(value);
}

std::optional<KeyLine> read_key_line(std::string_view line) {
    KeyLine read;
    std::size_t at = line.find_first_not_of(' ');
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    read.indent = static_cast<int>(at);
    while (line.substr(at).starts_with("- ")) {
        read.item = true;
        at = std::min(line.find_first_not_of(' ', at + 1), line.size());
    }
    if (at == line.size() ||
        std::string_view{"#'\"[]{},&*!|>%@`"}.find(line[at]) != std::string_view::npos) {
        return std::nullopt;
    }
    std::size_t colon = line.find(':', at);
    while (colon != std::string_view::npos && colon + 1 < line.size() &&
           std::string_view{" \t\r"}.find(line[colon + 1]) == std::string_view::npos) {
        colon = line.find(':', colon + 1);
    }
    const std::size_t comment = line.find(" #", at);
    if (colon == std::string_view::npos || colon == at || comment < colon) {
        return std::nullopt;
    }
    read.key_column = static_cast<int>(at) + 1;
    read.key = line.substr(at, colon - at);
    read.value = without_comment(line.substr(colon + 1));
    if (!read.value.empty()) {
        read.value_column = static_cast<int>(line.find_first_not_of(" \t", colon + 1)) + 1;
    }
    return read;
}

std::optional<std::string> problem_of_key_line(std::string_view line) {
    line = without_comment(line);
    const std::size_t length = key_like_length(line);
    if (length == 0 || length + 1 >= line.size()) {
        return std::nullopt;
    }
    const std::string key{line.substr(0, length)};
    if (line[length] == '=') {
        return "this line has no key: write '" + key + ": " +
               std::string(trim(line.substr(length + 1))) + "', with a colon and a blank";
    }
    const bool is_url = line.substr(length).starts_with("://");
    if (line[length] == ':' && line[length + 1] != ' ' && !is_url) {
        return "a blank is missing after the colon: '" + key + ": " +
               std::string(line.substr(length + 1)) + "'";
    }
    return std::nullopt;
}

std::string no_key_in_line(std::string_view line) {
    return problem_of_key_line(line).value_or(
        "this line belongs to no key: a key is followed by ': ', and what goes on with the value "
        "above stands further to the right than its key");
}

}  // namespace svcd
