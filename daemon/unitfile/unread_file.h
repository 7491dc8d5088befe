// Files that stand where unit files stand and are not read: which of them somebody may believe to
// be read.
#pragma once

#include <string>

#include "unitfile/folder.h"

namespace svcd {

enum class UnreadPlace : unsigned char { unit_path, drop_ins };

/// What to tell of an entry that is not read; empty when there is nothing to tell (backup files,
/// texts for people).
std::string why_unread(const FolderEntry& entry, UnreadPlace place);

}  // namespace svcd
