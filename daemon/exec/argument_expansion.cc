#include "exec/argument_expansion.h"

#include <algorithm>
#include <utility>

#include "core/types/text_scan.h"

namespace svcd {
namespace {

std::string_view value_of(std::string_view name, const std::vector<std::string>& environment) {
    for (auto entry = environment.rbegin(); entry != environment.rend(); ++entry) {
        const std::string_view assignment = *entry;
        if (assignment.size() > name.size() && assignment[name.size()] == '=' &&
            assignment.starts_with(name)) {
            return assignment.substr(name.size() + 1);
        }
    }
    return {};
}

}  // namespace

std::vector<std::string> unquoted_words(std::string_view value) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while ((at = value.find_first_not_of(kWhitespace, at)) != std::string_view::npos) {
        std::string word;
        char quote = 0;
        for (; at < value.size(); ++at) {
            const char c = value[at];
            if (c == '\\' && at + 1 < value.size()) {
                word += value[++at];
            } else if (c == '\\') {
                continue;  // a backslash at the end of the value escapes nothing
            } else if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else {
                    word += c;
                }
            } else if (c == '"' || c == '\'') {
                quote = c;
            } else if (kWhitespace.find(c) != std::string_view::npos) {
                break;
            } else {
                word += c;
            }
        }
        words.push_back(std::move(word));
    }
    return words;
}

namespace {

/// Replaces `${NAME}` and `$$` within a word. `${NAME:-default}` is none of ours and stays as it
/// is.
std::string expand_word(std::string_view word, const std::vector<std::string>& environment) {
    std::string expanded;
    std::size_t at = 0;
    while (at < word.size()) {
        const std::size_t dollar = word.find('$', at);
        if (dollar == std::string_view::npos || dollar + 1 >= word.size()) {
            break;
        }
        const char next = word[dollar + 1];
        if (next == '$') {
            expanded.append(word.substr(at, dollar - at)).append("$");
            at = dollar + 2;
        } else if (next == '{') {
            const std::size_t end = word.find_first_of("}:", dollar + 2);
            if (end == std::string_view::npos) {
                break;
            }
            expanded.append(word.substr(at, dollar - at));
            if (word[end] == ':') {
                expanded.append(word.substr(dollar, end + 1 - dollar));
            } else {
                expanded.append(value_of(word.substr(dollar + 2, end - dollar - 2), environment));
            }
            at = end + 1;
        } else {
            expanded.append(word.substr(at, dollar + 2 - at));
            at = dollar + 2;
        }
    }
    return expanded.append(word.substr(at));
}

}  // namespace

bool has_variables(const std::vector<std::string>& arguments) {
    return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
        return argument.find('$') != std::string::npos;
    });
}

std::vector<std::string> expand_arguments(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& environment) {
    std::vector<std::string> expanded;
    expanded.reserve(arguments.size());
    for (const std::string& argument : arguments) {
        const bool is_variable =
            argument.starts_with('$') && !argument.starts_with("$$") && !argument.starts_with("${");
        if (is_variable) {
            const auto name = std::string_view{argument}.substr(1);
            if (!name.empty()) {
                for (std::string& word : unquoted_words(value_of(name, environment))) {
                    expanded.push_back(std::move(word));
                }
            }
        } else {
            expanded.push_back(expand_word(argument, environment));
        }
    }
    return expanded;
}

void assign(std::vector<std::string>& environment, std::string assignment) {
    const std::string name = assignment.substr(0, assignment.find('=') + 1);
    const auto entry =
        std::find_if(environment.begin(), environment.end(),
                     [&](const std::string& earlier) { return earlier.starts_with(name); });
    if (entry != environment.end()) {
        *entry = std::move(assignment);
        return;
    }
    environment.push_back(std::move(assignment));
}

}  // namespace svcd
