// Whose drop-ins a unit takes, besides its own (systemd.unit(5)).
#pragma once

#include <string>
#include <vector>

namespace svcd {

/// The names of the folders NAME.d for a unit with these names, the most special first. For
/// web-foo@x.service: web-foo@x.service, web-foo@.service, web-@x.service, web-@.service,
/// web-.service, service.
std::vector<std::string> drop_in_names(const std::vector<std::string>& unit_names);

}  // namespace svcd
