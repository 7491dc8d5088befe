// Unit files as the manager sees them: what to hand to the supervisor at a start, a reload or on
// demand, and whether a file has changed since. The loader (unitfile/loader.h) reads; this decides
// what is read.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/manager_api.h"
#include "core/supervisor.h"
#include "unitfile/loader.h"
#include "unitfile/unit_name.h"

namespace svcd {

/// What a load brought: the event for the supervisor, and the words for people.
struct LoadOutcome {
    UnitsLoaded event;
    ReloadReport report;
    timespec began{};  ///< by the clock by which the kernel dates files
};

/// Files that are being read.
struct UnitsReading {
    UnitLoading loading;
    timespec began{};
};

/// Of identity, size and time of change of files, and when the last of them was changed.
struct FileDigest {
    std::uint64_t value = 0xcbf29ce484222325;
    timespec changed{};
};

class UnitFiles {
public:
    UnitFiles(LoaderOptions options, const Supervisor& supervisor);

    /// Everything that has a file, and what the supervisor knows besides (instances that were
    /// started by name), as far as it still has one.
    LoadOutcome load_all(FaultyDropIn faulty);
    /// The same in pieces, for a reload: begin, let the loading go on, and finish.
    UnitsReading begin_reload();
    LoadOutcome finish_reload(UnitsReading& reading);

    /// One unit and what it refers to; nothing when it has no file. What was said of other files by
    /// load_all() is not said again.
    std::optional<LoadOutcome> load(const std::string& name);

    /// The unit that a name means, which may be one of its second names. A unit that the supervisor
    /// has under the very name comes first while it is loaded or does something.
    std::optional<UnitId> find(std::string_view name) const;
    /// All names of a unit, the one that it is loaded under first.
    std::vector<std::string> names_for(UnitId unit) const;

    /// What may have been meant by a name that no unit has, as a sentence; empty: nobody knows.
    std::string hint(std::string_view name) const;

    /// The supervisor has taken these definitions, whose reading began then: a change of their
    /// files since shows.
    void remember(const std::vector<std::string>& names, const timespec& began);
    static std::vector<std::string> names_of(const UnitsLoaded& event);

    bool has_changed(UnitId unit) const;
    /// Of the files that the definition was read from, those that are there no more.
    static std::vector<std::string> gone_files(const UnitDefinition& definition);

    /// What was to be told of the files that are loaded, without the errors.
    const std::vector<FileWarning>& warnings() const { return warnings_; }

private:
    std::vector<std::string> known_names() const;
    LoadOutcome take(LoadReport found, const timespec& began, bool somebody_asks);
    void add_what_was_loaded_meanwhile(LoadOutcome& outcome);
    bool is_own_unit(UnitId unit) const;
    std::vector<std::string> candidates_for(const std::optional<UnitName>& mistyped) const;
    void warn_of_names_in_use(ReloadReport& report) const;
    FileDigest digest_of(const UnitDefinition& definition) const;
    bool is_kept(std::string_view text) const;
    void keep_warnings(const std::vector<Diagnostic>& diagnostics);

    UnitLoader loader_;
    const Supervisor& supervisor_;
    UnitNames names_;  ///< as load_all() found them
    /// Second names that load() found since, and the units' own.
    std::map<std::string, std::string, std::less<>> names_since_;
    std::vector<FileWarning> warnings_;
    /// By unit: the digest of its files as they were loaded.
    std::vector<std::uint64_t> digests_;
    /// From begin_reload() to its end: names that load() found, whose files the reload may not
    /// have.
    std::optional<std::vector<std::string>> meanwhile_;
};

}  // namespace svcd
