#include "unit_names.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace svcd {
namespace {

constexpr std::string_view kUnitRoot = "/org/svcd1/unit/";
constexpr std::string_view kHexDigits = "0123456789abcdef";

/// Every type of systemd's, also those that svcd doesn't have yet: "data.mount" must not become
/// "data.mount.service".
constexpr auto kSuffixes =
    std::to_array<std::string_view>({".service", ".target", ".socket", ".timer", ".path", ".mount",
                                     ".slice", ".scope", ".swap", ".device", ".automount"});

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool may_stand_in_unit_name(char c) {
    return is_letter_or_digit(c) || std::string_view{":_.\\-@"}.find(c) != std::string_view::npos;
}

void append_hex(std::string& text, char c) {
    const auto byte = static_cast<unsigned char>(c);
    text += kHexDigits[byte >> 4U];
    text += kHexDigits[byte & 0xfU];
}

int hex_value(char c) {
    const std::size_t place = kHexDigits.find(c);
    return place == std::string_view::npos ? -1 : static_cast<int>(place);
}

std::size_t edit_distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= one.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= other.size(); ++j) {
            const std::size_t substituted = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

bool is_glob(std::string_view name) {
    return name.find_first_of("*?[") != std::string_view::npos;
}

std::string complete_unit_name(std::string_view typed) {
    if (is_glob(typed)) {
        return std::string{typed};
    }
    std::string name;
    for (const char c : typed) {
        if (may_stand_in_unit_name(c)) {
            name += c;
            continue;
        }
        if (c == '/') {
            name += '-';
            continue;
        }
        name += "\\x";
        append_hex(name, c);
    }
    const bool has_suffix = std::ranges::any_of(
        kSuffixes, [&](std::string_view suffix) { return name.ends_with(suffix); });
    return has_suffix ? name : name + ".service";
}

bool glob_matches(const std::string& pattern, const std::string& unit) {
    return ::fnmatch(pattern.c_str(), unit.c_str(), 0) == 0 ||
           ::fnmatch((pattern + ".service").c_str(), unit.c_str(), 0) == 0;
}

std::string escape_bus_label(std::string_view name) {
    if (name.empty()) {
        return "_";
    }
    std::string label;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool leading_digit = i == 0 && c >= '0' && c <= '9';
        if (is_letter_or_digit(c) && !leading_digit) {
            label += c;
            continue;
        }
        label += '_';
        append_hex(label, c);
    }
    return label;
}

std::string unit_path(std::string_view name) {
    return std::string{kUnitRoot} + escape_bus_label(name);
}

std::optional<std::string> unit_of_path(std::string_view path) {
    if (!path.starts_with(kUnitRoot)) {
        return std::nullopt;
    }
    path.remove_prefix(kUnitRoot.size());
    std::string name;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] != '_') {
            name += path[i];
            continue;
        }
        if (i + 2 >= path.size() || hex_value(path[i + 1]) < 0 || hex_value(path[i + 2]) < 0) {
            return std::nullopt;
        }
        name += static_cast<char>(hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]));
        i += 2;
    }
    return name;
}

std::optional<std::string> nearest(std::string_view typed,
                                   const std::vector<std::string>& candidates) {
    std::optional<std::string> best;
    std::size_t best_distance = 3;  // further apart is no typing error
    std::vector<std::string> beginning_so;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(typed, candidate);
        if (distance < best_distance && distance < typed.size()) {
            best = candidate;
            best_distance = distance;
        }
        if (!typed.empty() && candidate.starts_with(typed)) {
            beginning_so.push_back(candidate);
        }
    }
    if (!best && beginning_so.size() == 1) {
        return beginning_so.front();
    }
    return best;
}

}  // namespace svcd
