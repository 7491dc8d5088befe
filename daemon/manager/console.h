// The console of a machine, as its PID 1 speaks to the person in front of it: what is needed to
// understand a boot or a shutdown that takes long or goes wrong. Everything else is in the log.
//
// Writing never waits: what a slow console doesn't take is kept, up to a limit, and written later.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/types/time.h"
#include "linux/unique_fd.h"

namespace svcd {

class Console {
public:
    /// Says nothing, anywhere but on a machine.
    Console() = default;
    /// For tests: anything that can be opened for writing.
    explicit Console(const char* path);

    bool is_open() const { return static_cast<bool>(fd_); }
    /// A line, "svcd: TEXT". What comes with a full store is left out.
    void say(std::string_view text);
    /// Writes what is there room for.
    void flush();
    /// When to try again; nothing: all is written.
    std::optional<Time> again_at(Time now) const;

private:
    UniqueFd fd_;
    std::string pending_;
};

}  // namespace svcd
