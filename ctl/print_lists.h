// Tables and trees as text: list-units, list-jobs, list-dependencies. On a terminal they have a
// legend and fit its width; in a pipe there is one record a line and nothing is cut.
#pragma once

#include <string>
#include <vector>

#include "facts.h"
#include "screen.h"

namespace svcd {

/// Which units list-units shows.
struct UnitFilter {
    bool all = false;
    std::vector<std::string> states;    ///< any of load, active, sub; empty: no matter
    std::vector<std::string> types;     ///< "service", ...; empty: no matter
    std::vector<std::string> patterns;  ///< names and globs; empty: no matter
    std::vector<std::string> units;     ///< the units' own names, where a pattern is another one
};
bool is_shown(const UnitFilter& filter, const UnitRow& unit);

struct ListLook {
    Screen screen;
    bool legend = false;
    bool plain = false;
};

/// `hidden`: how many units the filter left out because they are inactive.
std::string units_text(const std::vector<UnitRow>& units, std::size_t hidden, const ListLook& look);
Json units_json(const std::vector<UnitRow>& units);

std::string jobs_text(const std::vector<JobRow>& jobs, const ListLook& look);
Json jobs_json(const std::vector<JobRow>& jobs);

std::string tree_text(const DependencyTree& tree, const ListLook& look);
Json tree_json(const DependencyTree& tree);

}  // namespace svcd
