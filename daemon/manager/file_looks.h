// Reads and removes PID files, and closes old logs to others, in processes of their own: the file
// may lie on a file system that hangs, and the manager waits for none.
//
//   fork  ─►  the child looks, and writes its answer into a pipe  ─►  its pidfd is readable
//
// A child that has no answer after kFilePatience is killed, and the answer is ETIMEDOUT. One
// that can't even be killed (state D) stays on our list, and until it has ended nobody else is sent
// to the same file.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "core/types/time.h"
#include "linux/unique_fd.h"
#include "manager/event_loop.h"

namespace svcd {

inline constexpr Duration kFilePatience = std::chrono::seconds{5};

/// The number in a PID file, or nothing when there was none to remove.
using FileAnswer = Result<std::optional<Pid>>;

class FileLooks {
public:
    explicit FileLooks(EventLoop& loop) : loop_(loop) {}
    ~FileLooks();
    FileLooks(const FileLooks&) = delete;
    FileLooks& operator=(const FileLooks&) = delete;

    /// `work` runs in the child. `done` is called once: from the event loop, or at once when no
    /// child can be made.
    void start(const std::string& path,
               const std::function<FileAnswer()>& work,
               std::function<void(const FileAnswer&)> done);
    /// Forgets those that have ended. To be called at the end of each turn.
    void collect();
    /// Waits so long at most for those that are under way, at the manager's end.
    void finish(Duration limit);

    /// A process with the answer of a `work`.
    struct Child {
        UniqueFd process;  ///< a pidfd
        UniqueFd answer;
    };

private:
    struct Look {
        std::string path;
        Child child;
        std::function<void(const FileAnswer&)> done;  ///< null: has been called
        bool has_ended = false;
        std::unique_ptr<Watch> watch;
        std::unique_ptr<Timer> timer;
    };
    void on_end(Look& look);
    void on_timeout(Look& look);

    EventLoop& loop_;
    std::list<Look> looks_;
};

/// The number in a PID file, for which the caller waits so long at most: for the start of the
/// manager.
Result<Pid> read_pid_file_within(const std::string& path, Duration limit);

}  // namespace svcd
