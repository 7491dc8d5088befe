// Reading a unit file, and nothing that could hurt: only regular files, at most kUnitFileMax bytes,
// and never waiting for anybody.
#pragma once

#include <cstddef>
#include <string>

#include "core/types/result.h"

namespace svcd {

/// A unit file is a page of text; what is larger was put there by mistake.
inline constexpr std::size_t kUnitFileMax = 1024 * 1024;

struct FileText {
    std::string text;
    /// The file is /dev/null (reached through a link), or empty: the way to mask a unit.
    bool masked = false;
    bool is_private = false;  ///< not everybody may read it
};

/// A directory, FIFO, device or dangling link, or a file that is too large, is an error that says
/// so.
Result<FileText> read_file_text(const std::string& path);

}  // namespace svcd
