#include "manager/unit_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <unordered_set>
#include <utility>

#include "unitfile/drop_in_names.h"
#include "unitfile/folder.h"
#include "unitfile/suggestion.h"
#include "unitfile/unread_file.h"

namespace svcd {
namespace {

/// Units that a mistyped name is compared with.
constexpr std::size_t kCandidatesMax = 4096;

/// Warnings that are kept for those who ask later.
constexpr std::size_t kWarningsMax = 1024;

/// Types of unit that svcd does not have (systemd.unit(5)).
constexpr auto kTypesOfSystemd = std::to_array<std::string_view>(
    {".socket", ".timer", ".path", ".mount", ".automount", ".swap", ".device", ".scope"});

std::string_view without_type(std::string_view name) {
    return name.substr(0, name.rfind('.'));
}

/// The "@blue" of "worker@blue.service"; "" of a plain name.
std::string_view instance_of(std::string_view name) {
    const std::string_view stem = without_type(name);
    return stem.substr(std::min(stem.find('@'), stem.size()));
}

/// The name that is nearest. What is compared is what stands before the type, for the type has as
/// many letters as there may be mistakes in a short name; and of two names of one instance what
/// stands before that, for a long instance would have them look alike.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
    const std::string_view instance = instance_of(name);
    const auto nearest_of = [&](bool are_of_instance) {
        std::vector<std::string_view> stems;
        std::vector<const std::string*> names;
        for (const std::string& candidate : candidates) {
            if ((!instance.empty() && instance_of(candidate) == instance) == are_of_instance) {
                std::string_view stem = without_type(candidate);
                stem.remove_suffix(are_of_instance ? instance.size() : 0);
                stems.push_back(stem);
                names.push_back(&candidate);
            }
        }
        std::string_view stem = without_type(name);
        stem.remove_suffix(are_of_instance ? instance.size() : 0);
        const std::string_view nearest = nearest_word(stem, stems);
        for (std::size_t i = 0; i < stems.size() && !nearest.empty(); ++i) {
            if (stems[i].data() == nearest.data()) {
                return *names[i];
            }
        }
        return std::string{};
    };
    const std::string of_instance = instance.empty() ? std::string{} : nearest_of(true);
    return of_instance.empty() ? nearest_of(false) : of_instance;
}

/// Not the coarse clock: since Linux 6.13 a file that somebody looks at is dated finer than that,
/// and one that was written just before would seem to be written later.
timespec file_time() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

/// "web.service" of "web.servce", also where svctl has put ".service" behind it; "" where what
/// stands behind the last dot is near no type.
std::string with_mended_type(std::string_view name) {
    constexpr auto kTypes = std::to_array<std::string_view>({"service", "target", "slice"});
    constexpr std::string_view kPutBehind = ".service";
    constexpr std::size_t kShort = 3;
    if (name.ends_with(kPutBehind)) {
        name.remove_suffix(kPutBehind.size());
    }
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || name.size() - dot - 1 <= kShort) {
        return {};
    }
    const std::string_view type = name.substr(dot + 1);
    const std::string_view meant = nearest_word(type, kTypes);
    return meant.empty() || meant == type
               ? std::string{}
               : std::string{name.substr(0, dot + 1)} + std::string{meant};
}

void mix(std::uint64_t& digest, std::uint64_t value) {
    constexpr std::uint64_t kPrime = 0x100000001b3;
    digest = (digest ^ value) * kPrime;
    digest ^= digest >> 29;
}

bool is_later(const timespec& one, const timespec& other) {
    return one.tv_sec != other.tv_sec ? one.tv_sec > other.tv_sec : one.tv_nsec > other.tv_nsec;
}

void mix_file(FileDigest& digest, const std::string& path) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) {
        mix(digest.value, 1);
        return;
    }
    mix(digest.value, static_cast<std::uint64_t>(status.st_ino));
    mix(digest.value, static_cast<std::uint64_t>(status.st_size));
    mix(digest.value, static_cast<std::uint64_t>(status.st_mtim.tv_sec));
    mix(digest.value, static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
    if (is_later(status.st_ctim, digest.changed)) {
        digest.changed = status.st_ctim;
    }
}

void mix_text(std::uint64_t& digest, std::string_view text) {
    for (const char c : text) {
        mix(digest, static_cast<unsigned char>(c));
    }
}

/// Which drop-ins there are, and what they are like.
void mix_folder(FileDigest& digest, const std::string& folder) {
    for_each_entry(
        folder,
        [&](const FolderEntry& entry) {
            if (entry.name.ends_with(kUnitFileSuffix)) {
                mix_text(digest.value, folder + "/" + entry.name);
                mix_file(digest, folder + "/" + entry.name);
            }
            return true;
        },
        [](int) {});  // a folder that is not there has none
}

/// Errors, and warnings, of one load that are told one by one.
constexpr std::size_t kToldMax = 500;

void append(const std::vector<Diagnostic>& diagnostics, bool somebody_asks, ReloadReport& report) {
    std::size_t errors_more = 0;
    std::size_t warnings_more = 0;
    for (const Diagnostic& diagnostic : diagnostics) {
        if (diagnostic.is_only_for_askers && !somebody_asks) {
            continue;
        }
        const bool is_error = diagnostic.severity == Diagnostic::Severity::error;
        auto& list = is_error ? report.errors : report.warnings;
        if (list.size() < kToldMax) {
            list.push_back(to_string(diagnostic));
        } else {
            ++(is_error ? errors_more : warnings_more);
        }
    }
    for (const auto& [more, list] :
         {std::pair{errors_more, &report.errors}, std::pair{warnings_more, &report.warnings}}) {
        if (more > 0) {
            list->push_back("and " + std::to_string(more) +
                            " more; another daemon-reload tells them once these are mended");
        }
    }
}

}  // namespace

UnitFiles::UnitFiles(LoaderOptions options, const Supervisor& supervisor)
    : loader_(std::move(options)), supervisor_(supervisor) {}

std::vector<std::string> UnitFiles::known_names() const {
    std::vector<std::string> known;
    for (std::size_t index = 0; index < supervisor_.unit_count(); ++index) {
        const auto unit = static_cast<UnitId>(index);
        if (supervisor_.is_known(unit) && supervisor_.definition(unit) != nullptr) {
            known.emplace_back(supervisor_.name(unit));
        }
    }
    return known;
}

LoadOutcome UnitFiles::load_all(FaultyDropIn faulty) {
    const timespec began = file_time();
    return take(loader_.load_all(faulty, known_names()), began, false);
}

UnitsReading UnitFiles::begin_reload() {
    meanwhile_.emplace();
    const timespec began = file_time();
    return {loader_.begin_load_all(FaultyDropIn::reject_unit, known_names()), began};
}

LoadOutcome UnitFiles::finish_reload(UnitsReading& reading) {
    LoadOutcome outcome = take(reading.loading.take(), reading.began, true);
    add_what_was_loaded_meanwhile(outcome);
    return outcome;
}

/// It would count as gone.
void UnitFiles::add_what_was_loaded_meanwhile(LoadOutcome& outcome) {
    std::unordered_set<std::string_view> present;
    for (const LoadedUnit& unit : outcome.event.units) {
        present.insert(unit.definition.name);
    }
    std::vector<std::string> names =
        std::exchange(meanwhile_, std::nullopt).value_or(std::vector<std::string>{});
    std::erase_if(names, [&](const std::string& name) { return present.contains(name); });
    for (const std::string& name : names) {
        LoadReport found = loader_.load(name, FaultyDropIn::reject_unit);
        if (!found.units.empty() && found.units.front().definition.name == name) {
            outcome.event.units.push_back(std::move(found.units.front()));
        }
    }
}

LoadOutcome UnitFiles::take(LoadReport found, const timespec& began, bool somebody_asks) {
    LoadOutcome outcome;
    outcome.began = began;
    append(found.diagnostics, somebody_asks, outcome.report);
    warnings_.clear();
    keep_warnings(found.diagnostics);
    outcome.event.units = std::move(found.units);
    outcome.event.complete = true;
    names_ = std::move(found.names);
    names_since_.clear();
    warn_of_names_in_use(outcome.report);
    return outcome;
}

bool UnitFiles::is_kept(std::string_view text) const {
    return std::any_of(warnings_.begin(), warnings_.end(),
                       [text](const FileWarning& warning) { return warning.text == text; });
}

void UnitFiles::keep_warnings(const std::vector<Diagnostic>& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics) {
        if (diagnostic.severity != Diagnostic::Severity::warning ||
            warnings_.size() >= kWarningsMax) {
            continue;
        }
        std::string text = headline(diagnostic);
        if (!is_kept(text)) {
            warnings_.push_back({diagnostic.unit, std::move(text)});
        }
    }
}

/// A unit that runs under a name that now stands for another unit goes on under that name.
void UnitFiles::warn_of_names_in_use(ReloadReport& report) const {
    for (const auto& [name, other] : names_.aliases.all()) {
        const std::optional<UnitId> unit = supervisor_.find(name);
        const ActiveState state =
            unit ? supervisor_.status(*unit).active_state : ActiveState::inactive;
        if (state != ActiveState::inactive) {
            report.warnings.push_back(
                name + ": warning: by its file this is now a second name of " + other +
                ", but a unit of this name is " + std::string(name_of(state)) +
                ": the name means that unit until it is inactive");
        }
    }
}

std::optional<LoadOutcome> UnitFiles::load(const std::string& name) {
    const timespec began = file_time();
    LoadReport found = loader_.load(name);
    if (found.units.empty() || found.units.front().state == LoadState::not_found) {
        return std::nullopt;
    }
    const std::string& own = found.units.front().definition.name;
    if (own != name && names_.aliases.resolve(name) != own) {
        names_since_.insert_or_assign(name, own);
    }
    // What is loaded already stays as it is: only a reload changes a definition that is in force.
    std::erase_if(found.units, [this](const LoadedUnit& unit) {
        const std::optional<UnitId> known = supervisor_.find(unit.definition.name);
        return known && supervisor_.definition(*known) != nullptr &&
               supervisor_.status(*known).load_state == LoadState::loaded;
    });
    std::erase_if(found.diagnostics, [&found](const Diagnostic& diagnostic) {
        return std::none_of(found.units.begin(), found.units.end(), [&](const LoadedUnit& unit) {
            return unit.definition.name == diagnostic.unit;
        });
    });
    // What an instance before this one has told of the template.
    std::erase_if(found.diagnostics, [this](const Diagnostic& diagnostic) {
        return diagnostic.severity == Diagnostic::Severity::warning &&
               is_kept(headline(diagnostic));
    });
    for (const LoadedUnit& unit : meanwhile_ ? std::span{found.units} : std::span<LoadedUnit>{}) {
        meanwhile_->push_back(unit.definition.name);
    }
    LoadOutcome outcome;
    outcome.began = began;
    append(found.diagnostics, false, outcome.report);
    keep_warnings(found.diagnostics);
    outcome.event.units = std::move(found.units);
    return outcome;
}

bool UnitFiles::is_own_unit(UnitId unit) const {
    const UnitStatus status = supervisor_.status(unit);
    return status.load_state != LoadState::not_found ||
           status.active_state != ActiveState::inactive || status.populated || status.job;
}

std::optional<UnitId> UnitFiles::find(std::string_view name) const {
    const std::optional<UnitId> own = supervisor_.find(name);
    if (own && is_own_unit(*own)) {
        return own;
    }
    const auto since = names_since_.find(name);
    const std::string other =
        since != names_since_.end() ? since->second : names_.aliases.resolve(name);
    const std::optional<UnitId> unit = other == name ? std::nullopt : supervisor_.find(other);
    return unit ? unit : own;
}

std::vector<std::string> UnitFiles::names_for(UnitId unit) const {
    std::string own{supervisor_.name(unit)};
    const auto parts = parse_unit_name(own);
    std::vector<std::string> names =
        parts ? names_.aliases.names_for(*parts) : std::vector<std::string>{};
    for (const auto& [name, other] : names_since_) {
        if (other == own) {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    // A name that another unit still goes by is not this one's yet.
    std::erase_if(names, [&](const std::string& name) { return find(name) != unit; });
    names.insert(names.begin(), std::move(own));
    return names;
}

std::string UnitFiles::hint(std::string_view name) const {
    const auto parts = parse_unit_name(name);
    const auto has_file = [this](std::string_view of_template) {
        return std::find(names_.templates.begin(), names_.templates.end(), of_template) !=
                   names_.templates.end() ||
               names_.aliases.all().contains(of_template);
    };
    if (parts && parts->is_template()) {
        return "it is " + std::string(has_file(name) ? "a template" : "the name of a template") +
               ": a unit is an instance of it, such as " + parts->instance_name("NAME");
    }
    if (parts && parts->is_instance() && has_file(parts->template_name())) {
        return {};
    }
    const std::string_view type = name.substr(std::min(name.rfind('.'), name.size()));
    if (std::find(kTypesOfSystemd.begin(), kTypesOfSystemd.end(), type) != kTypesOfSystemd.end()) {
        return "svcd has services, targets and slices, and no units of type " +
               std::string{type.substr(1)};
    }
    if (parts) {
        if (std::string unread = unread_file_of(loader_.options().unit_path, *parts);
            !unread.empty()) {
            return unread;
        }
    }
    const std::string mended = with_mended_type(name);
    const std::string meant = mended.empty() ? std::string{name} : mended;
    const auto meant_parts = parse_unit_name(meant);
    if (meant_parts && !meant_parts->has_at && has_file(meant_parts->template_name())) {
        return meant_parts->template_name() +
               " is a template: a unit is an instance of it, such as " +
               meant_parts->instance_name("NAME");
    }
    const std::vector<std::string> names = candidates_for(meant_parts);
    const bool is_it = std::find(names.begin(), names.end(), meant) != names.end();
    const std::string nearest = is_it ? meant : nearest_name(meant, names);
    return nearest.empty() ? std::string{} : "did you mean '" + nearest + "'?";
}

/// Names that a mistyped one may stand for.
std::vector<std::string> UnitFiles::candidates_for(const std::optional<UnitName>& mistyped) const {
    std::vector<std::string> names;
    for (std::size_t index = 0; index < supervisor_.unit_count() && names.size() < kCandidatesMax;
         ++index) {
        const auto unit = static_cast<UnitId>(index);
        const std::string_view name = supervisor_.name(unit);
        // Nobody means the root slice by a short word.
        if (supervisor_.is_known(unit) && is_own_unit(unit) && name != "-.slice") {
            names.emplace_back(name);
        }
    }
    for (const auto& [name, other] : names_.aliases.all()) {
        names.push_back(name);
    }
    if (mistyped && mistyped->is_instance()) {
        for (const std::string& each : names_.templates) {
            if (const auto of = parse_unit_name(each)) {
                names.push_back(of->instance_name(mistyped->instance));
            }
        }
    }
    return names;
}

std::vector<std::string> UnitFiles::names_of(const UnitsLoaded& event) {
    std::vector<std::string> names;
    names.reserve(event.units.size());
    for (const LoadedUnit& unit : event.units) {
        if (unit.state == LoadState::loaded) {
            names.push_back(unit.definition.name);
        }
    }
    return names;
}

void UnitFiles::remember(const std::vector<std::string>& names, const timespec& began) {
    digests_.resize(supervisor_.unit_count());
    for (const std::string& name : names) {
        const std::optional<UnitId> unit = supervisor_.find(name);
        if (!unit) {
            continue;
        }
        if (const UnitDefinition* definition = supervisor_.definition(*unit)) {
            const FileDigest digest = digest_of(*definition);
            // What was changed after it may have been read counts as changed.
            const bool is_as_read = !is_later(digest.changed, began);
            digests_[index_of(*unit)] = is_as_read ? digest.value : ~digest.value;
        }
    }
}

/// Of a unit's file and of all drop-ins that count for it, also of those that a fault has kept out.
FileDigest UnitFiles::digest_of(const UnitDefinition& definition) const {
    FileDigest digest;
    mix_file(digest, definition.fragment_path);
    const auto parts = parse_unit_name(definition.name);
    if (!parts) {
        return digest;
    }
    std::vector<std::string> names = names_.aliases.names_for(*parts);
    names.insert(names.begin(), definition.name);
    for (const std::string& name : drop_in_names(names)) {
        for (const std::string& folder : loader_.options().unit_path) {
            mix_folder(digest, folder + "/" + name + ".d");
        }
    }
    return digest;
}

std::vector<std::string> UnitFiles::gone_files(const UnitDefinition& definition) {
    std::vector<std::string> gone;
    const auto look_at = [&gone](const std::string& path) {
        struct stat facts {};
        if (!path.empty() && ::stat(path.c_str(), &facts) < 0 && errno == ENOENT) {
            gone.push_back(path);
        }
    };
    look_at(definition.fragment_path);
    for (const std::string& path : definition.drop_in_paths) {
        look_at(path);
    }
    return gone;
}

bool UnitFiles::has_changed(UnitId unit) const {
    const UnitDefinition* definition = supervisor_.definition(unit);
    if (definition == nullptr || index_of(unit) >= digests_.size()) {
        return false;
    }
    return digests_[index_of(unit)] != digest_of(*definition).value;
}

}  // namespace svcd
