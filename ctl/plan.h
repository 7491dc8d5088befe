// A plan as the daemon gives it (docs/plans.md), and its words.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "facts.h"
#include "time_text.h"

namespace svcd {

struct PlannedJob {
    std::string unit;
    std::string type;  ///< "start", "stop" ...
    bool is_restart = false;
    std::size_t wave = 1;
    std::vector<std::size_t> waits_for;
    std::string reason;  ///< "asked for", "app.service requires it" ...
    Usec wanted = 0;     ///< kUsecInfinity: no limit
    Usec limit = 0;
    Usec begins = 0;
    Usec ends = 0;
    Usec slack = 0;
    bool is_critical = false;
};

struct Plan {
    std::optional<std::string> refused;
    std::vector<PlannedJob> jobs;
    Usec longest = 0;
    std::optional<Usec> budget;
    std::vector<std::string> notes;
};

/// Throws Json::exception when it is none.
Plan read_plan(const Json& json);

}  // namespace svcd
