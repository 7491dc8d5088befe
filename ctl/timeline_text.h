// A timeline (timeline.h) as text: svctl blame, svctl critical-chain, their JSON, and the sentences
// that head the picture of svctl plot.
#pragma once

#include <string>

#include "screen.h"
#include "timeline.h"

namespace svcd {

/// "213 ms", "1.234 s", "2min 5s", "0": how long something took, for comparing.
std::string took_text(Usec span);

/// "Stop of 8 units in 1.234 s".
std::string title_of(const Timeline& timeline);
/// When, who asked for it, why.
std::string subtitle_of(const Timeline& timeline);
/// "Not shown: 3 units that were started, or started again, later"; empty when all is there.
std::string left_out_text(const Timeline& timeline);
/// "SIGKILL, timeout", "goes on": what there is to say about a unit, empty when it went well.
std::string note_of(const TimelineUnit& unit);

/// How long each unit took, longest first, a line each. Those that took no time are left out.
std::string blame_text(const Timeline& timeline, const Screen& screen);
/// The same as a list, with all units.
Json blame_json(const Timeline& timeline);

/// The unit and what it waited for, as a tree with one branch. `legend`: with a line on top that
/// says what it shows.
std::string chain_text(const Timeline& timeline,
                       const std::vector<std::size_t>& chain,
                       bool legend,
                       const Screen& screen);
Json chain_json(const Timeline& timeline, const std::vector<std::size_t>& chain);

/// All of it.
Json timeline_json(const Timeline& timeline);

}  // namespace svcd
