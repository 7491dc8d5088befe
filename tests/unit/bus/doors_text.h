// The table "Who may do what" of docs/security.md: each door to svcd, who may pass and for what.
// The methods come from the tables of the API, the numbers from the constants that are in force.
#pragma once

#include <string>
#include <string_view>

namespace svcd {

/// The page with its table as it is now, between the marks. Empty: the page has no marks.
std::string with_doors(std::string_view page);

}  // namespace svcd
