// Settings of systemd (and of ours to come) that this version does not know: an error like any
// unknown key, but one that doesn't make a person look for a typing error.
#pragma once

#include <string_view>

namespace svcd {

/// Whether `key` is a setting of this section that just doesn't work yet.
bool is_unsupported_setting(std::string_view section, std::string_view key);

/// The same of a whole section ("Socket", "Timer" ...).
bool is_unsupported_section(std::string_view section);

}  // namespace svcd
