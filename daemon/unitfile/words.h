// systemd's way of taking a string apart into words (systemd.syntax(7), "Quoting"): blanks
// separate, quotes of both kinds keep together, C's escapes stand for characters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unitfile/values.h"

namespace svcd {

/// Takes the next word from `text` and the blanks after it. No value when there is none left. A
/// quote that isn't closed is an error; an escape that doesn't exist stays as it is written.
Parsed<std::optional<std::string>> take_word(std::string_view& text);

/// All of them.
Parsed<std::vector<std::string>> split_quoted_words(std::string_view text);

}  // namespace svcd
