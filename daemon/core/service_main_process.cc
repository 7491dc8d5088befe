// Who the main process is, where svcd did not start it itself: of a forking service (by its PID
// file, or as the only process there is), and one that the service names (MAINPID=, sd_notify(3)).
#include <algorithm>
#include <cstring>
#include <utility>

#include "core/service.h"

namespace svcd {
namespace {

/// How often a PID file is looked for while its service starts: at first. There is nothing to wait
/// on that every file system has.
constexpr Duration kPidFileInterval{20'000};
/// ... and at last, for it is looked for ever more rarely.
constexpr Duration kPidFileIntervalMost{250'000};
/// ... each time after so much of what it has been waited for already.
constexpr int kPidFileShare = 8;
/// A main process that is handed over to and lives no longer than this has only been named.
constexpr Duration kShortLife{1'000'000};
/// So often in a row it is looked who goes on after such a one. Then nobody does.
constexpr unsigned kShortLivesMax = 8;
/// How long a start waits at most for the parent of an adopted main process to reap it.
constexpr Duration kReapedWithin{10'000'000};
/// How often it is looked meanwhile: not every kernel tells when a zombie goes.
constexpr Duration kReapedInterval{50'000};

std::string reason_of(const Error& error) {
    return error.detail.empty() ? std::strerror(error.error_number) : error.detail;
}

}  // namespace

/// Of a forking service, once its parent process has ended.
void Service::look_for_main_process() {
    if (settings_.pid_file.empty() && !settings_.guess_main_pid) {
        enter_start_post();  // it is known by its cgroup
        return;
    }
    identify_main_process(settings_.pid_file.empty() ? IdentifyMainProcess::How::guess
                                                     : IdentifyMainProcess::How::pid_file,
                          0);
}

void Service::identify_main_process(IdentifyMainProcess::How how, Pid pid) {
    const Token token = machine_.processes.allocate(ProcessOwner{unit_.id, ProcessRole::main});
    if (token == Token::none) {
        return;
    }
    machine_.effects->supervisor_dirty = true;
    run_.identifying = token;
    machine_.order(IdentifyMainProcess{token, unit_.id, how, pid});
}

void Service::on_main_process_found(const MainProcessFound& found) {
    if (found.pid == run_.main_pid_last && found.start_time != 0 &&
        found.start_time == run_.unreaped_start_time) {
        on_main_process_not_found(
            Error{0, "take as main process", "PID " + std::to_string(found.pid), "it has ended"});
        return;
    }
    run_.identifying = Token::none;
    run_.named_pid = 0;
    run_.refused_main = {};
    run_.handed_over_result = UnitResult::success;
    forget_process(run_.main);
    run_.main = Process{};
    run_.main.token = found.process;
    run_.main.pid = found.pid;
    run_.main.start_time = found.start_time;
    run_.main.is_foreign = found.is_foreign;
    run_.main.executing = true;
    run_.main_known = true;
    run_.main_ran = true;
    run_.main_is_adopted = true;
    run_.main_has_moved = false;
    run_.main_pid_last = found.pid;
    run_.main_started_at = machine_.now;
    run_.main_exited_at = Time{};
    run_.main_code = ExitCode::none;
    run_.main_status = 0;
    run_.check_deadline = kNever;
    machine_.touch(unit_);
    const bool is_forking = settings_.type == ServiceType::forking;
    if (run_.control.is_there()) {
        machine_.update_deadline(unit_);
        return;
    }
    if (unit_.sub_state == SubState::reload && !run_.told_reloading) {
        finish_reload(UnitResult::success);  // which has waited for this
    } else if (is_forking && unit_.sub_state == SubState::start) {
        enter_start_post();
    } else if (is_forking && unit_.sub_state == SubState::start_post) {
        enter_running(UnitResult::success);
    }
    machine_.update_deadline(unit_);
}

/// The main process has ended, and said before (by MAINPID=, or by its PID file) who goes on: a
/// daemon that has replaced its own program does so, and its successor was its child until now.
bool Service::hands_over(UnitResult result) {
    const bool by_file = settings_.type == ServiceType::forking && !settings_.pid_file.empty();
    if (!is_up(unit_.active_state()) || run_.control.is_there() || !unit_.populated ||
        run_.identifying != Token::none || (run_.named_pid == 0 && !by_file)) {
        return false;
    }
    const bool was_short = machine_.now - run_.main_started_at < kShortLife;
    run_.short_lives = was_short ? run_.short_lives + 1 : 0;
    if (run_.short_lives > kShortLivesMax) {
        machine_.say(Severity::warning, unit_,
                     "the main processes that it names end as soon as they are named: it is not "
                     "looked for another");
        run_.short_lives = 0;
        run_.named_pid = 0;
        return false;
    }
    const Pid named = std::exchange(run_.named_pid, 0);
    run_.handed_over_result = result;
    identify_main_process(
        named != 0 ? IdentifyMainProcess::How::named : IdentifyMainProcess::How::pid_file, named);
    return run_.identifying != Token::none;
}

/// The main process has ended while ExecReload runs, which may have made it start a successor: that
/// is looked for when the command has ended.
bool Service::may_be_succeeded() const {
    return unit_.sub_state == SubState::reload && run_.control.is_there() && unit_.populated;
}

/// ExecReload is done, and the main process has ended meanwhile: is there a successor?
bool Service::looks_for_successor() {
    if (!run_.main_known || run_.main.is_there()) {
        return false;
    }
    return run_.identifying != Token::none || hands_over(result_of_last_main());
}

/// It had named a main process, and there is none such. The one before it may have ended meanwhile.
void Service::go_on_without_named() {
    const bool is_without = !run_.main.is_there() && run_.main_known;
    if (traits(unit_.sub_state).stopping || unit_.sub_state == SubState::stop_wedged) {
        continue_stop(UnitResult::success);
    } else if (is_without && (unit_.sub_state == SubState::running ||
                              (unit_.sub_state == SubState::reload && !run_.told_reloading &&
                               !run_.control.is_there()))) {
        enter_running(std::exchange(run_.handed_over_result, UnitResult::success));
    } else if (is_without && unit_.sub_state == SubState::start && is_notify() &&
               !lives_by_cgroup()) {
        blame(FailureKind::ended_before_ready);
        machine_.say(Severity::error, unit_, describe(failure_, settings_));
        fail_start(UnitResult::protocol);
    } else if (is_without && !run_.control.is_there() && !lives_by_cgroup() &&
               (unit_.sub_state == SubState::start_post ||
                traits(unit_.sub_state).active == ActiveState::reloading)) {
        enter_stop(result_of_last_main());
    }
}

void Service::on_main_process_not_found(const Error& error) {
    machine_.order(RetireProcess{run_.identifying});
    machine_.processes.retire(run_.identifying);
    run_.identifying = Token::none;
    machine_.touch(unit_);
    const bool is_start_post = unit_.sub_state == SubState::start_post;
    if ((unit_.sub_state != SubState::start && !is_start_post) ||
        settings_.type != ServiceType::forking || run_.control.is_there()) {
        machine_.say(Severity::warning, unit_,
                     "the main process it named is not taken: " + to_string(error));
        if (run_.named_pid != 0) {
            run_.refused_main = {run_.named_pid, reason_of(error)};
        }
        go_on_without_named();
        return;
    }
    const std::string why = reason_of(error);
    run_.pid_file_fault = error.subject == settings_.pid_file || error.subject.empty()
                              ? why
                              : "it names " + error.subject + ": " + why;
    const bool may_come_later =
        !is_start_post && first_command(settings_, CommandRole::start_post).has_value();
    if (settings_.pid_file.empty()) {
        enter_start_post();  // several processes, or none: it is known by its cgroup
    } else if (!unit_.populated) {
        blame(FailureKind::no_pid_file);
        failure_.detail = run_.pid_file_fault;
        machine_.say(Severity::error, unit_, describe(failure_, settings_));
        is_start_post ? enter_stop(UnitResult::protocol) : fail_start(UnitResult::protocol);
    } else if (may_come_later) {
        enter_start_post();  // ExecStartPost may be what writes it
    } else {
        const Duration waited = machine_.now - unit_.state_changed_at;
        run_.check_deadline =
            after(machine_.now,
                  std::clamp(waited / kPidFileShare, kPidFileInterval, kPidFileIntervalMost));
        machine_.update_deadline(unit_);
    }
}

/// The main process has ended and isn't the launcher's child. Until its parent (PID 1) reaps it,
/// its PID is taken: a daemon that finds it in its own PID file refuses to start beside it.
void Service::note_adopted_end() {
    if (run_.main.is_foreign && run_.main.pid != 0) {
        run_.unreaped_until = after(machine_.now, kReapedWithin);
        run_.unreaped_start_time = run_.main.start_time;
    }
}

/// Has the next start to wait for that? It is looked again, a while later.
bool Service::waits_for_reaping() {
    if (run_.unreaped_until == Time{}) {
        return false;
    }
    run_.unreaped_until = std::min(run_.unreaped_until, after(machine_.now, kReapedWithin));
    if (run_.unreaped_until <= machine_.now) {
        machine_.say(Severity::warning, unit_,
                     "its last main process (PID " + std::to_string(run_.main_pid_last) +
                         ") has ended, and its parent has not reaped it within 10 s: it is waited "
                         "for no longer");
        stop_waiting_for_reaping();
        return false;
    }
    machine_.order(LookIfReaped{unit_.id, run_.main_pid_last, run_.unreaped_start_time});
    const Time again = std::min(after(machine_.now, kReapedInterval), run_.unreaped_until);
    if (unit_.sub_state == SubState::auto_restart) {
        arm(std::max(run_.state_deadline == kNever ? again : run_.state_deadline, again));
    } else {
        run_.check_deadline = again;
        machine_.update_deadline(unit_);
    }
    return true;
}

void Service::stop_waiting_for_reaping() {
    run_.unreaped_until = Time{};
    run_.unreaped_start_time = 0;
    machine_.touch(unit_);
}

void Service::on_reaped(Pid pid) {
    if (run_.unreaped_until == Time{} || pid != run_.main_pid_last) {
        return;
    }
    stop_waiting_for_reaping();
    if (is_down(unit_.active_state())) {
        run_.check_deadline = kNever;
        machine_.update_deadline(unit_);
        machine_.queue_unit_job(unit_);
    }
}

}  // namespace svcd
