#include "manager/process_starter.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "linux/procfs.h"
#include "manager/process_environment.h"

namespace svcd {
namespace {

Token token_of(const std::variant<SpawnProcess, CheckConditions>& order) {
    return std::visit([](const auto& each) { return each.process; }, order);
}

UnitId unit_of(const std::variant<SpawnProcess, CheckConditions>& order) {
    return std::visit([](const auto& each) { return each.unit; }, order);
}

/// May this process notify? sd_notify(3) is for the main process, and for control processes where
/// NotifyAccess says so.
bool gets_notify_socket(const ServiceSettings& service, ProcessRole role) {
    switch (service.notify_access_in_force()) {
        case NotifyAccess::none:
            return false;
        case NotifyAccess::main:
            return role == ProcessRole::main;
        case NotifyAccess::exec:
        case NotifyAccess::all:
            return true;
    }
    return false;
}

bool is_of_stop(const Command& command) {
    return command.role == CommandRole::stop || command.role == CommandRole::stop_post;
}

/// Is standard input our controlling terminal, and are we in its foreground, or was it somebody who
/// has ended? A group of another PID namespace is shown as 0.
bool has_terminal() {
    pid_t group = 0;
    return ::ioctl(STDIN_FILENO, TIOCGPGRP, &group) == 0 &&
           (group == 0 || group == ::getpgrp() || ::kill(-group, 0) != 0);
}

/// What it writes to the log of its unit: its output, or its errors apart from that.
bool writes_log(const ExecSettings& exec) {
    return exec.standard_output.kind == OutputKind::log ||
           (exec.standard_error && exec.standard_error->kind == OutputKind::log);
}

}  // namespace

ProcessStarter::ProcessStarter(const StarterTools& tools, SpawnSettings settings)
    : tools_(tools), settings_(std::move(settings)) {}

void ProcessStarter::refuse(Token process, Error why) {
    tools_.queue.emplace_back(SpawnFailed{process, std::move(why)});
}

std::deque<ProcessStarter::Order>::iterator ProcessStarter::next_waiting() {
    return std::find_if(waiting_.begin(), waiting_.end(),
                        [&](const Order& order) { return !held_.contains(unit_of(order)); });
}

void ProcessStarter::let_go(UnitId unit) {
    const auto held = held_.find(unit);
    if (held != held_.end() && --held->second == 0) {
        held_.erase(held);
    }
}

void ProcessStarter::start_or_wait(const Order& order) {
    const bool is_held = held_.contains(unit_of(order));
    if (!is_held && next_waiting() == waiting_.end() && has_free_stack()) {
        start_now(order);
        return;
    }
    if (const auto slot = tools_.table.claim(token_of(order)); !slot) {
        refuse(token_of(order), slot.error());
        return;
    }
    waiting_.push_back(order);
    if (!is_held) {
        tools_.sweeper.hurry();
    }
}

void ProcessStarter::start_waiting() {
    auto next = next_waiting();
    while (next != waiting_.end() && has_free_stack()) {
        const Order order = *next;
        waiting_.erase(next);
        start_now(order);
        next = next_waiting();
    }
    if (next != waiting_.end()) {
        tools_.sweeper.hurry();
    }
}

bool ProcessStarter::has_free_stack() {
    for (int tries = 0; tries < kYieldsForStack; ++tries) {
        if (tools_.spawner.in_flight() < spawns_at_once_) {
            return true;
        }
        ::sched_yield();  // they need no more than a processor, usually
        tools_.sweeper.sweep_now();
    }
    return false;
}

void ProcessStarter::cancel(Token process) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const Order& each) { return token_of(each) == process; });
    if (found == waiting_.end()) {
        return;
    }
    const bool is_held = held_.contains(unit_of(*found));
    tools_.table.release(process);
    waiting_.erase(found);
    refuse(process, Error{EAGAIN,
                          "spawn",
                          {},
                          is_held ? "its PID file is being removed: is a file system hanging?"
                                  : std::to_string(kSpawnsInFlight) +
                                        " processes before it have not reached their execve: is a "
                                        "file system hanging?"});
}

void ProcessStarter::start_now(const Order& order) {
    const Token token = token_of(order);
    const auto slot = tools_.table.claim(token);
    if (!slot) {
        refuse(token, slot.error());
        return;
    }
    Result<SpawnOutcome> outcome =
        std::visit([&](const auto& each) { return spawn(each, *slot); }, order);
    if (!outcome) {
        tools_.table.release(token);
        refuse(token, outcome.error());
        return;
    }
    if (tools_.keepers != nullptr && std::holds_alternative<SpawnProcess>(order)) {
        tools_.sweeper.await_birth(token, *slot);
    } else {
        const Result<ProcessInfo> info = process_info(outcome->pid);  // not when it has ended
        tools_.queue.emplace_back(ProcessSpawned{token, outcome->pid, info ? info->start_time : 0});
    }
    if (const auto watched = tools_.sweeper.started(token, std::move(outcome->exec_report));
        !watched) {
        tools_.log.say(Severity::warning, tools_.supervisor.name(unit_of(order)),
                       to_string(watched.error()));
    }
}

Result<SpawnOutcome> ProcessStarter::spawn(const SpawnProcess& order,
                                           std::atomic<std::int32_t>* pid) {
    const UnitDefinition* definition = tools_.supervisor.definition(order.unit);
    if (definition == nullptr || definition->service == nullptr ||
        order.command >= definition->service->commands.size()) {
        return failure(ENOENT, "spawn", std::string(tools_.supervisor.name(order.unit)));
    }
    const ServiceSettings& service = *definition->service;
    static const ExecSettings kPlain;
    const ExecSettings& exec = service.exec ? *service.exec : kPlain;
    if (!is_of_stop(service.commands[order.command])) {
        if (const auto may = may_start(*definition); !may) {
            return Failure{may.error()};
        }
    }
    const Result<UniqueFd> cgroup = tools_.tracker.ensure(definition->name, definition->slice());
    if (!cgroup) {
        return Failure{cgroup.error()};
    }
    if (cgroup->get() >= descriptor_limits_.starts &&
        !is_of_stop(service.commands[order.command])) {
        return failure(EMFILE, "start a process of", definition->name,
                       "the last descriptors are kept for stops");
    }
    if (const auto grouped = tools_.tracker.kill_whole_on_oom(
            definition->name, service.oom_policy == OomPolicy::kill);
        !grouped) {
        tools_.log.say(Severity::warning, definition->name, to_string(grouped.error()));
    }
    SpawnRequest request;
    request.token = order.process;
    request.unit = definition->name;
    request.command = &service.commands[order.command];
    request.exec = &with_output_pipes(definition->name, with_original_limits(exec));
    request.environment = environment_of(order, service, exec);
    if (writes_log(*request.exec)) {
        request.log_file = tools_.early_log.file_for(definition->name);
    }
    request.default_directory = settings_.default_directory;
    if (definition->name == settings_.command_unit) {
        request.ignored_signals = settings_.ignored_signals;
        request.takes_terminal = order.role == ProcessRole::main &&
                                 exec.standard_input == InputKind::inherit && has_terminal();
    }
    request.cgroup_fd = cgroup->get();
    request.pid = pid;
    request.report_exec = order.report_exec;
    return tools_.keepers != nullptr ? spawn_kept(std::move(request))
                                     : tools_.spawner.spawn(request);
}

/// The process's own slot is filled in by its keeper.
Result<SpawnOutcome> ProcessStarter::spawn_kept(SpawnRequest request) {
    const Token process = request.token;
    const auto cell = tools_.keepers->claim(request.unit, process);
    if (!cell) {
        return Failure{cell.error()};
    }
    request.kept =
        KeptSpawn{tools_.table.descriptor().get(), tools_.poke, tools_.table.number_of(process),
                  settings_.warn_orphans, tools_.keepers->slice_of(request.unit)};
    request.pid = *cell;
    Result<SpawnOutcome> outcome = tools_.spawner.spawn(request);
    if (outcome) {
        tools_.keepers->started(request.unit, process, outcome->pid);
    } else {
        tools_.keepers->not_started(request.unit, process);
    }
    return outcome;
}

Result<void> ProcessStarter::may_start(const UnitDefinition& definition) const {
    if (tools_.memory.is_given_up()) {
        return failure(ENOMEM, "start a process of", definition.name,
                       "the last memory is kept for stops");
    }
    return {};
}

/// In svcd's own cgroup: the unit isn't started, and may be one that has none.
Result<SpawnOutcome> ProcessStarter::spawn(const CheckConditions& order,
                                           std::atomic<std::int32_t>* pid) {
    const UnitDefinition* definition = tools_.supervisor.definition(order.unit);
    if (definition == nullptr) {
        return failure(ENOENT, "check the conditions",
                       std::string(tools_.supervisor.name(order.unit)));
    }
    if (const auto may = may_start(*definition); !may) {
        return Failure{may.error()};
    }
    const Result<int> cgroup = tools_.tracker.own_cgroup();
    if (!cgroup) {
        return Failure{cgroup.error()};
    }
    CheckSpawn request;
    request.token = order.process;
    request.unit = definition->name;
    request.conditions = &definition->rarely().conditions;
    request.environment = settings_.own_environment;
    request.cgroup_folder = tools_.tracker.root_folder();
    request.cgroup_fd = *cgroup;
    request.pid = pid;
    return tools_.spawner.spawn(request);
}

std::vector<std::string> ProcessStarter::environment_of(const SpawnProcess& order,
                                                        const ServiceSettings& service,
                                                        const ExecSettings& exec) const {
    const UnitStatus status = tools_.supervisor.status(order.unit);
    EnvironmentFacts facts;
    const bool inherits =
        settings_.user_instance || tools_.supervisor.name(order.unit) == settings_.command_unit;
    facts.inherited = inherits ? &settings_.environment : nullptr;
    facts.invocation_id = status.invocation_id;
    facts.stop_timeout = service.timeout_stop;
    if (gets_notify_socket(service, order.role)) {
        facts.notify_socket = settings_.notify_socket;
    }
    if (order.role == ProcessRole::main) {
        facts.watchdog = service.watchdog;
    } else {
        facts.main_pid = status.main.pid;
    }
    const CommandRole role = service.commands[order.command].role;
    if (role == CommandRole::stop || role == CommandRole::stop_post) {
        facts.end =
            ServiceEnd{status.result, status.main.pid == 0 ? status.main.code : ExitCode::none,
                       status.main.status};
    }
    if (role == CommandRole::start || role == CommandRole::start_pre) {
        facts.triggered_by = trigger_of(order.unit);
    }
    return process_environment(facts, exec);
}

/// The service that starts this one by its OnFailure or OnSuccess, as it ended. As with systemd
/// nothing when there are several: which of them it was for, nobody could tell.
std::optional<ServiceEnd> ProcessStarter::trigger_of(UnitId handler) const {
    std::vector<UnitId> sources = tools_.supervisor.related(handler, Relation::on_failure_of);
    for (const UnitId source : tools_.supervisor.related(handler, Relation::on_success_of)) {
        if (std::find(sources.begin(), sources.end(), source) == sources.end()) {
            sources.push_back(source);
        }
    }
    if (sources.size() != 1) {
        return std::nullopt;
    }
    const UnitStatus status = tools_.supervisor.status(sources.front());
    if (status.type != UnitType::service) {
        return std::nullopt;
    }
    ServiceEnd end{status.result, status.main.code, status.main.status, status.invocation_id,
                   std::string{status.name}};
    if (status.main.pid != 0) {
        end.code = ExitCode::none;
    }
    return end;
}

const ExecSettings& ProcessStarter::with_original_limits(const ExecSettings& exec) {
    std::vector<ResourceLimit> missing;
    for (const ResourceLimit& limit : settings_.original_limits) {
        const bool is_set =
            std::any_of(exec.limits.begin(), exec.limits.end(),
                        [&](const ResourceLimit& own) { return own.resource == limit.resource; });
        if (!is_set) {
            missing.push_back(limit);
        }
    }
    if (missing.empty()) {
        return exec;
    }
    limited_ = exec;
    limited_.limits.insert(limited_.limits.end(), missing.begin(), missing.end());
    return limited_;
}

const ExecSettings& ProcessStarter::with_output_pipes(const std::string& unit,
                                                      const ExecSettings& exec) {
    if (!tools_.output_pipes.is_on() || !writes_log(exec)) {
        return exec;
    }
    piped_ = exec;
    tools_.output_pipes.connect(unit, piped_);
    return piped_;
}

}  // namespace svcd
