// What will go wrong when a service is stopped, restarted or shut down, found before it does: from
// what its processes are like now, its settings and its last stops. Pure; verbs_doctor.cc gathers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "screen.h"
#include "stop_record.h"

namespace svcd {

enum class Severity : unsigned char {
    note,     ///< worth knowing
    warning,  ///< may go wrong
    problem,  ///< goes wrong
};

struct Finding {
    Severity severity = Severity::note;
    std::string kind;  ///< for programs, see docs/svctl.md
    std::string text;  ///< the facts, a sentence
    std::string mend;  ///< what to change
};

struct Zombie {
    ProcessId pid = 0;
    ProcessId parent = 0;
};

/// Something that the unit names and that its next start, reload or stop can't use, or might not.
struct FileFault {
    std::string setting;  ///< "ExecStop"
    std::string text;     ///< "/opt/ctl is not there"
    std::string mend;
    std::string object{};  ///< the path or name, as the setting has it; "" for none
    Severity severity = Severity::problem;
    std::string kind = "missing-file";
    bool is_mended = false;  ///< in the unit's file, which has changed since it was loaded
};

/// What is known of one service.
struct Patient {
    Json properties;
    std::vector<ProcessFacts> processes;
    bool frozen = false;
    std::string frozen_cgroup;               ///< that was told to: its own, or one above it
    bool is_named = false;                   ///< somebody asked for this very unit
    std::vector<StopRecord> records;         ///< newest first
    std::vector<ProcessId> of_earlier_life;  ///< processes that the stop of `records` left over
    std::vector<Zombie> zombies;             ///< children of its processes
    /// The processes that blocked the stop signal in every thread, each time they were looked at,
    /// and have neither a handler for it nor a signalfd that reads it.
    std::set<ProcessId> blockers;
    std::vector<FileFault> file_faults;   ///< of what the unit names
    std::set<std::string> mended_faults;  ///< lines of LoadError whose fault the file has no more
    Usec program_changed = 0;             ///< CLOCK_REALTIME: the last change of its program
    std::optional<std::string> pid_file;  ///< what its PIDFile has; nothing: it can't be read
    std::map<std::string, std::string> active_states;  ///< of all loaded units
    std::set<std::string> missing;                     ///< units that others name and no file has
    std::map<std::string, std::string> unusable;  ///< unit → "is masked", "has a fault in ..."
    /// The units that it needs and that are not up, while it is up: unit → "has failed: ...".
    /// Units that have only ended are left out.
    std::map<std::string, std::string> needed_down;
    std::string refused_reload;  ///< why a reload would be refused: the program would end of it
    /// How many descriptors the main process has open, and the soft limit of that.
    std::optional<std::pair<std::uint64_t, std::uint64_t>> descriptors;
    std::string deleted_output;  ///< the file of its main process's output, which is deleted
    Usec now_monotonic = 0;
    Usec budget = kUsecInfinity;  ///< of the shutdown
    /// What a shutdown that began now would give its stop, when all before it take all they may.
    Usec shutdown_limit = kUsecInfinity;
};

std::vector<Finding> examine(const Patient& patient);

struct Examined {
    std::string unit;
    std::vector<Finding> findings;
    bool only_files = false;  ///< not looked at but for its files, or since it is given up
};
/// Adds what is to be told of unit files: the property UnitFileWarnings, pairs of a unit and a text
/// that begins with the place. With `named`, only of units that are among those already.
void add_file_warnings(const Json& warnings, bool named, std::vector<Examined>& units);
/// Adds why the system is degraded: the property DegradedReasons, triples of a kind, a unit and a
/// text. With `named`, only of units that are among those already.
void add_degraded_reasons(const Json& reasons, bool named, std::vector<Examined>& units);
std::string findings_text(const std::vector<Examined>& units, const Screen& screen);
Json findings_json(const std::vector<Examined>& units);

// Each of these is one check; it adds what it finds.
using Findings = std::vector<Finding>;

/// Keeps only what stops a unit from running. It is for units that nobody named and that do not
/// run.
Findings only_of_trouble(Findings findings);
/// "; web.service, which needs it, is down", or nothing.
std::string kept_down_text(const Patient& patient);

/// Its newest stop that was asked for ended in time, under the settings and with the program of
/// now: what was measured outweighs what its processes look like.
bool has_stopped_well(const Patient& patient);
bool sends_sigkill(const Patient& patient);

/// bash could not start a process and waits to try it again. SIGTERM waits as long.
bool retries_fork(const ProcessFacts& process);

// doctor_signals.cc
void check_shell(const Patient& patient, Findings& findings);
void check_ignored_signal(const Patient& patient, Findings& findings);
void check_blocked_signal(const Patient& patient, Findings& findings);
void check_namespace_init(const Patient& patient, Findings& findings);

// doctor_processes.cc
void check_main_process(const Patient& patient, Findings& findings);
void check_tracking(const Patient& patient, Findings& findings);
void check_zombies(const Patient& patient, Findings& findings);
void check_held_processes(const Patient& patient, Findings& findings);
void check_descriptors(const Patient& patient, Findings& findings);
void check_deleted_output(const Patient& patient, Findings& findings);
void check_failing_fork(const Patient& patient, Findings& findings);
void check_vfork(const Patient& patient, Findings& findings);
void check_uninterruptible(const Patient& patient, Findings& findings);

// doctor_earlier_life.cc
void check_left_over(const Patient& patient, Findings& findings);
void check_earlier_life(const Patient& patient, Findings& findings);

// doctor_settings.cc
void check_budget(const Patient& patient, Findings& findings);
void check_unlimited_stop(const Patient& patient, Findings& findings);
void check_past_exec_stops(const Patient& patient, Findings& findings);
void check_past_stops(const Patient& patient, Findings& findings);
void check_double_fork(const Patient& patient, Findings& findings);
void check_order(const Patient& patient, Findings& findings);
void check_changed_file(const Patient& patient, Findings& findings);
void check_pid_file(const Patient& patient, Findings& findings);
void check_load_error(const Patient& patient, Findings& findings);
void check_named_files(const Patient& patient, Findings& findings);
void check_slow_start(const Patient& patient, Findings& findings);
void check_followers(const Patient& patient, Findings& findings);
void check_exec_warnings(const Patient& patient, Findings& findings);
void check_watchdog(const Patient& patient, Findings& findings);
void check_install(const Patient& patient, Findings& findings);
void check_left_out(const Patient& patient, Findings& findings);
void check_failed(const Patient& patient, Findings& findings);
void check_condition_command(const Patient& patient, Findings& findings);
void check_needed(const Patient& patient, Findings& findings);
void check_next_reload(const Patient& patient, Findings& findings);
void check_last_reload(const Patient& patient, Findings& findings);
void check_restarts(const Patient& patient, Findings& findings);

}  // namespace svcd
