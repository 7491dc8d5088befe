#include "core/stop_budget.h"

#include <algorithm>
#include <utility>

namespace svcd {
namespace {

/// The limits of a budget are reckoned to this.
constexpr Duration kStep{1'000};

/// `first` and all that waits for it, each before those that it waits for.
std::vector<std::uint32_t> last_to_first(const std::vector<StopStage>& stages, std::size_t first) {
    struct Visit {
        std::uint32_t stage;
        std::size_t next;
    };
    std::vector<std::uint32_t> order;
    std::vector<bool> seen(stages.size());
    std::vector<Visit> path{{static_cast<std::uint32_t>(first), 0}};
    seen[first] = true;
    while (!path.empty()) {
        Visit& top = path.back();
        if (top.next == stages[top.stage].next.size()) {
            order.push_back(top.stage);
            path.pop_back();
            continue;
        }
        const std::uint32_t next = stages[top.stage].next[top.next++];
        if (!seen[next]) {
            seen[next] = true;
            path.push_back({next, 0});
        }
    }
    return order;
}

/// `way` is for the work, as long as `stages`.
Duration longest_way(const std::vector<StopStage>& stages,
                     const std::vector<std::uint32_t>& last_to_first,
                     Duration level,
                     std::vector<Duration>& way) {
    for (const std::uint32_t index : last_to_first) {
        const StopStage& stage = stages[index];
        Duration rest{0};
        for (const std::uint32_t next : stage.next) {
            rest = std::max(rest, way[next]);
        }
        const Duration own = std::min(stage.wanted, level);
        const bool is_endless = own > kLongestLimit || rest == kInfinity;
        way[index] = is_endless ? kInfinity : own + stage.reserve + rest;
    }
    return way[last_to_first.back()];
}

}  // namespace

Duration longest_way(const std::vector<StopStage>& stages, std::size_t first, Duration level) {
    std::vector<Duration> way(stages.size());
    return longest_way(stages, last_to_first(stages, first), level, way);
}

Duration granted(const std::vector<StopStage>& stages, std::size_t first, Duration available) {
    const std::vector<std::uint32_t> order = last_to_first(stages, first);
    std::vector<Duration> way(stages.size());
    if (longest_way(stages, order, kInfinity, way) <= available) {
        return stages[first].wanted;
    }
    available = std::min(available, kLongestLimit);
    // The highest level at which the longest way fits.
    std::int64_t fits = 0;
    std::int64_t too_much = std::max<std::int64_t>(available / kStep, 0) + 1;
    while (too_much - fits > 1) {
        const std::int64_t middle = fits + (too_much - fits) / 2;
        (longest_way(stages, order, kStep * middle, way) <= available ? fits : too_much) = middle;
    }
    return std::min(stages[first].wanted, kStep * fits);
}

}  // namespace svcd
