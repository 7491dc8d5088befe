// Definitions come in: units are made, changed and forgotten, and the graph is built anew.
#include <algorithm>
#include <utility>

#include "core/machine.h"

namespace svcd {
namespace {

/// Is it on its way by the commands of its definition, or are there orders that name one of them by
/// its number?
bool keeps_definition(const Unit& unit) {
    const auto is_awaited = [](const Process& process) {
        return process.is_there() && process.pid == 0;
    };
    return is_moving(unit.sub_state) || is_being_checked(unit) ||
           (unit.run != nullptr && (is_awaited(unit.run->main) || is_awaited(unit.run->control)));
}

}  // namespace

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
        take_waiting_definition(unit);
        return unit.next_definition == nullptr;
    });
}

void Machine::take_waiting_definition(Unit& unit) {
    if (unit.next_definition != nullptr && !keeps_definition(unit)) {
        replace_definition(unit, std::move(*std::exchange(unit.next_definition, nullptr)));
    }
}

/// The one door for a definition. What an earlier one had watched for a running service is watched
/// no longer, and what this one wants is.
void Machine::replace_definition(Unit& unit, UnitDefinition definition) {
    const auto bus_name = [](const UnitDefinition& of) -> std::string {
        const bool is_watched = of.service != nullptr && of.service->type == ServiceType::dbus;
        return is_watched ? of.service->rarely().bus_name : std::string{};
    };
    const bool is_down_now = is_down(unit.active_state());
    const bool changes = !is_down_now && bus_name(unit.definition) != bus_name(definition);
    unit.definition = std::move(definition);
    if (changes && unit.run != nullptr) {
        // It runs, so its new name counts as owned until the bus says otherwise.
        unit.run->bus_name_good = true;
        order(WatchBusName{unit.id, !bus_name(unit.definition).empty()});
    }
}

void Machine::load(UnitsLoaded event) {
    const std::size_t units_before = units.size();
    std::vector<NewDependencies> dependencies;
    std::erase_if(event.units, [&](const LoadedUnit& loaded) {
        const bool is_one_too_many = units.size() >= kUnitsMax;
        if (is_one_too_many) {
            say(Severity::error, "more than " + std::to_string(kUnitsMax) +
                                     " units: " + loaded.definition.name + " is left out");
        } else {
            find_or_add(loaded.definition.name);
        }
        return is_one_too_many;
    });
    for (LoadedUnit& loaded : event.units) {
        if (loaded.state == LoadState::loaded || loaded.state == LoadState::masked) {
            dependencies.push_back(resolve(loaded));
        }
    }
    std::vector<bool> was_named(units_before, false);
    for (const LoadedUnit& loaded : event.units) {
        const UnitId id = *find(loaded.definition.name);
        if (index_of(id) < was_named.size()) {
            was_named[index_of(id)] = true;
        }
    }
    if (event.complete) {
        for (std::size_t index = 0; index < was_named.size(); ++index) {
            Unit& unit = *units[index];
            if (!was_named[index] && unit.is_known && unit.load_state != LoadState::not_found) {
                unit.load_state = LoadState::not_found;
                unit.load_error.clear();
                dependencies.push_back(NewDependencies{unit.id, {}, {}, {}});
                touch(unit);
            }
        }
    }
    take_dependencies(dependencies, event.units);
    for (LoadedUnit& loaded : event.units) {
        take_definition(unit(*find(loaded.definition.name)), loaded);
    }
    if (event.complete) {
        forget_unknown_units();
    }
    break_job_cycles();
    for (auto& [id, job] : jobs) {
        queue(job);  // what it waited for may have gone
    }
}

/// What a definition says about other units, by their ids. Units that it names and that are not
/// there are made.
Machine::NewDependencies Machine::resolve(LoadedUnit& loaded) {
    NewDependencies resolved;
    resolved.unit = *find(loaded.definition.name);
    resolved.path = loaded.definition.fragment_path;
    for (const Dependency& dependency : std::exchange(loaded.definition.dependencies, {})) {
        const UnitId other = find_or_add(dependency.unit);
        if (other != resolved.unit && loaded.state == LoadState::loaded) {
            resolved.edges.emplace_back(dependency.relation, other);
            resolved.lines.push_back(dependency.line);
        }
    }
    return resolved;
}

/// `loaded` is used up.
void Machine::take_definition(Unit& unit, LoadedUnit& loaded) {
    touch(unit);
    if (loaded.state == LoadState::loaded) {
        auto definition = std::make_unique<UnitDefinition>(std::move(loaded.definition));
        if (keeps_definition(unit)) {
            if (unit.next_definition == nullptr) {
                waiting_for_definition_.push_back(unit.id);
            }
            unit.next_definition = std::move(definition);
        } else {
            replace_definition(unit, std::move(*definition));
        }
        unit.load_state = LoadState::loaded;
        unit.load_failed = false;
        unit.load_error = std::move(loaded.error);  // a drop-in was left out
    } else if (unit.load_state == LoadState::loaded && loaded.state != LoadState::masked &&
               loaded.state != LoadState::not_found) {
        unit.load_failed = true;  // what is loaded stays, and that is said
        unit.load_error = std::move(loaded.error);
    } else {
        unit.load_state = loaded.state;
        unit.load_error = std::move(loaded.error);
        if (unit.definition.fragment_path.empty()) {
            unit.definition.fragment_path = std::move(loaded.definition.fragment_path);
        }
    }
}

/// What has no file, does nothing and is referred to by nobody is forgotten. Its id is not used
/// again.
void Machine::forget_unknown_units() {
    std::erase_if(by_name_, [&](UnitId id) {
        Unit& unit = this->unit(id);
        const bool is_idle =
            unit.sub_state == SubState::dead && unit.job == JobId::none && !unit.populated;
        const bool forget =
            unit.load_state == LoadState::not_found && is_idle && !graph.is_connected(id);
        if (forget) {
            touch(unit);  // its record goes, too: one of that name that comes back has another
            unit.is_known = false;
            unit.run.reset();
            unit.check.reset();
        }
        return forget;
    });
}

}  // namespace svcd
