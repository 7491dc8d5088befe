// A timeline as a picture: a row for each unit with a bar in the colours of its phases, the
// critical path in outline, and how long each took in numbers. Light, for the screen and for paper;
// one file without scripts, links and fonts of its own.
#pragma once

#include <string>

#include "timeline.h"

namespace svcd {

/// An SVG document. The same timeline always gives the same text.
std::string plot_svg(const Timeline& timeline);

/// Where ticks stand on an axis of this length with at most `most` steps: a step that people count
/// in (1, 2, 5 of a decimal, or parts of minutes and hours). Not 0.
Usec tick_step(Usec length, std::size_t most);

}  // namespace svcd
