// The record of one stop while it is being written: docs/stop-records.md. What stands fast from the
// beginning, the events as they come, and what is filled in until the end, each as JSON text, so
// that a manager that follows can go on with what another began without reading JSON.
#pragma once

#include <string>
#include <string_view>

#include "core/types/effect.h"
#include "core/types/exec_error.h"
#include "core/types/time.h"
#include "state/stop_log.h"

namespace svcd {

inline constexpr std::size_t kStopEventsMax = 200;
/// Of these, so many may be of a kind that the unit's own processes, or users, can cause at will.
inline constexpr std::size_t kStopEventsOfOthersMax = 150;
/// Of these, so many may be messages that NotifyAccess forbids, a manager.
inline constexpr std::size_t kStopEventsRejectedMax = 10;

/// What is known when a unit begins to stop. Views that live as long as the call.
struct StopBeginning {
    std::uint64_t id = 0;
    std::string_view unit;
    std::array<std::uint64_t, 2> invocation{};
    Time began{};
    std::int64_t began_realtime_usec = 0;
    std::string_view from;  ///< the sub-state; empty when the manager that saw it is no more
    Pid main_pid = 0;
    const JobStatus* job = nullptr;  ///< that stops it
    std::string_view asker_unit;     ///< the one that a process of has asked for that job
    std::string_view other_unit;     ///< the one for the sake of which it is part of the request
    const UnitDefinition* definition = nullptr;
};

class StopRecord {
public:
    explicit StopRecord(const StopBeginning& beginning);
    /// Of another manager, as it stands in the log.
    explicit StopRecord(const SavedStop& saved);

    /// Adds an event: `fields` are those after `at_usec` and `what`, as the inside of an object.
    /// `by_others`: see kStopEventsOfOthersMax. What doesn't fit is counted.
    void add(Time at, std::string_view what, std::string_view fields, bool by_others = false);
    /// A message that its NotifyAccess forbids. Of these few are kept.
    void add_rejected(Time at, std::string_view fields);
    void enter(SubState state, Time at);
    /// The deadline of the stop as it is now.
    void set_limit(Time deadline);
    void end(Time at);
    /// It ended in a step that was not written down, so that step is still to come: without its
    /// events, and in the state in which the unit was before.
    void take_back_end(SubState before);

    /// All of it as JSON. Notes in facts() where the events are in it.
    std::string text();
    const std::string& unit() const { return unit_; }
    Time began() const { return time_from_usec(facts_.began_usec); }
    StopFacts& facts() { return facts_; }
    const StopFacts& facts() const { return facts_; }

    /// Has it changed since keep() was called?
    bool is_changed() const { return is_changed_; }
    void touch() { is_changed_ = true; }
    bool is_listed = false;  ///< among those that the recorder looks at when it writes
    void keep() { is_changed_ = false; }

private:
    bool is_changed_ = true;
    std::size_t rejected_ = 0;
    std::string unit_;
    StopFacts facts_;
    std::string head_;  ///< up to the bracket before the first event
    std::string events_;
};

/// "stop", "main-exited", ...
std::string_view name_of(SignalCause cause);
/// "exited", "killed", ...
std::string_view name_of(ExitCode code);
/// Is it a job that is stopping its unit?
bool is_stopping(const std::optional<JobStatus>& job);
/// The words of a command as its unit file has them.
std::string text_of(const Command& command);

}  // namespace svcd
