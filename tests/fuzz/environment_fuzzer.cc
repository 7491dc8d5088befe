// An EnvironmentFile of any bytes, and command lines in which its variables are replaced. What
// stands before the first NUL is the file; a file with one is refused before it is read.
#include "exec/argument_expansion.h"
#include "exec/environment_file.h"
#include "fuzz/target.h"

namespace svcd::fuzz {
namespace {

/// A command line is written by who writes the unit; here it is short, for it may name a long
/// variable many times.
constexpr std::size_t kArgumentsMax = 64;

void look_at(const EnvironmentLines& lines) {
    for (const std::string& assignment : lines.assignments) {
        const std::size_t equals = assignment.find('=');
        require(equals != std::string::npos && equals != 0);
        require(assignment.find_first_of(" \t\n\r'\"\\$") > equals);
    }
    require(lines.warnings.size() <= kEnvironmentWarningsMax + 1);
}

}  // namespace

void try_input(std::string_view input) {
    Bytes bytes{input};
    const EnvironmentLines lines = parse_environment_file(bytes.until('\0'), "f.env");
    look_at(lines);
    std::vector<std::string> environment{"A=a b", "B='x y' z"};
    for (const std::string& assignment : lines.assignments) {
        assign(environment, assignment);
    }
    std::vector<std::string> arguments;
    while (!bytes.is_over() && arguments.size() < kArgumentsMax) {
        arguments.emplace_back(bytes.until('\0'));
    }
    const std::vector<std::string> expanded = expand_arguments(arguments, environment);
    if (!has_variables(arguments)) {
        require(expanded == arguments);
    }
    for (const std::string& argument : arguments) {
        static_cast<void>(unquoted_words(argument));
    }
}

}  // namespace svcd::fuzz
