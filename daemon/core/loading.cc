// Definitions come in: units are made, changed and forgotten, and the graph is built anew.
#include <algorithm>
#include <utility>

#include "core/find_cycle.h"
#include "core/machine.h"

namespace svcd {

std::optional<UnitId> Machine::find(std::string_view name) const {
    const auto found = std::lower_bound(
        by_name_.begin(), by_name_.end(), name,
        [&](UnitId id, std::string_view wanted) { return unit(id).name() < wanted; });
    if (found == by_name_.end() || unit(*found).name() != name) {
        return std::nullopt;
    }
    return *found;
}

UnitId Machine::find_or_add(std::string_view name) {
    if (const auto present = find(name)) {
        return *present;
    }
    const UnitId id = static_cast<UnitId>(units.size());
    Unit& unit = *units.emplace_back(std::make_unique<Unit>());
    unit.id = id;
    unit.type = unit_type_of(name).value_or(UnitType::service);
    unit.definition.name = name;
    if (is_perpetual(name)) {
        unit.sub_state = SubState::active;
    }
    const auto place = std::lower_bound(
        by_name_.begin(), by_name_.end(), name,
        [&](UnitId other, std::string_view wanted) { return this->unit(other).name() < wanted; });
    by_name_.insert(place, id);
    return id;
}

/// Definitions that came while their unit was moving: it goes on by the one with which it began.
void Machine::take_waiting_definitions() {
    std::erase_if(waiting_for_definition_, [&](UnitId id) {
        Unit& unit = this->unit(id);
        if (is_moving(unit.sub_state)) {
            return false;
        }
        unit.definition = std::move(*std::exchange(unit.next_definition, nullptr));
        return true;
    });
}

void Machine::load(UnitsLoaded event) {
    std::vector<bool> was_named(units.size(), false);
    std::vector<std::pair<UnitId, std::vector<Dependency>>> dependencies;
    for (LoadedUnit& loaded : event.units) {
        if (units.size() >= kUnitsMax) {
            say(Severity::error, "more than " + std::to_string(kUnitsMax) +
                                     " units: " + loaded.definition.name + " is left out");
            continue;
        }
        const UnitId id = find_or_add(loaded.definition.name);
        Unit& unit = this->unit(id);
        touch(unit);
        if (index_of(id) < was_named.size()) {
            was_named[index_of(id)] = true;
        }
        if (loaded.state == LoadState::loaded) {
            dependencies.emplace_back(id, std::exchange(loaded.definition.dependencies, {}));
            auto definition = std::make_unique<UnitDefinition>(std::move(loaded.definition));
            if (is_moving(unit.sub_state)) {
                if (unit.next_definition == nullptr) {
                    waiting_for_definition_.push_back(id);
                }
                unit.next_definition = std::move(definition);
            } else {
                unit.definition = std::move(*definition);
            }
            unit.load_state = LoadState::loaded;
            unit.load_failed = false;
            unit.load_error.clear();
        } else if (unit.load_state == LoadState::loaded && loaded.state != LoadState::masked &&
                   loaded.state != LoadState::not_found) {
            unit.load_failed = true;  // what is loaded stays, and that is said
            unit.load_error = std::move(loaded.error);
        } else {
            unit.load_state = loaded.state;
            unit.load_error = std::move(loaded.error);
            if (loaded.state == LoadState::masked) {
                dependencies.emplace_back(id, std::vector<Dependency>{});
            }
        }
    }
    if (event.complete) {
        for (std::size_t index = 0; index < was_named.size(); ++index) {
            Unit& unit = *units[index];
            if (!was_named[index] && unit.is_known && unit.load_state != LoadState::not_found) {
                unit.load_state = LoadState::not_found;
                unit.load_error.clear();
                dependencies.emplace_back(unit.id, std::vector<Dependency>{});
                touch(unit);
            }
        }
    }
    for (auto& [id, list] : dependencies) {
        std::vector<UnitGraph::Edge> edges;
        edges.reserve(list.size());
        for (const Dependency& dependency : list) {
            const UnitId other = find_or_add(dependency.unit);
            if (other != id) {
                edges.emplace_back(dependency.relation, other);
            }
        }
        graph.set_dependencies(id, std::move(edges));
    }
    graph.rebuild(units.size());
    order_has_cycles =
        !find_cycle(units.size(), [&](std::size_t index) {
             std::vector<std::size_t> earlier;
             for (const auto edge : graph.related(static_cast<UnitId>(index), Relation::after)) {
                 earlier.push_back(index_of(edge.unit()));
             }
             return earlier;
         }).empty();
    if (event.complete) {
        // What has no file, does nothing and is referred to by nobody is forgotten. Its id is not
        // used again.
        std::erase_if(by_name_, [&](UnitId id) {
            Unit& unit = this->unit(id);
            const bool is_idle =
                unit.sub_state == SubState::dead && unit.job == JobId::none && !unit.populated;
            const bool forget =
                unit.load_state == LoadState::not_found && is_idle && !graph.is_connected(id);
            if (forget) {
                unit.is_known = false;
                unit.run.reset();
            }
            return forget;
        });
    }
    break_job_cycles();
    for (auto& [id, job] : jobs) {
        queue(job);  // what it waited for may have gone
    }
}

}  // namespace svcd
