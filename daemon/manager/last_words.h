// Why this manager could not go on, for those who find nobody on the bus:
// RUNTIME_DIR/manager-error, which svctl shows (docs/launcher.md). It is there until a manager
// serves.
#pragma once

#include <string>
#include <string_view>

namespace svcd {

/// Bytes of the reason that are kept.
inline constexpr std::size_t kLastWordsMax = 1000;

/// To be called once, early: from now on an uncaught exception leaves its reason too, before it
/// ends this process by SIGABRT.
void keep_last_words(const std::string& runtime_dir);

/// Leaves the reason. Where that fails (a full disk) it is in the log only.
void leave_last_words(std::string_view reason) noexcept;

/// This manager serves: there is nothing to be said.
void take_back_last_words() noexcept;

}  // namespace svcd
