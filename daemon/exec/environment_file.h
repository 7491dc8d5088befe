// EnvironmentFile: systemd.exec(5).
//
// Lines NAME=VALUE; comments begin with '#' or ';'. A value may be quoted, in parts too; within
// double quotes a backslash escapes " \ ` $ only, outside it escapes anything and joins lines.
// What is no assignment is left out, as systemd does, and warned of by its line. A warning never
// quotes a value: it may be a password.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/types/exec_error.h"

namespace svcd {

inline constexpr std::size_t kEnvironmentFileMax = 1024 * 1024;
/// Of one path so many warnings are given; one more says that there are more.
inline constexpr std::size_t kEnvironmentWarningsMax = 8;

struct EnvironmentLines {
    std::vector<std::string> assignments;  ///< K=V in the order of the file
    std::vector<std::string> warnings;     ///< "FILE:LINE: ..."
};

/// `file`: its name, for the warnings.
EnvironmentLines parse_environment_file(std::string_view text, std::string_view file);

struct EnvironmentRead {
    EnvironmentLines lines;
    ExecError error;  ///< step none: all was read
};

/// The files that `path` stands for (it may be a pattern: glob(7)), read one after another. ENOENT
/// when there is none. Regular files only; never waits.
EnvironmentRead read_environment_files(const std::string& path);

}  // namespace svcd
