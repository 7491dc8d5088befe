// What the launcher and the manager share: three descriptors and one table.
//
// The process table is a memfd that both map. The manager takes a slot for each process before it
// spawns it; the kernel itself writes the PID into the slot (CLONE_PARENT_SETTID) before the child
// can run; the launcher, whose children all services are, writes the exit status into it before it
// reaps. So whoever dies when, each process is in the table exactly once, and its end is there
// until the manager has written it down.
//
//   FREE ──manager: pid = 0, token──► LIVE ──launcher: code, status──► EXITED ──manager──► FREE
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace svcd {

enum class SlotState : std::uint32_t { free = 0, live = 1, exited = 2 };

/// 32 bytes. `pid` is 0 until the kernel has written it. `state` is stored with release order after
/// what it covers; LIVE to EXITED is a compare-and-exchange, so that a slot which the manager
/// releases at that moment stays free.
struct ProcessSlot {
    std::atomic<std::uint32_t> state;  ///< SlotState
    std::atomic<std::int32_t> pid;
    std::atomic<std::uint64_t> token;
    std::int32_t code;       ///< si_code of waitid(2): CLD_EXITED ...; valid in EXITED
    std::int32_t status;     ///< si_status; valid in EXITED
    std::int64_t exited_at;  ///< µs of CLOCK_MONOTONIC; valid in EXITED
};
static_assert(sizeof(ProcessSlot) == 32);

inline constexpr std::uint32_t kSlots = 65536;
inline constexpr std::uint32_t kTableMagic = 0x31435653;  // "SVC1"
inline constexpr std::uint32_t kTableVersion = 1;

/// What the launcher was asked for while it could not pass it on, or has just passed on. Bits of
/// TableHeader::requests: set by the launcher, taken (fetch_and) by the manager after it has
/// written down that it heard.
enum LauncherRequest : std::uint32_t {
    kRequestTerminate = 1,    ///< SIGTERM
    kRequestInterrupt = 2,    ///< SIGINT
    kRequestReload = 4,       ///< SIGHUP
    kRequestPower = 8,        ///< SIGPWR
    kRequestReconnect = 16,   ///< SIGUSR1
    kRequestDump = 32,        ///< SIGUSR2
    kRequestHurry = 64,       ///< the third SIGTERM in kHurryWindow
    kRequestDefault = 128,    ///< SIGRTMIN+0: isolate default.target
    kRequestRescue = 256,     ///< SIGRTMIN+1
    kRequestEmergency = 512,  ///< SIGRTMIN+2
    kRequestHalt = 1024,      ///< SIGRTMIN+3
    kRequestPowerOff = 2048,  ///< SIGRTMIN+4
    kRequestReboot = 4096,    ///< SIGRTMIN+5
};

/// What becomes of the machine when everything has ended. On anything but a machine (a container, a
/// svcd that is not PID 1) all of them are `exit`; on a machine `exit` is `poweroff`.
enum class EndKind : std::uint32_t { exit = 0, poweroff = 1, reboot = 2, halt = 3 };

/// What is on the console of a machine whose manager can't start (RescueShell in svcd.yaml).
enum class RescueShell : std::uint32_t { sulogin = 0, shell = 1, none = 2 };

/// What the launcher does as PID 1 of a machine after a fault of its own (CrashAction).
enum class CrashAction : std::uint32_t { reboot = 0, halt = 1, wait = 2 };

/// What svcd.yaml says of the launcher. svcd leaves it in the table, and each manager again.
struct LauncherSettings {
    RescueShell rescue_shell = RescueShell::sulogin;
    CrashAction crash_action = CrashAction::reboot;
    bool busybox_signals = false;  ///< BusyboxSignals
};

/// ManagerTimeoutSec: never.
inline constexpr std::int64_t kNoManagerTimeout = -1;
/// What else it may be, in µs. Any other value in the table means that no manager has told yet.
inline constexpr std::int64_t kManagerTimeoutLeast = 1'000'000,
                              kManagerTimeoutMost = 86'400'000'000;

/// The first page(s) of the memfd. `exited` is a bitmap of slots in EXITED state and
/// `exited_summary` one bit for each of its words that is not zero, so that the manager finds exits
/// without looking at every slot. The launcher sets, the manager clears (before it reads the slot).
struct TableHeader {
    std::uint32_t magic;
    std::uint32_t version;
    /// Slots [0, used) may be other than FREE. Raised by the manager, after it has allocated the
    /// memory behind them (fallocate), so that neither side can fault for want of memory. The
    /// launcher looks no further.
    std::atomic<std::uint32_t> used;
    std::atomic<std::uint32_t> requests;  ///< LauncherRequest bits
    std::atomic<std::uint32_t> manager_starts;
    /// 0, or 256 + the exit status with which the launcher is to leave once the manager has ended.
    std::atomic<std::uint32_t> final_status;
    std::atomic<std::uint64_t> orphans_reaped;
    std::atomic<std::uint64_t> exited_summary[kSlots / 64 / 64];
    std::atomic<std::uint64_t> exited[kSlots / 64];
    // What follows was appended. A launcher from before it leaves without the last steps; a manager
    // from before it leaves zeroes here, which are an `exit` that takes the usual times.
    std::atomic<std::uint32_t> end_kind;     ///< EndKind; valid with final_status
    std::atomic<std::uint32_t> end_at_once;  ///< 1: what still runs gets SIGKILL, and no SIGTERM
    /// µs of CLOCK_MONOTONIC by which the last steps should be over; 0: as long as each may take.
    std::atomic<std::int64_t> end_deadline_usec;
    /// 1 once a manager of this launcher has taken over what is on record: from then on a process
    /// on record that is in no slot was never spawned. Until then it may have been, under a
    /// launcher before. The manager's own; a manager from before it leaves 0.
    std::atomic<std::uint32_t> records_taken_over;
    // LauncherSettings.
    std::atomic<std::uint32_t> rescue_shell;
    std::atomic<std::uint32_t> crash_action;
    std::atomic<std::uint32_t> busybox_signals;
    /// BootState: known once in the life of a launcher. The manager's own.
    std::atomic<std::uint32_t> boot_state;
    /// How long a manager may leave a poke unanswered: µs, or kNoManagerTimeout. A manager that
    /// leaves 0 is not watched.
    std::atomic<std::int64_t> manager_timeout_usec;
    /// How often the manager was poked, and up to which poke it has come back to waiting. While it
    /// has much to do it shows with `progress` that it does not hang: any change will do.
    std::atomic<std::uint64_t> asked;
    std::atomic<std::uint64_t> answered;
    std::atomic<std::uint64_t> progress;
    /// Signals that svcd got and that are for its command, bit N-1 for signal N. Set by the
    /// launcher, taken by the manager once it has written down that it heard.
    std::atomic<std::uint64_t> signals;
    /// 1: a process has a keeper (exec/keeper.h), whose slot is the one after its own. Set by the
    /// first manager, before it takes a slot. The manager's own; one from before it has no keepers.
    std::atomic<std::uint32_t> has_keepers;
};

inline constexpr std::size_t kSlotsOffset = 12288;
static_assert(sizeof(TableHeader) <= kSlotsOffset);
inline constexpr std::size_t kTableSize = kSlotsOffset + kSlots * sizeof(ProcessSlot);

/// Descriptors that the launcher leaves open for the manager.
inline constexpr int kTableFd = 3;  ///< the memfd, sealed against resizing
inline constexpr int kPokeFd =
    4;  ///< an eventfd (non-blocking), written after an exit or a request
inline constexpr int kLinkFd = 5;  ///< SOCK_SEQPACKET, see LinkMessage

/// Messages on the link; the manager asks, the launcher answers each with one message, in order, at
/// once. `put` carries one descriptor (SCM_RIGHTS); the launcher refuses (status = errno) a store
/// that is full or a name that is not terminated. `list` is answered by one `item` message a stored
/// descriptor, carrying it, and a final `done`.
/// `shell` asks for a rescue shell on the console; a svcd that is no machine's puts none there.
enum class LinkKind : std::uint32_t {
    put = 1,
    drop = 2,
    list = 3,
    ready = 4,
    item = 5,
    done = 6,
    shell = 7,
};

struct LinkMessage {
    LinkKind kind;
    std::int32_t status;  ///< of `done`: 0 or errno
    char name[248];  ///< of put, drop, item: NUL-terminated, unique; put replaces one that is there
};
static_assert(sizeof(LinkMessage) == 256);

/// The size of RUNTIME_DIR/launcher: lines KEY=VALUE, then newlines (docs/launcher.md).
inline constexpr std::size_t kStatusSize = 512;

/// Descriptors the launcher keeps at most; less when RLIMIT_NOFILE / 2 is less.
inline constexpr std::size_t kStoredFdsMax = 4096;

}  // namespace svcd
