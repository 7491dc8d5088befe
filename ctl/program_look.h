// Whether a program can be executed, looked up by svctl where it runs (-H runs svctl over there).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "facts.h"

namespace svcd {

struct ProgramFault {
    std::string text;
    std::string mend;  ///< to go on with ", or correct ExecStart."
};

/// Says what is wrong with a path that is to be executed. Nothing where that can't be told.
/// `has_usual_path`: nobody has given the unit a PATH of its own.
std::optional<ProgramFault> fault_of_program(const std::string& path, bool has_usual_path);
/// Root can tell: to others svcd does not show the environment.
bool has_usual_path(const Json& properties);

/// The account that a unit's processes have.
struct Account {
    std::string user;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
};
/// That of User and Group; nothing where these are not set, or not known.
std::optional<Account> account_of(const Json& properties);

/// May the account do with the path what `mode` of access(2) says? Asked of the kernel, by a child
/// that takes the account for it; true where that can't be done.
bool may_access(const Account& account, const std::string& path, int mode);

}  // namespace svcd
