// Writes down how each unit goes down: docs/stop-records.md.
//
// A passive observer. It hears each event before the supervisor does, what the supervisor made of
// it afterwards, and from the effect runner who got which signal; it decides nothing, and nothing
// waits for it. A record begins when a unit leaves an up or starting state, and ends when the unit
// is dead, failed or waits for its restart; a wedged one goes on until its processes have ended.
//
//   Manager::step:  before(event) ─► Supervisor::step ─► after(effects) ─► EffectRunner
//                                                    about_to_kill(), signalled() ◄─┘
//   end of a turn:  flush(), one write for all records that have changed
//
// An ordinary stop costs one system call, when it ends: the log knows of the end before the state
// file does, since a manager that follows asks for nothing more of a unit that is down. Else it
// costs its share of the write at the end of the turn. Processes are looked at only
// before they get SIGKILL (the record is written before the signal is sent) and when they have
// outlived it, at most kExaminedPerTurn a turn.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/supervisor.h"
#include "manager/notify_socket_look.h"
#include "manager/process_report.h"
#include "manager/stop_record.h"
#include "state/stop_log.h"

namespace svcd {

/// More than that many processes to be killed at once are told of by their PIDs: looking at them
/// (0.1 ms each) would hold up the kill.
inline constexpr std::size_t kExaminedPerTurn = 128;

/// How the recorder looks at the world. Functions, so that a test can make the world up.
struct StopSenses {
    std::function<std::vector<Pid>(std::string_view unit)> processes;  ///< of its cgroup
    Examine examine;
    std::function<std::optional<Duration>(std::string_view unit)> throttled;  ///< so far, in all
    std::function<std::optional<Duration>(std::string_view unit)> cpu_time;   ///< so far, in all
    LacksNotifySocket lacks_notify_socket;
    std::function<Pid(Token)> pid_of;  ///< 0 when it isn't known
    std::function<std::int64_t()> realtime_usec;
    std::int64_t last_written_usec = 0;  ///< by a manager before this one, µs since 1970
    std::function<void(Severity, std::string_view unit, const std::string& text)> say;
};

/// The fields of an event `exec-failed`.
std::string exec_failed_fields(const ExecError& error);

class StopRecorder {
public:
    /// `supervisor` and `log` outlive it.
    StopRecorder(const Supervisor& supervisor, StopLog& log, StopSenses senses);

    void before(const Event& event, Time now);
    void after(const Effects& effects, Time now);

    /// SIGKILL is about to be sent: looks at who will get it and writes that down. Returns their
    /// PIDs when the unit's stop is being recorded.
    std::vector<Pid> about_to_kill(const SignalUnit& order);
    /// The signal of the watchdog is about to be sent: looks at the main process, which may be held
    /// and go on with that signal.
    void about_to_abort(const SignalUnit& order);
    /// A signal was sent to these processes.
    void signalled(const SignalUnit& order, const std::vector<Pid>& to);
    /// An exit was handled, and the unit's cgroup looked at after it.
    void exit_handled(UnitId unit);

    /// There is nothing to go on with: records that a manager before this one left open stay as
    /// they are.
    void give_up_unfinished();
    /// svcd leaves without waiting for what still stops.
    void leave();
    /// Who has stopped the unit's processes with svctl kill, and has not let them go on: the fields
    /// of a JSON object; empty: nobody that svcd knows of.
    std::string held_by(UnitId unit) const;
    /// Writes what has changed. The log then holds everything.
    void flush();
    /// The same, and what has ended is closed.
    void end_turn();

private:
    using Record = std::unique_ptr<StopRecord>;

    /// An exit or a word of this step's event, of a unit without a record so far: if it makes the
    /// unit stop, it belongs into the record.
    struct Heard {
        UnitId unit{};
        std::string_view what;
        std::string fields;
    };
    /// What was done to a unit while it was up, which may be why it goes down.
    struct Prelude {
        Time at{};
        std::string_view what;
        std::string fields;
    };

    void hear(const KillRequested& event);
    void hear(const SpawnFailed& event);
    void hear(const ProcessSpawned& event);
    void hear(const ExecFailed& event);
    bool is_failure_ignored(UnitId unit, const ExecFailed& event) const;
    void hear(const ProcessExited& event);
    void hear(const Notification& event);
    void hear(const OomKilled& event);
    void hear(const CoreDumping& event);
    void hear(const CgroupEmptied& event);
    void hear(const StateRestored& event);
    template <typename Other>
    void hear(const Other&) {}  // tells nothing of a stop

    /// It is going to change: flush() has to look at it.
    StopRecord* list(StopRecord& record);
    StopRecord* record_of(UnitId unit);
    StopRecord* open_record_of(UnitId unit);
    void note(UnitId unit, std::string_view what, std::string fields, bool by_others);
    void remember(UnitId unit, std::string_view what, std::string fields);
    void note_hold(UnitId unit, int signal, const std::string& fields);
    void add_or_remember(UnitId unit, std::string_view what, std::string fields);
    std::vector<UnitId> services_below(UnitId slice) const;
    void signalled_below(const SignalUnit& order, const std::vector<Pid>& to);
    void append_cpu_time(std::string& fields, UnitId unit, const ProcessExited& event) const;
    std::string spawn_fields(UnitId unit, Pid pid) const;
    std::string_view asker_of(const Requester& requester) const;
    std::string_view other_of(const Requester& requester) const;
    std::string asked_fields(JobId job, std::string_view type, const Requester& by) const;

    void take(const Transition& transition, const StopBegan* began);
    void begin(const Transition& transition, const std::optional<JobStatus>& job);
    void add_what_led_to(StopRecord& record, UnitId unit, bool was_starting);
    void note_left(StopRecord& record, UnitId unit, Pid main_pid);
    void note_failure(StopRecord& record, const UnitStatus& status);
    std::uint64_t id_for(UnitId unit);
    void finish(UnitId unit, StopRecord& record);
    void note_late_kill(const SignalUnit& order, StopRecord& record) const;
    void note_wedged(UnitId unit, StopRecord& record);
    void note_jobs(const Effects& effects);
    void note_asked_again(const Effects& effects);
    void note_given_up(const Effects& effects);
    void note_limits(const Effects& effects);
    void note_shutdown();
    std::optional<Time> shutdown_in_log() const;
    std::vector<Pid> targets_of(const SignalUnit& order) const;
    std::vector<ProcessExamination> note_processes(StopRecord& record,
                                                   std::string_view why,
                                                   const std::vector<Pid>& pids);

    void note_manager(StopRecord& record, bool has_missed_its_end = false) const;
    bool has_ended_already(const ProcessFact& process) const;
    void take_restored();
    std::vector<std::uint64_t> settle_ahead();
    /// `saved`: null when the state file doesn't know the unit.
    void go_on(const UnitRecord* saved, Record record);
    void begin_late(UnitId unit, const UnitRecord& saved);

    const Supervisor& supervisor_;
    StopLog& log_;
    StopSenses senses_;
    Time now_{};
    Time shutdown_at_{};
    std::unordered_map<UnitId, Record> open_;
    /// Ended in this turn; what comes after the end in the same turn still belongs to them.
    std::vector<std::pair<UnitId, Record>> ended_;
    std::vector<StopRecord*> changed_;  ///< since the last flush, perhaps; each is in one of these
    std::optional<Heard> heard_;
    std::unordered_map<UnitId, std::vector<Prelude>> preludes_;
    std::unordered_map<UnitId, Prelude> holds_;  ///< the last svctl kill that stopped its processes
    std::optional<UnitId> main_exited_;
    /// Units whose main process had ended when this manager took over, and no svcd had run.
    std::unordered_set<std::string> ended_alone_;
    std::vector<UnitRecord> restored_;  ///< of a StateRestored that is being stepped
    /// Records of stops which the state file of a manager before us knows nothing of: they happen
    /// again, under the same ID.
    std::unordered_map<UnitId, std::uint64_t> ahead_;
    bool is_restoring_ = false;
    Time restored_at_{};              ///< when this manager took over; zero: it was the first
    std::string_view restored_from_;  ///< what had become of the one before
    bool has_ended_ = false;          ///< a record, in this step
    bool limits_may_move_ = false;    ///< in this step
    std::size_t examined_ = 0;        ///< in this turn
    bool write_failed_ = false;
};

}  // namespace svcd
