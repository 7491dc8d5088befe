// A record of how a stop went (docs/stop-records.md), and the facts about a process, as data that
// can be relied on: what the daemon left out, or a newer daemon says differently, is empty here.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "facts.h"
#include "time_text.h"

namespace svcd {

using ProcessId = std::uint32_t;

struct ProcessFacts {
    ProcessId pid = 0;
    ProcessId parent = 0;
    ProcessId session = 0;  ///< the PID of what began it: each command of a unit does
    std::string name;
    std::string command;
    std::string executable;  ///< the path; of a script that of its interpreter
    std::string origin;      ///< of `left`: "main" or "before-main", who started it; else ""
    char state = '?';        ///< as in ps(1)
    std::uint64_t threads = 1;
    /// µs of CLOCK_MONOTONIC, up to 10 ms too early; may be negative.
    std::optional<std::int64_t> started;
    ProcessId tracer = 0;  ///< 0: none
    bool is_namespace_init = false;
    bool core_dumping = false;
    std::string freezer;  ///< the folder of the v1 freezer's cgroup that holds it, or ""
    std::string wait_channel;
    std::string syscall;
    std::vector<std::string> stack;  ///< innermost first
    std::uint64_t sockets = 0;
    std::set<std::string> caught;
    std::set<std::string> ignored;
    std::set<std::string> blocked;
    std::set<std::string> pending;
};

/// One event; which of the fields mean something depends on `what`.
struct StopEvent {
    Usec at = 0;      ///< µs since the stop began
    Usec before = 0;  ///< of what led to the stop: how many µs before it began; `at` is 0 then
    std::string what;
    std::string state;
    std::string setting;
    ProcessId pid = 0;
    std::string command;
    std::string error;  ///< why a command could not be started
    std::string type;   ///< of a job
    std::string reason;
    std::string role;
    std::string code;
    int status = 0;
    std::string signal;
    std::string cause;
    std::vector<ProcessId> pids;  ///< `to` of a signal, `pids` of what was left
    std::uint32_t uid = 0;
    std::string unit;  ///< the one that a process of has asked, or ""
    std::string
        asked;  ///< of job-given-up: what for, in its place; or the setting whose time was over
    std::string result;
    std::string how;  ///< of manager: what had become of the one before
    /// Of a manager that came after a while without one: when the one before wrote its state the
    /// last time, and when this one came, µs since 1970; 0: not known.
    Usec left_realtime = 0;
    Usec came_realtime = 0;
    bool ended_meanwhile = false;  ///< the main process, before it came
    ProcessId from = 0;
    bool ignored = false;     ///< of an exit: a failure that '-' before the command has ignored
    bool ran = false;         ///< of an exit: it was the unit's program by then
    std::optional<Usec> cpu;  ///< of an exit: CPU time of the unit; LimitCPU: the next two
    std::optional<Usec> cpu_soft;
    std::optional<Usec> cpu_hard;
    bool no_cpu_limit = false;  ///< the unit sets no LimitCPU
    std::string step;           ///< of exec-failed, as the next two
    std::string object;
    std::string error_name;
    bool stopping = false;
    std::string status_text;
    std::optional<Usec> extend;
    std::string why;
    std::string kind;  ///< of a failure, as the next
    std::string text;  ///< may be empty
    std::vector<ProcessFacts> processes;
    std::vector<ProcessFacts> unaddressed;  ///< those without NOTIFY_SOCKET: only PID and name
    std::uint64_t more = 0;
};

struct Requester {
    std::string type;  ///< of the job: "stop", "restart"
    std::uint32_t uid = 0;
    ProcessId pid = 0;  ///< 0: svcd itself
    std::string command;
    std::string reason;
    Usec at = 0;             ///< µs of CLOCK_MONOTONIC; 0: not known
    std::string unit;        ///< that the process belongs to, or ""
    std::string relation{};  ///< in which `other` stands to the unit, e.g. "RequiredBy"
    std::string other{};     ///< the unit that it went along with, or ""
};

struct StopRecord {
    std::string unit;
    std::uint64_t id = 0;
    Usec began = 0;
    Usec began_realtime = 0;
    std::string from;
    ProcessId main_pid = 0;  ///< 0: it had none
    std::string command;
    std::optional<Requester> asked_by;
    bool shutdown = false;  ///< that stopped it
    /// It went down without being asked, and the shutdown began before it was down.
    bool came_before_shutdown = false;
    std::string kill_mode;
    bool main_first =
        false;  ///< the stop signal goes to it alone, and to the rest when it has ended
    std::string stop_signal;
    std::string stop_signal_setting;  ///< KillSignal, or RestartKillSignal
    bool send_sigkill = true;
    std::string watchdog_signal = "SIGABRT";
    std::string final_signal = "SIGKILL";
    std::string failure_mode;  ///< TimeoutStopFailureMode; "": not known
    Usec timeout = kUsecInfinity;
    Usec limit = kUsecInfinity;
    std::vector<StopEvent> events;
    std::optional<Usec> duration;  ///< nothing while it goes on
    std::string sub;
    std::string result;
    std::string main_code;
    int main_status = 0;
    bool sigkill = false;
    bool sigkill_at_deadline = false;
    bool left_over = false;  ///< it ended, and processes of it lived
    std::optional<Usec> throttled;
    std::uint64_t events_dropped = 0;
    bool lost = false;  ///< svcd left before the stop was through
};

StopRecord read_record(const Json& json);

/// Which setting has left processes over: "SendSIGKILL is off".
std::string why_left_over(const StopRecord& record);
/// The stop is not over yet. One that svcd left in the middle neither goes on nor has a duration.
bool goes_on(const StopRecord& record);
/// µs that the stop took: so far, where it goes on (`now`: µs of CLOCK_MONOTONIC); up to its last
/// event, where svcd left it.
Usec length_of(const StopRecord& record, Usec now);
/// Percent of its limit that a stop took which is over; 0 where it had no limit, or its length is
/// not known. ExecStopPost and what comes after it have a TimeoutStopSec of their own and don't
/// count, nor does PreStopDelaySec, which the service spends serving: it is in neither side.
std::uint64_t share_of_limit(const StopRecord& record);
ProcessFacts read_process(const Json& json);
std::vector<ProcessFacts> read_processes(const Json& list);

/// Whether the process was told to end by svcd, with a signal that it could act on.
bool was_asked_to_end(const StopRecord& record, ProcessId pid);
/// The first signal of svcd's that asks processes of the unit to end (not SIGKILL), or nullptr.
const StopEvent* first_stop_signal(const StopRecord& record);
/// The signal of this name that svcd sent to the process, or nullptr.
const StopEvent* own_signal(const StopRecord& record, ProcessId pid, std::string_view signal);
/// What svcd sent in place of SIGKILL, or before it, when the time of the stop was over (a
/// FinalKillSignal, TimeoutStopFailureMode=abort); or nullptr.
const StopEvent* sent_at_deadline(const StopRecord& record);
/// The coming of the manager that found the unit's end, which came when none ran; or nullptr.
const StopEvent* ended_without_svcd(const StopRecord& record);
/// Has it an event of this kind?
bool has_event(const StopRecord& record, std::string_view what);
/// Did the service ask for more time (EXTEND_TIMEOUT_USEC), and was heard?
bool asked_for_more(const StopRecord& record);
/// Who asked for what the event tells of.
Requester asker_of(const StopEvent& event);
/// The first SIGKILL of svcd's that went to processes of the unit (to the process, where one is
/// given), or nullptr.
const StopEvent* first_sigkill(const StopRecord& record, ProcessId pid = 0);
/// What kept the unit's first command that failed so from being executed, before it went down, or
/// nullptr.
const StopEvent* exec_failure(const StopRecord& record);
/// What the main process was called when somebody last looked; "" where nobody did: a program may
/// become another one (exec), and of several ExecStart the record has the first.
std::string name_at_end(const StopRecord& record);
/// The first command, or the first of this setting, that could not be executed; or nullptr.
const StopEvent* never_executed(const StopRecord& record, std::string_view setting = "");
/// What made its result, as svcd wrote it down; nullptr: it did not fail.
const StopEvent* failure_of(const StopRecord& record);
bool failed_by(const StopRecord& record, std::string_view kind);
/// Was the main process its own program when it ended, as far as is known?
bool main_ran(const StopRecord& record);
/// The exit of a process, or nullptr.
const StopEvent* exit_of(const StopRecord& record, ProcessId pid);
/// What was started in the stop with this PID (ExecStop, ExecStopPost), or nullptr.
const StopEvent* spawn_of(const StopRecord& record, ProcessId pid);
/// The command of the stop that has started the process, which is in its session; or nullptr where
/// none has, or nobody knows.
const StopEvent* starter_of(const StopRecord& record, const ProcessFacts& process);
/// The processes that were left, those that outlived SIGKILL last.
std::vector<ProcessFacts> left_processes(const StopRecord& record);
/// Who was there when the main process had ended: those that were seen, or, when they ended before
/// anybody looked, those that then got a signal.
std::vector<ProcessId> left_when_main_had_ended(const StopRecord& record);
/// Those of them that were looked at and lived on: of a main process that a signal has ended, the
/// same kill may have ended them in that moment.
std::vector<ProcessFacts> lived_on_after_main(const StopRecord& record);
/// All PIDs of the unit that the record knows of, and those that svcd sent SIGKILL to.
std::set<ProcessId> known_pids(const StopRecord& record);
std::set<ProcessId> killed_pids(const StopRecord& record);
/// How many processes more than the record names got the signal; of any signal with "".
std::size_t unnamed_pids(const StopRecord& record, std::string_view signal);

/// "svctl stop web" of "/usr/bin/svctl stop web".
std::string without_folder(const std::string& command);
/// The name of a process by its PID, or "".
std::string name_of(const StopRecord& record, ProcessId pid);
/// "PID 812 (web)", "PID 812" where its name isn't known.
std::string pid_text(ProcessId pid, std::string_view name);
/// "PID 812", "PIDs 812, 815 and 3 more", at most `shown` of them.
std::string pids_text(const std::vector<ProcessId>& pids, std::size_t shown = 4);

bool is_shell(std::string_view program);
/// By what it executes: a script that begins with "#!" has a name of its own.
bool is_shell(const ProcessFacts& process);
bool is_python(const ProcessFacts& process);
/// Runs it a shell or an interpreter, which takes signals in its own way?
bool is_interpreter(const ProcessFacts& process);

}  // namespace svcd
