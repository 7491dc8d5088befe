// The signals that svcd listens to. Those that ask for something that can be put in order go to the
// manager (LauncherRequest); a few mean that there is no time for that.
#pragma once

#include <cstdint>

#include "launcher/protocol.h"

namespace svcd {

/// Three SIGTERM in so long (µs): hurry.
inline constexpr int kHurryCount = 3;
inline constexpr std::int64_t kHurryWindow = 5'000'000;
/// Seven Ctrl-Alt-Del (SIGINT, as PID 1 of a machine) in so long: reboot at once.
inline constexpr int kRebootCount = 7;
inline constexpr std::int64_t kRebootWindow = 2'000'000;

struct SignalsTaken {
    bool has_child = false;      ///< a child may have ended
    std::uint32_t requests = 0;  ///< LauncherRequest bits
    bool is_stop = false;        ///< among them is one that no wait may hold up
    bool skips_units = false;    ///< don't wait for the manager, but go down, as `kind` says
    EndKind kind = EndKind::exit;
};

class Signals {
public:
    /// Blocks every signal, and makes those that mean something readable. False: it was said why
    /// not.
    bool open();
    /// Reads what is there. `is_machine`: we are PID 1 of one.
    SignalsTaken take(bool is_machine);

    int fd() const { return fd_; }

private:
    int fd_ = -1;
    std::int64_t terms_[kHurryCount] = {};        ///< when SIGTERM came; the oldest is next
    std::int64_t interrupts_[kRebootCount] = {};  ///< the same of SIGINT
    unsigned term_count_ = 0;
    unsigned interrupt_count_ = 0;
};

}  // namespace svcd
