// What an exit means, and whether a restart follows (systemd.service(5), Restart=, and its table of
// exit causes).
#include <algorithm>
#include <cmath>
#include <csignal>

#include "core/service.h"

namespace svcd {
namespace {

bool contains(const ExitStatusSet& set, ExitCode code, int status) {
    const auto index = static_cast<std::size_t>(std::max(status, 0));
    switch (code) {
        case ExitCode::exited:
            return index < set.statuses.size() && set.statuses.test(index);
        case ExitCode::killed:
        case ExitCode::dumped:
            return index < set.signals.size() && set.signals.test(index);
        case ExitCode::none:
        case ExitCode::unknown:
            return false;
    }
    return false;
}

/// The signals that end a daemon by custom.
bool ends_a_daemon(int signal) {
    return signal == SIGHUP || signal == SIGINT || signal == SIGTERM || signal == SIGPIPE;
}

/// A service that ran for so long ran well: the next crash is a first one again.
constexpr Duration kRanWell{30'000'000};

}  // namespace

void Service::note_result(UnitResult result) {
    if (unit_.result == UnitResult::success && result != UnitResult::success) {
        unit_.result = result;
        run_.failure = failure_;
        machine_.touch(unit_);
    }
}

/// Rule of ours: death by the stop signal that we sent, or exit status 128 + its number, is clean.
bool Service::is_answer_to_stop(ExitCode code, int status) const {
    const bool was_sent = traits(unit_.sub_state).stopping &&
                          unit_.sub_state != SubState::pre_stop &&
                          unit_.sub_state != SubState::stop;
    if (!was_sent) {
        return false;
    }
    const auto answers = [&](int signal) {
        return signal != 0 &&
               (((code == ExitCode::killed || code == ExitCode::dumped) && status == signal) ||
                (code == ExitCode::exited && status == 128 + signal));
    };
    return answers(settings_.kill_signal) || answers(settings_.restart_kill_signal);
}

UnitResult Service::result_of_exit(ExitCode code, int status, bool is_daemon) const {
    const bool is_listed =
        code != ExitCode::dumped && contains(settings_.rarely().success_exit_status, code, status);
    if (is_listed || is_answer_to_stop(code, status)) {
        return UnitResult::success;
    }
    switch (code) {
        case ExitCode::exited:
            return status == 0 ? UnitResult::success : UnitResult::exit_code;
        case ExitCode::killed:
            return is_daemon && ends_a_daemon(status) ? UnitResult::success : UnitResult::signal;
        case ExitCode::dumped:
            return UnitResult::core_dump;
        case ExitCode::unknown:
            // Asked to end, it has done so. Unasked, the worse guess is the cheaper mistake: a
            // service that is started once too often, not one that stays down.
            return traits(unit_.sub_state).stopping ? UnitResult::success
                                                    : UnitResult::exit_unknown;
        case ExitCode::none:
            return UnitResult::success;
    }
    return UnitResult::success;
}

UnitResult Service::result_of_main(ExitCode code, int status) const {
    const Command* command = command_at(run_.main.command);
    if (run_.main_is_adopted) {
        const auto started_by = first_command(settings_, CommandRole::start);
        command = started_by.has_value() ? command_at(*started_by) : nullptr;
    }
    if (command != nullptr && command->ignore_failure) {
        return UnitResult::success;
    }
    return result_of_exit(code, status, settings_.type != ServiceType::oneshot);
}

/// Of the main process that this life had last, once that has ended.
UnitResult Service::result_of_last_main() const {
    const bool has_ended =
        run_.main_known && !run_.main.is_there() && run_.main_code != ExitCode::none;
    const auto started_by = first_command(settings_, CommandRole::start);
    const Command* command = started_by.has_value() ? command_at(*started_by) : nullptr;
    if (!has_ended || (command != nullptr && command->ignore_failure)) {
        return UnitResult::success;
    }
    return result_of_exit(run_.main_code, run_.main_status, settings_.type != ServiceType::oneshot);
}

UnitResult Service::result_of_control(ExitCode code, int status) const {
    const Command* command = command_at(run_.control.command);
    if (command != nullptr && command->ignore_failure) {
        return UnitResult::success;
    }
    const bool is_daemon = command != nullptr && command->role == CommandRole::start;
    const UnitResult result = result_of_exit(code, status, is_daemon);
    const bool skips =
        unit_.sub_state == SubState::condition && result == UnitResult::exit_code && status < 255;
    return skips ? UnitResult::exec_condition : result;
}

// ── restarts

bool is_restart(RestartRule rule) {
    return rule != RestartRule::none && rule != RestartRule::prevented;
}

/// What Restart says of such a result.
static RestartRule rule_of(RestartPolicy policy, UnitResult result) {
    switch (policy) {
        case RestartPolicy::no:
            return RestartRule::none;
        case RestartPolicy::always:
            return result == UnitResult::exec_condition ? RestartRule::none : RestartRule::always;
        case RestartPolicy::on_success:
            return result == UnitResult::success ? RestartRule::on_success : RestartRule::none;
        case RestartPolicy::on_failure:
            return is_failure(result) ? RestartRule::on_failure : RestartRule::none;
        case RestartPolicy::on_abnormal:
            return is_failure(result) && result != UnitResult::exit_code ? RestartRule::on_abnormal
                                                                         : RestartRule::none;
        case RestartPolicy::on_abort:
            return result == UnitResult::signal || result == UnitResult::core_dump
                       ? RestartRule::on_abort
                       : RestartRule::none;
        case RestartPolicy::on_watchdog:
            return result == UnitResult::watchdog ? RestartRule::on_watchdog : RestartRule::none;
    }
    return RestartRule::none;
}

RestartRule Service::restart_rule() const {
    if (run_.forbid_restart) {
        return RestartRule::none;
    }
    const RareServiceSettings& settings = settings_.rarely();
    const RestartRule rule =
        contains(settings.restart_force_exit_status, run_.main_code, run_.main_status)
            ? RestartRule::forced
            : rule_of(settings_.restart, unit_.result);
    const bool is_prevented =
        contains(settings.restart_prevent_exit_status, run_.main_code, run_.main_status);
    return rule != RestartRule::none && is_prevented ? RestartRule::prevented : rule;
}

bool Service::shall_restart() const {
    return is_restart(restart_rule());
}

/// RestartSec at first, RestartMaxDelaySec after RestartSteps restarts, and geometrically from one
/// to the other in between (systemd.service(5), RestartSteps=).
Duration Service::restart_delay() const {
    const Duration first = settings_.restart_delay;
    const Duration last = settings_.restart_max_delay;
    if (run_.backoff == 0 || settings_.restart_steps == 0 || first <= Duration{0} ||
        last == kInfinity || first >= last) {
        return first;
    }
    if (run_.backoff >= settings_.restart_steps) {
        return last;
    }
    const double ratio = static_cast<double>(last.count()) / static_cast<double>(first.count());
    const double share =
        static_cast<double>(run_.backoff) / static_cast<double>(settings_.restart_steps);
    return Duration{
        static_cast<Duration::rep>(static_cast<double>(first.count()) * std::pow(ratio, share))};
}

/// What RestartRandomizedDelaySec adds, so that what fell together does not come up together.
Duration Service::random_delay() {
    const Duration most = settings_.rarely().restart_randomized_delay;
    if (most <= Duration{0} || most == kInfinity) {
        return Duration{0};
    }
    const auto choices = static_cast<std::uint64_t>(most.count()) + 1;
    return Duration{static_cast<Duration::rep>(machine_.random() % choices)};
}

/// One more step of the back-off, or the first again when the life that has ended ran well.
void Service::count_restart() {
    const Duration ran_well = settings_.restart_max_delay == kInfinity
                                  ? kRanWell
                                  : std::max(kRanWell, settings_.restart_max_delay);
    const bool was_up = unit_.active_enter_at >= unit_.inactive_exit_at;
    if (was_up && machine_.now - unit_.active_enter_at >= ran_well) {
        run_.backoff = 0;
    }
}

bool Service::has_start_limit() const {
    return unit_.definition.start_limit_interval > Duration{0} &&
           unit_.definition.start_limit_burst > 0;
}

/// Does the limit forbid a start now?
bool Service::is_at_start_limit() {
    if (!has_start_limit()) {
        return false;
    }
    const Duration interval = unit_.definition.start_limit_interval;
    std::erase_if(run_.starts, [&](Time start) { return after(start, interval) <= machine_.now; });
    return run_.starts.size() >= unit_.definition.start_limit_burst;
}

void Service::count_start() {
    if (has_start_limit()) {
        run_.starts.push_back(machine_.now);
    }
}

}  // namespace svcd
