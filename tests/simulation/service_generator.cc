// Random [Service] and [Kill] sections, and what few units say in [Unit].
#include <algorithm>
#include <csignal>
#include <utility>

#include "simulation/unit_generator.h"

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Duration, 6> kTimeouts = {500ms, 2s, 3s, 5s, 10s, 90s};
constexpr std::array<Duration, 4> kRestartDelays = {20ms, 100ms, 1s, 5s};
constexpr std::array<ServiceType, 13> kTypes = {
    ServiceType::simple,       ServiceType::simple,  ServiceType::exec,
    ServiceType::oneshot,      ServiceType::oneshot, ServiceType::forking,
    ServiceType::forking,      ServiceType::notify,  ServiceType::notify,
    ServiceType::idle,         ServiceType::dbus,    ServiceType::notify_reload,
    ServiceType::notify_reload};
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

bool has(const ServiceSettings& service, CommandRole role) {
    return std::any_of(service.commands.begin(), service.commands.end(),
                       [role](const Command& one) { return one.role == role; });
}

void draw_commands(ServiceSettings& service, Random& random) {
    const auto some = [&random](unsigned chance) {
        return random.percent(chance) ? 1 + random.below(2) : 0;
    };
    add_commands(service, random, CommandRole::condition, some(10));
    add_commands(service, random, CommandRole::start_pre, some(15));
    std::size_t starts = 1;
    if (service.type == ServiceType::oneshot) {
        starts = random.below(4);
    }
    add_commands(service, random, CommandRole::start, starts);
    add_commands(service, random, CommandRole::start_post, some(12));
    add_commands(service, random, CommandRole::reload, some(40));
    // A oneshot without ExecStart is one that has ExecStop, as in systemd.
    const bool needs_stop = service.type == ServiceType::oneshot && starts == 0;
    add_commands(service, random, CommandRole::stop, needs_stop ? 1 : some(20));
    add_commands(service, random, CommandRole::stop_post,
                 some(has(service, CommandRole::condition) ? 50 : 15));
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

ExitStatusSet draw_statuses(Random& random) {
    ExitStatusSet set;
    set.statuses.set(random.below(256));
    if (random.percent(50)) {
        set.statuses.set(1);
    }
    set.signals.set(1 + random.below(15));
    return set;
}

std::shared_ptr<const RareServiceSettings> draw_rare_service(Random& random,
                                                             const ServiceSettings& service,
                                                             unsigned oddities) {
    RareServiceSettings rare;
    if (random.percent(10)) {
        rare.success_exit_status.statuses.set(random.below(256));
    }
    if (random.percent(oddities)) {
        rare.restart_prevent_exit_status = draw_statuses(random);
    }
    if (random.percent(oddities)) {
        rare.restart_force_exit_status = draw_statuses(random);
    }
    if (service.type == ServiceType::dbus) {
        rare.bus_name = "org.example.Life";
    }
    return rare == RareServiceSettings{} ? nullptr
                                         : std::make_shared<const RareServiceSettings>(rare);
}

void draw_kill(ServiceSettings& service, Random& random, unsigned oddities) {
    constexpr std::array<int, 4> kSignals = {SIGINT, SIGQUIT, SIGHUP, SIGKILL};
    const auto signal = [&] { return static_cast<std::uint8_t>(random.pick(kSignals)); };
    service.kill_mode = random.pick(kKillModes);
    service.send_sigkill = !random.percent(6);
    if (random.percent(15)) {
        service.kill_signal = signal();
    }
    if (random.percent(oddities)) {
        service.restart_kill_signal = signal();
    }
    if (random.percent(oddities)) {
        service.send_sighup = true;
    }
    if (random.percent(oddities / 2)) {
        service.watchdog_signal = signal();
    }
    if (random.percent(oddities / 8)) {
        service.final_kill_signal = SIGABRT;
    }
}

/// What systemd has beside the common settings, each a matter of its own.
void draw_oddities(ServiceSettings& service, Random& random, unsigned oddities) {
    if (random.percent(oddities)) {
        service.exit_type = ExitType::cgroup;
    }
    if (random.percent(oddities)) {
        service.guess_main_pid = false;
    }
    if (random.percent(oddities)) {
        service.notify_access = static_cast<NotifyAccess>(random.below(4));
    }
    if (random.percent(oddities)) {
        service.timeout_start_failure_mode = static_cast<TimeoutFailureMode>(random.below(3));
    }
    if (random.percent(has(service, CommandRole::condition) ? 2 * oddities : oddities)) {
        service.timeout_stop_failure_mode = static_cast<TimeoutFailureMode>(random.below(3));
    }
    if (random.percent(oddities)) {
        service.timeout_abort = draw_timeout(random);
    }
    if (random.percent(oddities)) {
        service.runtime_max = random.pick(std::array<Duration, 3>{300ms, 4s, 20s});
    }
    if (random.percent(oddities)) {
        service.restart_steps = static_cast<std::uint32_t>(1 + random.below(4));
        service.restart_max_delay = random.pick(std::array<Duration, 2>{3s, 40s});
    }
    service.oom_policy = static_cast<OomPolicy>(random.below(3));
    if (random.percent(oddities)) {
        service.reload_signal = SIGUSR1;
    }
}

Condition draw_condition(Random& random) {
    Condition condition;
    condition.is_assert = random.percent(30);
    condition.parameter = "/somewhere";
    return condition;
}

EmergencyAction draw_emergency(Random& random) {
    // `immediate` is the same to us, and none but the kinds of exit end no more than the run.
    constexpr std::array<EmergencyAction, 4> kActions = {
        EmergencyAction::exit, EmergencyAction::exit, EmergencyAction::exit_force,
        EmergencyAction::poweroff};
    return random.pick(kActions);
}

}  // namespace

std::unique_ptr<ServiceSettings> draw_service(Random& random, unsigned oddities) {
    static const auto kExec = std::make_shared<const ExecSettings>();
    auto service = std::make_unique<ServiceSettings>();
    service->exec = kExec;
    service->type = random.pick(kTypes);
    service->type_given = true;
    draw_commands(*service, random);
    service->restart = draw_restart(random, *service);
    draw_kill(*service, random, oddities);
    service->remain_after_exit = random.percent(service->type == ServiceType::oneshot ? 50 : 10);
    if (!has(*service, CommandRole::start)) {
        service->remain_after_exit = true;  // else there would be nothing that it could be
    }
    service->restart_delay = random.pick(kRestartDelays);
    service->timeout_start = draw_timeout(random);
    if (service->type == ServiceType::oneshot && random.percent(50)) {
        service->timeout_start = kInfinity;
    }
    service->timeout_stop = draw_timeout(random);
    const bool may_notify =
        service->type == ServiceType::notify || service->type == ServiceType::notify_reload;
    if (random.percent(may_notify ? 30 : 4)) {
        service->watchdog = random.pick(std::array<Duration, 3>{500ms, 2s, 10s});
    }
    service->rare = draw_rare_service(random, *service, oddities);
    if (service->type == ServiceType::forking && random.percent(60)) {
        service->pid_file = "/run/life.pid";
    }
    draw_oddities(*service, random, oddities);
    Random later = random;  // drawn from a copy: what is drawn after the service stays as it was
    if (later.percent(oddities) && service->timeout_stop != kInfinity) {
        RareServiceSettings rare = service->rarely();
        rare.pre_stop_delay = later.between(1ms, service->timeout_stop / 2);
        service->rare = std::make_shared<const RareServiceSettings>(std::move(rare));
    }
    if (service->restart != RestartPolicy::no && later.percent(30)) {
        RareServiceSettings rare = service->rarely();
        rare.restart_mode = later.percent(70) ? RestartMode::direct : RestartMode::normal;
        rare.restart_randomized_delay = later.percent(50) ? Duration{0} : Duration{2s};
        service->rare = std::make_shared<const RareServiceSettings>(std::move(rare));
    }
    if (later.percent(oddities)) {
        RareServiceSettings rare = service->rarely();
        rare.leftover_timeout = later.between(1ms, 3s);
        service->rare = std::make_shared<const RareServiceSettings>(std::move(rare));
    }
    return service;
}

std::shared_ptr<const RareUnitSettings> draw_rare(Random& random, const Flavour& flavour) {
    RareUnitSettings rare;
    if (random.percent(flavour.conditions)) {
        const std::size_t count = 1 + random.below(3);
        for (std::size_t i = 0; i < count; ++i) {
            rare.conditions.push_back(draw_condition(random));
        }
    }
    if (random.percent(flavour.bonds)) {
        rare.on_failure_job_mode = static_cast<JobMode>(random.below(7));
        rare.on_success_job_mode = static_cast<JobMode>(random.below(7));
    }
    if (random.percent(flavour.job_timeouts)) {
        rare.job_timeout = random.pick(kTimeouts);
    }
    if (random.percent(flavour.job_timeouts)) {
        rare.job_running_timeout = random.pick(kTimeouts);
    }
    for (EmergencyAction* action : {&rare.job_timeout_action, &rare.failure_action,
                                    &rare.success_action, &rare.start_limit_action}) {
        if (random.percent(flavour.emergencies)) {
            *action = draw_emergency(random);
        }
    }
    if (random.percent(flavour.emergencies)) {
        rare.failure_action_exit_status = 77;
    }
    return rare == RareUnitSettings{} ? nullptr : std::make_shared<const RareUnitSettings>(rare);
}

}  // namespace svcd::simulation
