// Files that stand where unit files stand and are not read: which of them somebody may believe to
// be read.
#pragma once

#include <string>
#include <vector>

#include "unitfile/folder.h"
#include "unitfile/unit_name.h"

namespace svcd {

enum class UnreadPlace : unsigned char { unit_path, drop_ins };

/// What to tell of an entry that is not read; empty when there is nothing to tell (backup files,
/// texts for people).
std::string why_unread(const FolderEntry& entry, UnreadPlace place);

/// The file of a unit that has none which is read: where it is, why it is not read, and what to do;
/// empty when there is no such file.
std::string unread_file_of(const std::vector<std::string>& unit_path, const UnitName& unit);

}  // namespace svcd
