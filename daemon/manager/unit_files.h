// Unit files as the manager sees them: what to hand to the supervisor at a start, a reload or on
// demand, and whether a file has changed since. The loader (unitfile/loader.h) reads; this decides
// what is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bus/manager_api.h"
#include "core/supervisor.h"
#include "unitfile/loader.h"

namespace svcd {

/// What a load brought: the event for the supervisor, and the words for people.
struct LoadOutcome {
    UnitsLoaded event;
    ReloadReport report;
};

class UnitFiles {
public:
    UnitFiles(LoaderOptions options, const Supervisor& supervisor);

    /// Everything that has a file, and what the supervisor knows besides (instances that were
    /// started by name), as far as it still has one.
    LoadOutcome load_all(FaultyDropIn faulty);

    /// One unit and what it refers to; nothing when it has no file.
    std::optional<LoadOutcome> load(const std::string& name);

    /// The supervisor has taken these definitions: from now on a change of their files shows.
    void remember(const std::vector<std::string>& names);
    static std::vector<std::string> names_of(const UnitsLoaded& event);

    bool has_changed(UnitId unit) const;

private:
    UnitLoader loader_;
    const Supervisor& supervisor_;
    /// By unit: a digest of identity, size and time of change of its files as they were loaded.
    std::vector<std::uint64_t> digests_;
};

}  // namespace svcd
