// Times and sizes as a person reads them, in systemd's spelling: "1min 30s", "Sat 2026-11-21
// 11:14:22 UTC", "5s ago", "12.5M". Pure text; nobody here asks a clock.
#pragma once

#include <cstdint>
#include <string>

namespace svcd {

/// µs since the epoch, or a length of time in µs.
using Usec = std::uint64_t;
inline constexpr Usec kUsecInfinity = UINT64_MAX;

/// "1min 30s", "250ms", "0", "infinity": exact, largest unit first.
std::string timespan(Usec span);
/// The same for reading at a glance: the two largest units, nothing below a second once there are
/// seconds.
std::string rough_timespan(Usec span);
/// In local time; empty for 0 ("never").
std::string timestamp(Usec realtime);
/// "0.21 s": how long something took.
std::string seconds(Usec span);
/// "12.5M", base 1024.
std::string size_text(std::uint64_t bytes);

}  // namespace svcd
