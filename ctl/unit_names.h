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

/// Text as a part of a unit name, as systemd-escape(1) has it: '/' becomes '-', and what a name
/// can't have, '-' itself and a '.' at the beginning become \xNN.
std::string escape_name(std::string_view text);
/// The same of a path, less the '/' at its beginning; "-" is the root. Nothing when it has ".." in
/// it.
std::optional<std::string> escape_path(std::string_view path);
/// Back again; nothing when it isn't escaped so.
std::optional<std::string> unescape_name(std::string_view name);

/// "foo@bar.service": prefix "foo", instance "bar", suffix ".service" (empty: it has none).
struct UnitNameParts {
    std::string_view prefix;
    std::optional<std::string_view> instance;
    std::string_view suffix;
};
UnitNameParts parts_of(std::string_view name);

/// The name with its type: `type` when it has none. A prefix or an instance that a unit name
/// can't have is escaped whole ("foo@/bar/baz-foo" is foo@-bar-baz\x2dfoo.service), a path alone is
/// the mount there. A glob is returned as it is.
std::string complete_unit_name(std::string_view typed, std::string_view type = ".service");
/// Had complete_unit_name() to escape it? Then it is said.
bool is_escaped(std::string_view typed);

/// Does a glob match a unit? One without a type also matches with ".service" after it.
bool glob_matches(const std::string& pattern, const std::string& unit);

/// A unit name as the last part of its D-Bus path: other than [A-Za-z0-9] becomes _xx.
std::string escape_bus_label(std::string_view name);

/// "/org/svcd1/unit/web_2eservice" for "web.service".
std::string unit_path(std::string_view name);

/// The unit of such a path, or nothing when it is none.
std::optional<std::string> unit_of_path(std::string_view path);

/// Among `candidates` the one that was probably meant by `typed`: at most two letters apart (of a
/// short word one; two that are exchanged are one), or the only one that begins so: of three
/// letters and more that one comes first.
std::optional<std::string> nearest(std::string_view typed,
                                   const std::vector<std::string>& candidates);
/// The same where upper and lower case may be mixed up.
std::optional<std::string> nearest_of_any_case(std::string_view typed,
                                               const std::vector<std::string>& candidates);
/// The same for names of units: a short one has room for one wrong letter only, and another type
/// with the same name is near.
std::optional<std::string> nearest_unit(std::string_view typed,
                                        const std::vector<std::string>& candidates);
/// "web.service" of "web.servce", also where a ".service" was put behind it: the name with the type
/// that was meant. Nothing where what stands behind the last dot is near no type.
std::optional<std::string> with_mended_type(std::string_view unit);

}  // namespace svcd
