// Small files of /proc and of the cgroup file system, read whole and bounded.
#pragma once

#include <string>
#include <string_view>

#include "core/types/result.h"

namespace svcd {

/// At most `limit` bytes of `path`, relative to `folder` (AT_FDCWD: the working directory). What
/// lies behind the limit is left out. Never waits at a FIFO.
Result<std::string> read_file_at(int folder, const char* path, std::size_t limit);
inline constexpr std::size_t kSmallFile = 4096;

/// Writes `text` in one write to a file that exists.
Result<void> write_file_at(int folder, const char* path, std::string_view text);

}  // namespace svcd
