// What looks like shell in a command line. There is no shell: such a word goes to the program as it
// stands, or is taken for the program, which is hardly what was meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svcd {

/// A word of a command as it is written.
struct WrittenWord {
    std::string text;
    bool quoted = false;  ///< in a string: in quotes, so it is meant
};

/// What to tell of the command; empty when there is nothing. The program is the first word, without
/// its prefixes.
std::string shell_lint(std::string_view program, std::span<const WrittenWord> arguments);

/// What is wrong with a word that is to be expanded (systemd.service(5), "Command lines"): it would
/// be lost as a whole, since it begins with '$' and no variable can be called so. Empty: nothing.
std::string variable_problem(std::string_view word);

/// What to tell of a `${…}` with something else than a name in it, which becomes nothing; empty
/// when there is none.
std::string brace_lint(std::string_view word);

/// Lines of a file (from 1) that look like an item of a list and belong to the item above, since
/// they are indented by more: "- /bin/a" and below it "   - /bin/b" is one command.
std::vector<int> swallowed_items(std::string_view file);

}  // namespace svcd
