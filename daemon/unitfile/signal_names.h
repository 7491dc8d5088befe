// Signals and exit statuses by name (signal(7); systemd.exec(5), "Process Exit Codes").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/property.h"
#include "core/types/unit.h"
#include "unitfile/values.h"

namespace svcd {

/// "SIGTERM", "TERM", "RTMIN+3", "15".
Parsed<std::uint8_t> parse_signal(std::string_view text);
std::string signal_name(int signal);

/// Adds one word of SuccessExitStatus: a number, the name of an exit status, or a signal.
Parsed<bool> add_exit_status(std::string_view word, ExitStatusSet& set);
ExitStatusProperty shown_exit_statuses(const ExitStatusSet& set);

}  // namespace svcd
