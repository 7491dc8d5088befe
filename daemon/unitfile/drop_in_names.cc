#include "unitfile/drop_in_names.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "unitfile/unit_name.h"

namespace svcd {
namespace {

/// How general a folder is: 0 is the unit's own.
struct Rank {
    std::size_t shortness = 0;  ///< characters that the prefix lacks
    int kind = 0;               ///< instance, template, plain

    auto operator<=>(const Rank&) const = default;
};

using Ranked = std::pair<Rank, std::string>;

void add_names(const UnitName& name, std::vector<Ranked>& ranked) {
    ranked.emplace_back(Rank{}, name.full);
    if (name.is_instance()) {
        ranked.emplace_back(Rank{0, 1}, name.template_name());
    }
    // The prefix ends with a dash that something follows: "a-b-" and "a-" of "a-b-c".
    for (std::size_t length = name.prefix.size() - 1; length > 1; --length) {
        if (name.prefix[length - 1] != '-') {
            continue;
        }
        const std::string prefix = name.prefix.substr(0, length);
        const std::size_t shortness = name.prefix.size() - length;
        if (name.is_instance()) {
            ranked.emplace_back(Rank{shortness, 0},
                                prefix + "@" + name.instance + "." + name.suffix);
            ranked.emplace_back(Rank{shortness, 1}, prefix + "@." + name.suffix);
        }
        ranked.emplace_back(Rank{shortness, 2}, prefix + "." + name.suffix);
    }
    ranked.emplace_back(Rank{std::numeric_limits<std::size_t>::max(), 2}, name.suffix);
}

}  // namespace

std::vector<std::string> drop_in_names(const std::vector<std::string>& unit_names) {
    std::vector<Ranked> ranked;
    for (const std::string& each : unit_names) {
        if (const auto name = parse_unit_name(each)) {
            add_names(*name, ranked);
        }
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const Ranked& a, const Ranked& b) { return a.first < b.first; });
    std::vector<std::string> names;
    for (Ranked& each : ranked) {
        if (std::find(names.begin(), names.end(), each.second) == names.end()) {
            names.push_back(std::move(each.second));
        }
    }
    return names;
}

}  // namespace svcd
