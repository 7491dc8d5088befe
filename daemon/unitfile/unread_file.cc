#include "unitfile/unread_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "unitfile/unit_name.h"

namespace svcd {
namespace {

/// What editors, package managers and people leave beside a file, or call a file that is switched
/// off.
constexpr auto kLeftBeside = std::to_array<std::string_view>(
    {"~",         ".bak",      ".backup",    ".old",      ".orig",     ".rej",      ".save",
     ".saved",    ".swp",      ".swo",       ".tmp",      ".temp",     ".new",      ".disabled",
     ".off",      ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".dpkg-tmp", ".dpkg-bak", ".ucf-old",
     ".ucf-dist", ".ucf-new",  ".rpmsave",   ".rpmnew",   ".rpmorig"});
constexpr auto kTexts = std::to_array<std::string_view>({".md", ".txt", ".rst", ".html"});
constexpr auto kTextNames =
    std::to_array<std::string_view>({"README", "LICENSE", "COPYING", "Makefile", "CHANGELOG"});

template <typename List>
bool ends_with_one_of(const List& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(),
                       [name](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace

std::string why_unread(const FolderEntry& entry, UnreadPlace place) {
    const std::string& name = entry.name;
    if (ends_with_one_of(kLeftBeside, name) || ends_with_one_of(kTexts, name) ||
        std::find(kTextNames.begin(), kTextNames.end(), name) != kTextNames.end()) {
        return {};
    }
    if (entry.is_folder) {
        return place == UnreadPlace::unit_path
                   ? "not read: unit files stand in the folder itself, and drop-ins in NAME.TYPE.d"
                   : "not read: drop-ins are files, not folders";
    }
    const std::string_view plain = without_suffix(name, ".yml");
    if (plain.size() < name.size()) {
        return "not read: the name must end with .yaml; rename it to " + std::string(plain) +
               ".yaml";
    }
    if (place == UnreadPlace::drop_ins) {
        return name.ends_with(".conf")
                   ? "not read: this is the name of a drop-in of systemd's; those of svcd are YAML "
                     "and end with .yaml (docs/units.md shows how they look)"
                   : "not read: the name of a drop-in ends with .yaml";
    }
    if (parse_unit_name(name)) {
        return "not read: this is the name of a unit file of systemd's; those of svcd are YAML, "
               "here " +
               name + ".yaml (docs/units.md shows how it looks)";
    }
    return "not read: a unit file is named NAME.TYPE.yaml, such as web.service.yaml";
}

std::string unread_file_of(const std::vector<std::string>& unit_path, const UnitName& unit) {
    for (const std::string& folder : unit_path) {
        const auto is_there = [&](const std::string& name) {
            struct stat status {};
            return ::stat((folder + "/" + name).c_str(), &status) == 0 && S_ISREG(status.st_mode);
        };
        for (const std::string& name : {unit.full, unit.full + ".yml"}) {
            if (is_there(name)) {
                return folder + "/" + name + " is there, but is " +
                       why_unread({name, false, false}, UnreadPlace::unit_path);
            }
        }
        for (const std::string& name : {unit.stem + ".yaml", unit.stem + ".yml"}) {
            if (!parse_unit_name(unit.stem) && is_there(name)) {  // else it is read, as its own
                return folder + "/" + name +
                       " is there, but is not read: a unit file is named NAME.TYPE.yaml; rename it "
                       "to " +
                       unit.full + ".yaml";
            }
        }
    }
    return {};
}

}  // namespace svcd
