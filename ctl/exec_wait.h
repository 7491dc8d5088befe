// Type=simple: the start is done once there is a process. Whether that becomes its program shows a
// moment later; svctl waits for this moment, since "started" of a program that doesn't exist is a
// lie.
#pragma once

#include <string>

#include "session.h"

namespace svcd {

/// Waits, for a second at most, until the main process has become its program or is gone. False
/// when it has not got that far and is gone: then it failed. `properties` are those of now.
bool has_become_its_program(Session& session, const std::string& unit, Json& properties);

}  // namespace svcd
