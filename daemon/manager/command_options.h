// `svcd --container [options] -- COMMAND`: what is said of the one command that svcd runs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/types/time.h"

namespace svcd {

/// The options as they were typed.
struct CommandWords {
    std::vector<std::string> settings;  ///< -p
    std::string stop_signal;
    std::string forward_to;
    std::string leftover_timeout;
    std::string exit_status_map;
    std::string inherited;  ///< --inherited, by svcd itself
};

struct CommandOptions {
    std::vector<std::string> words;     ///< the command and its arguments
    std::vector<std::string> settings;  ///< "KEY=VALUE" of a unit file
    std::uint64_t stop_signals = 0;     ///< bit N-1 for signal N
    bool forward_to_group = false;
    Duration leftover_timeout{2'000'000};
    std::map<int, int> exit_status_map;
    std::uint16_t umask = 0022;         ///< that svcd was started with, and the command gets
    std::uint64_t ignored_signals = 0;  ///< the same of the signals that are ignored
    bool warn_orphans = false;
};

/// Nothing: `problem` is a sentence that says which word is wrong.
std::optional<CommandOptions> read_command_options(const CommandWords& typed,
                                                   std::vector<std::string> command,
                                                   std::string& problem);

}  // namespace svcd
