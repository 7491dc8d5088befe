#include "core/unit_graph.h"

#include <algorithm>
#include <utility>

namespace svcd {

std::vector<UnitGraph::Edge> UnitGraph::set_dependencies(UnitId unit, std::vector<Edge> edges) {
    if (own_.size() <= index_of(unit)) {
        own_.resize(index_of(unit) + 1);
    }
    edges.shrink_to_fit();
    return std::exchange(own_[index_of(unit)], std::move(edges));
}

bool UnitGraph::drop(UnitId unit, Edge edge) {
    return std::erase(own_[index_of(unit)], edge) != 0;
}

void UnitGraph::rebuild(std::size_t units) {
    own_.resize(units);
    begin_.assign(units + 1, 0);
    for (std::size_t unit = 0; unit < units; ++unit) {
        for (const Edge edge : own_[unit]) {
            ++begin_[unit + 1];
            ++begin_[index_of(edge.unit()) + 1];
        }
    }
    for (std::size_t unit = 0; unit < units; ++unit) {
        begin_[unit + 1] += begin_[unit];
    }
    edges_.assign(begin_[units], Edge{Relation::wants, UnitId{}});
    std::vector<std::uint32_t> fill(begin_.begin(), begin_.end() - 1);
    for (std::size_t unit = 0; unit < units; ++unit) {
        for (const Edge edge : own_[unit]) {
            edges_[fill[unit]++] = edge;
            edges_[fill[index_of(edge.unit())]++] =
                Edge{inverse(edge.relation()), static_cast<UnitId>(unit)};
        }
    }
    // Sort each run, drop what was said from both ends (A Before B, B After A), and close the gaps.
    std::uint32_t end = 0;
    for (std::size_t unit = 0; unit < units; ++unit) {
        const auto first = edges_.begin() + begin_[unit];
        const auto last = edges_.begin() + begin_[unit + 1];
        std::sort(first, last);
        const auto kept = std::unique(first, last);
        const std::uint32_t start = end;
        end = static_cast<std::uint32_t>(std::move(first, kept, edges_.begin() + end) -
                                         edges_.begin());
        begin_[unit] = start;
    }
    begin_[units] = end;
    edges_.erase(edges_.begin() + end, edges_.end());
    edges_.shrink_to_fit();
}

std::span<const UnitGraph::Edge> UnitGraph::related(UnitId unit, Relation relation) const {
    if (index_of(unit) + 1 >= begin_.size()) {
        return {};
    }
    const auto first = edges_.begin() + begin_[index_of(unit)];
    const auto last = edges_.begin() + begin_[index_of(unit) + 1];
    const auto low = std::lower_bound(first, last, Edge{relation, UnitId{0}});
    const auto high = std::upper_bound(low, last, Edge{relation, UnitId{0xffffff}});
    return {low, high};
}

bool UnitGraph::is_connected(UnitId unit) const {
    return index_of(unit) + 1 < begin_.size() &&
           begin_[index_of(unit)] != begin_[index_of(unit) + 1];
}

}  // namespace svcd
