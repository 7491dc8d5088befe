// The table of settings: one row a setting, from which parsing, `svctl show`, the JSON schema
// (packaging/schema/) and docs/unit-settings.md come. To add a setting: a row here, a field in
// core/types/unit.h, the place that uses it, a test.
#pragma once

#include <string>
#include <vector>

#include "core/types/property.h"
#include "core/types/unit.h"

namespace svcd {

/// The D-Bus properties that show settings, in the order of the table. Stable for the life of the
/// process.
const std::vector<PropertyDescription>& setting_properties();

/// The value in force of setting_properties()[index].
PropertyValue setting_value(const UnitDefinition& unit, std::size_t index);

/// The JSON schema of unit files, and the table of docs/unit-settings.md, both generated from the
/// rows.
std::string json_schema();
std::string settings_markdown();

}  // namespace svcd
