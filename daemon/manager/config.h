// svcd.yaml: what the administrator decides once for the machine. Lines of `KEY: VALUE`; comments
// and blank lines are skipped. A mistake is said and costs no more than its line: svcd starts all
// the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.h"
#include "core/types/time.h"

namespace svcd {

struct Config {
    Duration kill_grace{5'000'000};        ///< KillGraceSec
    Duration shutdown_budget = kInfinity;  ///< ShutdownBudgetSec; infinity: no limit but the units'
    Duration shutdown_margin{2'000'000};   ///< ShutdownMarginSec
    Duration flapping_interval{600'000'000};  ///< FlappingIntervalSec
    std::uint32_t flapping_burst = 5;         ///< FlappingBurst
};

struct ParsedConfig {
    Config config;
    std::vector<std::string> errors;  ///< "FILE:LINE: ..."
};

ParsedConfig parse_config(std::string_view text, std::string_view file);

/// A file that is missing is an empty one, unless `must_exist`.
ParsedConfig read_config(const std::string& file, bool must_exist);

}  // namespace svcd
