// A supervisor with one service of each type, a target and a slice, and the least of a shell around
// it: what is ordered happens at once. After each step the records are such as a next manager
// takes.
#pragma once

#include <cstddef>
#include <deque>
#include <map>

#include "core/supervisor.h"

namespace svcd::fuzz {

class SmallManager {
public:
    SmallManager();

    UnitId unit(std::size_t number) const;
    std::size_t units() const { return supervisor_.unit_count(); }
    UnitRecord record(std::size_t number) const { return supervisor_.record(unit(number)); }
    SupervisorRecord supervisor_record() const { return supervisor_.record(); }

    void start_all();
    void step(Event event);
    /// Time passes, and the deadlines in it come.
    void pass(Duration time);
    /// One of the processes ends.
    void end_process(std::size_t number, ExitCode code, int status);

private:
    void carry_out(const Effect& effect);
    void look_at_records(const Effects& effects) const;

    struct Process {
        UnitId unit{};
        Pid pid = 0;
    };
    Supervisor supervisor_;
    Time now_{Duration{1'000'000}};
    std::deque<Event> queue_;
    std::map<Token, Process> processes_;
    Pid next_pid_ = 100;
    std::size_t steps_ = 0;
};

}  // namespace svcd::fuzz
