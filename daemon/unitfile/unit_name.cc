#include "unitfile/unit_name.h"

#include <algorithm>
#include <array>

#include "core/types/record.h"

namespace svcd {
namespace {

constexpr auto kSuffixes =
    std::to_array<std::string_view>({"service", "target", "socket", "timer", "path", "mount",
                                     "automount", "swap", "slice", "scope", "device"});

constexpr std::string_view kAllowed =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-@";

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

}  // namespace

std::optional<UnitType> UnitName::type() const {
    if (suffix == "service") {
        return UnitType::service;
    }
    if (suffix == "target") {
        return UnitType::target;
    }
    if (suffix == "slice") {
        return UnitType::slice;
    }
    return std::nullopt;
}

std::optional<UnitName> parse_unit_name(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    if (name.size() > kUnitNameMax || dot == std::string_view::npos || dot == 0 ||
        name.find_first_not_of(kAllowed) != std::string_view::npos) {
        return std::nullopt;
    }
    UnitName result;
    result.full = name;
    result.stem = name.substr(0, dot);
    result.suffix = name.substr(dot + 1);
    if (std::find(kSuffixes.begin(), kSuffixes.end(), result.suffix) == kSuffixes.end()) {
        return std::nullopt;
    }
    if (result.suffix == "slice" && !is_slice_name(name)) {
        return std::nullopt;
    }
    const std::size_t at = result.stem.find('@');
    if (at == 0) {
        return std::nullopt;
    }
    result.has_at = at != std::string::npos;
    result.prefix = result.stem.substr(0, at);
    if (result.has_at) {
        result.instance = result.stem.substr(at + 1);
    }
    return result;
}

std::string unescape_unit_name(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '-') {
            result += '/';
            continue;
        }
        if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x' &&
            hex_digit(text[i + 2]) >= 0 && hex_digit(text[i + 3]) >= 0) {
            result += static_cast<char>(hex_digit(text[i + 2]) * 16 + hex_digit(text[i + 3]));
            i += 3;
            continue;
        }
        result += text[i];
    }
    return result;
}

}  // namespace svcd
