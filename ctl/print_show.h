// Properties as `svctl show` prints them: KEY=VALUE as systemctl does, so that scripts which read
// the one can read the other.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "facts.h"

namespace svcd {

/// One value as text; empty for what is unset. Lengths of time by the name's ending "USec", moments
/// by "Timestamp", command lines by "Exec".
std::string property_text(std::string_view name, const Json& value);

struct ShowLook {
    std::vector<std::string> properties;  ///< in this order; empty: all
    bool value = false;                   ///< without the names
    bool all = false;                     ///< also those that are empty
    /// They come as if they were not set: svcd shows them to root and to its owner only.
    std::vector<std::string> withheld{};
};

/// The properties that svcd keeps from strangers (bus/dispatch.cc).
inline constexpr auto kSecretProperties =
    std::to_array<const char*>({"Environment", "SetCredential"});

/// The lines of one unit. A property that was asked for by name and does not exist is left out, as
/// systemctl does it; without names, empty ones are left out too unless `all`.
std::string properties_text(const Json& properties, const ShowLook& look);

/// Makes one object of the same properties, with raw values. What is withheld is null, and named in
/// "withheld".
Json properties_json(const Json& properties, const ShowLook& look);

}  // namespace svcd
