// What is said of a service's restarts: that svcd has given up, when the next start is, that it
// flaps; and what a unit goes on without. From properties, for status, explain and doctor alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "facts.h"
#include "time_text.h"

namespace svcd {

/// "given up: 5 starts in 10s; 'svctl start crash' tries again"; empty when it isn't.
std::string given_up_text(const Json& properties);
/// "next start in 4s"; empty when none is due.
std::string next_start_text(const Json& properties, Usec now_monotonic);
/// "flapping: 7 restarts after unclean ends within 3min; ended 7 times: exited with status 1; ...";
/// empty when it isn't.
std::string flapping_text(const Json& properties, Usec now_monotonic);

struct LeftOutUnit {
    std::string unit;
    std::string why;
};
std::vector<LeftOutUnit> left_out_of(const Json& properties);

/// As a person types it: without ".service".
std::string typed_name(std::string_view unit);

}  // namespace svcd
