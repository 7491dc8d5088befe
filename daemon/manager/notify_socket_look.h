// Who of a unit's processes can't tell svcd anything, for NOTIFY_SOCKET is not in its environment:
// env -i, sudo and su take it away.
#pragma once

#include <functional>
#include <vector>

#include "core/types/ids.h"
#include "manager/process_report.h"
#include "unitfile/json_writer.h"

namespace svcd {

/// Of a unit no more are looked at.
inline constexpr std::size_t kEnvironmentsLookedAt = 8;

/// True where it is known for sure.
using LacksNotifySocket = std::function<bool(Pid)>;

bool lacks_notify_socket(Pid pid);

/// Adds the field `no_notify_socket` to an object, where there are some: a list of {pid, name}.
void append_unaddressed(JsonWriter& json,
                        const std::vector<Pid>& pids,
                        const LacksNotifySocket& lacks,
                        const Examine& examine);

}  // namespace svcd
