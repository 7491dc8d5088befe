#include "exit_status.h"

#include <algorithm>
#include <array>

namespace svcd {

ExitStatus worse(ExitStatus one, ExitStatus other) {
    static constexpr auto kByGravity = std::to_array<ExitStatus>(
        {ExitStatus::done, ExitStatus::sigkill_used, ExitStatus::not_active, ExitStatus::timed_out,
         ExitStatus::failed, ExitStatus::bad_config, ExitStatus::no_such_unit,
         ExitStatus::not_permitted, ExitStatus::usage, ExitStatus::interrupted,
         ExitStatus::unreachable});
    const auto gravity = [](ExitStatus status) {
        return std::ranges::find(kByGravity, status) - kByGravity.begin();
    };
    return gravity(one) >= gravity(other) ? one : other;
}

}  // namespace svcd
