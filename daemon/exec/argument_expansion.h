// $VAR in command lines: systemd.service(5), "COMMAND LINES".
//
// A word that is `$NAME` as a whole is replaced by the value, split at white space (quotes in the
// value hold words together and vanish), so that it may become no word or several. `${NAME}`
// anywhere in a word is replaced by the value as it is. `$$` is a dollar sign. An unset variable is
// empty. What is executed (Command::path) is never expanded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace svcd {

/// Would expand_arguments() change anything?
bool has_variables(const std::vector<std::string>& arguments);

/// `environment` is K=V; the last assignment of a name counts.
std::vector<std::string> expand_arguments(const std::vector<std::string>& arguments,
                                          const std::vector<std::string>& environment);

/// Splits a text into words at white space. Quotes hold words together and vanish, a backslash
/// takes the next character as it is. Nothing in it is an error: an open quote ends with the text.
std::vector<std::string> unquoted_words(std::string_view text);

/// Puts `assignment` (K=V) into the environment, in the place of an earlier one of the same name.
void assign(std::vector<std::string>& environment, std::string assignment);

}  // namespace svcd
