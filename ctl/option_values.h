// The values of options: each is checked here, so that nothing that was typed is without effect.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "options.h"
#include "verb_table.h"

namespace svcd {

/// What CLI11 stores as text, and is then checked and converted.
struct RawValues {
    std::vector<std::string> words;
    std::string timeout;
    std::string signal;
    std::string value;
    std::vector<std::string> bare_properties;
    bool help = false;
    bool version = false;
};

/// Converts the values; the first that is none of those that there are is a fault.
std::optional<EarlyEnd> check_values(const VerbRow& row, Options& options, RawValues& raw);

/// Finds the signal that is nearest to a word that names none.
std::string hint_for_signal(const std::string& word);

}  // namespace svcd
