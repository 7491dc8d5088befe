// Folders that have to be there.
#pragma once

#include <string>

#include "core/types/result.h"

namespace svcd {

/// Makes the folder and those above it, with mode 0755, where they are missing.
Result<void> make_folders(const std::string& path);

}  // namespace svcd
