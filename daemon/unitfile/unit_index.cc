#include "unitfile/unit_index.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <set>

namespace svcd {
namespace {

constexpr std::string_view kFileSuffix = ".yaml";

/// An alias of an alias of ...: more is a circle.
constexpr int kAliasStepsMax = 8;

/// Calls `visit` for each entry, hidden ones excepted, sorted by name, until it returns false. A
/// folder that doesn't exist has none.
void for_each_entry(const std::string& folder,
                    const std::function<bool(const std::string& name, bool is_link)>& visit,
                    const std::function<void(int error)>& fail) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) {
            fail(errno);
        }
        return;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{::fdopendir(fd), ::closedir};
    if (stream == nullptr) {
        fail(errno);
        ::close(fd);
        return;
    }
    struct Entry {
        std::string name;
        bool is_link;
    };
    std::vector<Entry> entries;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(stream.get());
        if (entry == nullptr) {
            if (errno != 0) {
                fail(errno);
            }
            break;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        bool is_link = entry->d_type == DT_LNK;
        if (entry->d_type == DT_UNKNOWN) {
            struct stat status {};
            is_link = ::fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                      S_ISLNK(status.st_mode);
        }
        entries.push_back({entry->d_name, is_link});
        if (entries.size() > kUnitFilesMax) {
            break;  // the visitor's own count says so
        }
    }
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    for (const Entry& entry : entries) {
        if (!visit(entry.name, entry.is_link)) {
            return;
        }
    }
}

std::string link_target(const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    return length <= 0 ? std::string{}
                       : std::string(target.data(), static_cast<std::size_t>(length));
}

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

std::string_view without_suffix(std::string_view name, std::string_view suffix) {
    return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

Diagnostic about_file(Diagnostic::Severity severity, std::string path, std::string message) {
    Diagnostic diagnostic;
    diagnostic.severity = severity;
    diagnostic.file = std::move(path);
    diagnostic.message = std::move(message);
    return diagnostic;
}

}  // namespace

UnitIndex::UnitIndex(const std::vector<std::string>& unit_path,
                     std::vector<Diagnostic>& diagnostics)
    : diagnostics_{diagnostics} {
    for (const std::string& folder : unit_path) {
        scan(folder);
    }
    settle_aliases();
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
        diagnostics_.push_back(
            about_file(Diagnostic::Severity::error, folder,
                       std::string("can't read the folder: ") + std::strerror(error)));
    };
    for_each_entry(
        folder,
        [&](const std::string& file, bool is_link) {
            if (!count_entry(folder)) {
                return false;
            }
            const std::string path = folder + "/" + file;
            if (file.ends_with(kFileSuffix)) {
                add_file(folder, file, is_link);
            } else if (file.ends_with(".d")) {
                drop_in_folders_[std::string(without_suffix(file, ".d"))].push_back(path);
            } else if (file.ends_with(".wants")) {
                add_links(path, std::string(without_suffix(file, ".wants")), Relation::wants);
            } else if (file.ends_with(".requires")) {
                add_links(path, std::string(without_suffix(file, ".requires")),
                          Relation::requires_);
            }
            return true;
        },
        fail);
}

void UnitIndex::add_file(const std::string& folder, const std::string& file, bool is_link) {
    const std::string path = folder + "/" + file;
    const auto name = parse_unit_name(without_suffix(file, kFileSuffix));
    if (!name) {
        diagnostics_.push_back(
            about_file(Diagnostic::Severity::warning, path,
                       "not read: a unit file is named NAME.TYPE.yaml, such as web.service.yaml"));
        return;
    }
    if (!name->type()) {
        diagnostics_.push_back(about_file(
            Diagnostic::Severity::warning, path,
            "not read: units of type '" + name->suffix + "' are not supported by this version"));
        return;
    }
    if (fragments_.contains(name->full) || aliases_.contains(name->full)) {
        return;  // a folder before this one has it
    }
    if (is_link) {
        const std::string target = link_target(path);
        const auto other = parse_unit_name(without_suffix(base_name(target), kFileSuffix));
        const bool is_own_template =
            other && name->is_instance() && other->full == name->template_name();
        if (other && other->full != name->full && !is_own_template) {
            aliases_[name->full] = other->full;
        }
    }
    fragments_[name->full] = path;
}

/// Now that all files are known: an alias whose other name has no file of its own is a plain file,
/// and aliases of aliases are followed to the end.
void UnitIndex::settle_aliases() {
    const auto is_alias_of_something = [&](const auto& alias) {
        const auto name = parse_unit_name(alias.first);
        const auto other = parse_unit_name(alias.second);
        // A slice's name is its place in the tree of cgroups, so it has one only.
        return name && other && fragments_.contains(alias.second) && name->suffix != "slice" &&
               name->suffix == other->suffix && name->is_template() == other->is_template();
    };
    std::erase_if(aliases_, [&](const auto& alias) { return !is_alias_of_something(alias); });
    for (auto& [name, other] : aliases_) {
        for (int step = 0; step < kAliasStepsMax; ++step) {
            const auto next = aliases_.find(other);
            if (next == aliases_.end() || next->second == other) {
                break;
            }
            other = next->second;
        }
    }
    // What points at itself in the end is a circle: no alias; opening the file says ELOOP.
    std::erase_if(aliases_, [&](const auto& alias) { return aliases_.contains(alias.second); });
    for (const auto& alias : aliases_) {
        fragments_.erase(alias.first);
    }
}

void UnitIndex::add_links(const std::string& folder, const std::string& unit, Relation relation) {
    std::vector<Dependency>& links = links_[unit];
    for_each_entry(
        folder,
        [&](const std::string& file, bool /*is_link*/) {
            if (!count_entry(folder)) {
                return false;
            }
            const auto name = parse_unit_name(without_suffix(file, kFileSuffix));
            if (!name || name->is_template()) {
                diagnostics_.push_back(
                    about_file(Diagnostic::Severity::warning, folder + "/" + file,
                               "not the name of a unit: what is linked here must be one"));
                return true;
            }
            if (!name->type() && relation == Relation::requires_) {
                diagnostics_.push_back(about_file(
                    Diagnostic::Severity::warning, folder + "/" + file,
                    "units of type '" + name->suffix + "' are not supported by this version"));
            }
            if (name->type()) {
                links.push_back({relation, name->full});
            }
            return true;
        },
        [&](int error) {
            diagnostics_.push_back(
                about_file(Diagnostic::Severity::error, folder,
                           std::string("can't read the folder: ") + std::strerror(error)));
        });
}

std::string UnitIndex::resolve(std::string_view name) const {
    if (const auto found = aliases_.find(name); found != aliases_.end()) {
        return found->second;
    }
    const auto parts = parse_unit_name(name);
    if (!parts || !parts->is_instance() || fragments_.contains(name)) {
        return std::string(name);
    }
    const auto found = aliases_.find(parts->template_name());
    if (found == aliases_.end()) {
        return std::string(name);
    }
    return parse_unit_name(found->second)->instance_name(parts->instance);
}

std::string UnitIndex::fragment_of(const UnitName& name) const {
    auto found = fragments_.find(name.full);
    if (found == fragments_.end() && name.is_instance()) {
        found = fragments_.find(name.template_name());
    }
    return found == fragments_.end() ? std::string{} : found->second;
}

std::vector<std::string> UnitIndex::names_of(const UnitName& name) const {
    std::vector<std::string> names{name.full};
    if (name.is_instance()) {
        names.push_back(name.template_name());
    }
    for (const auto& [alias, other] : aliases_) {
        if (other == name.full) {
            names.push_back(alias);
        }
    }
    return names;
}

std::vector<std::string> UnitIndex::drop_ins_of(const UnitName& name) const {
    std::map<std::string, std::string> by_file_name;
    for (const std::string& each : names_of(name)) {
        const auto folders = drop_in_folders_.find(each);
        if (folders == drop_in_folders_.end()) {
            continue;
        }
        for (const std::string& folder : folders->second) {
            for_each_entry(
                folder,
                [&](const std::string& file, bool /*is_link*/) {
                    if (file.ends_with(kFileSuffix) && by_file_name.size() < kUnitFilesMax) {
                        by_file_name.emplace(file, folder + "/" + file);
                    }
                    return true;
                },
                [](int) {});  // a file where a folder belongs has no drop-ins
        }
    }
    std::vector<std::string> paths;
    for (const auto& [file, path] : by_file_name) {
        paths.push_back(path);
    }
    return paths;
}

std::vector<Dependency> UnitIndex::linked_by(const UnitName& name) const {
    std::vector<Dependency> linked;
    for (const std::string& each : names_of(name)) {
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

}  // namespace svcd
