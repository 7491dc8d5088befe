// What the folders of unit files hold, by name: unit files, aliases, drop-in folders, the links in
// NAME.wants/ and NAME.requires/. Names only; no unit file is opened here.
//
// Folders are scanned in order and the first to have a name wins. One entry costs no system call
// beyond the folder's own, links excepted (readlink).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/unit.h"
#include "unitfile/diagnostic.h"
#include "unitfile/unit_name.h"

namespace svcd {

/// Directory entries that are looked at in one scan, all folders together.
inline constexpr std::size_t kUnitFilesMax = 4 * kUnitsMax;

class UnitIndex {
public:
    UnitIndex(const std::vector<std::string>& unit_path, std::vector<Diagnostic>& diagnostics);

    /// The name under which a unit is loaded: what an alias (a link to another unit's file) stands
    /// for, or the name itself.
    std::string resolve(std::string_view name) const;

    /// The unit's file, or its template's; empty when there is none. Not for aliases.
    std::string fragment_of(const UnitName& name) const;

    /// The drop-ins of a unit (its template's and its aliases' too), in the order of their file
    /// names; of several with the same file name the one in the first folder.
    std::vector<std::string> drop_ins_of(const UnitName& name) const;

    /// What the unit's folders NAME.wants/ and NAME.requires/ link to.
    std::vector<Dependency> linked_by(const UnitName& name) const;

    /// Names of all unit files but templates and aliases, sorted.
    std::vector<std::string> unit_names() const;

    /// Each alias and the name it stands for.
    const std::map<std::string, std::string, std::less<>>& aliases() const { return aliases_; }

private:
    void scan(const std::string& folder);
    void add_file(const std::string& folder, const std::string& file, bool is_link);
    void add_links(const std::string& folder, const std::string& unit, Relation relation);
    std::vector<std::string> names_of(const UnitName& name) const;
    void settle_aliases();
    bool count_entry(const std::string& folder);

    std::vector<Diagnostic>& diagnostics_;
    std::map<std::string, std::string, std::less<>> fragments_;  ///< name to path
    std::map<std::string, std::string, std::less<>> aliases_;    ///< name to the name it stands for
    std::map<std::string, std::vector<std::string>, std::less<>> drop_in_folders_;
    std::map<std::string, std::vector<Dependency>, std::less<>> links_;
    std::size_t entries_ = 0;
};

}  // namespace svcd
