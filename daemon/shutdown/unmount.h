// Leaves no file system behind that would be checked, or replayed, at the next boot.
#pragma once

#include "shutdown/helpers.h"

namespace svcd {

inline constexpr std::int64_t kSyncMost = 10'000'000;
/// For a swap area; and when it is over, the next isn't begun.
inline constexpr std::int64_t kSwapMost = 5'000'000;
inline constexpr std::int64_t kUnmountMost = 2'000'000;  ///< for each file system, and each way
/// For all of them; when it is over, the next isn't begun.
inline constexpr std::int64_t kUnmountAllMost = 15'000'000;

/// sync; swapoff; unmounts everything but /, /run and what is in /proc, /sys and /dev, what was
/// mounted last first, again as long as something gives way; lets loop devices go; makes read-only
/// what stays busy; takes that out of sight; and makes / read-only. Says what it could not do.
void unmount_all(Helpers& helpers);

}  // namespace svcd
