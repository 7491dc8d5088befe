// `svctl status`: how a unit is, for a person: state and since when, why, its processes, its last
// words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "facts.h"
#include "screen.h"
#include "time_text.h"

namespace svcd {

struct StatusFacts {
    Json properties;
    std::vector<ProcessRow> processes;
    Json examined;  ///< what ExamineUnit says of them; null where nothing runs
    std::vector<std::uint32_t> earlier_life;  ///< PIDs that an earlier stop has left over
    std::vector<std::string> log;
    std::string log_path;
    bool log_is_closed = false;  ///< to who asks
    Usec now = 0;                ///< CLOCK_REALTIME
    Usec now_monotonic = 0;      ///< for deadlines
};

std::string status_text(const StatusFacts& facts, const Screen& screen);
Json status_json(const StatusFacts& facts);

/// svcd itself, for `svctl status` without a unit.
std::string manager_status_text(const Json& properties, const std::string& version);

}  // namespace svcd
