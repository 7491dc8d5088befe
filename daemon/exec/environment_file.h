// EnvironmentFile: systemd.exec(5).
//
// Lines NAME=VALUE; comments begin with '#' or ';'. A value may be quoted, in parts too; within
// double quotes a backslash escapes " \ ` $ only, outside it escapes anything and joins lines.
// Assignments whose name is none are left out, as systemd does (and logs).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.h"

namespace svcd {

inline constexpr std::size_t kEnvironmentFileMax = 1024 * 1024;

/// K=V in the order of the file. EINVAL: a byte that is not text.
Result<std::vector<std::string>> parse_environment_file(std::string_view text);

/// The files that `path` stands for (it may be a pattern: glob(7)), read one after another. ENOENT
/// when there is none. Regular files only; never waits.
Result<std::vector<std::string>> read_environment_files(const std::string& path);

}  // namespace svcd
