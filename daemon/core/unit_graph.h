// The edges between units: for each unit a sorted run of (relation, other unit), so that
// "everything this one is After" is a binary search and a walk, whatever else thousands of units
// have to do with it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/types/ids.h"
#include "core/types/relation.h"

namespace svcd {

class UnitGraph {
public:
    /// One neighbour: the relation in the high byte, the unit below, so that sorting groups by
    /// relation.
    class Edge {
    public:
        Edge(Relation relation, UnitId unit)
            : packed_{static_cast<std::uint32_t>(relation) << 24 |
                      static_cast<std::uint32_t>(unit)} {}
        Relation relation() const { return static_cast<Relation>(packed_ >> 24); }
        UnitId unit() const { return static_cast<UnitId>(packed_ & 0xffffff); }
        auto operator<=>(const Edge&) const = default;

    private:
        std::uint32_t packed_;
    };

    /// Replaces what `unit` says about itself; takes effect with rebuild(). Returns what it said
    /// before.
    std::vector<Edge> set_dependencies(UnitId unit, std::vector<Edge> edges);
    /// Takes back what the unit said; takes effect with rebuild(). False: it did not say it.
    bool drop(UnitId unit, Edge edge);
    /// Makes the inverse edges known. O(edges).
    void rebuild(std::size_t units);

    /// The units that stand in this relation to `unit`, in the order of their ids.
    std::span<const Edge> related(UnitId unit, Relation relation) const;
    bool is_empty() const { return own_.empty(); }
    /// Has it any edge at all, of its own or of others?
    bool is_connected(UnitId unit) const;

private:
    std::vector<std::vector<Edge>> own_;  ///< by unit: what its file says
    std::vector<std::uint32_t>
        begin_;  ///< by unit: where its run in edges_ begins; one more at the end
    std::vector<Edge> edges_;
};

}  // namespace svcd
