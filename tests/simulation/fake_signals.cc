// How the processes of the fake kernel take signals.
#include <algorithm>
#include <csignal>

#include "simulation/fake_kernel.h"

namespace svcd::simulation {

using namespace std::chrono_literals;

void FakeKernel::signal(std::size_t unit, const SignalUnit& order, Time now) {
    const auto send = [&](std::size_t place) {
        if (place != kNone) {
            take_signal(place, order.signal, now);
            if (order.then_hang_up) {
                take_signal(place, SIGHUP, now);
            }
        }
    };
    switch (order.scope) {
        case SignalScope::main:
        case SignalScope::group:  // nobody here makes a group of more than one
            send(place_of(order.main));
            return;
        case SignalScope::control:
        case SignalScope::checker:
            send(place_of(order.control));
            return;
        case SignalScope::both:
            send(place_of(order.main));
            send(place_of(order.control));
            return;
        case SignalScope::cgroup:
            break;
    }
    const std::vector<std::size_t> members = cgroups_[unit].members;  // it changes meanwhile
    for (const std::size_t place : members) {
        send(place);
    }
}

void FakeKernel::take_signal(std::size_t place, int signal, Time now) {
    Process& process = processes_[place];
    if (!process.alive) {
        return;
    }
    if (signal == SIGKILL) {
        take_kill(place, now);
        return;
    }
    if (!process.executing) {
        process.pending |= std::uint64_t{1} << signal;
        return;
    }
    if (signal == process.life.reload.signal && process.life.reload.signal != 0) {
        schedule(place, Due::Kind::reloading, after(now, process.life.reload.begin_after),
                 ExitCode::exited, 0);
        return;
    }
    const auto& stop_signals = process.life.stop_signals;
    if (std::find(stop_signals.begin(), stop_signals.end(), signal) != stop_signals.end()) {
        take_polite_signal(place, signal, now);
        return;
    }
    switch (signal) {
        case SIGTERM:
        case SIGINT:
        case SIGQUIT:
            take_polite_signal(place, signal, now);
            return;
        case SIGHUP:
            if (process.life.dies_of_hangup) {
                schedule(place, Due::Kind::end, now + 1ms, ExitCode::killed, signal);
            }
            return;
        case SIGABRT:
        case SIGSEGV:
            if (process.life.on_term != OnTerm::ignores) {
                schedule(place, Due::Kind::end, now + 200ms, ExitCode::dumped, signal);
            }
            return;
        default:
            return;  // handled by the program, to no visible effect
    }
}

void FakeKernel::take_polite_signal(std::size_t place, int signal, Time now) {
    Process& process = processes_[place];
    if (process.is_ending) {
        return;
    }
    if (process.life.says_stopping && process.life.on_term != OnTerm::dies) {
        notify(place, {0s, Act::stopping, ExitCode::exited, 0, 0s}, now);
    }
    if (process.life.bloats_in_stop) {
        schedule(place, Due::Kind::bloated, now + random_.between(0us, 600ms), ExitCode::exited, 0);
    }
    process.is_ending = process.life.on_term != OnTerm::ignores;
    const Time later = after(now, process.life.term_delay);
    switch (process.life.on_term) {
        case OnTerm::dies:
            schedule(place, Due::Kind::end, now + random_.between(0us, 2ms),
                     signal == SIGQUIT ? ExitCode::dumped : ExitCode::killed, signal);
            return;
        case OnTerm::exits:
            schedule(place, Due::Kind::end, later, ExitCode::exited, 0);
            return;
        case OnTerm::exits143:
            schedule(place, Due::Kind::end, later, ExitCode::exited, 128 + signal);
            return;
        case OnTerm::fails:
            schedule(place, Due::Kind::end, later, ExitCode::exited, 1);
            return;
        case OnTerm::ignores:
            return;
    }
}

void FakeKernel::take_kill(std::size_t place, Time now) {
    Process& process = processes_[place];
    if (process.kill_at != kNever) {
        return;
    }
    const bool waits = process.life.survives_kill > 0s && !healed_;
    process.kill_at = now + (waits ? process.life.survives_kill : random_.between(0us, 1ms));
    schedule(place, Due::Kind::end, process.kill_at, ExitCode::killed, SIGKILL);
}

void FakeKernel::ask_main_to_end(std::size_t unit, Time now) {
    for (const std::size_t place : cgroups_[unit].members) {
        const Process& process = processes_[place];
        if (process.token != Token::none && process.role == ProcessRole::main &&
            process.executing && process.life.on_term != OnTerm::ignores) {
            processes_[place].is_ending = true;
            schedule(place, Due::Kind::end, after(now, process.life.term_delay), ExitCode::exited,
                     0);
        }
    }
}

void FakeKernel::kill_from_outside(std::size_t unit, Time now) {
    for (const std::size_t place : cgroups_[unit].members) {
        take_kill(place, now);
    }
}

void FakeKernel::heal(Time now) {
    healed_ = true;
    for (std::size_t place = 0; place < processes_.size(); ++place) {
        const Process& process = processes_[place];
        if (!process.alive) {
            continue;
        }
        if (process.kill_at != kNever) {
            schedule(place, Due::Kind::end, now, ExitCode::killed, SIGKILL);
        } else if (!process.executing && process.life.exec_after == kInfinity) {
            schedule(place, Due::Kind::exec, now, ExitCode::exited, 0);
        }
    }
}

}  // namespace svcd::simulation
