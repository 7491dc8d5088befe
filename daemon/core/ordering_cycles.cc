// New dependencies, and the cycles of Before and After that they may close. A definition that
// closes one is refused, and the graph stays as it was; at the first load, where there is no graph
// that could stay, the cycle is broken at its weakest edge (units.md, "Rules of ours").
#include <algorithm>
#include <utility>

#include "core/find_cycle.h"
#include "core/machine.h"

namespace svcd {
namespace {

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

/// How much a unit that is ordered after another depends on it. The weakest edge of a cycle is left
/// out.
enum class Strength : std::uint8_t { order_only, wants, requires_ };

}  // namespace

bool Machine::has_ordering_cycle() const {
    return !find_cycle(units.size(), [&](std::size_t index) {
                std::vector<std::size_t> earlier;
                for (const auto edge : graph.related(static_cast<UnitId>(index), Relation::after)) {
                    earlier.push_back(index_of(edge.unit()));
                }
                return earlier;
            }).empty();
}

/// The shortest cycle through this unit: each is ordered after the next, and the last after the
/// first. Empty: there is none.
std::vector<UnitId> Machine::ordering_cycle_through(UnitId start) const {
    std::vector<std::size_t> reached_from(units.size(), kNowhere);
    std::vector<UnitId> frontier{start};
    for (std::size_t next = 0; next < frontier.size(); ++next) {
        const UnitId at = frontier[next];
        for (const auto edge : graph.related(at, Relation::after)) {
            if (edge.unit() == start) {
                std::vector<UnitId> cycle;
                for (UnitId unit = at; unit != start;
                     unit = static_cast<UnitId>(reached_from[index_of(unit)])) {
                    cycle.push_back(unit);
                }
                cycle.push_back(start);
                std::reverse(cycle.begin(), cycle.end());
                return cycle;
            }
            if (reached_from[index_of(edge.unit())] == kNowhere) {
                reached_from[index_of(edge.unit())] = index_of(at);
                frontier.push_back(edge.unit());
            }
        }
    }
    return {};
}

/// "a.service after b.service (/etc/svcd/units/a.service.yaml:4), b.service after ..."
std::string Machine::describe_cycle(const std::vector<UnitId>& cycle,
                                    const std::vector<NewDependencies>& news) const {
    const auto place = [&](UnitId unit, Relation relation, UnitId other) -> std::string {
        for (const NewDependencies& each : news) {
            const auto edge =
                std::find(each.edges.begin(), each.edges.end(), UnitGraph::Edge{relation, other});
            if (each.unit == unit && edge != each.edges.end()) {
                const std::uint32_t line =
                    each.lines[static_cast<std::size_t>(edge - each.edges.begin())];
                return each.path + (line != 0 ? ":" + std::to_string(line) : std::string{});
            }
        }
        return {};
    };
    std::string text;
    for (std::size_t index = 0; index < cycle.size(); ++index) {
        const UnitId later = cycle[index];
        const UnitId earlier = cycle[(index + 1) % cycle.size()];
        std::string where = place(later, Relation::after, earlier);
        if (where.empty()) {
            where = place(earlier, Relation::before, later);
        }
        text += (index == 0 ? "" : ", ") + unit(later).name() + " after " + unit(earlier).name() +
                (where.empty() ? "" : " (" + where + ")");
    }
    return text;
}

void Machine::take_dependencies(std::vector<NewDependencies> news,
                                std::vector<LoadedUnit>& loaded) {
    const bool is_first = graph.is_empty();
    std::vector<std::pair<UnitId, std::vector<UnitGraph::Edge>>> old;
    for (const NewDependencies& each : news) {
        std::vector<UnitGraph::Edge> before = graph.set_dependencies(each.unit, each.edges);
        if (before != each.edges) {
            old.emplace_back(each.unit, std::move(before));
        }
    }
    graph.rebuild(units.size());
    order_has_cycles = has_ordering_cycle();
    if (!order_has_cycles) {
        return;
    }
    if (is_first) {
        break_weakest_edges(news);
    } else {
        for (auto& [unit, edges] : old) {
            const std::vector<UnitId> cycle = ordering_cycle_through(unit);
            if (!cycle.empty()) {
                refuse_definition(unit, std::move(edges), describe_cycle(cycle, news), loaded);
            }
        }
    }
    order_has_cycles = has_ordering_cycle();
}

/// The unit keeps the dependencies and the definition that it has.
void Machine::refuse_definition(UnitId id,
                                std::vector<UnitGraph::Edge> old_edges,
                                const std::string& cycle,
                                std::vector<LoadedUnit>& loaded) {
    graph.set_dependencies(id, std::move(old_edges));
    graph.rebuild(units.size());
    for (LoadedUnit& each : loaded) {
        if (each.definition.name == unit(id).name()) {
            each.state = LoadState::bad_setting;
            each.error = "its definition would close an ordering cycle: " + cycle +
                         "; take one of the After or Before away";
            say(Severity::error, unit(id), each.error);
        }
    }
}

void Machine::break_weakest_edges(const std::vector<NewDependencies>& news) {
    const auto strength = [&](UnitId later, UnitId earlier) {
        Strength found = Strength::order_only;
        for (const auto& [relation, as] : {std::pair{Relation::wants, Strength::wants},
                                           std::pair{Relation::upholds, Strength::wants},
                                           std::pair{Relation::requires_, Strength::requires_},
                                           std::pair{Relation::requisite, Strength::requires_},
                                           std::pair{Relation::binds_to, Strength::requires_}}) {
            const auto edges = graph.related(later, relation);
            if (std::any_of(edges.begin(), edges.end(),
                            [&](const auto edge) { return edge.unit() == earlier; })) {
                found = std::max(found, as);
            }
        }
        return found;
    };
    for (const NewDependencies& each : news) {
        while (true) {
            const std::vector<UnitId> cycle = ordering_cycle_through(each.unit);
            if (cycle.empty()) {
                break;
            }
            std::size_t weakest = 0;
            for (std::size_t index = 1; index < cycle.size(); ++index) {
                if (strength(cycle[index], cycle[(index + 1) % cycle.size()]) <
                    strength(cycle[weakest], cycle[(weakest + 1) % cycle.size()])) {
                    weakest = index;
                }
            }
            const UnitId later = cycle[weakest];
            const UnitId earlier = cycle[(weakest + 1) % cycle.size()];
            if (strength(later, earlier) == Strength::requires_) {
                break;  // each of them needs the next: a request for one of them will be refused
            }
            say(Severity::error, unit(later),
                "is not ordered after " + unit(earlier).name() +
                    ", to break an ordering cycle: " + describe_cycle(cycle, news));
            graph.drop(later, UnitGraph::Edge{Relation::after, earlier});
            graph.rebuild(units.size());
            has_broken_cycles = true;
        }
    }
}

}  // namespace svcd
