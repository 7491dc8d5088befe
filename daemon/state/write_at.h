// Writes of the files that outlive the manager.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/types/result.h"

namespace svcd {

/// All bytes or an error, about `path`. What was written of a failed write is the caller's to write
/// over.
Result<void> write_at(int file,
                      std::string_view bytes,
                      std::uint64_t offset,
                      const std::string& path = {});

}  // namespace svcd
