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

bool is_same(std::vector<UnitGraph::Edge> left, std::vector<UnitGraph::Edge> right) {
    std::sort(left.begin(), left.end());
    std::sort(right.begin(), right.end());
    left.erase(std::unique(left.begin(), left.end()), left.end());
    right.erase(std::unique(right.begin(), right.end()), right.end());
    return left == right;
}

}  // namespace

/// Some cycle: each is ordered after the next, and the last after the first. Empty: there is none.
std::vector<UnitId> Machine::any_ordering_cycle() const {
    const auto found = find_cycle(units.size(), [&](std::size_t index) {
        std::vector<std::size_t> earlier;
        for (const auto edge : graph.related(static_cast<UnitId>(index), Relation::after)) {
            earlier.push_back(index_of(edge.unit()));
        }
        return earlier;
    });
    std::vector<UnitId> cycle;
    for (auto at = found.rbegin(); at != found.rend(); ++at) {
        cycle.push_back(static_cast<UnitId>(*at));
    }
    return cycle;
}

/// The shortest cycle that begins with this unit, or none.
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

void Machine::take_dependencies(const std::vector<NewDependencies>& news,
                                std::vector<LoadedUnit>& loaded) {
    const bool is_first = graph.is_empty();
    std::vector<ChangedEdges> changes;
    for (const NewDependencies& each : news) {
        std::vector<UnitGraph::Edge> before = graph.set_dependencies(each.unit, each.edges);
        std::vector<UnitGraph::Edge> said = before;
        if (const auto left = left_out.find(each.unit); left != left_out.end()) {
            said.insert(said.end(), left->second.begin(), left->second.end());
        }
        if (is_same(said, each.edges)) {
            graph.set_dependencies(each.unit, std::move(before));  // what was left out stays so
        } else {
            left_out.erase(each.unit);
            changes.push_back(ChangedEdges{each.unit, std::move(before), each.edges});
        }
    }
    if (changes.empty()) {
        return;
    }
    graph.rebuild(units.size());
    order_has_cycles = !any_ordering_cycle().empty();
    // An edge that was left out comes back when another file has ended its cycle.
    for (auto each = left_out.begin(); !order_has_cycles && each != left_out.end();) {
        std::vector<UnitGraph::Edge> before = graph.set_dependencies(each->first, {});
        std::vector<UnitGraph::Edge> whole = before;
        whole.insert(whole.end(), each->second.begin(), each->second.end());
        graph.set_dependencies(each->first, std::move(whole));
        graph.rebuild(units.size());
        if (any_ordering_cycle().empty()) {
            each = left_out.erase(each);
        } else {
            graph.set_dependencies(each->first, std::move(before));
            graph.rebuild(units.size());
            ++each;
        }
    }
    if (!order_has_cycles) {
        return;
    }
    if (is_first) {
        break_weakest_edges(news);
    } else {
        refuse_cycles(changes, news, loaded);
    }
    order_has_cycles = !any_ordering_cycle().empty();
}

/// Until none of those that are taken is on a cycle by what is new in it: refusing one may leave
/// another on a cycle with what the first said before.
void Machine::refuse_cycles(std::vector<ChangedEdges>& changes,
                            const std::vector<NewDependencies>& news,
                            std::vector<LoadedUnit>& loaded) {
    bool refused_one = true;
    while (refused_one) {
        refused_one = false;
        for (ChangedEdges& change : changes) {
            const std::vector<UnitId> cycle =
                change.is_refused ? std::vector<UnitId>{} : ordering_cycle_through(change.unit);
            if (cycle.empty() || !(change.is_new({Relation::after, cycle[1]}) ||
                                   change.is_new({Relation::before, cycle.back()}))) {
                continue;
            }
            const std::string story = describe_cycle(cycle, news);
            graph.set_dependencies(change.unit, change.before);
            graph.rebuild(units.size());
            change.is_refused = true;
            refused_one = true;
            refuse_definition(change.unit, story, loaded);
        }
    }
}

bool Machine::ChangedEdges::is_new(UnitGraph::Edge edge) const {
    return std::find(now.begin(), now.end(), edge) != now.end() &&
           std::find(before.begin(), before.end(), edge) == before.end();
}

/// The unit keeps the definition that it has.
void Machine::refuse_definition(UnitId id,
                                const std::string& cycle,
                                std::vector<LoadedUnit>& loaded) {
    for (LoadedUnit& each : loaded) {
        if (each.definition.name == unit(id).name()) {
            each.state = LoadState::bad_setting;
            each.error = "its definition would close an ordering cycle: " + cycle +
                         "; take one of the After or Before away";
            say(Severity::error, unit(id), each.error);
        }
    }
}

/// How much `later` depends on `earlier`, after which it is ordered.
Machine::Strength Machine::strength_of_order(UnitId later, UnitId earlier) const {
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
}

void Machine::break_weakest_edges(const std::vector<NewDependencies>& news) {
    for (auto cycle = any_ordering_cycle(); !cycle.empty(); cycle = any_ordering_cycle()) {
        const auto strength = [&](std::size_t index) {
            return strength_of_order(cycle[index], cycle[(index + 1) % cycle.size()]);
        };
        std::size_t weakest = 0;
        for (std::size_t index = 1; index < cycle.size(); ++index) {
            weakest = strength(index) < strength(weakest) ? index : weakest;
        }
        const UnitId later = cycle[weakest];
        const UnitId earlier = cycle[(weakest + 1) % cycle.size()];
        if (strength(weakest) == Strength::requires_) {
            note_cycle({later, earlier,
                        "is part of an ordering cycle in which each needs the next, so none of "
                        "them can be started: " +
                            describe_cycle(cycle, news),
                        false});
            return;
        }
        note_cycle({later, earlier,
                    "is not ordered after " + unit(earlier).name() +
                        ", to break an ordering cycle: " + describe_cycle(cycle, news)});
        for (const auto& [unit, edge] :
             {std::pair{later, UnitGraph::Edge{Relation::after, earlier}},
              std::pair{earlier, UnitGraph::Edge{Relation::before, later}}}) {
            if (graph.drop(unit, edge)) {
                left_out[unit].push_back(edge);
            }
        }
        graph.rebuild(units.size());
    }
}

void Machine::note_cycle(BrokenCycle cycle) {
    say(Severity::error, unit(cycle.later), cycle.text);
    broken_cycles_.push_back(std::move(cycle));
}

/// False once a reload has brought files that don't close it any more.
bool Machine::is_in_force(const BrokenCycle& cycle) const {
    if (!cycle.is_broken) {
        return order_has_cycles;
    }
    const auto leaves_out = [this](UnitId unit, UnitGraph::Edge edge) {
        const auto of_unit = left_out.find(unit);
        return of_unit != left_out.end() &&
               std::find(of_unit->second.begin(), of_unit->second.end(), edge) !=
                   of_unit->second.end();
    };
    return leaves_out(cycle.later, {Relation::after, cycle.earlier}) ||
           leaves_out(cycle.earlier, {Relation::before, cycle.later});
}

std::vector<OrderingFault> Machine::ordering_faults() const {
    std::vector<OrderingFault> faults;
    for (const BrokenCycle& cycle : broken_cycles_) {
        if (is_in_force(cycle)) {
            faults.push_back({cycle.later, cycle.text});
        }
    }
    return faults;
}

}  // namespace svcd
