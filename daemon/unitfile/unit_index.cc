#include "unitfile/unit_index.h"

#include <cerrno>
#include <cstring>

#include "unitfile/drop_in_names.h"
#include "unitfile/unit_builder.h"
#include "unitfile/unread_file.h"

namespace svcd {
namespace {

Diagnostic about_file(Diagnostic::Severity severity, std::string path, std::string message) {
    Diagnostic diagnostic;
    diagnostic.severity = severity;
    diagnostic.file = std::move(path);
    diagnostic.message = std::move(message);
    return diagnostic;
}

Diagnostic cannot_read(const std::string& folder, int error) {
    return about_file(Diagnostic::Severity::error, folder,
                      std::string("can't read the folder: ") + std::strerror(error));
}

}  // namespace

UnitIndex::UnitIndex(const std::vector<std::string>& unit_path,
                     bool must_exist,
                     std::vector<Diagnostic>& diagnostics)
    : unit_path_{unit_path}, must_exist_{must_exist}, diagnostics_{diagnostics} {
    for (const std::string& folder : unit_path) {
        scan(folder);
    }
    say_names_taken_twice();
    aliases_.settle(fragments_, diagnostics_);
}

void UnitIndex::warn(std::string path, std::string message) {
    diagnostics_.push_back(
        about_file(Diagnostic::Severity::warning, std::move(path), std::move(message)));
}

bool UnitIndex::count_entry(const std::string& folder) {
    ++entries_;
    if (entries_ == kUnitFilesMax + 1) {
        diagnostics_.push_back(
            about_file(Diagnostic::Severity::error, folder,
                       "more than " + std::to_string(kUnitFilesMax) +
                           " files in the folders of unit files: the rest is not read"));
    }
    return entries_ <= kUnitFilesMax;
}

void UnitIndex::scan(const std::string& folder) {
    const auto fail = [&](int error) {
        if (error != ENOENT) {
            diagnostics_.push_back(cannot_read(folder, error));
        } else if (must_exist_) {
            warn(folder,
                 "--unit-path names this folder, and it does not exist: no unit is read from it");
        }
    };
    for_each_entry(
        folder,
        [&](const FolderEntry& entry) {
            const std::string& file = entry.name;
            if (!count_entry(folder)) {
                return false;
            }
            const std::string path = folder + "/" + file;
            if (file.ends_with(kUnitFileSuffix)) {
                add_file(folder, file, entry.is_link);
            } else if (file.ends_with(".d")) {
                drop_in_folders_[std::string(without_suffix(file, ".d"))].push_back(path);
            } else if (file.ends_with(".wants")) {
                add_links(path, std::string(without_suffix(file, ".wants")), Relation::wants);
            } else if (file.ends_with(".requires")) {
                add_links(path, std::string(without_suffix(file, ".requires")),
                          Relation::requires_);
            } else if (file.ends_with(".upholds")) {
                add_links(path, std::string(without_suffix(file, ".upholds")), Relation::upholds);
            } else if (auto why = why_unread(entry, UnreadPlace::unit_path); !why.empty()) {
                warn(path, std::move(why));
            }
            return true;
        },
        fail);
}

void UnitIndex::add_file(const std::string& folder, const std::string& file, bool is_link) {
    const std::string path = folder + "/" + file;
    const auto name = parse_unit_name(without_suffix(file, kUnitFileSuffix));
    if (!name) {
        warn(path, "not read: a unit file is named NAME.TYPE.yaml, such as web.service.yaml");
        return;
    }
    if (!name->type()) {
        warn(path,
             "not read: units of type '" + name->suffix + "' are not supported by this version");
        return;
    }
    const std::optional<UnitName> other = is_link ? other_of_link(path, *name) : std::nullopt;
    if (fragments_.contains(name->full)) {
        if (other || aliases_.is_link(name->full)) {
            hidden_.push_back({*name, other, path});
        }
        return;  // a folder before this one has it
    }
    if (other) {
        aliases_.add(*name, *other, path);
    }
    fragments_[name->full] = path;
}

/// The unit to whose file a link leads, when that is another one and has its file in the unit path.
/// A link to anywhere else is a unit file like any other.
std::optional<UnitName> UnitIndex::other_of_link(const std::string& path,
                                                 const UnitName& name) const {
    const std::string target = link_target(path);
    auto other = parse_unit_name(without_suffix(base_name(target), kUnitFileSuffix));
    const bool is_own_template = other && name.is_instance() && other->full == name.template_name();
    if (!other || other->full == name.full || is_own_template) {
        return std::nullopt;
    }
    std::string folder{folder_of(path)};
    if (target.starts_with('/')) {
        folder = folder_of(target);
    } else if (const auto below = folder_of(target); !below.empty()) {
        folder += "/" + std::string(below);
    }
    for (const std::string& each : unit_path_) {
        if (is_same_folder(each, folder)) {
            return other;
        }
    }
    return std::nullopt;
}

/// A file that hides one of the same name is an everyday thing. When one of them is a link to
/// another unit, the name means something else than who wrote the other believes.
void UnitIndex::say_names_taken_twice() {
    for (const Hidden& hidden : hidden_) {
        const std::string_view means = aliases_.linked_to(hidden.name.full);
        const std::string& would_mean = hidden.other ? hidden.other->full : hidden.name.full;
        if (means == would_mean) {
            continue;
        }
        warn(hidden.path,
             "not read: the name '" + hidden.name.full + "' is taken by " +
                 fragments_[hidden.name.full] +
                 (means == hidden.name.full ? ", which is a unit of its own"
                                            : ", a second name of '" + std::string(means) + "'"));
    }
    hidden_.clear();
}

void UnitIndex::add_links(const std::string& folder, const std::string& unit, Relation relation) {
    std::vector<Dependency>& links = links_[unit];
    for_each_entry(
        folder,
        [&](const FolderEntry& entry) {
            if (!count_entry(folder)) {
                return false;
            }
            const auto name = parse_unit_name(without_suffix(entry.name, kUnitFileSuffix));
            if (!name || name->is_template()) {
                warn(folder + "/" + entry.name,
                     "not the name of a unit: what is linked here must be one");
                return true;
            }
            if (!name->type() && relation == Relation::requires_) {
                warn(folder + "/" + entry.name,
                     "units of type '" + name->suffix + "' are not supported by this version");
            }
            if (name->type()) {
                links.push_back({relation, name->full});
            }
            return true;
        },
        [&](int error) { diagnostics_.push_back(cannot_read(folder, error)); });
}

std::string UnitIndex::fragment_of(const UnitName& name) const {
    auto found = fragments_.find(name.full);
    if (found == fragments_.end() && name.is_instance()) {
        found = fragments_.find(name.template_name());
    }
    return found == fragments_.end() ? std::string{} : found->second;
}

std::vector<std::string> UnitIndex::names_of(const UnitName& name) const {
    std::vector<std::string> names = aliases_.names_for(name);
    names.insert(names.begin(), name.full);
    return names;
}

/// The YAML files of a folder of drop-ins; what else is in there is said.
const std::vector<std::string>& UnitIndex::files_in(const std::string& drop_in_folder) {
    const auto [place, is_new] = drop_in_files_.try_emplace(drop_in_folder);
    if (!is_new) {
        return place->second;
    }
    std::vector<std::string>& files = place->second;
    for_each_entry(
        drop_in_folder,
        [&](const FolderEntry& entry) {
            if (!count_entry(drop_in_folder)) {
                return false;
            }
            if (entry.name.ends_with(kUnitFileSuffix)) {
                files.push_back(entry.name);
            } else if (auto why = why_unread(entry, UnreadPlace::drop_ins); !why.empty()) {
                warn(drop_in_folder + "/" + entry.name, std::move(why));
            }
            return true;
        },
        [&](int error) { diagnostics_.push_back(cannot_read(drop_in_folder, error)); });
    return files;
}

std::vector<std::string> UnitIndex::drop_ins_of(const UnitName& name) {
    std::map<std::string, std::string> by_file_name;
    for (const std::string& each : drop_in_names(names_of(name))) {
        const auto folders = drop_in_folders_.find(each);
        if (folders == drop_in_folders_.end()) {
            continue;
        }
        for (const std::string& folder : folders->second) {
            for (const std::string& file : files_in(folder)) {
                by_file_name.emplace(file, folder + "/" + file);
            }
        }
    }
    std::vector<std::string> paths;
    paths.reserve(by_file_name.size());
    for (const auto& [file, path] : by_file_name) {
        paths.push_back(path);
    }
    return paths;
}

void UnitIndex::tell_of_orphaned_drop_ins() {
    for (const auto& [of, folders] : drop_in_folders_) {
        const auto name = parse_unit_name(of);
        // For a type, a prefix or a template they wait for units to come.
        const bool is_for_one = name && name->type() && !name->has_at &&
                                !name->prefix.ends_with('-') && !is_built_in(of);
        if (!is_for_one || !fragment_of(*name).empty() || aliases_.resolve(of) != of) {
            continue;
        }
        for (const std::string& folder : folders) {
            for (const std::string& file : files_in(folder)) {
                warn(folder + "/" + file, "not read: there is no unit file " + of + ".yaml");
            }
        }
    }
}

std::vector<Dependency> UnitIndex::linked_by(const UnitName& name) const {
    std::vector<std::string> names = names_of(name);
    if (name.is_instance()) {
        names.push_back(name.template_name());
    }
    std::vector<Dependency> linked;
    for (const std::string& each : names) {
        if (const auto found = links_.find(each); found != links_.end()) {
            linked.insert(linked.end(), found->second.begin(), found->second.end());
        }
    }
    return linked;
}

std::vector<std::string> UnitIndex::unit_names() const {
    std::vector<std::string> names;
    for (const auto& [name, path] : fragments_) {
        if (!parse_unit_name(name)->is_template()) {
            names.push_back(name);
        }
    }
    return names;
}

std::vector<std::string> UnitIndex::template_names() const {
    std::vector<std::string> names;
    for (const auto& [name, path] : fragments_) {
        if (parse_unit_name(name)->is_template()) {
            names.push_back(name);
        }
    }
    return names;
}

}  // namespace svcd
