// Who a service runs as: User= and Group=, names or numbers.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/types/result.h"

namespace svcd {

struct Account {
    uid_t uid = 0;
    gid_t gid = 0;     ///< the primary group
    std::string name;  ///< empty for a number that no name belongs to
    std::string home;  ///< "/" when there is none
    std::string shell;
};

/// Looks a user up, by name or number. A number without an entry is a user without name, home and
/// groups.
Result<Account> find_user(const std::string& user);
Result<gid_t> find_group(const std::string& group);

/// The account that this process runs as.
Account own_account();

/// USER, LOGNAME, HOME and SHELL of a service with this account. As systemd does, without a HOME
/// that is none ("/", or nobody's) and without a SHELL that lets nobody in: programs run $SHELL.
std::vector<std::string> login_environment(const Account& account, const std::string& user);

}  // namespace svcd
