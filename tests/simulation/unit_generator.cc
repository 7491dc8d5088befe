#include "simulation/unit_generator.h"

#include <utility>

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Relation, 14> kRelationChoices = {
    Relation::requires_, Relation::requires_, Relation::requires_, Relation::wants,
    Relation::wants,     Relation::wants,     Relation::binds_to,  Relation::binds_to,
    Relation::part_of,   Relation::part_of,   Relation::requisite, Relation::conflicts,
    Relation::before,    Relation::after};
constexpr std::array<Relation, 8> kRarerRelations = {Relation::upholds,
                                                     Relation::upholds,
                                                     Relation::binds_to,
                                                     Relation::on_failure,
                                                     Relation::on_failure,
                                                     Relation::on_success,
                                                     Relation::propagates_stop_to,
                                                     Relation::propagates_reload_to};

Flavour draw_flavour(const Plan& plan) {
    Random random{stream(plan.seed, purpose::kEdges)};
    constexpr std::array<unsigned, 4> kSome = {0, 0, 10, 40};
    Flavour flavour;
    flavour.density = random.pick(std::array<unsigned, 4>{4, 10, 20, 45});
    flavour.backward = random.pick(std::array<unsigned, 4>{0, 0, 1, 6});
    flavour.ordered = random.pick(std::array<unsigned, 3>{50, 85, 100});
    flavour.conditions = random.pick(kSome);
    flavour.bonds = random.pick(kSome);
    flavour.job_timeouts = random.pick(kSome);
    flavour.emergencies = random.percent(6) ? 10 : 0;
    flavour.slices = random.pick(kSome);
    flavour.oddities = random.pick(std::array<unsigned, 4>{0, 5, 15, 40});
    return flavour;
}

/// Service and slice need each other, as the loader says it.
void add_slice_edge(UnitDefinition& definition, const std::string& slice) {
    definition.dependencies.push_back({Relation::requires_, slice});
    definition.dependencies.push_back({Relation::after, slice});
}

}  // namespace

UnitGenerator::UnitGenerator(const Plan& plan)
    : plan_{plan},
      flavour_{draw_flavour(plan)},
      versions_(plan.units + kMissingUnits + kPerpetualUnits, 0) {
    for (std::size_t unit = 0; unit < plan.units; ++unit) {
        names_.push_back(draw_name(unit));
    }
    for (std::size_t unit = 0; unit < kMissingUnits; ++unit) {
        names_.push_back("missing" + std::to_string(unit) + ".service");
    }
    names_.emplace_back("-.slice");
    names_.emplace_back("system.slice");
}

std::string UnitGenerator::draw_name(std::size_t unit) const {
    Random random{stream(plan_.seed, purpose::kUnit, unit)};
    const std::string number = std::to_string(unit);
    if (random.percent(15)) {
        return "t" + number + ".target";
    }
    if (random.percent(flavour_.slices)) {
        const std::size_t parent = random.below(unit + 1);
        const bool is_nested = parent < unit && names_[parent].ends_with(".slice");
        const std::string above =
            is_nested ? names_[parent].substr(0, names_[parent].size() - 6) + "-" : "";
        return above + "s" + number + ".slice";
    }
    return "u" + number + ".service";
}

Temper UnitGenerator::temper(std::size_t unit) const {
    Random random{stream(plan_.seed, purpose::kUnit, unit + 100'000 * (versions_[unit] + 1))};
    random.next();
    return draw_temper(random);
}

LoadedUnit UnitGenerator::load(std::size_t unit) const {
    LoadedUnit loaded;
    UnitDefinition& definition = loaded.definition;
    definition.name = names_[unit];
    if (is_missing(unit)) {
        loaded.state = LoadState::not_found;
        loaded.error = "no unit file";
        return loaded;
    }
    definition.description = "simulated";
    if (is_perpetual(names_[unit])) {
        return loaded;
    }
    Random random{stream(plan_.seed, purpose::kUnit, unit + 1'000 * (versions_[unit] + 1))};
    if (versions_[unit] > 0 && random.percent(10)) {
        loaded.state = LoadState::bad_setting;
        loaded.error = "u.service.yaml:3:5: unknown key";
        return loaded;
    }
    definition.ignore_on_isolate = random.percent(5) || names_[unit].ends_with(".slice");
    definition.allow_isolate = random.percent(20);
    definition.refuse_manual_start = random.percent(3);
    definition.refuse_manual_stop = random.percent(3);
    if (random.percent(30)) {
        definition.start_limit_burst = static_cast<std::uint32_t>(random.below(4));
        definition.start_limit_interval = random.pick(std::array<Duration, 3>{0s, 1s, 60s});
    }
    definition.stop_when_unneeded = random.percent(flavour_.bonds / 2);
    definition.rare = draw_rare(random, flavour_);
    if (names_[unit].ends_with(".service")) {
        definition.service = draw_service(random, flavour_.oddities);
    }
    add_edges(unit, definition);
    add_slice(unit, definition, random);
    leave_out(definition, plan_.without_settings);
    return loaded;
}

void UnitGenerator::add_edges(std::size_t unit, UnitDefinition& definition) const {
    const unsigned version = versions_[unit];
    const auto add = [&definition, this](Relation relation, std::size_t other) {
        definition.dependencies.push_back({relation, names_[other]});
    };
    for (std::size_t other = 0; other < plan_.units + kMissingUnits; ++other) {
        if (other == unit || !is_there(other)) {
            continue;
        }
        Random random{stream(plan_.seed ^ version, purpose::kEdges, unit * 1000 + other + 1)};
        const bool earlier = other < unit;
        const unsigned chance = is_missing(other) ? 2
                                : earlier         ? flavour_.density
                                                  : flavour_.backward;
        if (random.percent(flavour_.bonds / 4)) {
            add(random.pick(kRarerRelations), other);
        }
        if (!random.percent(chance)) {
            continue;
        }
        const Relation relation = random.pick(kRelationChoices);
        const bool turns_order = relation == Relation::before && !random.percent(flavour_.backward);
        add(turns_order ? Relation::after : relation, other);
        if (relation != Relation::before && relation != Relation::after &&
            random.percent(flavour_.ordered)) {
            add(Relation::after, other);
        }
    }
}

/// A service is in one of the earlier slices, or in system.slice; a slice is in that of its name.
void UnitGenerator::add_slice(std::size_t unit, UnitDefinition& definition, Random& random) const {
    if (definition.service != nullptr) {
        const std::size_t other = random.below(unit + 1);
        if (other < unit && names_[other].ends_with(".slice") && is_there(other)) {
            auto rare = std::make_shared<RareUnitSettings>(definition.rarely());
            rare->slice = names_[other];
            definition.rare = std::move(rare);
        }
    }
    const std::string slice = definition.slice();
    if (slice.empty() || is_perpetual(slice)) {
        return;  // what is always there is no edge
    }
    for (std::size_t other = 0; other < unit; ++other) {
        if (names_[other] == slice && is_there(other)) {
            add_slice_edge(definition, slice);
        }
    }
}

}  // namespace svcd::simulation
