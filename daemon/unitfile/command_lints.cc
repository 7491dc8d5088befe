#include "unitfile/command_lints.h"

#include <algorithm>
#include <array>

#include "core/types/text_scan.h"

namespace svcd {
namespace {

constexpr std::string_view kNoShell = "; there is no shell here: write [/bin/sh, -c, \"…\"]";

/// Words of the shell that are no programs.
constexpr auto kShellWords = std::to_array<std::string_view>(
    {"cd", "export", "source", ".", "exec", "eval", "set", "unset", "ulimit", "umask", "trap", "if",
     "for", "while", "until", "case", "function", "{", "("});

constexpr auto kOperators = std::to_array<std::string_view>(
    {"&&", "||", "|", "|&", "&", ";", ";;", ">", ">>", "<", "<<", "<<<", "&>", "&>>", ">|"});

/// Programs to whom such words are something to work with.
constexpr auto kTakeOperators =
    std::to_array<std::string_view>({"test", "[", "expr", "find", "jq", "awk", "gawk", "mawk"});
constexpr auto kShells =
    std::to_array<std::string_view>({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "env",
                                     "su", "runuser", "sudo", "ssh", "xargs", "chroot"});

template <typename List>
bool contains(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool begins_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_variable_name(std::string_view text) {
    return !text.empty() && begins_name(text.front()) &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return begins_name(c) || is_digit(c); });
}

bool is_assignment(std::string_view word) {
    const std::size_t equals = word.find('=');
    return equals != std::string_view::npos && is_variable_name(word.substr(0, equals));
}

/// "2>/dev/null", ">>/var/log/x", "2>&1", "&>/x".
bool is_redirection(std::string_view word) {
    if (word.starts_with('&')) {
        word.remove_prefix(1);
    } else {
        while (!word.empty() && is_digit(word.front())) {
            word.remove_prefix(1);
        }
    }
    if (word.starts_with(">>")) {
        word.remove_prefix(2);
    } else if (word.starts_with('>') || word.starts_with('<')) {
        word.remove_prefix(1);
    } else {
        return false;
    }
    const bool is_number =
        word.starts_with('&') && word.size() > 1 &&
        std::all_of(word.begin() + 1, word.end(), [](char c) { return is_digit(c) || c == '-'; });
    return is_number || word.starts_with('/');
}

bool is_operator(std::string_view word) {
    const bool has_number =
        word.size() == 2 && is_digit(word[0]) && (word[1] == '>' || word[1] == '<');
    return contains(kOperators, word) || has_number || is_redirection(word);
}

std::string quoted(std::string_view word) {
    return "'" + std::string(word) + "'";
}

}  // namespace

std::string shell_lint(std::string_view program, std::span<const WrittenWord> arguments) {
    if (is_assignment(program)) {
        return quoted(program) +
               " is taken for the program: variables are set with Environment, or by "
               "/usr/bin/env" +
               std::string(kNoShell);
    }
    if (contains(kShellWords, program)) {
        return quoted(program) + " is a word of the shell, not a program" +
               (program == "cd" ? ": WorkingDirectory says where it runs" : "") +
               std::string(kNoShell);
    }
    if (program.starts_with('$')) {
        return quoted(program) + " is taken for the program, which can't be a variable" +
               std::string(kNoShell);
    }
    const std::string_view name = program.substr(program.rfind('/') + 1);
    const bool is_shell = contains(kShells, name);
    const bool takes_operators =
        contains(kTakeOperators, name) ||
        std::any_of(arguments.begin(), arguments.end(), [](const WrittenWord& word) {
            return word.text == "-exec" || word.text == "-execdir" || word.text == "-ok";
        });
    for (const WrittenWord& word : arguments) {
        if (!word.quoted && !takes_operators && is_operator(word.text)) {
            return quoted(word.text) + " goes to the program as an argument" +
                   std::string(kNoShell);
        }
        const bool is_substitution = word.text.find("$(") != std::string::npos ||
                                     (word.text.size() > 1 && word.text.starts_with('`'));
        if (!is_shell && !takes_operators && is_substitution) {
            return quoted(word.text) + " goes to the program as it stands, nothing is run for it" +
                   std::string(kNoShell);
        }
        const bool is_pattern =
            word.text.starts_with('/') && word.text.find_first_of("*?") != std::string::npos;
        if (!word.quoted && !is_shell && !takes_operators && is_pattern) {
            return quoted(word.text) + " goes to the program as it stands, no file is looked for" +
                   std::string(kNoShell);
        }
        if (!word.quoted && word.text.starts_with("~/") && !is_shell) {
            return quoted(word.text) +
                   " goes to the program as it stands: the home directory of svcd's own user is "
                   "%h, that of the service's user ${HOME}";
        }
    }
    return {};
}

std::string variable_problem(std::string_view word) {
    if (word.starts_with('$') && !word.starts_with("$$") && !word.starts_with("${")) {
        const std::string_view name = word.substr(1);
        if (is_variable_name(name)) {
            return {};
        }
        if (name.starts_with('(')) {
            return quoted(word) + " is not run" + std::string(kNoShell);
        }
        std::size_t length = 0;
        while (length < name.size() && (begins_name(name[length]) || is_digit(name[length]))) {
            ++length;
        }
        const std::string_view variable = name.substr(0, length);
        return quoted(word) +
               ": a word that begins with '$' stands for a variable as a whole, and " +
               (name.empty() ? "there is no name" : quoted(name) + " is no name of one") +
               "; write '$$" + std::string(name) + "' where the '$' is for the program" +
               (is_variable_name(variable)
                    ? ", '${" + std::string(variable) + "}" + std::string(name.substr(length)) +
                          "' for the value of " + std::string(variable)
                    : std::string{});
    }
    return {};
}

std::string brace_lint(std::string_view word) {
    for (std::size_t at = word.find('$'); at != std::string_view::npos && at + 1 < word.size();
         at = word.find('$', at + 2)) {
        if (word[at + 1] != '{') {
            continue;
        }
        const std::size_t end = word.find('}', at);
        if (end == std::string_view::npos) {
            break;  // stays as it is
        }
        const std::string_view name = word.substr(at + 2, end - at - 2);
        // One with a ':' in it stays as it is, too.
        if (name.find(':') == std::string_view::npos && !is_variable_name(name)) {
            return "'${" + std::string(name) +
                   "}' becomes nothing, for no variable can be called so; write '$${" +
                   std::string(name) + "}' where it is for the program";
        }
    }
    return {};
}

std::vector<int> swallowed_items(std::string_view file) {
    constexpr std::string_view kItem = "- ";
    std::vector<int> lines;
    std::size_t item_indent = std::string_view::npos;   // of a plain item that may go on
    std::size_t block_indent = std::string_view::npos;  // of the key of a block of text
    for (int number = 1; !file.empty(); ++number) {
        const std::string_view line = file.substr(0, file.find('\n'));
        file.remove_prefix(std::min(line.size() + 1, file.size()));
        const std::size_t indent = line.find_first_not_of(' ');
        if (indent == std::string_view::npos) {
            continue;
        }
        const std::string_view text = line.substr(indent);
        if (block_indent != std::string_view::npos && indent > block_indent) {
            continue;
        }
        const bool begins_block = text.ends_with('|') || text.ends_with('>') ||
                                  text.ends_with("|-") || text.ends_with(">-");
        block_indent = begins_block ? indent : std::string_view::npos;
        if (!text.starts_with(kItem)) {
            item_indent = std::string_view::npos;
            continue;
        }
        if (item_indent != std::string_view::npos && indent > item_indent) {
            lines.push_back(number);
            continue;
        }
        const std::size_t start = std::min(text.find_first_not_of("- "), text.size());
        const std::string_view item = text.substr(start);
        const bool is_plain = !item.empty() && std::string_view{"[{\"'&*!|>%@`#"}.find(item[0]) ==
                                                   std::string_view::npos;
        const bool may_go_on = is_plain && item.find(": ") == std::string_view::npos &&
                               item.find(" #") == std::string_view::npos && !item.ends_with(':');
        // "- - /bin/a": the innermost one counts.
        const std::size_t dash = text.substr(0, start).rfind('-');
        item_indent = may_go_on ? indent + dash : std::string_view::npos;
    }
    return lines;
}

}  // namespace svcd
