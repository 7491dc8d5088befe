// Units that others ask for (OnFailure, Requires, Wants ...) and that have no file: a typing error,
// which would show only when it is too late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/types/unit.h"
#include "unitfile/diagnostic.h"
#include "unitfile/unit_name.h"

namespace svcd {

class MissingUnits {
public:
    /// The names that have a file: what a mistyped one may stand for.
    MissingUnits(std::vector<std::string> units, std::vector<std::string> templates);

    /// Adds a warning that `unit` depends on a unit that is missing, if that is worth one: an order
    /// alone is not, nor a wish for what systemd always has. Of many in one unit the first are
    /// told.
    void add(const UnitDefinition& unit,
             const Dependency& dependency,
             std::vector<Diagnostic>& diagnostics);
    /// How many more there are in it. Called once for each unit, behind its last missing one.
    void end_unit(const UnitDefinition& unit, std::vector<Diagnostic>& diagnostics);

private:
    std::string hint(const std::string& wanted);
    const std::string& text_of(const std::string& path);

    std::vector<std::string> units_;
    std::vector<std::string> templates_;
    /// By file, the lines with the relation: a line of a template is told of once.
    std::unordered_map<std::string, std::unordered_set<std::uint64_t>> places_;
    std::size_t hints_ = 0;
    std::size_t told_ = 0;  ///< of the present unit
    std::size_t more_ = 0;  ///< and that were not
    bool wishes_ = true;    ///< all of those are
    std::string path_;      ///< the file that was read last
    std::string text_;      ///< and what is in it
};

}  // namespace svcd
