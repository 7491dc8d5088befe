// Memory that is held back for stops and exits.
//
// When an allocation fails, 1 MiB that was kept for this is given up, and the allocation succeeds
// after all. From then on what can be refused is refused (starts, reloads, what strangers ask), so
// that stops and exits go on with what there is. It is taken again once there is room, which is
// looked for ever more rarely.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "core/types/effect.h"
#include "core/types/time.h"

namespace svcd {

inline constexpr std::size_t kMemoryReserve = std::size_t{1} << 20U;
/// After a look that found no room; each time twice as long.
inline constexpr Duration kLookForMemoryFirst{1'000'000};
inline constexpr Duration kLookForMemoryLast{60'000'000};

/// There is one at a time: it is the program's new handler.
class MemoryReserve {
public:
    using SayLine = std::function<void(Severity, const std::string&)>;

    MemoryReserve();
    ~MemoryReserve();
    MemoryReserve(const MemoryReserve&) = delete;
    MemoryReserve& operator=(const MemoryReserve&) = delete;

    bool is_given_up() const { return block_ == nullptr; }
    /// Tells that it was given up, and takes it again if it is time and there is room.
    void look(Time now, const SayLine& say);
    /// When to look again; nothing while it is held.
    std::optional<Time> due() const;

private:
    static void give_up();

    void* block_ = nullptr;
    bool is_told_ = false;
    Time again_at_{};
    Duration wait_ = kLookForMemoryFirst;
};

}  // namespace svcd
