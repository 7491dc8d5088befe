// Command lines: systemd's quoting, prefixes, specifiers, lists of words. The first byte chooses
// the setting, and whether it is a string or a list whose words end with NULs.
#include "fuzz/target.h"
#include "unitfile/command_line.h"
#include "unitfile/command_lints.h"
#include "unitfile/specifier.h"
#include "unitfile/words.h"

namespace svcd::fuzz {
namespace {

void look_at(const ReadCommand& read) {
    const Command& command = read.command;
    require(!command.path.empty() && !command.argv.empty());
    require(command.path.find('\0') == std::string::npos);
    for (const std::string& argument : command.argv) {
        require(argument.find('\0') == std::string::npos);
    }
}

/// Words in quotes of their own are what they were.
void try_quoting(std::string_view text) {
    const auto words = split_quoted_words(text);
    if (!words) {
        return;
    }
    std::string quoted;
    for (const std::string& word : *words) {
        quoted += "\"";
        for (const char c : word) {
            quoted += c == '"' || c == '\\' ? std::string{'\\'} + c : std::string{c};
        }
        quoted += "\" ";
    }
    const auto again = split_quoted_words(quoted);
    require(again.has_value() && *again == *words);
}

}  // namespace

void try_input(std::string_view input) {
    static const auto kName = parse_unit_name("x@a-b.service");
    static const Specifiers kSpecifiers{false};
    const ExpandWord expand = [](std::string_view word) {
        return kSpecifiers.expand(word, *kName);
    };
    Bytes bytes{input};
    const unsigned choice = bytes.byte();
    const auto role = static_cast<CommandRole>(choice / 2 % kCommandRoles);
    // Unit files have no NUL, but their escapes may name one.
    if (choice % 2 == 0) {
        const std::string_view text = bytes.until('\0');
        try_quoting(text);
        if (const auto commands = parse_command_string(role, text, expand)) {
            for (const ReadCommand& command : *commands) {
                look_at(command);
            }
        }
        static_cast<void>(swallowed_items(text));
        static_cast<void>(looks_like_command_line(text));
        return;
    }
    std::vector<std::string> words;
    while (!bytes.is_over()) {
        words.emplace_back(bytes.until('\0'));
    }
    if (const auto command = parse_command_words(role, words, expand)) {
        look_at(*command);
    }
}

}  // namespace svcd::fuzz
