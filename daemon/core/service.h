// The service state machine: what systemd.service(5) describes, as transitions.
//
// `Service` is a view: it is made for a call, works on the unit's ServiceRun, and holds nothing but
// what is to blame in that call if the unit fails.
// Each enter_*() carries out what entering that state means and, when there is nothing to do in it,
// goes straight on to the next; a failure on the way enters the state that cleans up. Which state
// may follow which stands in service_edges.h.
//
// One deadline a stop (units.md, "Rules of ours"): ExecStop and the time after the stop signal
// share TimeoutStopSec, and a stop has ended when the cgroup is empty (KillMode control-group and
// mixed), not when the main process is.
#pragma once

#include <optional>

#include "core/machine.h"

namespace svcd {

/// The first command of a role, as an index of ServiceSettings::commands.
std::optional<std::uint16_t> first_command(const ServiceSettings& settings, CommandRole role);
/// ExecStop may take the stop's time but for this share of it (at most 10 s): then the stop signal
/// is due, so that no process gets SIGKILL without having had its SIGTERM.
Duration signal_share(Duration limit);

/// What the failure would be if the time of the unit's start were over now.
UnitFailure start_timeout_now(const Unit& unit);

/// "250 ms", "2.5 s", "90 s"
std::string seconds_of(Duration duration);

/// The next one of the same role.
std::optional<std::uint16_t> next_command(const ServiceSettings& settings, std::uint16_t command);

/// Has it something to be reloaded by: an ExecReload, or Type=notify-reload?
bool can_reload(const Unit& unit);

/// Is it in auto-restart, RestartSec over, for a restart that is to come by a job? Without such a
/// job there is nothing to wait for.
bool lacks_restart(const Unit& unit);

/// Does it bring a restart about?
bool is_restart(RestartRule rule);

/// When its flapping is over, if it does not end uncleanly once more; kNever: it isn't flapping.
Time flapping_until(const Machine& machine, const ServiceRun& run);
UncleanRestartsRecord unclean_restarts_record(const ServiceRun& run);

StartOutcome start_unit(Machine& machine, Unit& unit);
/// The second half of a start: the unit's conditions hold.
StartOutcome start_checked_unit(Machine& machine, Unit& unit);
StartOutcome stop_unit(Machine& machine, Unit& unit);
StartOutcome reload_unit(Machine& machine, Unit& unit);

class Service {
public:
    Service(Machine& machine, Unit& unit)
        : machine_(machine), unit_(unit), run_(*unit.run), settings_(*unit.definition.service) {}

    /// Why it can't be started now, or nothing.
    std::optional<StartOutcome> obstacle();
    StartOutcome start();
    StartOutcome stop();
    StartOutcome reload();

    void on_spawned(Process& process, Pid pid);
    void on_spawn_failed(ProcessRole role, const Error& error);
    void on_executing(ProcessRole role, const ExecSucceeded& how = {});
    void on_exec_failed(ProcessRole role, const ExecFailed& how);
    void on_exit(ProcessRole role, ExitCode code, int status);
    void on_main_process_found(const MainProcessFound& found);
    void on_main_process_not_found(const Error& error);
    void on_cgroup_emptied(const CgroupEmptied& event);
    void on_reaped(Pid pid);
    void on_notification(const Notification& notification);
    bool may_notify(Pid sender) const;
    void on_bus_name(bool has_owner);
    void on_oom_kill();
    void on_core_dumping();
    void on_deadline();
    /// The shutdown's end has come nearer: a stop that goes on gets no more than its share of what
    /// is left.
    void fit_into_budget();
    /// Type=idle: nothing else is being done any more.
    void release_held();
    /// By its policy, would it be started again if it went down as it is now?
    bool shall_restart() const;
    /// RestartMode=direct.
    bool restarts_directly() const;

    /// After StateRestored: ask again, or do again, what may have been lost with the manager
    /// before.
    void resume(const RestoredUnit& restored, bool was_away);

    /// It has not ended uncleanly for long enough, stays down, or a person starts it.
    void end_flapping();
    void restore_unclean_restarts(const UncleanRestartsRecord& record);

    /// The job that was to restart it was taken away: it stays down.
    void give_up_restart();

    /// How long it takes until the restart that is next (RestartSteps), and whether there is one.
    Duration restart_delay() const;

private:
    // The way up.
    void enter_condition();
    void enter_start_pre();
    void enter_start();
    void enter_start_post();
    void enter_running(UnitResult result);

    // Reload, asked for or told.
    bool reloads_by_signal() const;
    void enter_reload();
    void enter_reload_by_notify();
    void finish_reload(UnitResult result);
    bool waits_for_effect_of_reload() const;
    bool has_effect_of_reload_to_come() const;
    void complete_reload(UnitResult result);
    void send_reload_signal();
    void kill_control(SignalCause cause);

    // The way down.
    void leave_service(UnitResult result);
    void enter_pre_stop(UnitResult result);
    void enter_stop(UnitResult result);
    void enter_stop_by_notify();
    void ask_after_all();
    void kill_one_by_one();
    bool stops_unasked() const;
    void enter_signal(SubState state, UnitResult result, SignalCause cause = SignalCause::stop);
    void enter_stop_post(UnitResult result);
    void enter_dead(UnitResult result, bool may_restart);
    void enter_wedged();
    void enter_restart();
    Duration random_delay();
    void leave_auto_restart(bool a_start);
    void fail_start(UnitResult result) { enter_signal(SubState::stop_sigterm, result); }
    /// In a state that waits for processes to end: go on if they have.
    void continue_stop(UnitResult result);

    // What processes there are.
    bool spawn(ProcessRole role, std::uint16_t command);
    void order_spawn(ProcessRole role);
    bool waits_for_execve() const;
    void forget_exec_notes();
    void note_exec_result(ProcessRole role, const ExecSucceeded& how);
    void note_exec_error(const ExecError& error);
    void note_spawn_error(const Process& process, const Error& error);
    bool was_missing_resources(const Process& process) const;
    ExecNotes& exec_notes();
    void hold_until_idle();
    void drop_held();

    // How long it may take.
    using StopClock = Machine::StopClock;
    void begin_stop_clock(StopClock clock = StopClock::stop);
    StopClock stop_clock() const;
    Time command_deadline() const;
    Duration kill_wait() const;
    Duration first_kill_wait() const;
    bool kills_one_by_one() const;
    std::string limit_text() const;
    void look_for_core_dump_before(Time deadline);
    void measure_stop();

    void send_signals(SubState state, SignalCause cause);
    int stop_signal() const;
    void look_for_main_process();
    void go_on_without_named();
    bool hands_over(UnitResult result);
    bool may_be_succeeded() const;
    bool looks_for_successor();
    void on_main_moved();
    void identify_main_process(IdentifyMainProcess::How how, Pid pid);
    void note_adopted_end();
    bool waits_for_reaping();
    void stop_waiting_for_reaping();
    const Command* command_at(std::uint16_t index) const;
    bool is_command_of_state(ProcessRole role, std::uint16_t index) const;
    void take_over(Process& process, const ProcessFact& fact, ProcessRole role);
    void spawn_again(Process& process, ProcessRole role);
    void resume_deadlines(bool type_changed);
    void resume_state();
    bool has_processes() const;
    bool may_kill() const;
    bool is_alive() const;
    bool waits_for_cgroup() const;
    bool lives_by_cgroup() const;
    bool is_mixed_without_main() const;
    bool asks_left_overs() const;
    bool has_left_overs() const;
    void forget_process(Process& process);
    void kill_unexecuted();
    bool is_held_by_shutdown();

    // Results, and what is to blame: blame_*() before what may fail the unit.
    void note_result(UnitResult result);
    void note_reload_result(UnitResult result);
    void blame(FailureKind kind);
    void blame_exit(const Process& process, ExitCode code, int status);
    void blame_start_timeout();
    void blame_stop_timeout();
    void blame_watchdog(bool was_asked_for);
    bool is_answer_to_stop(ExitCode code, int status) const;
    UnitResult result_of_exit(ExitCode code, int status, bool is_daemon) const;
    UnitResult result_of_main(ExitCode code, int status) const;
    UnitResult result_of_last_main() const;
    UnitResult result_of_control(ExitCode code, int status) const;
    RestartRule restart_rule() const;
    void note_log_begin(Token process, std::int64_t size);
    bool has_start_limit() const;
    bool is_at_start_limit();
    void count_start();
    void count_restart();
    void note_restart();

    bool is_notify() const {
        return settings_.type == ServiceType::notify ||
               settings_.type == ServiceType::notify_reload;
    }
    bool may_have_main() const;
    void take_facts(const Notification& message);
    void take_state(const Notification& message);
    void extend_timeout(Duration more);

    void on_main_exit(ExitCode code, int status);
    void on_main_exit_in_start(UnitResult result);
    void on_parent_exit(UnitResult result);
    void on_start_post_done(UnitResult result);
    void on_control_exit(ExitCode code, int status);
    bool run_next_control(std::uint16_t command);
    void on_check_deadline();
    void on_watchdog_deadline(bool was_asked_for);
    void restart_watchdog();
    void on_state_deadline();
    void on_start_deadline();
    void take_for_ready();
    void on_stop_deadline();
    void on_stop_command_deadline();
    void give_up_waiting();
    void on_reload_deadline();
    void arm(Time deadline);

    Machine& machine_;
    Unit& unit_;
    ServiceRun& run_;
    const ServiceSettings& settings_;
    UnitFailure failure_;
};

}  // namespace svcd
