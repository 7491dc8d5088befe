// The files that services write their output to, LOG_DIR/UNIT/current: what a program says may be a
// secret, so only root and one group may read it; of a user instance only that user.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd {

/// Who may read logs.
struct LogAccess {
    mode_t file = 0600;
    mode_t folder = 0700;
    std::optional<gid_t> group;  ///< nothing: the group stays what it is
};

/// Root's svcd shares its logs with a group.
LogAccess shared_with(gid_t group);

/// Makes the folder, and with mode 0755 those above it, where they are missing.
Result<void> make_log_dir(const std::string& path, const LogAccess& access);

/// Opens LOG_DIR/UNIT/current for appending, made where it is missing; else errno tells why not.
/// What others may read of it is taken from them. Never waits.
UniqueFd open_log_file(const std::string& log_dir, std::string_view unit, const LogAccess& access);

/// Takes from others what they may read of the logs that are there, at most kMendedMax of them.
/// Follows no link below `log_dir`, and touches nothing but folders with the name of a unit and the
/// regular files in these; `log_dir` itself when there is nothing else in it. May wait for its file
/// system.
Result<void> mend_logs(const std::string& log_dir, const LogAccess& access);
inline constexpr std::size_t kMendedMax = 100'000;

}  // namespace svcd
