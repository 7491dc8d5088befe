// Unit names taken apart: "PREFIX@INSTANCE.TYPE" (systemd.unit(5)).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/types/unit.h"

namespace svcd {

struct UnitName {
    std::string full;      ///< "getty@tty1.service"
    std::string stem;      ///< "getty@tty1"
    std::string prefix;    ///< "getty"
    std::string instance;  ///< "tty1"; empty for a template and for a plain unit
    std::string suffix;    ///< "service": one of systemd's unit types, perhaps not one of ours
    bool has_at = false;

    bool is_template() const { return has_at && instance.empty(); }
    bool is_instance() const { return has_at && !instance.empty(); }
    /// "getty@.service" of an instance.
    std::string template_name() const { return prefix + "@." + suffix; }
    std::string instance_name(std::string_view of) const {
        return prefix + "@" + std::string(of) + "." + suffix;
    }
    /// Whether svcd has units of this type.
    std::optional<UnitType> type() const;
};

/// Nothing when it is not a valid name of a unit or a template.
std::optional<UnitName> parse_unit_name(std::string_view name);

/// systemd's escaping undone: "-" is "/", "\x2d" is "-".
std::string unescape_unit_name(std::string_view text);

}  // namespace svcd
