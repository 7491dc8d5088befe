// The units that a command line means: names completed, globs replaced by what they match, and what
// is said of a name that nothing has.
#pragma once

#include <string>
#include <vector>

#include "session.h"

namespace svcd {

/// The units that the arguments name, for verbs that only look. A glob may match nothing.
std::vector<std::string> named_units(Session& session);

/// The unit's own name, as signals and lists have it, where it is named by an alias.
std::string own_name(Session& session, const std::string& unit);
/// named_units() by their own names.
std::vector<std::string> own_names(Session& session);

struct ChosenUnits {
    std::vector<std::string> units;
    ExitStatus status = ExitStatus::done;  ///< of what is not there; it has been reported
};

/// The same for a verb that changes something ("start", "stop" ...): what it may be for. A glob
/// that matches no unit at all is reported; one of whose units there is nothing to do for is said
/// to be.
ChosenUnits chosen_units(Session& session,
                         const std::vector<std::string>& arguments,
                         std::string_view verb);

/// Adds to a trouble with a unit that doesn't exist what was meant, perhaps: the name that is
/// nearest, or an instance of the template.
void explain_unknown_unit(Session& session, Trouble& trouble);

}  // namespace svcd
