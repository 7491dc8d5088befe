#include "manager/unit_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_set>

namespace svcd {
namespace {

void mix(std::uint64_t& digest, std::uint64_t value) {
    constexpr std::uint64_t kPrime = 0x100000001b3;
    digest = (digest ^ value) * kPrime;
    digest ^= digest >> 29;
}

void mix_file(std::uint64_t& digest, const std::string& path) {
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) {
        mix(digest, 1);
        return;
    }
    mix(digest, static_cast<std::uint64_t>(status.st_ino));
    mix(digest, static_cast<std::uint64_t>(status.st_size));
    mix(digest, static_cast<std::uint64_t>(status.st_mtim.tv_sec));
    mix(digest, static_cast<std::uint64_t>(status.st_mtim.tv_nsec));
}

std::uint64_t digest_of(const UnitDefinition& definition) {
    std::uint64_t digest = 0xcbf29ce484222325;
    mix_file(digest, definition.fragment_path);
    for (const std::string& path : definition.drop_in_paths) {
        mix_file(digest, path);
    }
    return digest;
}

void append(std::vector<Diagnostic>& diagnostics, ReloadReport& report) {
    for (const Diagnostic& diagnostic : diagnostics) {
        auto& list =
            diagnostic.severity == Diagnostic::Severity::error ? report.errors : report.warnings;
        list.push_back(to_string(diagnostic));
    }
}

}  // namespace

UnitFiles::UnitFiles(LoaderOptions options, const Supervisor& supervisor)
    : loader_(std::move(options)), supervisor_(supervisor) {}

LoadOutcome UnitFiles::load_all(FaultyDropIn faulty) {
    LoadOutcome outcome;
    LoadReport found = loader_.load_all(faulty);
    append(found.diagnostics, outcome.report);
    std::unordered_set<std::string> seen;
    for (const LoadedUnit& unit : found.units) {
        seen.insert(unit.definition.name);
    }
    outcome.event.units = std::move(found.units);
    outcome.event.complete = true;
    for (std::size_t index = 0; index < supervisor_.unit_count(); ++index) {
        const auto unit = static_cast<UnitId>(index);
        if (!supervisor_.is_known(unit) || supervisor_.definition(unit) == nullptr ||
            seen.contains(std::string(supervisor_.name(unit)))) {
            continue;
        }
        LoadReport one = loader_.load(supervisor_.name(unit), faulty);
        append(one.diagnostics, outcome.report);
        for (LoadedUnit& loaded : one.units) {
            if (loaded.state != LoadState::not_found &&
                seen.insert(loaded.definition.name).second) {
                outcome.event.units.push_back(std::move(loaded));
            }
        }
    }
    return outcome;
}

std::optional<LoadOutcome> UnitFiles::load(const std::string& name) {
    LoadReport found = loader_.load(name);
    const bool exists =
        std::any_of(found.units.begin(), found.units.end(), [&](const LoadedUnit& unit) {
            return unit.definition.name == name && unit.state != LoadState::not_found;
        });
    if (!exists) {
        return std::nullopt;
    }
    LoadOutcome outcome;
    append(found.diagnostics, outcome.report);
    // What is loaded already stays as it is: only a reload changes a definition that is in force.
    std::erase_if(found.units, [this](const LoadedUnit& unit) {
        const std::optional<UnitId> known = supervisor_.find(unit.definition.name);
        return known && supervisor_.definition(*known) != nullptr &&
               supervisor_.status(*known).load_state == LoadState::loaded;
    });
    outcome.event.units = std::move(found.units);
    return outcome;
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

void UnitFiles::remember(const std::vector<std::string>& names) {
    digests_.resize(supervisor_.unit_count());
    for (const std::string& name : names) {
        const std::optional<UnitId> unit = supervisor_.find(name);
        if (!unit) {
            continue;
        }
        if (const UnitDefinition* definition = supervisor_.definition(*unit)) {
            digests_[index_of(*unit)] = digest_of(*definition);
        }
    }
}

bool UnitFiles::has_changed(UnitId unit) const {
    const UnitDefinition* definition = supervisor_.definition(unit);
    if (definition == nullptr || index_of(unit) >= digests_.size()) {
        return false;
    }
    return digests_[index_of(unit)] != digest_of(*definition);
}

}  // namespace svcd
