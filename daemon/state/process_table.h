// The manager's side of the process table (launcher/protocol.h): take a slot before a spawn, learn
// of exits, give the slot back.
//
// A life of a slot, seen from here:
//
//   persist the intent (state_file.h)  ─►  claim(token)  ─►  clone3 with CLONE_PARENT_SETTID into
//   the returned cell  ─►  ... take_exits() reports it once ...  ─►  persist "retired"  ─►  release
//
// Whatever dies in between, the table tells the next manager what happened: look() of a token that
// was claimed but not spawned is `never_spawned`, of one that runs `alive`, of one that ended
// `exited`, and take_exits() reports the exit again, because an exit stays in the table until
// release(). The slot is the low 16 bits of the token; whoever makes tokens should take the lowest
// free slot, for the launcher looks at every slot below the highest that was ever claimed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/types/event.h"
#include "core/types/ids.h"
#include "core/types/result.h"
#include "core/types/states.h"
#include "core/types/time.h"
#include "launcher/protocol.h"
#include "linux/unique_fd.h"

namespace svcd {

/// Where units have no cgroups, a process is started by a keeper (exec/keeper.h). It has a slot of
/// its own, which may outlast that of its process: every second slot is for keepers. Its token has
/// the serial number of the process's, and this bit.
inline constexpr std::uint64_t kKeeperBit = std::uint64_t{1} << 63;
constexpr bool is_keeper(Token token) {
    return (static_cast<std::uint64_t>(token) & kKeeperBit) != 0;
}

/// The end of all of svcd.
struct TreeEnd {
    int status = 0;  ///< 0 ... 255, for whoever waits for svcd
    ShutdownKind kind = ShutdownKind::exit;
    bool at_once = false;    ///< what still runs gets SIGKILL, and no SIGTERM before
    Time deadline = kNever;  ///< when the launcher's last steps should be over
};

/// At most so many exits are taken at a time, so that a storm of them holds up nothing else.
inline constexpr std::size_t kExitsPerTake = 64;

/// How a process of ours ended.
struct ExitRecord {
    Token token = Token::none;
    Pid pid = 0;
    ExitCode code = ExitCode::none;
    int status = 0;
    Time exited_at{};  ///< when the launcher noticed
};

/// A slot that is in use.
struct TableEntry {
    Token token = Token::none;
    Pid pid = 0;  ///< 0: never spawned
    bool exited = false;
};

/// What has become of the boot: nothing is known yet; it reached its target, or was given up; it
/// failed.
enum class BootState : std::uint32_t { open = 0, over = 1, failed = 2 };

class ProcessTable {
public:
    /// Maps the table that the launcher left at kTableFd, after checking that it is one. Exits that
    /// an earlier manager saw but did not release will be reported by take_exits() again.
    static Result<ProcessTable> attach(UniqueFd table);

    ProcessTable(ProcessTable&& other) noexcept;
    ProcessTable& operator=(ProcessTable&& other) noexcept;
    ~ProcessTable();

    /// Makes the token's slot LIVE, without a PID. Returns the cell for the kernel to write the PID
    /// to. EBUSY when the slot belongs to another token; ENOSPC, ENOMEM when the table can't grow.
    /// Claiming again what is claimed but not spawned is harmless.
    Result<std::atomic<std::int32_t>*> claim(Token token);
    /// Takes a slot for the keeper of a process, whose token comes with its cell.
    struct KeeperSlot {
        Token token = Token::none;
        std::atomic<std::int32_t>* pid = nullptr;
    };
    Result<KeeperSlot> claim_for_keeper(Token process);
    /// The process that a keeper was to start; none: that has ended, and is released.
    Token kept_by(Token keeper) const;
    /// The number of the token's slot.
    std::uint32_t number_of(Token token) const;

    /// For a process that exists already (MAINPID=, a PID file): its PID, after claim(). EEXIST
    /// when a slot has that PID already. The caller then checks that the process is alive and is
    /// the launcher's child, and releases the slot if not.
    Result<void> set_pid(Token token, Pid pid);

    /// What has become of a token's process.
    ProcessFact look(Token token) const;
    /// The token of the live process with this PID, or none.
    Token find(Pid pid) const;
    /// The token of a process that had this PID, has exited, and is not released yet; or none.
    Token find_exited(Pid pid) const;

    /// Exits not reported yet, at most kExitsPerTake; call again while it returns that many. To be
    /// called when the poke descriptor was readable and has been read. No system call.
    std::vector<ExitRecord> take_exits();

    /// The token is done with: its slot is free. Nothing happens if the slot is another's by now.
    void release(Token token);

    /// From now on processes have keepers. To be called before the first claim() under a launcher.
    void use_keepers();
    bool has_keepers() const { return per_process_ == 2; }
    /// The keepers that have not been released.
    std::vector<TableEntry> keepers() const;
    const UniqueFd& descriptor() const { return fd_; }

    /// Slots in use by processes whose tokens are not among `known`: what an earlier manager
    /// retired in the state file but had no time to release. Their processes, if any are alive,
    /// belong to no unit.
    std::vector<TableEntry> strangers(std::span<const Token> known) const;

    /// The highest serial number of a token that was ever in a slot in use or used; a new token has
    /// to have a higher one.
    std::uint64_t highest_serial() const;

    /// LauncherRequest bits that were asked for and not cleared yet.
    std::uint32_t requests() const;
    /// To be called once they are written down (or have been carried out).
    void clear_requests(std::uint32_t bits);

    /// Signals that svcd got for its command (bit N-1 for signal N) and that were not cleared yet.
    std::uint64_t signals() const;
    void clear_signals(std::uint64_t signals);

    /// The launcher is to end everything, in this way, once this manager has ended.
    void set_end(const TreeEnd& end);

    /// Has a manager of this launcher taken over the records? Else they, and what they name, are of
    /// a launcher before it.
    bool has_taken_over() const;
    void set_taken_over();

    /// What svcd.yaml says of the launcher, and how long it waits for an answer of ours
    /// (kInfinity: for ever). From now on it waits.
    void set_launcher_settings(const LauncherSettings& settings, Duration manager_timeout);
    /// The launcher has poked us so often. To be handed to answer() once all that was there has
    /// been dealt with.
    std::uint64_t asked() const;
    void answer(std::uint64_t asked);
    /// There is much to do, but it goes on.
    void show_progress();

    BootState boot_state() const;
    void set_boot_state(BootState state);

    /// 1 for the first manager of this launcher.
    std::uint32_t manager_starts() const;
    /// Processes that the launcher inherited and reaped because they were in no slot.
    std::uint64_t orphans_reaped() const;

private:
    ProcessTable(UniqueFd fd, TableHeader* header);
    void report_exits_again();
    bool take_from_word(std::size_t word, std::vector<ExitRecord>& exits);
    ProcessSlot& slot(std::size_t index) const;
    std::size_t index_of(Token token) const;
    std::size_t used() const;
    Result<void> make_room_for(std::size_t index);

    UniqueFd fd_;
    TableHeader* header_ = nullptr;  ///< the mapping; slots follow at kSlotsOffset
    std::size_t allocated_ = 0;      ///< slots with memory behind them
    std::size_t per_process_ = 1;    ///< slots
    /// A bit for each slot whose exit was reported by this manager and is not released yet.
    std::vector<std::uint64_t> reported_;
};

}  // namespace svcd
