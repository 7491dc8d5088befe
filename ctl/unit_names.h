// Unit names as people type them, turned into those that the daemon knows: "web" is web.service,
// "/srv/data" is escaped as systemd-escape(1) does, "worker@*" is a glob that is matched here
// against the units the daemon has loaded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svcd {

/// True when the name holds a glob character of glob(7).
bool is_glob(std::string_view name);

/// The name with its type: ".service" when it has none, and characters that a unit name can't have
/// escaped ('/' as '-', others as \xNN). A glob is returned as it is.
std::string complete_unit_name(std::string_view typed);

/// Does a glob match a unit? One without a type also matches with ".service" after it.
bool glob_matches(const std::string& pattern, const std::string& unit);

/// A unit name as the last part of its D-Bus path: other than [A-Za-z0-9] becomes _xx.
std::string escape_bus_label(std::string_view name);

/// "/org/svcd1/unit/web_2eservice" for "web.service".
std::string unit_path(std::string_view name);

/// The unit of such a path, or nothing when it is none.
std::optional<std::string> unit_of_path(std::string_view path);

/// Among `candidates` the one that was probably meant by `typed`: at most two letters apart, or the
/// only one that begins so.
std::optional<std::string> nearest(std::string_view typed,
                                   const std::vector<std::string>& candidates);

}  // namespace svcd
