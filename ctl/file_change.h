// What has become of a unit's files since they were loaded.
#pragma once

#include <optional>
#include <string>

#include "facts.h"

namespace svcd {

struct FileChange {
    std::string text;      ///< a sentence about the unit
    std::string in_short;  ///< "the file has changed since, ..."
    std::string mend;
};

/// Nothing where the files are as they were loaded.
std::optional<FileChange> file_change(const Json& properties);

}  // namespace svcd
