// Lengths of time as people write them, systemd.time(7): for unit files, svcd.yaml and svctl.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace svcd {

/// "1min 30s", "1.5h", a bare number of `default_unit` (in microseconds), "infinity": in
/// microseconds, UINT64_MAX for infinity. Nothing when it is none, or more than can be counted.
std::optional<std::uint64_t> read_time_span(std::string_view text, std::uint64_t default_unit);

}  // namespace svcd
