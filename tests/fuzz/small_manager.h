// A supervisor with one service of each type, a target and a slice, and the least of a shell around
// it: what is ordered happens at once. After each step the records are such as a next manager
// takes.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "core/supervisor.h"

namespace svcd::fuzz {

class SmallManager {
public:
    SmallManager();

    UnitId unit(std::size_t number) const;
    std::size_t units() const { return supervisor_.unit_count(); }
    UnitRecord record(std::size_t number) const { return supervisor_.record(unit(number)); }
    SupervisorRecord supervisor_record() const { return supervisor_.record(); }

    const Supervisor& supervisor() const { return supervisor_; }
    Time now() const { return now_; }
    /// It takes no more steps: an input may cause so many.
    bool is_exhausted() const;

    void start_all();
    /// Who is told of each order besides.
    void tell(std::function<void(const Effect&)> listener) { listener_ = std::move(listener); }
    /// Reads the unit files anew, where there are no more services than these.
    void reload(std::size_t services);
    /// Reads the file of another service.
    void load(const std::string& name);
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
    std::function<void(const Effect&)> listener_;
    Time now_{Duration{1'000'000}};
    std::deque<Event> queue_;
    std::map<Token, Process> processes_;
    Pid next_pid_ = 100;
    std::size_t steps_ = 0;
};

}  // namespace svcd::fuzz
