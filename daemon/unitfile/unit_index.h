// What the folders of unit files hold, by name: unit files, second names (unit_aliases.h), drop-in
// folders, the links in NAME.wants/ and NAME.requires/. Names only; no unit file is opened here.
//
// Folders are scanned in order and the first to have a name wins. One entry costs no system call
// beyond the folder's own, links excepted.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/unit.h"
#include "unitfile/diagnostic.h"
#include "unitfile/folder.h"
#include "unitfile/unit_aliases.h"
#include "unitfile/unit_name.h"

namespace svcd {

class UnitIndex {
public:
    /// `must_exist`: a folder of the path that doesn't is worth a warning.
    UnitIndex(const std::vector<std::string>& unit_path,
              bool must_exist,
              std::vector<Diagnostic>& diagnostics);
    UnitIndex(const UnitIndex&) = delete;
    UnitIndex& operator=(const UnitIndex&) = delete;

    const UnitAliases& aliases() const { return aliases_; }

    /// The unit's file, or its template's; empty when there is none. Not for second names.
    std::string fragment_of(const UnitName& name) const;

    /// The drop-ins of a unit, in the order of their file names: those of its names, of its
    /// template, of the prefixes of its names ("web-.service.d" for web-foo.service) and of its
    /// type ("service.d"). Of several with the same file name the one in the most special of these
    /// folders, and of several folders of one name the first in the unit path.
    std::vector<std::string> drop_ins_of(const UnitName& name);

    /// Warns of drop-ins for units that don't exist.
    void tell_of_orphaned_drop_ins();

    /// What the unit's folders NAME.wants/ and NAME.requires/ link to.
    std::vector<Dependency> linked_by(const UnitName& name) const;

    /// Names of all unit files but templates and second names, sorted.
    std::vector<std::string> unit_names() const;
    /// Names of all templates that have a file, second names excepted.
    std::vector<std::string> template_names() const;

private:
    /// A file whose name one in a folder before it has.
    struct Hidden {
        UnitName name;
        std::optional<UnitName> other;  ///< of a link
        std::string path;
    };

    void scan(const std::string& folder);
    void add_file(const std::string& folder, const std::string& file, bool is_link);
    std::optional<UnitName> other_of_link(const std::string& path, const UnitName& name) const;
    void add_links(const std::string& folder, const std::string& unit, Relation relation);
    void say_names_taken_twice();
    std::vector<std::string> names_of(const UnitName& name) const;
    const std::vector<std::string>& files_in(const std::string& drop_in_folder);
    bool count_entry(const std::string& folder);
    void warn(std::string path, std::string message);

    const std::vector<std::string>& unit_path_;
    bool must_exist_;
    std::vector<Diagnostic>& diagnostics_;
    UnitAliases::Names fragments_;  ///< name to path
    UnitAliases aliases_;
    std::vector<Hidden> hidden_;
    std::map<std::string, std::vector<std::string>, std::less<>> drop_in_folders_;
    /// The YAML files of each drop-in folder that was looked into.
    std::map<std::string, std::vector<std::string>> drop_in_files_;
    std::map<std::string, std::vector<Dependency>, std::less<>> links_;
    std::size_t entries_ = 0;
};

}  // namespace svcd
