// Which program shows an answer that is longer than the screen. It runs with the rights of svctl,
// which may be root's: who can make root's svctl start a program, or can leave the pager for a
// shell, has them too.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace svcd {

struct PagerFacts {
    std::optional<std::string> svctl_pager;  ///< $SVCTL_PAGER
    std::optional<std::string> pager;        ///< $PAGER
    uid_t user = 0;                          ///< the effective one
    std::optional<uid_t> login;              ///< /proc/self/loginuid; nothing: it isn't set
    bool has_sudo_user = false;              ///< $SUDO_UID is set
};

/// The pager of the environment where that is of the person who is logged in; else less. Empty: the
/// answer is written as it is.
std::string pager_command(const PagerFacts& facts);

/// The number in /proc/self/loginuid; nothing when it says that nobody has logged in.
std::optional<uid_t> parse_login_user(std::string_view text);

/// What is true of this process. From here on less takes no commands that start programs, open
/// other files or write any (LESSSECURE=1), whoever starts it.
PagerFacts prepare_pager();

}  // namespace svcd
