// Command lines of Exec* settings, in systemd's quoting or as lists of words (systemd.service(5),
// "Command lines").
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/unit.h"
#include "unitfile/values.h"

namespace svcd {

/// Replaces the specifiers of one word.
using ExpandWord = std::function<Parsed<std::string>(std::string_view)>;

/// A command, and what to tell of it though it is none the worse for it.
struct ReadCommand {
    Command command;
    std::string warning;  ///< empty: nothing
};

/// A string: words by systemd's quoting, several commands parted by a ';' that stands alone.
Parsed<std::vector<ReadCommand>> parse_command_string(CommandRole role,
                                                      std::string_view text,
                                                      const ExpandWord& expand);

/// A list: its words are the arguments as they stand. The prefixes are read from the first.
Parsed<ReadCommand> parse_command_words(CommandRole role,
                                        std::span<const std::string> words,
                                        const ExpandWord& expand);

/// Whether a word of a list looks like a command line rather than a program: it has a blank that a
/// path would hardly have.
bool looks_like_command_line(std::string_view word);

}  // namespace svcd
