// Tells a record that a manager wrote from bytes that only look like one. A record of the state
// file has a checksum, so a wrong value in it is no damage of the disk's: it is a fault of ours, or
// the work of somebody. Whoever goes on with it would read beyond a field, or index a table with an
// enumerator that there is not.
#pragma once

#include <string_view>

#include "core/types/record.h"

namespace svcd {

/// The name of the first field with a value that no manager writes; empty when there is none. Bits
/// of flags that have no meaning are left alone, and so are numbers that are checked where they are
/// used: tokens, and places in a definition that may have changed.
std::string_view fault_in(const UnitRecord& record);
std::string_view fault_in(const SupervisorRecord& record);
std::string_view fault_in(const RequestRecord& record);

}  // namespace svcd
