// Names for things, small enough to pass by value. None of them is a pointer and none is a PID.
#pragma once

#include <cstddef>
#include <cstdint>

namespace svcd {

/// More units than any machine we know of runs; beyond it a unit directory is a mistake.
inline constexpr std::size_t kUnitsMax = 65536;

/// Slots of the process table that svcd and its manager share (see launcher/protocol.h).
inline constexpr std::size_t kProcessesMax = 65536;

/// A unit's place in the supervisor's table. Stable for as long as the manager lives; never reused
/// within it.
enum class UnitId : std::uint32_t {};

/// A job's number, unique over the life of svcd (also over deaths of the manager). 0 is no job.
enum class JobId : std::uint32_t { none = 0 };

/// The shell's handle for a call it has to answer. 0 means nobody waits.
enum class RequestId : std::uint64_t { none = 0 };

using Pid = std::int32_t;

/// A process, named before it exists. The low 16 bits are its slot of the process table, the rest a
/// serial number that is never used twice: an exit record of an earlier life matches nothing and
/// does no harm.
enum class Token : std::uint64_t { none = 0 };

constexpr std::uint32_t slot_of(Token token) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(token) & (kProcessesMax - 1));
}
constexpr std::uint64_t serial_of(Token token) {
    return static_cast<std::uint64_t>(token) / kProcessesMax;
}
constexpr Token make_token(std::uint64_t serial, std::uint32_t slot) {
    return static_cast<Token>(serial * kProcessesMax + slot);
}

constexpr std::size_t index_of(UnitId unit) {
    return static_cast<std::size_t>(unit);
}

}  // namespace svcd
