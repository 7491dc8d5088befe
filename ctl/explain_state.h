// Why a unit that is not being stopped is in the state that it is in: since when and by whom, what
// it waits for, what keeps it from starting.
#pragma once

#include <string>
#include <vector>

#include "explanation.h"

namespace svcd {

struct StateFacts {
    Json properties;                     ///< of the unit
    Json job;                            ///< its job's properties; null: it has none
    std::vector<std::string> waits_for;  ///< for a job that waits: "db.service (start, running)"
    std::string culprits;                ///< dependencies that are down, with the reasons
    std::string near_name;  ///< of the units that there are, what a missing one may have meant
    std::vector<ProcessFacts> processes;
    bool culprit_may_be_up = false;         ///< the first of `culprits` was not at the time
    std::vector<ProcessFacts> unaddressed;  ///< those without NOTIFY_SOCKET, in a start
    Json held_by;                           ///< who has stopped it with svctl kill: ExamineUnit
    bool frozen = false;                    ///< its cgroup
    std::string frozen_cgroup;              ///< that was told to: its own, or one above it
    std::string earlier_life;    ///< which of the processes are of an earlier life; empty: none
    std::string ordering_cycle;  ///< that it is in, and what svcd has done about it
    std::vector<std::string> own_jobs;  ///< that its processes have asked for and that go on
    Usec now = 0;                       ///< CLOCK_REALTIME
    Usec now_monotonic = 0;             ///< CLOCK_MONOTONIC
};

Explanation explain_state(const StateFacts& facts);

// Each of these is one verdict, or nothing where it doesn't hold.
std::optional<Verdict> not_loaded(const StateFacts& facts);
std::optional<Verdict> file_has_changed(const StateFacts& facts);
std::optional<Verdict> job_waits(const StateFacts& facts);
std::optional<Verdict> condition_unmet(const StateFacts& facts);
std::optional<Verdict> dependency_down(const StateFacts& facts);
std::optional<Verdict> start_limit_hit(const StateFacts& facts);
std::optional<Verdict> flaps(const StateFacts& facts);
std::optional<Verdict> goes_without(const StateFacts& facts);
std::optional<Verdict> restarts_by_itself(const StateFacts& facts);
std::optional<Verdict> is_kept_down(const StateFacts& facts);
std::optional<Verdict> is_not_ready(const StateFacts& facts);
std::optional<Verdict> main_pid_refused(const StateFacts& facts);  // explain_course.cc
std::optional<Verdict> is_held(const StateFacts& facts);
std::optional<Verdict> left_over(const StateFacts& facts);
std::optional<Verdict> has_earlier_life(const StateFacts& facts);
std::optional<Verdict> is_in_cycle(const StateFacts& facts);
std::optional<Verdict> waits_for_own_job(const StateFacts& facts);

}  // namespace svcd
