// How much a call may hold, and its answer. What a method does with each element of a list is
// small, but the manager has one thread: a list of a million, or of patterns that are kilobytes
// long, would keep it from everything else. So each call is measured before its method runs,
// whatever it is.
#pragma once

#include <systemd/sd-bus.h>

#include <cstddef>
#include <optional>
#include <string>

namespace svcd {

/// The elements of an array of a call: unit names, patterns, states, options.
inline constexpr std::size_t kElementsMax = 1000;
/// The bytes of all texts of a call together. Of a caller who may change things: room for 1000 unit
/// names of 255 letters. Of everybody else: what is matched against every unit, by whoever asks,
/// must stay the work of a moment.
inline constexpr std::size_t kTextMax = 512 * 1024;
inline constexpr std::size_t kStrangersTextMax = 16 * 1024;

/// All values of a call together, in lists of lists too.
inline constexpr std::size_t kValuesMax = 4 * kElementsMax;
/// A pattern: no unit's name is longer.
inline constexpr std::size_t kPatternMax = 512;
/// Patterns in a call of a caller who may change nothing.
inline constexpr std::size_t kStrangersPatternsMax = 100;

/// What is answered to a caller who may change nothing has at most about so many bytes.
inline constexpr std::size_t kStrangersAnswerMax = 5 << 20;

/// Which limit the call's body breaks, as a sentence; nothing when it keeps to them. No more of the
/// body is read than the limits allow. The message is as unread as before.
std::optional<std::string> broken_limit(sd_bus_message* call, std::size_t text_max);

}  // namespace svcd
