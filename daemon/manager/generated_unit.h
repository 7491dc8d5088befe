// Unit files that svcd makes itself.
#pragma once

#include <string>
#include <string_view>

#include "core/types/result.h"

namespace svcd {

/// The word as a scalar of YAML, without specifiers in it. Nothing is expanded in it either where
/// the command has the prefix ':'.
std::string yaml_scalar(std::string_view word);

/// Writes a file that everybody may read, in the place of one that is there.
Result<void> write_generated(const std::string& path, const std::string& text);

/// Makes a folder for such files; one that is there will do.
Result<void> make_generated_folder(const std::string& path);

}  // namespace svcd
