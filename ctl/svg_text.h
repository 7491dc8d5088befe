// Text as it may stand in an SVG picture: escaped, cut, and measured without knowing the font.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace svcd {

/// The code points of a UTF-8 text; what is none, or may not stand in XML (control characters), is
/// U+FFFD.
std::u32string code_points(std::string_view text);

/// For the inside of an element or of an attribute in double quotes.
std::string xml_text(std::u32string_view text);
std::string xml_text(std::string_view text);

/// How wide the text is at most in a sans-serif font of 1 px. Such fonts differ; this goes by a
/// wide one (DejaVu Sans), so that what is laid out by it has room in all of them.
double text_width(std::u32string_view text);

/// Cut in the middle to this width, with "…" there: the beginning of a unit's name tells as much as
/// its instance and its type do.
std::u32string cut_middle(std::u32string text, double width);
/// Cut at its end to this width.
std::u32string cut_end(std::u32string text, double width);

}  // namespace svcd
