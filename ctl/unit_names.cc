#include "unit_names.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>

namespace svcd {
namespace {

constexpr std::string_view kUnitRoot = "/org/svcd1/unit/";
constexpr std::size_t kShortWord = 4;
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

/// How many letters are missing, too many or wrong; two that are exchanged count once.
std::size_t edit_distance(std::string_view one, std::string_view other) {
    std::vector<std::vector<std::size_t>> rows(one.size() + 1,
                                               std::vector<std::size_t>(other.size() + 1));
    std::iota(rows[0].begin(), rows[0].end(), std::size_t{0});
    for (std::size_t i = 1; i <= one.size(); ++i) {
        rows[i][0] = i;
        for (std::size_t j = 1; j <= other.size(); ++j) {
            const std::size_t wrong = one[i - 1] == other[j - 1] ? 0 : 1;
            rows[i][j] =
                std::min({rows[i - 1][j - 1] + wrong, rows[i - 1][j] + 1, rows[i][j - 1] + 1});
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
                rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
            }
        }
    }
    return rows[one.size()][other.size()];
}

}  // namespace

bool is_glob(std::string_view name) {
    return name.find_first_of("*?[") != std::string_view::npos;
}

std::string escape_name(std::string_view text) {
    std::string name;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_plain = is_letter_or_digit(c) || c == ':' || c == '_' || (c == '.' && i > 0);
        if (c == '/') {
            name += '-';
        } else if (is_plain) {
            name += c;
        } else {
            name += "\\x";
            append_hex(name, c);
        }
    }
    return name;
}

std::optional<std::string> escape_path(std::string_view path) {
    std::string plain;
    while (!path.empty()) {
        const std::size_t length = std::min(path.find('/'), path.size());
        const std::string_view part = path.substr(0, length);
        path.remove_prefix(std::min(length + 1, path.size()));
        if (part == "..") {
            return std::nullopt;
        }
        if (!part.empty() && part != ".") {
            plain += (plain.empty() ? "" : "/") + std::string{part};
        }
    }
    return plain.empty() ? "-" : escape_name(plain);
}

std::optional<std::string> unescape_name(std::string_view name) {
    std::string text;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '-') {
            text += '/';
            continue;
        }
        if (name[i] != '\\') {
            text += name[i];
            continue;
        }
        const bool is_whole = i + 3 < name.size() && name[i + 1] == 'x';
        const int high = is_whole ? hex_value(name[i + 2]) : -1;
        const int low = is_whole ? hex_value(name[i + 3]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            return std::nullopt;
        }
        text += static_cast<char>(high * 16 + low);
        i += 3;
    }
    return text;
}

UnitNameParts parts_of(std::string_view name) {
    UnitNameParts parts;
    for (const std::string_view suffix : kSuffixes) {
        if (name.ends_with(suffix)) {
            parts.suffix = suffix;
            name.remove_suffix(suffix.size());
            break;
        }
    }
    const std::size_t at = name.find('@');
    parts.prefix = name.substr(0, at);
    if (at != std::string_view::npos) {
        parts.instance = name.substr(at + 1);
    }
    return parts;
}

std::string complete_unit_name(std::string_view typed, std::string_view type) {
    if (is_glob(typed)) {
        return std::string{typed};
    }
    const UnitNameParts parts = parts_of(typed);
    // As systemctl has it: a path that is no unit's name is where something is mounted.
    if (typed.starts_with('/') && !parts.instance && parts.suffix.empty()) {
        if (const auto path = escape_path(typed)) {
            return *path + (typed.starts_with("/dev/") ? ".device" : ".mount");
        }
    }
    const auto escaped = [](std::string_view text) {
        return std::ranges::all_of(text, may_stand_in_unit_name) ? std::string{text}
                                                                 : escape_name(text);
    };
    std::string name = escaped(parts.prefix);
    if (parts.instance) {
        name += "@" + escaped(*parts.instance);
    }
    return name + std::string{parts.suffix.empty() ? type : parts.suffix};
}

bool is_escaped(std::string_view typed) {
    return !is_glob(typed) && !std::ranges::all_of(typed, may_stand_in_unit_name);
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
    constexpr std::size_t kBeginningMin = 3;
    std::vector<std::string> beginning_so;
    std::ranges::copy_if(
        candidates, std::back_inserter(beginning_so), [&](const std::string& candidate) {
            return !typed.empty() && candidate != typed && candidate.starts_with(typed);
        });
    // Who stops in the middle of a word has made no mistake yet.
    if (typed.size() >= kBeginningMin && beginning_so.size() == 1) {
        return beginning_so.front();
    }
    std::optional<std::string> best;
    // Further apart is no typing error; a short word has room for one wrong letter only.
    std::size_t best_distance = typed.size() <= kShortWord ? 2 : 3;
    for (const std::string& candidate : candidates) {
        const std::size_t distance = edit_distance(typed, candidate);
        if (distance < best_distance && distance < typed.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    if (!best && beginning_so.size() == 1) {
        return beginning_so.front();
    }
    return best;
}

std::optional<std::string> nearest_of_any_case(std::string_view typed,
                                               const std::vector<std::string>& candidates) {
    const auto lower = [](std::string_view text) {
        std::string small{text};
        std::ranges::transform(small, small.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        return small;
    };
    std::vector<std::string> small;
    std::ranges::transform(candidates, std::back_inserter(small), lower);
    const auto meant = nearest(lower(typed), small);
    if (!meant) {
        return std::nullopt;
    }
    return candidates[static_cast<std::size_t>(std::ranges::find(small, *meant) - small.begin())];
}

std::optional<std::string> with_mended_type(std::string_view unit) {
    constexpr std::string_view kPutBehind = ".service";
    if (unit.ends_with(kPutBehind)) {
        unit.remove_suffix(kPutBehind.size());
        if (unit.ends_with(kPutBehind)) {
            return std::string{unit};  // a type was typed twice
        }
    }
    const std::size_t dot = unit.rfind('.');
    if (dot == std::string_view::npos || dot == 0) {
        return std::nullopt;
    }
    const std::vector<std::string> types{kSuffixes.begin(), kSuffixes.end()};
    const std::string_view typed = unit.substr(dot);
    const auto meant = nearest(typed, types);
    return !parts_of(unit).suffix.empty() || typed.size() <= kShortWord || !meant
               ? std::nullopt
               : std::optional{std::string{unit.substr(0, dot)} + *meant};
}

std::optional<std::string> nearest_unit(std::string_view typed,
                                        const std::vector<std::string>& candidates) {
    const auto bare = [](std::string_view name) {
        return name.substr(0, name.size() - parts_of(name).suffix.size());
    };
    const std::string_view wanted = bare(typed);
    std::size_t best_distance = wanted.size() <= kShortWord ? 2 : 3;
    std::optional<std::string> best;
    for (const std::string& candidate : candidates) {
        const std::string_view name = bare(candidate);
        const bool may_be_near = std::max(name.size(), wanted.size()) <
                                 std::min(name.size(), wanted.size()) + best_distance;
        if (!may_be_near || candidate == typed) {
            continue;
        }
        const bool is_other_type = parts_of(candidate).suffix != parts_of(typed).suffix;
        const std::size_t distance =
            edit_distance(wanted, name) + (is_other_type ? std::size_t{1} : 0);
        if (distance < best_distance && distance < wanted.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace svcd
