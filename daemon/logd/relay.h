// The loop of svcd-logd: from the pipes of all units, a line at a time, to standard output and
// standard error, and to the last lines that are kept of each unit.
//
// Each pipe that has something gets a turn, with a bound on its lines, so that one that never stops
// writing keeps nobody else waiting. While nobody reads standard output, the pipes of that stream
// are left alone: they fill, and their writers wait, as they would without svcd. Half a line is
// handed on after kPatience. Without anything to do it sleeps.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <set>
#include <string>

#include "core/types/result.h"
#include "linux/unique_fd.h"
#include "logd/log_pipe.h"
#include "logd/options.h"
#include "logd/outlet.h"
#include "logd/pipe_folder.h"
#include "logd/recent_log.h"

namespace svcd::logd {

/// How long half a line is waited with.
inline constexpr std::chrono::milliseconds kPatience{500};
/// Lines of one pipe in a turn.
inline constexpr std::size_t kLinesPerTurn = 1024;
/// How long run() goes on after a signal, to hand on what the pipes hold.
inline constexpr std::chrono::milliseconds kLastWords{300};

class Relay {
public:
    /// `signals`: readable when the loop is to end.
    static Result<Relay> make(const Options& options, UniqueFd signals);

    /// Until a signal comes; then what the pipes hold is handed on.
    void run();

private:
    using Clock = std::chrono::steady_clock;

    Relay(
        const Options& options, UniqueFd signals, UniqueFd epoll, PipeFolder folder, PipeCopy copy);
    void find_new();
    /// What epoll says: who has something new.
    void hear();
    void take_turns(bool is_last);
    void take_turn(LogPipe& pipe, bool is_last);
    void hand_on(LogPipe& pipe, const LogPipe::Line& line);
    bool may_hand_on_half(LogPipe& pipe, bool is_last);
    /// Sleeps until there is something to do, or until `end`. False: a signal came.
    bool wait(Clock::time_point end);
    Clock::time_point next_half() const;
    Outlet& outlet(const LogPipe& pipe) {
        return pipe.stream() == Stream::error ? error_ : output_;
    }

    bool has_prefix_;
    UniqueFd signals_;
    UniqueFd epoll_;
    PipeFolder folder_;
    PipeCopy copy_;
    RecentLog recent_;
    Outlet output_;
    Outlet error_;
    std::list<LogPipe> pipes_;
    std::set<LogPipe*> ready_;                      ///< may hold a line
    std::map<LogPipe*, Clock::time_point> halves_;  ///< hold half a line, and since when
};

}  // namespace svcd::logd
