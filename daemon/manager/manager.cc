#include "manager/manager.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "linux/process_examination.h"
#include "linux/resident_memory.h"
#include "manager/adoption.h"
#include "manager/command_unit.h"
#include "manager/descriptor_limits.h"
#include "manager/emptied_cgroup.h"
#include "manager/grace.h"
#include "manager/last_kill.h"
#include "manager/last_words.h"
#include "manager/process_environment.h"
#include "manager/restore.h"
#include "manager/stop_report.h"
#include "unitfile/schema.h"

extern "C" char** environ;

namespace svcd {
namespace {

/// Dispatches after the Exit, for answers that are on their way to clients.
constexpr std::size_t kDispatchesAtTheEnd = 256;
/// So long it waits at its end for files that are being looked at.
constexpr Duration kFileLooksAtTheEnd{1'000'000};
std::vector<std::string> chosen_unit_path(const ManagerOptions& options) {
    if (!options.unit_path.empty()) {
        return options.unit_path;
    }
    std::vector<std::string> path = default_unit_path(options.mode == RunMode::user);
    // Installed elsewhere than in /usr.
    const std::string shipped = shipped_units_path();
    const bool is_new = std::find(path.begin(), path.end(), shipped) == path.end();
    if (options.mode != RunMode::user && !shipped.empty() && is_new) {
        path.push_back(shipped);
    }
    return path;
}

std::vector<std::string> unit_path(const ManagerOptions& options) {
    std::vector<std::string> path = chosen_unit_path(options);
    if (options.command) {
        path.insert(path.begin(), command_units_path(options));
    }
    if (hands_on_output(options)) {
        path.push_back(generated_units_path(options));
    }
    return path;
}

LoaderOptions loader_options(const ManagerOptions& options, ProcessTable& table) {
    LoaderOptions loader;
    loader.unit_path = unit_path(options);
    loader.user = options.mode == RunMode::user;
    loader.path_is_given = !options.unit_path.empty();
    loader.on_progress = [&table] { table.show_progress(); };
    return loader;
}

EarlyLog::Places log_places(const ManagerOptions& options, const Config& config, bool is_machine) {
    return {options.log_dir, runtime_path(options, "log"), options.log_access,
            config.early_log_size, is_machine};
}

BusOptions bus_options(const ManagerOptions& options,
                       const Config& config,
                       const Kernel& kernel,
                       Log& log) {
    BusOptions bus;
    bus.shutdown_budget = config.shutdown_budget;
    bus.shutdown_margin = config.shutdown_margin;
    bus.unit_path = unit_path(options);
    bus.is_init = kernel.launcher == 1;
    bus.control_group = kernel.tracker->root();
    bus.say = [&log](Severity severity, const std::string& text) { log.say(severity, text); };
    bus.socket = {runtime_path(options, "bus"), config.bus_mode, config.bus_group};
    bus.owner_socket = runtime_path(options, "owner-bus");
    bus.address = options.bus;
    bus.owner_uid = ::getuid();
    bus.event_priority = static_cast<int>(EventOrder::bus);
    const DescriptorLimits descriptors = descriptor_limits();
    bus.client_descriptors = {descriptors.starts, descriptors.strangers};
    return bus;
}

SupervisorOptions supervisor_options(const ManagerOptions& options,
                                     const Config& config,
                                     std::uint64_t seed) {
    SupervisorOptions supervisor;
    supervisor.seed = seed;
    supervisor.kill_grace = config.kill_grace;
    supervisor.shutdown_budget = config.shutdown_budget;
    supervisor.shutdown_margin = config.shutdown_margin;
    supervisor.flapping_burst = config.flapping_burst;
    supervisor.flapping_interval = config.flapping_interval;
    supervisor.counts_as_shell = options.mode == RunMode::container;
    if (options.command) {
        supervisor.command_unit = kCommandUnit;
        supervisor.exit_status_map = options.command->exit_status_map;
    }
    return supervisor;
}

SpawnSettings spawn_settings(const ManagerOptions& options, const Kernel& kernel) {
    SpawnSettings settings;
    settings.notify_socket = runtime_path(options, "notify");
    settings.original_limits = kernel.original_limits;
    for (const char* const* variable = environ; *variable != nullptr; ++variable) {
        settings.own_environment.emplace_back(*variable);
    }
    if (options.mode == RunMode::user) {
        settings.user_instance = true;
        settings.environment = inherited_environment(environ);
        if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/') {
            settings.default_directory = home;
        }
    }
    if (options.command) {
        settings.command_unit = kCommandUnit;
        settings.environment = inherited_environment(environ);
        settings.ignored_signals = options.command->ignored_signals;
        settings.warn_orphans = options.command->warn_orphans;
    }
    return settings;
}

std::int64_t realtime_usec() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
}

StopSenses stop_senses(const Kernel& kernel, Log& log) {
    StopSenses senses;
    senses.processes = [&kernel](std::string_view unit) {
        auto pids = kernel.tracker->processes(unit);
        return pids ? std::move(*pids) : std::vector<Pid>{};
    };
    senses.examine = [](Pid pid) -> std::optional<ProcessExamination> {
        auto process = examine_process(pid);
        return process ? std::optional{std::move(*process)} : std::nullopt;
    };
    senses.throttled = [&kernel](std::string_view unit) { return kernel.tracker->throttled(unit); };
    senses.cpu_time = [&kernel](std::string_view unit) { return kernel.tracker->cpu_time(unit); };
    senses.lacks_notify_socket = lacks_notify_socket;
    senses.pid_of = [&kernel](Token token) {
        const Pid adopted = kernel.adopted.pid_of(token);
        return adopted != 0 ? adopted : kernel.table.look(token).pid;
    };
    senses.realtime_usec = realtime_usec;
    senses.last_written_usec = kernel.state_written_usec;
    senses.say = [&log](Severity severity, std::string_view unit, const std::string& text) {
        unit.empty() ? log.say(severity, text) : log.say(severity, unit, text);
    };
    return senses;
}

}  // namespace

Manager::Manager(const ManagerOptions& options,
                 const ParsedConfig& parsed,
                 std::uint64_t seed,
                 Kernel& kernel,
                 Log& log)
    : options_(options),
      kernel_(kernel),
      log_(log),
      is_machine_(is_machine(options, kernel.launcher)),
      config_errors_(parsed.errors),
      config_(parsed.config),
      supervisor_(supervisor_options(options, parsed.config, seed)),
      files_(loader_options(options, kernel.table), supervisor_),
      spawner_(exec_helper_path()),
      sweeper_(loop_, spawner_, queue_),
      finder_(kernel.table, kernel.adopted, *kernel.tracker, kernel.launcher),
      notify_(
          kernel.notify.get(), *kernel.tracker, kernel.table, supervisor_, sweeper_, queue_, log),
      bus_(loop_.handle(),
           *this,
           setting_properties(),
           bus_options(options, parsed.config, kernel, log)),
      recorder_(supervisor_, kernel.stops, stop_senses(kernel, log)),
      early_log_(log_places(options, parsed.config, is_machine_), log),
      output_pipes_(options, kernel.store, log),
      console_(is_machine_ ? Console{"/dev/console"} : Console{}),
      boot_(supervisor_, kernel.table, options.unit),
      runner_(EffectTools{supervisor_, kernel.state, kernel.table, kernel.adopted, *kernel.tracker,
                          spawner_, sweeper_, finder_, bus_, recorder_, early_log_, output_pipes_,
                          file_looks_, log, memory_, queue_, kernel.keepers, kernel.poke.get()},
              spawn_settings(options, kernel)) {}

// ── start

Result<Exit> Manager::run() {
    asked_ = kernel_.table.asked();
    if (const auto opened = open_sources(); !opened) {
        return Failure{opened.error()};
    }
    output_pipes_.prepare(kernel_.table.manager_starts() == 1);
    load_at_start();
    if (const auto started = bus_.start(); !started) {
        return Failure{started.error()};
    }
    keep_sockets();
    warn_of_few_descriptors();
    if (options_.mode == RunMode::container && kernel_.table.manager_starts() == 1) {
        warn_of_cut_stops(supervisor_, config_, log_);
    }
    restore_or_boot();
    if (const auto told = kernel_.store.ready(); !told) {
        log_.say(Severity::warning, to_string(told.error()));
    }
    take_back_last_words();
    keep_logs_private();
    end_turn();
    greet();
    release_start_up_memory();
    while (!runner_.exit() && !makes_room_) {
        if (const auto ran = loop_.run_one(); !ran) {
            return Failure{ran.error()};
        }
        settle();
    }
    file_looks_.finish(kFileLooksAtTheEnd);
    if (!runner_.exit()) {
        end_turn();
        note_handover();
        loop_.run_ready(kDispatchesAtTheEnd);  // what is on its way to clients
        bus_.leave_to_successor();
        return Exit{};
    }
    leave();
    return *runner_.exit();
}

/// An event of the unit with this name, if there is one.
template <typename UnitEvent>
void Manager::happened(std::string_view name) {
    if (const std::optional<UnitId> unit = supervisor_.find(name)) {
        queue_.emplace_back(UnitEvent{*unit});
    }
}

Result<void> Manager::open_sources() {
    struct Source {
        int fd;
        EventOrder order;
        std::function<void()> handler;
    };
    const Source sources[] = {
        {kernel_.poke.get(), EventOrder::exits, [this] { handle_poke(); }},
        {kernel_.adopted.watch_fd(), EventOrder::exits, [this] { handle_adopted(); }},
        {kernel_.tracker->watch_fd(), EventOrder::cgroups,
         [this] {
             kernel_.tracker->dispatch(
                 [this](std::string_view name) {
                     if (const std::optional<UnitId> unit = supervisor_.find(name)) {
                         queue_.emplace_back(
                             emptied_cgroup(*unit, supervisor_, *kernel_.tracker, kernel_.table));
                     }
                 },
                 [this](std::string_view name) { happened<OomKilled>(name); });
         }},
    };
    for (const Source& source : sources) {
        auto watch = loop_.watch(source.fd, source.order, source.handler);
        if (!watch) {
            return Failure{watch.error()};
        }
        watches_.push_back(std::move(*watch));
    }
    if (const auto watched = watch_notifications(); !watched) {
        return watched;
    }
    if (const auto watched = watch_mounts(); !watched) {
        log_.say(Severity::warning, to_string(watched.error()));
    }
    // The end of the turn looks at what is due; the timer only has to wake us.
    auto timer = loop_.timer(EventOrder::deadline, [] {});
    if (!timer) {
        return Failure{timer.error()};
    }
    deadline_ = std::move(*timer);
    return loop_.at_turn_end([this] { end_turn(); });
}

/// To a person who has started svcd by hand.
void Manager::greet() {
    if (kernel_.table.manager_starts() != 1 || options_.command || ::isatty(STDERR_FILENO) != 1) {
        return;
    }
    std::string folders;
    for (const std::string& folder : unit_path(options_)) {
        folders += (folders.empty() ? "" : ":") + folder;
    }
    const std::string socket = runtime_path(options_, "bus");
    const char* const which = options_.mode == RunMode::user ? " --user" : "";
    const bool is_default = options_.runtime_dir_given == false;
    log_.say(Severity::notice,
             "svcd " + std::string(version_text()) + " is up: " + std::to_string(units().size()) +
                 " units from " + folders + ", socket " + socket + ". Next: 'svctl" +
                 (is_default ? std::string(which) : " --runtime-dir=" + options_.runtime_dir) +
                 "' shows the units and their states");
}

// ── what the launcher passes on

/// Signals to a svcd that runs a command: one that stops it, or one that is passed on.
void Manager::handle_signals() {
    const std::uint64_t signals = kernel_.table.signals();
    const std::optional<UnitId> unit = supervisor_.find(options_.unit);
    if (signals == 0 || !options_.command || !unit) {
        return;
    }
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        const std::uint64_t bit = std::uint64_t{1} << (signal - 1);
        if ((signals & bit) == 0) {
            continue;
        }
        const bool stops = (options_.command->stop_signals & bit) != 0;
        const bool is_first = supervisor_.record().shutting_down == 0;
        if (stops && is_first) {
            ShutdownRequested event;
            event.requester.uid = ::getuid();
            event.requester.reason = "SIG" + signal_word(signal);
            event.signal = signal;
            queue_.emplace_back(std::move(event));
        } else if (!stops || supervisor_.status(*unit).sub_state != SubState::pre_stop) {
            KillRequested event;
            event.unit = *unit;
            event.signal = signal;
            event.whom = options_.command->forward_to_group ? KillRequested::Whom::group
                                                            : KillRequested::Whom::main;
            event.requester.uid = ::getuid();
            event.requester.reason = "SIG" + signal_word(signal) + " to svcd";
            queue_.emplace_back(std::move(event));
        }
        settle();
    }
    kernel_.table.clear_signals(signals);
}

void Manager::handle_requests() {
    handle_signals();
    const std::uint32_t bits = kernel_.table.requests();
    if (bits == 0) {
        return;
    }
    // Asking twice for these does no harm, and a request that comes while one is being carried out
    // must not be lost: forget them first.
    constexpr std::uint32_t kAgainIsHarmless = kRequestReload | kRequestReconnect | kRequestDump;
    kernel_.table.clear_requests(bits & kAgainIsHarmless);
    if ((bits & kRequestReload) != 0) {
        reload();
    }
    if ((bits & kRequestReconnect) != 0) {
        bus_.reconnect();
    }
    if ((bits & kRequestDump) != 0) {
        dump();
    }
    for (const StopRequest& stop : kStopRequests) {
        if ((bits & stop.bit) != 0) {
            request_shutdown(stop);
        }
    }
    for (const IsolateRequest& isolate : kIsolateRequests) {
        if ((bits & isolate.bit) != 0) {
            request_isolate(isolate.unit, isolate.reason);
        }
    }
    heard_requests_ |= bits & ~kAgainIsHarmless;
    settle();
}

void Manager::request_shutdown(const StopRequest& stop) {
    const bool is_first = kernel_.launcher == 1 && options_.mode == RunMode::system;
    ShutdownRequested event;
    event.kind = is_first ? stop.on_a_machine : stop.kind;
    event.requester.uid = ::getuid();
    event.requester.reason = stop.reason;
    event.hurry = stop.bit == kRequestHurry;
    queue_.emplace_back(std::move(event));
}

void Manager::request_isolate(const char* name, const char* reason) {
    const std::optional<UnitId> unit = load(name);
    if (!unit) {
        log_.say(Severity::error,
                 std::string(name) + " was asked for (" + reason + "), but there is no such unit");
        return;
    }
    JobRequested event;
    event.unit = *unit;
    event.mode = JobMode::isolate;
    event.requester.uid = ::getuid();
    event.requester.reason = reason;
    queue_.emplace_back(std::move(event));
}

// ── the end

/// The supervisor has ended: what clients are still to be told goes out, what units have left
/// behind is ended, and the launcher learns how to end. (Dying before that, we'd be started again,
/// find everything stopped, and come here again.)
void Manager::leave() {
    const Exit& exit = *runner_.exit();
    const Time end = supervisor_.shutdown_deadline();
    recorder_.leave();
    recorder_.flush();
    report_stops(options_.stop_report, supervisor_, kernel_.stops, log_);
    runner_.publish();
    loop_.run_ready(kDispatchesAtTheEnd);
    if (kernel_.launcher != 1) {
        if (exit.force) {
            kill_everything(kernel_.table, *kernel_.tracker, log_);
        } else {
            end_left_overs(kernel_.table, *kernel_.tracker, end - loop_.now(), log_);
        }
    }
    // Before the launcher knows: if we die from there on, nobody comes who would remove them. (If
    // we die here, the next manager makes them again.)
    for (const char* socket : {"bus", "owner-bus", "notify"}) {
        ::unlink(runtime_path(options_, socket).c_str());
    }
    kernel_.table.set_end({exit.status, exit.kind, exit.force, end});
    kernel_.tracker->remove_slices();
    // The state file is for the manager after a crash; after an orderly end there is nothing to go
    // on with, and the next svcd starts afresh. The records of stops stay: people ask for them.
    const std::string state = runtime_path(options_, "state");
    if (::unlink(state.c_str()) != 0 && errno != ENOENT) {
        log_.say(Severity::warning, to_string(Error{errno, "unlink", state, {}}));
    }
}

void Manager::dump() {
    log_.say(Severity::notice, "State: " + std::string(name_of(supervisor_.system_state())) + ", " +
                                   std::to_string(supervisor_.failed_units()) + " failed, " +
                                   std::to_string(spawner_.in_flight()) + " being started, " +
                                   std::to_string(kernel_.table.orphans_reaped()) +
                                   " orphans reaped, manager " +
                                   std::to_string(kernel_.table.manager_starts()));
    for (const UnitId unit : units()) {
        const UnitStatus status = supervisor_.status(unit);
        std::string line{name_of(status.load_state)};
        line += ' ';
        line += name_of(status.active_state);
        line += " (" + std::string(name_of(status.sub_state)) + "), result ";
        line += name_of(status.result);
        if (status.main.pid != 0) {
            line += ", main process " + std::to_string(status.main.pid);
        }
        if (status.control_pid != 0) {
            line += ", control process " + std::to_string(status.control_pid);
        }
        if (status.job) {
            line += ", job " + std::to_string(static_cast<std::uint32_t>(status.job->id)) + " " +
                    std::string(name_of(status.job->type)) + " " +
                    std::string(name_of(status.job->state));
        }
        log_.report(Severity::notice, std::string(status.name) + ": " + line);
    }
}

// ── loading

void Manager::apply(LoadOutcome& outcome) {
    const std::vector<std::string> names = UnitFiles::names_of(outcome.event);
    const timespec began = outcome.began;
    step(std::move(outcome.event));
    files_.remember(names, began);
}

void Manager::say_report(const ReloadReport& report) {
    for (const std::string& error : report.errors) {
        log_.report(Severity::error, error);
    }
    // The log's own word for it stands before each line.
    constexpr std::string_view kWord = ": warning: ";
    for (std::string warning : report.warnings) {
        if (const std::size_t word = warning.find(kWord); word < warning.find('\n')) {
            warning.replace(word, kWord.size(), ": ");
        }
        log_.report(Severity::warning, warning);
    }
}

}  // namespace svcd
