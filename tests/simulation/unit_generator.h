// Random units: every kind of service and dependency that the supervisor knows, mostly sane
// (edges point to earlier units), now and then not (cycles, conflicts, units without a file).
//
// A unit depends on nothing but the seed, its number and its version (a reload raises the version),
// so it stays as it is when other units are left out.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/types/unit.h"
#include "simulation/behaviours.h"
#include "simulation/plan.h"

namespace svcd::simulation {

/// How many names there are that units refer to and that have no file.
inline constexpr std::size_t kMissingUnits = 2;

class UnitGenerator {
public:
    explicit UnitGenerator(const Plan& plan);

    std::size_t count() const { return names_.size(); }  ///< the missing ones included
    const std::string& name(std::size_t unit) const { return names_[unit]; }
    bool is_missing(std::size_t unit) const { return unit >= plan_.units; }
    /// Is it in this run at all?
    bool is_there(std::size_t unit) const { return is_missing(unit) || plan_.has_unit(unit); }

    LoadedUnit load(std::size_t unit) const;
    Temper temper(std::size_t unit) const;

    /// The unit's file has been edited.
    void change(std::size_t unit) { ++versions_[unit]; }

private:
    void add_edges(std::size_t unit, UnitDefinition& definition) const;

    const Plan& plan_;
    std::vector<std::string> names_;
    std::vector<unsigned> versions_;
};

}  // namespace svcd::simulation
