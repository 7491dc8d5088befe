#include "simulation/unit_generator.h"

#include <utility>

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Duration, 6> kTimeouts = {500ms, 2s, 3s, 5s, 10s, 90s};
constexpr std::array<Duration, 4> kRestartDelays = {20ms, 100ms, 1s, 5s};
constexpr std::array<ServiceType, 8> kTypes = {
    ServiceType::simple,  ServiceType::simple,  ServiceType::exec,   ServiceType::oneshot,
    ServiceType::oneshot, ServiceType::forking, ServiceType::notify, ServiceType::notify};
constexpr std::array<KillMode, 10> kKillModes = {KillMode::control_group, KillMode::control_group,
                                                 KillMode::control_group, KillMode::control_group,
                                                 KillMode::control_group, KillMode::control_group,
                                                 KillMode::mixed,         KillMode::mixed,
                                                 KillMode::process,       KillMode::none};

Duration draw_timeout(Random& random) {
    return random.percent(4) ? kInfinity : random.pick(kTimeouts);
}

void add_commands(ServiceSettings& service, Random& random, CommandRole role, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        Command command;
        command.role = role;
        command.ignore_failure = random.percent(10);
        command.path = "/bin/life";
        command.argv = {"life"};
        service.commands.push_back(std::move(command));
    }
}

void draw_commands(ServiceSettings& service, Random& random) {
    const auto some = [&random](unsigned chance) {
        return random.percent(chance) ? 1 + random.below(2) : 0;
    };
    add_commands(service, random, CommandRole::condition, some(6));
    add_commands(service, random, CommandRole::start_pre, some(15));
    std::size_t starts = 1;
    if (service.type == ServiceType::oneshot) {
        starts = random.below(4);
    }
    add_commands(service, random, CommandRole::start, starts);
    add_commands(service, random, CommandRole::start_post, some(12));
    add_commands(service, random, CommandRole::reload, some(30));
    // A oneshot without ExecStart is one that has ExecStop, as in systemd.
    const bool needs_stop = service.type == ServiceType::oneshot && starts == 0;
    add_commands(service, random, CommandRole::stop, needs_stop ? 1 : some(20));
    add_commands(service, random, CommandRole::stop_post, some(15));
}

RestartPolicy draw_restart(Random& random, const ServiceSettings& service) {
    if (random.percent(45)) {
        return RestartPolicy::no;
    }
    const auto policy = static_cast<RestartPolicy>(random.below(7));
    const bool is_success = policy == RestartPolicy::always || policy == RestartPolicy::on_success;
    // systemd.service(5): a oneshot can't be restarted after a success.
    return service.type == ServiceType::oneshot && is_success ? RestartPolicy::on_failure : policy;
}

std::unique_ptr<ServiceSettings> draw_service(Random& random) {
    static const auto kExec = std::make_shared<const ExecSettings>();
    auto service = std::make_unique<ServiceSettings>();
    service->exec = kExec;
    service->type = random.pick(kTypes);
    service->type_given = true;
    draw_commands(*service, random);
    service->restart = draw_restart(random, *service);
    service->kill_mode = random.pick(kKillModes);
    service->remain_after_exit = random.percent(service->type == ServiceType::oneshot ? 50 : 10);
    if (service->type == ServiceType::oneshot &&
        (service->commands.empty() || service->commands[0].role == CommandRole::stop)) {
        service->remain_after_exit = true;
    }
    service->send_sigkill = !random.percent(6);
    if (random.percent(15)) {
        constexpr std::array<int, 4> kSignals = {SIGINT, SIGQUIT, SIGHUP, SIGKILL};
        service->kill_signal = static_cast<std::uint8_t>(random.pick(kSignals));
    }
    service->restart_delay = random.pick(kRestartDelays);
    service->timeout_start = draw_timeout(random);
    if (service->type == ServiceType::oneshot && random.percent(50)) {
        service->timeout_start = kInfinity;
    }
    service->timeout_stop = draw_timeout(random);
    if (random.percent(service->type == ServiceType::notify ? 30 : 4)) {
        service->watchdog = random.pick(std::array<Duration, 3>{500ms, 2s, 10s});
    }
    if (random.percent(10)) {
        auto rare = std::make_shared<RareServiceSettings>();
        rare->success_exit_status.statuses.set(random.below(256));
        service->rare = rare;
    }
    if (service->type == ServiceType::forking && random.percent(60)) {
        service->pid_file = "/run/life.pid";
    }
    return service;
}

constexpr std::array<Relation, 14> kRelationChoices = {
    Relation::requires_, Relation::requires_, Relation::requires_, Relation::wants,
    Relation::wants,     Relation::wants,     Relation::binds_to,  Relation::binds_to,
    Relation::part_of,   Relation::part_of,   Relation::requisite, Relation::conflicts,
    Relation::before,    Relation::after};

}  // namespace

UnitGenerator::UnitGenerator(const Plan& plan)
    : plan_{plan}, versions_(plan.units + kMissingUnits, 0) {
    for (std::size_t unit = 0; unit < plan.units; ++unit) {
        Random random{stream(plan.seed, purpose::kUnit, unit)};
        const bool is_target = random.percent(15);
        names_.push_back((is_target ? "t" : "u") + std::to_string(unit) +
                         (is_target ? ".target" : ".service"));
    }
    for (std::size_t unit = 0; unit < kMissingUnits; ++unit) {
        names_.push_back("missing" + std::to_string(unit) + ".service");
    }
}

Temper UnitGenerator::temper(std::size_t unit) const {
    Random random{stream(plan_.seed, purpose::kUnit, unit + 100'000 * (versions_[unit] + 1))};
    random.next();
    return draw_temper(random);
}

LoadedUnit UnitGenerator::load(std::size_t unit) const {
    LoadedUnit loaded;
    loaded.definition.name = names_[unit];
    if (is_missing(unit)) {
        loaded.state = LoadState::not_found;
        loaded.error = "no unit file";
        return loaded;
    }
    Random random{stream(plan_.seed, purpose::kUnit, unit + 1'000 * (versions_[unit] + 1))};
    if (versions_[unit] > 0 && random.percent(10)) {
        loaded.state = LoadState::bad_setting;
        loaded.error = "u.service.yaml:3:5: unknown key";
        return loaded;
    }
    UnitDefinition& definition = loaded.definition;
    definition.description = "simulated";
    definition.ignore_on_isolate = random.percent(5);
    definition.allow_isolate = random.percent(20);
    definition.refuse_manual_start = random.percent(3);
    definition.refuse_manual_stop = random.percent(3);
    if (random.percent(30)) {
        definition.start_limit_burst = static_cast<std::uint32_t>(random.below(4));
        definition.start_limit_interval = random.pick(std::array<Duration, 3>{0s, 1s, 60s});
    }
    if (names_[unit].ends_with(".service")) {
        definition.service = draw_service(random);
    }
    add_edges(unit, definition);
    return loaded;
}

void UnitGenerator::add_edges(std::size_t unit, UnitDefinition& definition) const {
    // How densely this world is connected, and whether edges may point forward, is one draw for
    // all.
    Random world{stream(plan_.seed, purpose::kEdges)};
    const unsigned density = world.pick(std::array<unsigned, 4>{4, 10, 20, 45});
    const unsigned backward = world.pick(std::array<unsigned, 4>{0, 0, 1, 6});
    const unsigned ordered = world.pick(std::array<unsigned, 3>{50, 85, 100});
    const unsigned version = versions_[unit];
    const auto add = [&definition, this](Relation relation, std::size_t other) {
        definition.dependencies.push_back({relation, names_[other]});
    };
    for (std::size_t other = 0; other < count(); ++other) {
        if (other == unit || !is_there(other)) {
            continue;
        }
        Random random{stream(plan_.seed ^ version, purpose::kEdges, unit * 1000 + other + 1)};
        const bool earlier = other < unit;
        const unsigned chance = is_missing(other) ? 2 : earlier ? density : backward;
        if (!random.percent(chance)) {
            continue;
        }
        const Relation relation = random.pick(kRelationChoices);
        const bool turns_order = relation == Relation::before && !random.percent(backward);
        add(turns_order ? Relation::after : relation, other);
        if (relation != Relation::before && relation != Relation::after &&
            random.percent(ordered)) {
            add(Relation::after, other);
        }
    }
}

}  // namespace svcd::simulation
