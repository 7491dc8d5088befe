// The options of `svcd --container -- CMD` that concern svcd and its launcher; the manager reads
// these and the rest (manager/options.h).
#pragma once

#include <cstdint>

namespace svcd {

/// What was typed; null: it was not.
struct CommandWords {
    const char* stop_signal = nullptr;
    const char* parent_death_signal = nullptr;
    bool warn_orphans = false;
};

struct CommandOptions {
    std::uint64_t stop_signals = 0;  ///< bit N-1 for signal N
    int parent_death_signal = 0;     ///< 0: none
    bool warn_orphans = false;
};

/// False: one of them is wrong, which was said.
bool read_command_options(const CommandWords& words, CommandOptions& options);

/// "TERM", "SIGTERM", "15", "RTMIN+3", "RTMAX-1"; 0: none of these. `length` bytes of `name` count.
int signal_named(const char* name, unsigned length);

}  // namespace svcd
