// Starting a process: one clone3 into its cgroup, as a child of the launcher.
//
// CLONE_VM without CLONE_VFORK: the child runs on a stack of its own (a pool of kSpawnsInFlight)
// beside the manager until its execve, so that an executable or an output on a hung file system
// holds up nobody. It uses raw system calls only (errno is shared), with all signals blocked. What
// needs more than that (users, environment files, oom_score_adj ...) goes through svcd-exec, which
// is spawned the same way and becomes the service.
//
// A spawn is in flight until its process has left our code, svcd-exec's included: by the execve of
// the service's own executable, or by its end. The manager polls for that with take_started() as
// often as it likes while in_flight() isn't 0 (and at the end of file of an exec_report). Needs
// Linux 5.11.
//
// A child that can't become the service ends with systemd's exit statuses (systemd.exec(5): 203
// EXEC, 200 CHDIR, 217 USER, 219 CGROUP, 209 STDOUT ...), so that the failure outlives the manager.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "core/types/unit.h"
#include "exec/exec_request.h"
#include "linux/unique_fd.h"

namespace svcd {

/// Children that may be between clone and exec at a time. One more is refused with EAGAIN.
inline constexpr std::size_t kSpawnsInFlight = 64;

/// Where units have no cgroups: svcd-exec stays as the keeper of the process (exec/keeper.h).
struct KeptSpawn {
    int table_fd = -1;       ///< the process table
    int poke_fd = -1;        ///< the launcher's
    std::uint32_t slot = 0;  ///< the process's own in the table; SpawnRequest::pid is the keeper's
    bool warn_orphans = false;
    std::string slice;  ///< of the unit; a word of the keeper's command line, for managers after us
};

struct SpawnRequest {
    Token token = Token::none;
    std::string unit;  ///< for svcd-exec's messages
    const Command* command = nullptr;
    const ExecSettings* exec = nullptr;
    /// The complete environment but for EnvironmentFile: what svcd sets, and the unit's Environment
    /// over it.
    std::vector<std::string> environment;
    std::string log_file;  ///< of OutputKind::log: appended to, its folder made when missing
    std::string default_directory = "/";  ///< without WorkingDirectory; the home of a user instance
    int cgroup_fd = -1;                   ///< ProcessTracker::ensure()
    std::optional<KeptSpawn> kept;
    /// Signals that the process is to ignore besides SIGPIPE, bit N-1 for signal N.
    std::uint64_t ignored_signals = 0;
    /// It gets a process group in our session instead of a session of its own, and becomes the
    /// foreground of the terminal that is its standard input.
    bool takes_terminal = false;
    std::atomic<std::int32_t>* pid =
        nullptr;  ///< where the kernel is to write the PID (the slot in the process table)
    bool report_exec = false;  ///< the outcome carries a descriptor that reports the execve
};

/// A look at a unit's conditions. The process is svcd-exec all its life, and is in flight only
/// until it has begun.
struct CheckSpawn {
    Token token = Token::none;
    std::string unit;
    const std::vector<Condition>* conditions = nullptr;
    std::vector<std::string> environment;  ///< svcd's own
    std::string cgroup_folder;             ///< ProcessTracker::root_folder()
    int cgroup_fd = -1;                    ///< ProcessTracker::own_cgroup()
    std::atomic<std::int32_t>* pid = nullptr;
};

struct SpawnOutcome {
    Pid pid = 0;  ///< of the process that was cloned: a keeper, where there is one
    /// With report_exec: readable (or hung up) once execve succeeded or failed, or the process was
    /// killed; take_started() has the token then, and report_of() says why it failed. For poll
    /// only: what it holds is not for the caller.
    UniqueFd exec_report;
};

class Spawner {
public:
    /// `exec_helper`: the path of svcd-exec. Signals that are ignored now are at their defaults in
    /// every child (SIGPIPE excepted, which is ignored there).
    explicit Spawner(std::string exec_helper);
    ~Spawner();
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;

    Result<SpawnOutcome> spawn(const SpawnRequest& request);
    Result<SpawnOutcome> spawn(const CheckSpawn& request);

    /// Tokens whose process has left our code since the last call (execve succeeded, or it ended:
    /// whoever holds an exit record knows which). Takes their stacks back. No system call when
    /// nothing is in flight.
    std::vector<Token> take_started();
    std::size_t in_flight() const;
    /// Why a process did not become the service, and what it was started without. Known from the
    /// moment take_started() returned its token, until this is called or kSpawnsInFlight others had
    /// something to tell after it. Without an error: execve succeeded, or it was killed.
    ExecReport report_of(Token process);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// May a process be cloned into a cgroup here (spawn_child.h)? If not, ask for none.
bool may_spawn_into_cgroups();

/// Does this command need svcd-exec (User, Group, EnvironmentFile, OOMScoreAdjust ...)?
bool needs_exec_helper(const Command& command, const ExecSettings& exec);

}  // namespace svcd
