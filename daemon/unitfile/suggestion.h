// "Did you mean ...?": the nearest of the words that would have been right.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace svcd {

/// The candidate that is at most a few typing errors away from `word` (letter case counts as none),
/// or an empty view.
std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

/// ", did you mean 'NEAREST'?", or nothing.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace svcd
