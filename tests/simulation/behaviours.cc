#include "simulation/behaviours.h"

namespace svcd::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::array<Duration, 6> kMoments = {0ms, 1ms, 20ms, 300ms, 1500ms, 4s};
constexpr std::array<Duration, 5> kLives = {5ms, 100ms, 1s, 6s, 30s};
constexpr std::array<int, 6> kCrashes = {SIGSEGV, SIGKILL, SIGTERM, SIGHUP, SIGPIPE, SIGINT};

Doing exit_with(Duration after, int status) {
    return {after, Act::exit, ExitCode::exited, status, 0s};
}

Doing draw_crash(Random& random, Duration after) {
    switch (random.below(4)) {
        case 0:
            return {after, Act::exit, ExitCode::dumped, SIGABRT, 0s};
        case 1:
            return {after, Act::exit, ExitCode::killed, random.pick(kCrashes), 0s};
        case 2:
            return exit_with(after, 1);
        default:
            return exit_with(after, static_cast<int>(random.below(256)));
    }
}

Doing just(Duration after, Act act, Duration span = 0s) {
    return {after, act, ExitCode::exited, 0, span};
}

void add_children(Life& life, Random& random, const Temper& temper) {
    if (temper.leaves_helpers) {
        life.add(just(random.pick(kMoments), Act::fork_helper));
    }
    if (temper.leaves_strays && random.percent(60)) {
        life.add(just(random.pick(kMoments), Act::fork_stray));
    }
    if (random.percent(10)) {
        life.add(just(random.pick(kMoments), Act::fork_brief, random.pick(kLives)));
    }
}

/// The end of a main process that ends by itself, if it does.
void add_end(Life& life, Random& random, const LifeRequest& request) {
    const Duration age = request.calm ? 20s : random.pick(kLives);
    if (request.temper.crashes) {
        life.add(draw_crash(random, age));
    } else if (request.temper.finishes) {
        life.add(exit_with(age, 0));
    }
}

void add_watchdog(Life& life, Random& random, const LifeRequest& request) {
    const Duration interval = request.settings->watchdog;
    if (interval <= 0s || !request.temper.pings) {
        return;
    }
    const std::uint8_t first = life.count;
    life.add(just(interval / 2, Act::watchdog));
    if (!request.temper.pings_stop) {
        life.repeat_from = first;
    } else if (random.percent(20)) {
        life.add(just(interval / 2, Act::watchdog_trigger));
    }
}

void draw_notify(Life& life, Random& random, const LifeRequest& request) {
    const Temper& temper = request.temper;
    if (random.percent(15)) {
        life.add(just(random.pick(kMoments), Act::status));
    }
    if (random.percent(15)) {
        life.add(just(random.pick(kMoments), Act::extend, random.between(100ms, 4s)));
    }
    if (temper.changes_main) {
        life.add(just(random.pick(kMoments), Act::fork_daemon));
        life.add(
            just(random.pick(kMoments), random.percent(75) ? Act::main_pid : Act::main_pid_bad));
    }
    if (random.percent(6)) {
        life.add(just(random.pick(kMoments), Act::watchdog_interval, random.between(300ms, 3s)));
    }
    if (temper.ready_never && !request.calm) {
        return;
    }
    life.add(just(temper.ready_late && !request.calm ? 8s : random.pick(kMoments), Act::ready));
    if (temper.changes_main && random.percent(50)) {
        life.add(exit_with(random.pick(kMoments), 0));  // leaves the daemon alone
        return;
    }
    if (random.percent(25)) {
        life.add(
            just(random.pick(kLives), random.percent(60) ? Act::reloading : Act::reloading_now));
        if (!random.percent(15)) {
            life.add(just(random.pick(kMoments), Act::ready));
        }
    }
    if (random.percent(5)) {
        life.add(just(random.pick(kLives), Act::stopping));
    }
}

/// How a Type=notify-reload service answers its ReloadSignal: mostly as it has to.
void draw_reload(Life& life, Random& random, const LifeRequest& request) {
    ReloadAnswer& reload = life.reload;
    reload.signal = request.settings->reload_signal;
    reload.begins = Act::reloading_now;
    reload.begin_after = random.pick(kMoments);
    reload.end_after = random.pick(kMoments);
    if (random.percent(25)) {
        constexpr std::array<Act, 4> kOdd = {Act::reloading, Act::reloading_stale, Act::ready,
                                             Act::exit};
        reload.begins = random.pick(kOdd);
    }
    if (!request.calm && random.percent(10)) {
        reload.ends = false;
    } else if (!request.calm && random.percent(10)) {
        reload.signal = 0;
    }
}

void draw_dbus(Life& life, Random& random, const LifeRequest& request) {
    const Temper& temper = request.temper;
    if (temper.ready_never && !request.calm) {
        return;
    }
    if (random.percent(10)) {
        life.add(just(random.pick(kMoments), Act::fork_daemon));
    }
    if (random.percent(15)) {
        life.add(just(random.pick(kMoments), Act::reloading));  // heard with NotifyAccess
    }
    life.add(just(temper.ready_late && !request.calm ? 8s : random.pick(kMoments), Act::take_name));
    if (random.percent(15)) {
        life.add(just(random.pick(kLives), Act::drop_name));
        if (random.percent(50)) {
            life.add(just(random.pick(kMoments), Act::take_name));
        }
    }
}

void draw_forking(Life& life, Random& random, const LifeRequest& request) {
    const Temper& temper = request.temper;
    if (random.percent(8)) {
        life.add(exit_with(random.pick(kMoments), 1));
        return;
    }
    add_children(life, random, temper);
    if (!random.percent(6)) {
        life.add(just(random.pick(kMoments), Act::fork_daemon));
    }
    if (temper.weird_pid_file) {
        life.add(just(0s, Act::pid_file_bad));
    } else if (!random.percent(5)) {
        life.add(just(0s, Act::pid_file));
    }
    if (temper.ready_never && !request.calm) {
        return;
    }
    life.add(exit_with(random.pick(kMoments), 0));
}

void draw_main(Life& life, Random& random, const LifeRequest& request) {
    const Temper& temper = request.temper;
    switch (request.settings->type) {
        case ServiceType::oneshot:
            add_children(life, random, temper);
            if (temper.ready_never && !request.calm) {
                return;
            }
            life.add(temper.crashes && random.percent(60)
                         ? draw_crash(random, random.pick(kMoments))
                         : exit_with(random.pick(kMoments), 0));
            return;
        case ServiceType::forking:
            draw_forking(life, random, request);
            return;
        case ServiceType::notify:
            draw_notify(life, random, request);
            break;
        case ServiceType::notify_reload:
            draw_notify(life, random, request);
            draw_reload(life, random, request);
            break;
        case ServiceType::dbus:
            draw_dbus(life, random, request);
            break;
        case ServiceType::simple:
        case ServiceType::exec:
        case ServiceType::idle:
            if (random.percent(5)) {
                life.add(just(random.pick(kMoments), Act::ready));  // says so, though nobody asked
            }
            break;
    }
    add_children(life, random, temper);
    add_end(life, random, request);
    add_watchdog(life, random, request);
}

void draw_control(Life& life, Random& random, const LifeRequest& request) {
    if (request.role == CommandRole::stop && random.percent(60)) {
        life.add(just(random.pick(kMoments), Act::stop_main));
    }
    if (request.role == CommandRole::start_pre && random.percent(5)) {
        life.add(just(0s, Act::fork_helper));
    }
    if (random.percent(6)) {
        constexpr std::array<Act, 4> kSaid = {Act::ready, Act::status, Act::extend, Act::stopping};
        life.add(just(random.pick(kMoments), random.pick(kSaid), 1s));
    }
    if (request.temper.commands_hang && random.percent(40) && !request.calm) {
        return;
    }
    if (request.temper.commands_fail && random.percent(40)) {
        life.add(draw_crash(random, random.pick(kMoments)));
        return;
    }
    life.add(exit_with(random.pick(kMoments), 0));
}

void draw_faulty(Life& life, Random& random, const LifeRequest& request) {
    if (request.calm) {
        return;
    }
    if (request.faults.has(Fault::hanging_exec) && random.percent(3)) {
        life.exec_after = kInfinity;
    }
    if (request.faults.has(Fault::unkillable) && random.percent(10)) {
        life.survives_kill = random.between(1s, kLongestUnkillable);
    }
    if (request.faults.has(Fault::out_of_memory)) {
        life.bloats_in_stop = random.percent(15);
        if (random.percent(8)) {
            life.add(just(random.pick(kMoments), Act::out_of_memory));
        }
    }
}

}  // namespace

Temper draw_temper(Random& random) {
    Temper temper;
    constexpr std::array<OnTerm, 10> kOnTerm = {
        OnTerm::dies,  OnTerm::dies,     OnTerm::dies,  OnTerm::exits,   OnTerm::exits,
        OnTerm::exits, OnTerm::exits143, OnTerm::fails, OnTerm::ignores, OnTerm::ignores};
    temper.on_term = random.pick(kOnTerm);
    temper.term_delay = random.percent(20) ? Duration{12s} : random.pick(kMoments);
    temper.leaves_helpers = random.percent(20);
    temper.leaves_strays = random.percent(12);
    temper.crashes = random.percent(20);
    temper.finishes = random.percent(10);
    temper.ready_late = random.percent(10);
    temper.ready_never = random.percent(8);
    temper.changes_main = random.percent(15);
    temper.weird_pid_file = random.percent(15);
    temper.pings = random.percent(85);
    temper.pings_stop = random.percent(30);
    temper.commands_fail = random.percent(20);
    temper.commands_hang = random.percent(12);
    constexpr std::array<unsigned, 4> kConditionsFail = {0, 10, 50, 100};
    temper.conditions_fail = random.pick(kConditionsFail);
    temper.conditions_hang = random.percent(10);
    return temper;
}

Life draw_life(Random& random, const LifeRequest& request) {
    Life life;
    life.on_term = random.percent(85) ? request.temper.on_term : OnTerm::dies;
    life.term_delay = request.temper.term_delay;
    life.dies_of_hangup = random.percent(10);
    life.says_stopping = random.percent(20);
    life.exec_after = random.between(50us, 3ms);
    life.stop_signals = {request.settings->kill_signal, request.settings->restart_kill_signal};
    draw_faulty(life, random, request);
    if (request.role == CommandRole::start) {
        draw_main(life, random, request);
    } else {
        draw_control(life, random, request);
    }
    return life;
}

Life draw_look(Random& random, const LifeRequest& request, std::size_t conditions) {
    Life life;
    life.exec_after = random.between(50us, 3ms);
    draw_faulty(life, random, request);
    if (request.temper.conditions_hang && !request.calm && random.percent(40)) {
        return life;
    }
    if (random.percent(3)) {
        life.add(draw_crash(random, random.pick(kMoments)));
        return life;
    }
    const bool fails = random.percent(request.temper.conditions_fail);
    life.add(exit_with(random.percent(60) ? Duration{1ms} : random.pick(kMoments),
                       fails ? 1 + static_cast<int>(random.below(conditions)) : 0));
    return life;
}

Life child_life(Random& random, Act fork, Duration span, const Life& parent) {
    Life life;
    life.on_term = fork == Act::fork_stray ? OnTerm::ignores : parent.on_term;
    life.term_delay = parent.term_delay;
    life.survives_kill = parent.survives_kill;
    life.says_stopping = parent.says_stopping;
    life.stop_signals = parent.stop_signals;
    life.reload = fork == Act::fork_daemon ? parent.reload : ReloadAnswer{};
    if (fork == Act::fork_brief) {
        life.add(exit_with(span, 0));
    } else if (fork == Act::fork_daemon && random.percent(20)) {
        life.add(draw_crash(random, random.pick(kLives)));
    } else if (fork == Act::fork_helper && random.percent(20)) {
        life.add(exit_with(random.pick(kLives), 0));
    }
    return life;
}

}  // namespace svcd::simulation
