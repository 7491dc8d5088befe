// The rules that a unit's settings must keep together (systemd's service_verify() and its kin),
// once all its files have been read.
#pragma once

#include <optional>
#include <string>

#include "unitfile/setting_row.h"

namespace svcd {

/// What Type says, or what follows from the other settings where it says nothing.
ServiceType service_type_of(const UnitDraft& draft);

/// More than one ExecStart, of a service that may have only one.
bool has_too_many_starts(const UnitDraft& draft);

/// What is wrong with the unit as a whole, or nothing.
std::optional<std::string> problem_of(const UnitDraft& draft, UnitType type);

}  // namespace svcd
