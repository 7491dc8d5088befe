// JSON on its way to a terminal (screen.h has the same for text).
#pragma once

#include <string>
#include <string_view>

namespace svcd {

/// JSON that says the same and has no character that a terminal may obey: such can stand in its
/// strings only, and are written as escapes there.
std::string harmless_json(std::string_view text);

}  // namespace svcd
