// How a stop went, in sentences: what happened, who asked, how the main process ended, what is to
// be said about the unit as a whole.
#pragma once

#include <string>
#include <vector>

#include "explain_process.h"
#include "stop_record.h"

namespace svcd {

/// "web.service was stopped in 20 s; SIGKILL was needed for 2 of 3 processes". `now`: µs of
/// CLOCK_MONOTONIC, for a stop that goes on.
std::string headline(const StopRecord& record, Usec now);
/// It did not go as it should.
bool is_bad(const StopRecord& record);
/// "alice (uid 1000) with 'svctl stop web' (PID 4711)", or which event it was. `properties`: the
/// unit's, for a stop that came with another unit's; may be empty.
std::string asked_text(const StopRecord& record, const Json& properties);
/// "root (uid 0) with 'svctl stop web', PID 4711, a process of janitor.service".
std::string requester_text(const Requester& requester);
/// What the requester gave as the reason, and why that reached `unit`, if it was not named itself:
/// "; reason: …", "; web.service went along, since it Requires db.service"; or "".
std::string why_asked_text(const Requester& requester,
                           const std::string& unit,
                           const Json& properties);
/// How the main process ended, and who sent the signal where it was one; empty: there was none.
std::string main_end_text(const StopRecord& record);
/// What the stop was given: "20 s (TimeoutStopSec)".
std::string limit_text(const StopRecord& record);

/// What is to be said about the unit, each a function that gives a verdict or nothing.
std::vector<Verdict> judge_unit(const StopRecord& record);

// explain_unit.cc
std::optional<Verdict> exec_stop_cut(const StopRecord& record);
std::optional<Verdict> exec_stop_failed(const StopRecord& record);
std::optional<Verdict> shortened_by_shutdown(const StopRecord& record);
std::optional<Verdict> cpu_throttled(const StopRecord& record);
std::optional<Verdict> could_not_be_run(const StopRecord& record);
std::optional<Verdict> failed_by_itself(const StopRecord& record);
std::optional<Verdict> ended_unasked(const StopRecord& record);
std::optional<Verdict> failure_was_ignored(const StopRecord& record);
std::optional<Verdict> out_of_time(const StopRecord& record);
std::optional<Verdict> command_failed(const StopRecord& record);
std::optional<Verdict> promise_not_kept(const StopRecord& record);
std::optional<Verdict> killed_unasked(const StopRecord& record);
std::optional<Verdict> left_by_main(const StopRecord& record);
std::optional<Verdict> nearly_out_of_time(const StopRecord& record);
std::optional<Verdict> limit_was_extended(const StopRecord& record);

// explain_command.cc
std::optional<Verdict> killed_beside_command(const StopRecord& record);
std::optional<Verdict> came_after_reload(const StopRecord& record);
/// The command of the stop that ran when the main process ended, or nullptr.
const StopEvent* command_at_end(const StopRecord& record);
/// A command of the stop for which svcd could make no process, or nullptr.
const StopEvent* command_not_started(const StopRecord& record);
std::string not_started_text(const StopEvent& spawn);
std::optional<Verdict> unstarted_command(const StopRecord& record);
/// Nobody stopped it, and a reload of it went on.
bool died_in_reload(const StopRecord& record);
/// "asked for by root (uid 0) with 'svctl reload web', PID 4711"
std::string reload_asker_text(const StopEvent& reload);
/// "ExecStop (/bin/kill -9 4711, PID 4712)", of an event that has a command.
std::string command_text(const StopEvent& event);

// explain_course.cc
std::optional<Verdict> left_by_command(const StopRecord& record);
std::optional<Verdict> held_by_core_dump(const StopRecord& record);
std::optional<Verdict> before_shutdown(const StopRecord& record);
std::optional<Verdict> failed_in_stop(const StopRecord& record);
/// The signal that an exit status of 143, 130 or 129 stands for by custom; or "".
std::string signal_in_status(const StopRecord& record);
std::string signal_in_status_text(const StopRecord& record);
/// Is it ExecStop that a little more time brings to its limit, and not the service?
bool exec_stop_is_near(const StopRecord& record);

// explain_death.cc
std::optional<Verdict> killed_by_oom(const StopRecord& record);
std::optional<Verdict> killed_by_person(const StopRecord& record);
std::optional<Verdict> killed_at_cpu_limit(const StopRecord& record);
std::optional<Verdict> killed_from_outside(const StopRecord& record);
std::optional<Verdict> crashed(const StopRecord& record);
std::optional<Verdict> ended_by_signal(const StopRecord& record);
std::optional<Verdict> seen_at_watchdog(const StopRecord& record);
std::optional<Verdict> wedged(const StopRecord& record);
/// The CPU time of the unit is what a hard LimitCPU allows, to what the kernel measures.
bool has_reached_hard_limit(const StopRecord& record);
/// Its cgroup was empty, and svcd's launcher, who takes exit statuses, had not told of the end.
bool end_was_told_late(const StopRecord& record);
/// When WatchdogSec was over the main process was stopped, traced or frozen.
bool was_held_at_watchdog(const StopRecord& record);

/// "the main process, PID 812 (web),"
std::string main_of(const StopRecord& record);
/// What is to be done about a command that failed; the last line of the log follows, where it is
/// known.
std::string mend_of_command(const StopRecord& record, const std::string& setting);
/// `fault`: the sentence about a PIDFile.
std::string mend_of_pid_file(std::string_view fault);
/// "See what it wrote last: ...", as far as the record alone can say where.
std::string look_at_log(const StopRecord& record);
/// The ExecStart of a start that came to nothing, which failed and begins with '-'; or nullptr.
const StopEvent* ignored_failure(const StopRecord& record);
/// "ExecStart (/bin/web) exited with status 1 (ignored, since it begins with '-')".
std::string ignored_text(const StopEvent& event);
/// It left a state of its start.
bool was_starting(const StopRecord& record);
/// It failed by what it did itself: its log may say more.
bool speaks_of_its_end(const StopRecord& record);
/// It was the unit that failed, before anybody stopped it.
bool ended_by_itself(const StopRecord& record);

/// Who sent the SIGKILL that ended the main process.
enum class KilledBy : unsigned char { nobody, svcd, oom, person, cpu_limit, outside };
KilledBy killed_by(const StopRecord& record);
/// The svctl kill that it was, or nullptr.
const StopEvent* asked_kill(const StopRecord& record);

}  // namespace svcd
