// Folders of unit files as the index wants them: entries in the order of their names, and where a
// link leads.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/types/ids.h"

namespace svcd {

/// Directory entries that are looked at in one scan, all folders together.
inline constexpr std::size_t kUnitFilesMax = 4 * kUnitsMax;

inline constexpr std::string_view kUnitFileSuffix = ".yaml";

struct FolderEntry {
    std::string name;
    bool is_link = false;
    bool is_folder = false;  ///< a link to a folder is none
};

/// Calls `visit` for each entry, hidden ones excepted, sorted by name, until it returns false.
/// `fail` gets the errno; a folder that doesn't exist is one, ENOENT.
void for_each_entry(const std::string& folder,
                    const std::function<bool(const FolderEntry& entry)>& visit,
                    const std::function<void(int error)>& fail);

/// What a link says; empty when it can't be read.
std::string link_target(const std::string& path);

std::string_view base_name(std::string_view path);
/// What stands before the last '/'; empty when there is none.
std::string_view folder_of(std::string_view path);

/// Whether both are the same folder, whatever they are called.
bool is_same_folder(const std::string& one, const std::string& other);

std::string_view without_suffix(std::string_view name, std::string_view suffix);

}  // namespace svcd
