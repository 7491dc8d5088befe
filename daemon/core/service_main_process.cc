// Who the main process is, where svcd did not start it itself: of a forking service (by its PID
// file, or as the only process there is), and one that the service names (MAINPID=, sd_notify(3)).
#include <utility>

#include "core/service.h"

namespace svcd {
namespace {

/// How often a PID file is looked for while its service starts. There is nothing to wait on that
/// every file system has.
constexpr Duration kPidFileInterval{20'000};

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
    run_.identifying = Token::none;
    run_.named_pid = 0;
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
    run_.main_pid_last = found.pid;
    run_.main_started_at = machine_.now;
    run_.main_exited_at = Time{};
    run_.main_code = ExitCode::none;
    run_.main_status = 0;
    run_.check_deadline = kNever;
    machine_.touch(unit_);
    if (settings_.type == ServiceType::forking && !run_.control.is_there()) {
        if (unit_.sub_state == SubState::start) {
            enter_start_post();
        } else if (unit_.sub_state == SubState::start_post) {
            enter_running(UnitResult::success);
        }
    }
    machine_.update_deadline(unit_);
}

/// The main process has ended, and said before (by MAINPID=, or by its PID file) who goes on: a
/// daemon that has replaced its own program does so, and its successor was its child until now.
bool Service::hands_over(UnitResult result) {
    const bool by_file = settings_.type == ServiceType::forking && !settings_.pid_file.empty();
    if (unit_.sub_state != SubState::running || !unit_.populated ||
        run_.identifying != Token::none || (run_.named_pid == 0 && !by_file)) {
        return false;
    }
    const Pid named = std::exchange(run_.named_pid, 0);
    run_.handed_over_result = result;
    identify_main_process(
        named != 0 ? IdentifyMainProcess::How::named : IdentifyMainProcess::How::pid_file, named);
    return run_.identifying != Token::none;
}

/// It had named a main process, and there is none such. The one before it may have ended meanwhile.
void Service::go_on_without_named() {
    const bool is_without = !run_.main.is_there() && run_.main_known;
    if (traits(unit_.sub_state).stopping || unit_.sub_state == SubState::stop_wedged) {
        continue_stop(UnitResult::success);
    } else if (is_without && unit_.sub_state == SubState::running) {
        enter_running(std::exchange(run_.handed_over_result, UnitResult::success));
    } else if (is_without && unit_.sub_state == SubState::start && is_notify() &&
               !lives_by_cgroup()) {
        machine_.say(Severity::error, unit_, "its main process ended before READY=1");
        fail_start(UnitResult::protocol);
    } else if (is_without && !run_.control.is_there() && !lives_by_cgroup() &&
               (unit_.sub_state == SubState::start_post ||
                traits(unit_.sub_state).active == ActiveState::reloading)) {
        enter_stop(UnitResult::success);
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
        go_on_without_named();
        return;
    }
    const bool may_come_later =
        !is_start_post && first_command(settings_, CommandRole::start_post).has_value();
    if (settings_.pid_file.empty()) {
        enter_start_post();  // several processes, or none: it is known by its cgroup
    } else if (!unit_.populated) {
        machine_.say(Severity::error, unit_,
                     "its processes ended and left no PID file: " + to_string(error));
        is_start_post ? enter_stop(UnitResult::protocol) : fail_start(UnitResult::protocol);
    } else if (may_come_later) {
        enter_start_post();  // ExecStartPost may be what writes it
    } else {
        run_.check_deadline = after(machine_.now, kPidFileInterval);
        machine_.update_deadline(unit_);
    }
}

}  // namespace svcd
