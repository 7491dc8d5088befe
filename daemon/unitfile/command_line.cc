#include "unitfile/command_line.h"

#include <utility>

#include "unitfile/command_lints.h"
#include "unitfile/words.h"

namespace svcd {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool has_prefix(const std::string& path) {
    return path.find_first_of("-@:+!") == 0;
}

/// The first word's prefixes, taken off it and noted in `command`.
struct Prefixes {
    bool separate_argv0 = false;
};

Parsed<Prefixes> take_prefixes(std::string_view& word, Command& command) {
    Prefixes prefixes;
    int privileges = 0;  // '+', '!' or '!!', of which there can be one
    for (; !word.empty(); word.remove_prefix(1)) {
        const char c = word.front();
        if (c == '-' && !command.ignore_failure) {
            command.ignore_failure = true;
        } else if (c == '@' && !prefixes.separate_argv0) {
            prefixes.separate_argv0 = true;
        } else if (c == ':' && !command.no_expansion) {
            command.no_expansion = true;
        } else if (c == '+' && privileges == 0) {
            privileges = 3;
            command.full_privileges = true;
        } else if (c == '!' && privileges < 2) {
            ++privileges;
            command.full_privileges = true;
        } else {
            break;
        }
    }
    return prefixes;
}

Parsed<bool> check_path(const std::string& path) {
    if (path.empty()) {
        return Unparsable{"the command has no program"};
    }
    if (has_prefix(path)) {
        return Unparsable{"the prefixes of '" + path + "' don't go together"};
    }
    if (path.back() == '/') {
        return Unparsable{"'" + path + "' is a directory, not a program"};
    }
    if (path.front() != '/' && path.find('/') != std::string::npos) {
        return Unparsable{"'" + path +
                          "' is a relative path: write an absolute one, or a name alone" +
                          (path.starts_with("~/") ? " (the home directory is %h)"
                           : path.find('=') < path.find('/')
                               ? " (variables are set with Environment; there is no shell)"
                               : "")};
    }
    return true;
}

/// The arguments, specifiers replaced, and variables looked at that would be lost.
Parsed<std::vector<std::string>> expand_arguments(const Command& command,
                                                  std::span<const WrittenWord> words,
                                                  const ExpandWord& expand) {
    std::vector<std::string> arguments;
    arguments.reserve(words.size());
    for (const WrittenWord& word : words) {
        auto expanded = expand(word.text);
        if (!expanded) {
            return Unparsable{expanded.error()};
        }
        if (std::string problem = variable_problem(*expanded);
            !command.no_expansion && !problem.empty()) {
            return Unparsable{problem};
        }
        arguments.push_back(*std::move(expanded));
    }
    return arguments;
}

/// The command of a first word (prefixes and path) and the words after it.
Parsed<ReadCommand> make_command(CommandRole role,
                                 std::string_view first,
                                 std::span<const WrittenWord> words,
                                 const ExpandWord& expand) {
    ReadCommand read;
    Command& command = read.command;
    command.role = role;
    const auto prefixes = take_prefixes(first, command);
    if (!prefixes) {
        return Unparsable{prefixes.error()};
    }
    auto path = expand(first);
    if (!path) {
        return Unparsable{path.error()};
    }
    command.path = *std::move(path);
    if (const auto fine = check_path(command.path); !fine) {
        return Unparsable{fine.error()};
    }
    auto arguments = expand_arguments(command, words, expand);
    if (!arguments) {
        return Unparsable{arguments.error()};
    }
    if (!prefixes->separate_argv0) {
        command.argv.push_back(command.path);
    }
    for (std::string& argument : *arguments) {
        command.argv.push_back(std::move(argument));
    }
    if (command.argv.empty() || command.argv.front().empty()) {
        return Unparsable{"after the prefix '@' a second word must say what argv[0] is"};
    }
    command.argv.shrink_to_fit();
    read.warning = shell_lint(command.path, words);
    for (std::size_t i = 0; i < command.argv.size() && read.warning.empty(); ++i) {
        read.warning = command.no_expansion ? std::string{} : brace_lint(command.argv[i]);
    }
    return read;
}

/// A backslash at the end of a line joins it with the next, and lines of comment in between are
/// passed over, as in systemd's files: so that what is pasted into a block of text works.
std::string join_lines(std::string_view text) {
    std::string joined;
    bool continued = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::string_view content = trim(line);
        if (continued && (content.starts_with('#') || content.starts_with(';'))) {
            continue;
        }
        continued = line.ends_with('\\');
        if (continued) {
            line.remove_suffix(1);
        }
        joined += line;
        joined += ' ';
    }
    return joined;
}

/// Whether the unquoted word `word` stands next and alone; takes it then.
bool take_literal(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word) || (text.size() > word.size() && !is_blank(text[word.size()]))) {
        return false;
    }
    text.remove_prefix(word.size());
    text = trim(text);
    return true;
}

}  // namespace

Parsed<std::vector<ReadCommand>> parse_command_string(CommandRole role,
                                                      std::string_view text,
                                                      const ExpandWord& expand) {
    std::string joined;
    if (text.find('\n') != std::string_view::npos) {
        joined = join_lines(text);
        text = joined;
    }
    std::vector<ReadCommand> commands;
    text = trim(text);
    while (!text.empty()) {
        if (take_literal(text, ";")) {
            continue;
        }
        const auto first = take_word(text);
        if (!first) {
            return Unparsable{first.error()};
        }
        std::vector<WrittenWord> words;
        while (!text.empty() && !take_literal(text, ";")) {
            if (take_literal(text, "\\;")) {
                words.push_back({";", true});
                continue;
            }
            const bool is_quoted = text.front() == '"' || text.front() == '\'';
            auto word = take_word(text);
            if (!word) {
                return Unparsable{word.error()};
            }
            words.push_back({(*std::move(word)).value_or(""), is_quoted});
        }
        auto command = make_command(role, first->value_or(""), words, expand);
        if (!command) {
            return Unparsable{command.error()};
        }
        commands.push_back(*std::move(command));
    }
    return commands;
}

Parsed<ReadCommand> parse_command_words(CommandRole role,
                                        std::span<const std::string> words,
                                        const ExpandWord& expand) {
    if (words.empty()) {
        return Unparsable{"the command is empty"};
    }
    std::vector<WrittenWord> arguments;
    for (const std::string& word : words.subspan(1)) {
        arguments.push_back({word, false});
    }
    return make_command(role, words.front(), arguments, expand);
}

bool looks_like_command_line(std::string_view word) {
    word = trim(word);
    for (const char c : word) {
        if (is_blank(c)) {
            return true;
        }
    }
    return false;
}

}  // namespace svcd
