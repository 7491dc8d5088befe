// How long a stop may take: TimeoutStopSec, less where the shutdown budget is short, more where the
// service asks for it or a core dump is being written.
#include <algorithm>
#include <csignal>
#include <string>
#include <utility>

#include "core/reload_signal.h"
#include "core/service.h"

namespace svcd {
namespace {

/// So long before the deadline it is looked whether a core dump is being written.
constexpr Duration kLookBefore{200'000};
/// A core dump that is being written holds SIGKILL back for so long; then it is looked again.
constexpr Duration kDumpStep{1'000'000};
/// How long SIGKILL to a cgroup as a whole may take at most to end all of it.
constexpr Duration kFirstKillWaitMost{200'000};
/// What a stop used of its limit is warned of from here on, each once.
constexpr std::uint8_t kWarnPercents[] = {80, 50};

}  // namespace

std::string seconds_of(Duration duration) {
    constexpr std::int64_t kTenth = 100'000;
    const std::int64_t usec = duration.count();
    if (usec < 10 * kTenth) {
        return std::to_string(usec / 1000) + " ms";
    }
    const std::int64_t tenths = usec / kTenth;
    const bool is_whole = tenths % 10 == 0;
    return std::to_string(tenths / 10) + (is_whole ? "" : "." + std::to_string(tenths % 10)) + " s";
}

Duration signal_share(Duration limit) {
    return std::min<Duration>(limit / 3, Duration{10'000'000});
}

void Service::begin_stop_clock(StopClock clock) {
    if (!traits(unit_.sub_state).stopping) {
        run_.stop_began_at = machine_.now;
        // A start that fails before there is a main process has stopped nothing.
        run_.stop_is_measured =
            is_alive() && (run_.main.is_there() || !traits(unit_.sub_state).starting);
        run_.asked_to_stop = false;
        run_.gave_up_waiting = false;
    }
    if (run_.stop_deadline == kNever) {
        run_.stop_limit = machine_.granted(unit_, settings_.timeout_stop, clock);
        run_.stop_deadline = after(machine_.now, run_.stop_limit);
        run_.empty_since = kNever;
        if (run_.stop_limit < settings_.timeout_stop && has_processes()) {
            machine_.say(Severity::notice, unit_,
                         "its stop gets " + limit_text() + ", not TimeoutStopSec");
        }
    }
    run_.watchdog_deadline = kNever;
    if (run_.empty_since == kNever) {
        run_.check_deadline = kNever;
    }
}

Machine::StopClock Service::stop_clock() const {
    const bool is_post = unit_.sub_state == SubState::stop_post || traits(unit_.sub_state).final;
    return is_post ? StopClock::post : StopClock::stop;
}

/// Until when ExecStop or ExecStopPost may run: then the stop signal is due.
Time Service::command_deadline() const {
    return run_.stop_deadline == kNever ? kNever
                                        : run_.stop_deadline - signal_share(run_.stop_limit);
}

/// How long a process may outlive SIGKILL.
Duration Service::kill_wait() const {
    return std::max(machine_.granted(unit_, machine_.options.kill_grace, stop_clock()),
                    kStopReserve);
}

/// Has the SIGKILL that was sent to the cgroup as a whole to be followed by one to each process?
bool Service::kills_one_by_one() const {
    const bool is_for_main_alone = asks_left_overs() && run_.main.is_there();
    return waits_for_cgroup() && settings_.final_kill_signal == SIGKILL &&
           !run_.killed_one_by_one && !is_for_main_alone;
}

/// So soon after it.
Duration Service::first_kill_wait() const {
    return std::min<Duration>(kill_wait() / 4, kFirstKillWaitMost);
}

/// "TimeoutStopSec (90 s)"
std::string Service::limit_text() const {
    const bool aborts = traits(unit_.sub_state).asking == Asking::to_abort;
    const bool is_for_rest = traits(unit_.sub_state).final && asks_left_overs();
    const Duration usual = is_for_rest ? *settings_.rarely().leftover_timeout
                           : aborts    ? settings_.timeout_abort.value_or(settings_.timeout_stop)
                                       : settings_.timeout_stop;
    const std::string limit = seconds_of(run_.stop_limit);
    if (run_.stop_limit < usual) {
        return "the " + limit + " that the shutdown budget leaves it";
    }
    return std::string(is_for_rest ? "LeftoverTimeoutSec"
                       : aborts    ? "TimeoutAbortSec"
                                   : "TimeoutStopSec") +
           " (" + limit + ")";
}

void Service::fit_into_budget() {
    if (!traits(unit_.sub_state).stopping) {
        return;
    }
    machine_.touch(unit_);
    const Time now = machine_.now;
    const bool kills = traits(unit_.sub_state).asking == Asking::kill;
    if (kills) {
        run_.state_deadline = std::min(run_.state_deadline, after(now, kill_wait()));
        machine_.update_deadline(unit_);
        return;
    }
    const Duration left =
        run_.stop_deadline == kNever ? kInfinity : std::max(run_.stop_deadline - now, Duration{0});
    const Duration share = machine_.granted(unit_, left, stop_clock());
    if (share >= left) {
        return;
    }
    run_.stop_deadline = after(now, share);
    run_.stop_limit =
        stop_clock() == StopClock::stop ? run_.stop_deadline - run_.stop_began_at : share;
    Time until = run_.stop_deadline;
    if (unit_.sub_state == SubState::pre_stop) {
        until = now + share / 2;
    } else if (traits(unit_.sub_state).asking == Asking::nothing) {
        until = command_deadline();
    }
    arm(std::min(run_.state_deadline, until));
    if (run_.look_at != kNever) {
        look_for_core_dump_before(run_.stop_deadline);
    }
}

/// EXTEND_TIMEOUT_USEC=. During a shutdown with a budget no more than what others don't need.
void Service::extend_timeout(Duration more) {
    const bool stops = traits(unit_.sub_state).stopping;
    if (traits(unit_.sub_state).asking == Asking::kill) {
        return;  // too late
    }
    const Duration most = stops ? machine_.slack(unit_, stop_clock()) : kInfinity;
    if (most < more) {
        machine_.say(Severity::notice, unit_,
                     "asks for " + seconds_of(more) + " more, and the shutdown budget has " +
                         seconds_of(most));
    }
    const Time until = after(machine_.now, std::min(more, most));
    if (unit_.sub_state != SubState::pre_stop) {  // which lasts no longer for that
        run_.state_deadline = std::max(run_.state_deadline, until);
    }
    if (traits(unit_.sub_state).starting) {
        run_.state_extended_to = run_.state_deadline;
    }
    if (stops && run_.stop_deadline != kNever) {
        // An ExecStop that asks for more leaves the time after the stop signal as it was.
        const bool is_command = traits(unit_.sub_state).asking == Asking::nothing;
        const Duration share = is_command ? signal_share(run_.stop_limit) : Duration{0};
        run_.stop_deadline = std::max(run_.stop_deadline, after(until, share));
        if (run_.look_at != kNever) {
            look_for_core_dump_before(run_.stop_deadline);
        }
    }
    machine_.update_deadline(unit_);
}

void Service::look_for_core_dump_before(Time deadline) {
    run_.look_at = deadline == kNever
                       ? kNever
                       : deadline - std::min<Duration>(kLookBefore, run_.stop_limit / 10);
    machine_.update_deadline(unit_);
}

/// A core dump that is being written is progress, for TimeoutAbortSec: killed, it would be cut off.
void Service::on_core_dumping() {
    const Asking asking = traits(unit_.sub_state).asking;
    if ((asking != Asking::to_end && asking != Asking::to_abort) || run_.stop_deadline == kNever) {
        return;
    }
    const Time now = machine_.now;
    machine_.touch(unit_);
    if (run_.dump_until == kNever) {
        const Duration most = machine_.granted(
            unit_, settings_.timeout_abort.value_or(settings_.timeout_stop), stop_clock());
        run_.dump_until = std::min(after(now, most), kNever - Duration{1});
        machine_.say(
            Severity::notice, unit_,
            "a core dump is being written: SIGKILL waits for it" +
                (most == kInfinity ? std::string{}
                                   : ", " + seconds_of(most) + " at most (TimeoutAbortSec)"));
    }
    const Time until = std::min(after(now, kDumpStep), run_.dump_until);
    if (until > run_.stop_deadline) {
        run_.stop_deadline = until;
        arm(until);
        look_for_core_dump_before(until);
    }
}

/// The stop is over but for ExecStopPost, which has a limit of its own: how long it took is
/// remembered, and said when it came near the limit.
void Service::measure_stop() {
    if (!std::exchange(run_.stop_is_measured, false)) {
        return;
    }
    const Duration took = machine_.now - run_.stop_began_at;
    run_.stop_times.add(took);
    machine_.touch(unit_);
    const Duration limit = settings_.timeout_stop;
    if (limit == kInfinity || limit == Duration{0} || run_.sigkill_sent || run_.gave_up_waiting ||
        unit_.result == UnitResult::timeout) {
        return;
    }
    const std::string comes = settings_.timeout_stop_failure_mode == TimeoutFailureMode::abort
                                  ? "get " + signal_text(settings_.watchdog_signal)
                              : may_kill() ? "get " + signal_text(settings_.final_kill_signal)
                                           : std::string{"be left over"};
    // Time to drain is time that was meant to be used.
    const Duration drained = std::min(settings_.rarely().pre_stop_delay, took);
    for (const std::uint8_t percent : kWarnPercents) {
        if (took - drained >= (limit - drained) / 100 * percent && run_.warned_percent < percent) {
            run_.warned_percent = percent;
            machine_.say(Severity::warning, unit_,
                         "its stop took " + seconds_of(took) + " of TimeoutStopSec (" +
                             seconds_of(limit) + "): beyond that it would " + comes + ". Raise " +
                             "TimeoutStopSec, or see what it waits for with `svctl explain`");
            return;
        }
    }
}

}  // namespace svcd
