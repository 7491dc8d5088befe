// Groups by name, as /etc/group has them: the manager doesn't wait for a name service.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace svcd {

/// The ID of the group that has this name in a text like /etc/group's. A number stands for itself.
std::optional<gid_t> group_in(std::string_view text, std::string_view name);

/// The same in /etc/group.
std::optional<gid_t> find_local_group(std::string_view name);

/// May this process give a file to the group?
bool may_give_to(gid_t group);

}  // namespace svcd
