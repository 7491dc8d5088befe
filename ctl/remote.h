// svctl on another machine: `ssh HOST svctl …`, with the same arguments less -H.
#pragma once

#include <string>
#include <vector>

#include "exit_status.h"

namespace svcd {

/// The command line for ssh. Each argument is quoted for the shell on the other side.
std::vector<std::string> ssh_command(const std::string& host,
                                     const std::vector<std::string>& arguments);

/// Becomes ssh; returns only when that can't be executed.
ExitStatus run_on_host(const std::string& host, const std::vector<std::string>& arguments);

}  // namespace svcd
