// Random units: every kind of unit, setting and dependency that the supervisor knows, mostly sane
// (edges point to earlier units), now and then not (cycles, conflicts, units without a file).
//
// A unit depends on nothing but the seed, its number and its version (a reload raises the version),
// so it stays as it is when other units, or some settings, are left out.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/types/unit.h"
#include "simulation/behaviours.h"
#include "simulation/plan.h"

namespace svcd::simulation {

/// How many names there are that units refer to and that have no file.
inline constexpr std::size_t kMissingUnits = 2;
/// The root slice and system.slice.
inline constexpr std::size_t kPerpetualUnits = 2;

/// How much of what few units say there is in a run, in percent of the units: a run that knows few
/// kinds of things finds what runs with all of them hide.
struct Flavour {
    unsigned density = 0;   ///< of edges to earlier units
    unsigned backward = 0;  ///< of edges to later ones
    unsigned ordered = 0;   ///< of the edges that come with an After
    unsigned conditions = 0;
    unsigned bonds = 0;  ///< edges of the rarer kinds
    unsigned job_timeouts = 0;
    unsigned emergencies = 0;
    unsigned slices = 0;
    unsigned oddities = 0;  ///< of [Service] and [Kill]
};

class UnitGenerator {
public:
    explicit UnitGenerator(const Plan& plan);

    std::size_t count() const { return names_.size(); }  ///< all of them
    const std::string& name(std::size_t unit) const { return names_[unit]; }
    bool is_missing(std::size_t unit) const {
        return unit >= plan_.units && unit < plan_.units + kMissingUnits;
    }
    /// Is it in this run at all?
    bool is_there(std::size_t unit) const { return unit >= plan_.units || plan_.has_unit(unit); }

    LoadedUnit load(std::size_t unit) const;
    Temper temper(std::size_t unit) const;

    /// The unit's file has been edited.
    void change(std::size_t unit) { ++versions_[unit]; }

private:
    std::string draw_name(std::size_t unit) const;
    void add_edges(std::size_t unit, UnitDefinition& definition) const;
    void add_slice(std::size_t unit, UnitDefinition& definition, Random& random) const;

    const Plan& plan_;
    Flavour flavour_;
    std::vector<std::string> names_;
    std::vector<unsigned> versions_;
};

/// [Service] and [Kill] of a unit.
std::unique_ptr<ServiceSettings> draw_service(Random& random, unsigned oddities);

/// What few units say of [Unit]; null when it is nothing.
std::shared_ptr<const RareUnitSettings> draw_rare(Random& random, const Flavour& flavour);

/// Takes settings back to their defaults, by the names that --without-settings knows.
void leave_out(UnitDefinition& definition, const std::set<std::string>& settings);
/// All of these names.
std::vector<std::string> settings_to_leave_out();

}  // namespace svcd::simulation
