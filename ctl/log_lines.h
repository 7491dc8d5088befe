// The last words of a unit: StandardOutput=log appends to LOG_DIR/UNIT/current.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "facts.h"

namespace svcd {

/// Where the unit's log is: its property LogPath, else below $SVCD_LOG_DIR or /var/log/svcd.
std::string log_path_of(const Json& properties);

/// Where in it the output of the unit's last life begins; 0 where that is not known.
std::uint64_t log_begin_of(const Json& properties);

/// There is a log that the caller may not read.
bool is_closed(const std::string& log_path);

/// The last `count` lines of a file, of which at most the last 256 KiB are looked at. Empty when it
/// can't be read or is no regular file: a status without a log is still a status. Of a file that is
/// longer than `begin`, what stands before that is left out.
std::vector<std::string> last_lines(const std::string& path,
                                    std::size_t count,
                                    std::uint64_t begin = 0);

}  // namespace svcd
