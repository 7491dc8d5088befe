// The command line of svcd-logd. The manager writes it (manager/output_pipes.h); people see it in
// `svctl cat svcd-logd`.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace svcd::logd {

struct Options {
    std::string pipes;  ///< --pipes=DIR: the folder in which the manager makes the pipes
    std::string
        log_dir;  ///< --log-dir=DIR: for the last lines of each unit; empty: they are not kept
    bool prefix = true;  ///< --prefix=yes|no: begin each line with the name of its unit
};

/// Reads the words after the program's name. Nothing: `problem` says which of them is wrong.
std::optional<Options> parse_options(const std::vector<std::string>& words, std::string& problem);

}  // namespace svcd::logd
