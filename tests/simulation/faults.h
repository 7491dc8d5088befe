// What can go wrong in the world around the supervisor. Each fault is on or off for a whole run
// (a "swarm": runs with few kinds of faults find what runs with all of them hide), and its odds are
// fixed, so that a seed needs to draw no more than the set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "simulation/random.h"

namespace svcd::simulation {

enum class Fault : std::uint8_t {
    spawn_fails,          ///< clone3: EAGAIN; the cgroup: ENOENT
    quick_exits,          ///< processes that end before ProcessSpawned is heard of
    late_events,          ///< any event may be heard later than others that came after it
    late_emptied,         ///< CgroupEmptied comes late, perhaps after another spawn
    doubled_emptied,      ///< CgroupEmptied comes twice
    lost_notifications,   ///< a datagram that never arrives
    main_not_found,       ///< IdentifyMainProcess fails although the process is there
    unkillable,           ///< processes that outlive SIGKILL for a while (state D)
    hanging_exec,         ///< processes that never leave svcd's own code (a FIFO, a hung mount)
    careless_clock,       ///< deadlines are stepped late, and DeadlineReached comes early
    manager_dies,         ///< between two steps
    manager_dies_midway,  ///< after the state was written, before all orders were carried out
    out_of_memory,        ///< the kernel's OOM killer takes processes
    clock_jumps,          ///< the whole machine stands still for a while, and its clock doesn't
    launcher_dies,        ///< and its manager with it: the process table is gone
};
inline constexpr std::size_t kFaults = 15;

std::string_view name_of(Fault fault);

/// The faults that are on.
class FaultSet {
public:
    bool has(Fault fault) const { return (bits_ & bit(fault)) != 0; }
    void add(Fault fault) { bits_ |= bit(fault); }
    void remove(Fault fault) { bits_ &= ~bit(fault); }
    bool empty() const { return bits_ == 0; }

private:
    static std::uint32_t bit(Fault fault) {
        return std::uint32_t{1} << static_cast<unsigned>(fault);
    }
    std::uint32_t bits_ = 0;
};

/// A third of all runs know no fault at all, a third a few, a third many.
FaultSet draw_faults(Random& random);
/// Whether managers that die do so with their launcher. A stream of its own, so that the seeds of
/// before it keep their plans.
void draw_launcher_fault(FaultSet& faults, Random& random);

/// How much later than it happened an event is heard at most.
inline constexpr Duration kLatestEvent = std::chrono::milliseconds{1500};
/// How long there is no manager after one has died, at most.
inline constexpr Duration kLongestGap = std::chrono::milliseconds{800};
/// How far the clock jumps at most.
inline constexpr Duration kLongestJump = std::chrono::seconds{200};
/// How long a process outlives SIGKILL at most, while the fault lasts.
inline constexpr Duration kLongestUnkillable = std::chrono::seconds{20};

}  // namespace svcd::simulation
