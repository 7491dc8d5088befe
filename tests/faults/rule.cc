#include "faults/rule.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace svcd::faults {
namespace {

constexpr int kErrnoMax = 4095;

/// 0: there is no error of that name.
int errno_of(std::string_view name) {
    for (int error = 1; error <= kErrnoMax; ++error) {
        const char* known = ::strerrorname_np(error);
        if (known != nullptr && name == known) {
            return error;
        }
    }
    return 0;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        if (end > 0) {
            parts.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

bool read_count(std::string_view text, std::size_t& count) {
    if (text == "always") {
        count = SIZE_MAX;
        return true;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    return error == std::errc{} && end == text.data() + text.size() && count > 0;
}

bool read_word(const std::string& word, Rule& rule) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string key = word.substr(0, equals);
    const std::string value = word.substr(std::min(equals + 1, word.size()));
    if (word == "kill" || word == "before") {
        rule.act = Rule::Act::kill_before;
    } else if (word == "after") {
        rule.act = Rule::Act::kill_after;
    } else if (key == "fail") {
        rule.act = Rule::Act::fail;
        rule.error = errno_of(value);
        return rule.error != 0;
    } else if (key == "name") {
        rule.names = split(value, ',');
        return !rule.names.empty();
    } else if (key == "path") {
        rule.path = value;
    } else if (key == "nth") {
        return read_count(value, rule.nth);
    } else if (key == "times") {
        return read_count(value, rule.times);
    } else {
        rule.per_manager = word == "per=manager";
        return rule.per_manager;
    }
    return true;
}

}  // namespace

std::optional<Rule> parse_rule(std::string_view text, std::string& complaint) {
    Rule rule;
    const std::vector<std::string> words = split(text, ' ');
    for (const std::string& word : words) {
        if (!read_word(word, rule)) {
            complaint = "\"" + word + "\" is not understood";
            return std::nullopt;
        }
    }
    if (words.empty()) {
        complaint = "the rule is empty";
        return std::nullopt;
    }
    return rule;
}

bool acts_on(Rule& rule, const Call& call) {
    const bool has_name = rule.names.empty() || std::find(rule.names.begin(), rule.names.end(),
                                                          call.name) != rule.names.end();
    if (!has_name || call.path.find(rule.path) == std::string::npos) {
        return false;
    }
    ++rule.matched;
    if (rule.matched < rule.nth || rule.done >= rule.times) {
        return false;
    }
    ++rule.done;
    return true;
}

}  // namespace svcd::faults
