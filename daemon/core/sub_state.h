// What each sub-state means, one row each. Ask the table; do not list states again.
// systemd.service(5) and systemctl(1) use the same words; `svctl status` shows them.
//
//   up       dead, failed ─► condition ─► start-pre ─► start ─► start-post ─► running, exited
//   reload   running ─► reload ─► reload-signal ─► reload-notify ─► running
//   down     running, exited ─► pre-stop ─► stop ─► stop-sigterm or stop-watchdog ─► stop-sigkill
//              ─► stop-post ─► final-sigterm or final-watchdog ─► final-sigkill
//              ─► dead, failed, stop-wedged
//   again    dead, failed ─► auto-restart ─► dead ─► up
//
// Any of the starting and reloading states goes to stop-sigterm when it fails, times out or is
// interrupted; a state without anything to do is passed through in the same step. What may follow
// what, and when, is a table of its own: service_edges.h, shown in docs/service-states.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/types/states.h"

namespace svcd {

/// What a stopping state does to the processes.
enum class Asking : std::uint8_t {
    nothing,
    to_end,    ///< KillSignal
    to_abort,  ///< WatchdogSignal: to end, and leave a core dump
    kill,      ///< FinalKillSignal
};

struct SubStateTraits {
    SubState state;
    ActiveState active;
    bool starting;  ///< on the way to active, by a start job
    bool stopping;  ///< on the way down: a stop deadline runs, a start has to wait
    bool final;     ///< ... after ExecStopPost
    Asking asking;
};

// clang-format off
inline constexpr auto kSubStates = std::to_array<SubStateTraits>({
    // sub-state               shown as active state        starting stopping final  asking
    {SubState::dead,           ActiveState::inactive,       false,   false,   false, Asking::nothing},
    {SubState::condition,      ActiveState::activating,     true,    false,   false, Asking::nothing},
    {SubState::start_pre,      ActiveState::activating,     true,    false,   false, Asking::nothing},
    {SubState::start,          ActiveState::activating,     true,    false,   false, Asking::nothing},
    {SubState::start_post,     ActiveState::activating,     true,    false,   false, Asking::nothing},
    {SubState::running,        ActiveState::active,         false,   false,   false, Asking::nothing},
    {SubState::exited,         ActiveState::active,         false,   false,   false, Asking::nothing},
    {SubState::reload,         ActiveState::reloading,      false,   false,   false, Asking::nothing},
    {SubState::reload_signal,  ActiveState::reloading,      false,   false,   false, Asking::nothing},
    {SubState::reload_notify,  ActiveState::reloading,      false,   false,   false, Asking::nothing},
    {SubState::pre_stop,       ActiveState::deactivating,   false,   true,    false, Asking::nothing},
    {SubState::stop,           ActiveState::deactivating,   false,   true,    false, Asking::nothing},
    {SubState::stop_watchdog,  ActiveState::deactivating,   false,   true,    false, Asking::to_abort},
    {SubState::stop_sigterm,   ActiveState::deactivating,   false,   true,    false, Asking::to_end},
    {SubState::stop_sigkill,   ActiveState::deactivating,   false,   true,    false, Asking::kill},
    {SubState::stop_post,      ActiveState::deactivating,   false,   true,    false, Asking::nothing},
    {SubState::final_watchdog, ActiveState::deactivating,   false,   true,    true,  Asking::to_abort},
    {SubState::final_sigterm,  ActiveState::deactivating,   false,   true,    true,  Asking::to_end},
    {SubState::final_sigkill,  ActiveState::deactivating,   false,   true,    true,  Asking::kill},
    {SubState::stop_wedged,    ActiveState::failed,         false,   false,   false, Asking::nothing},
    {SubState::failed,         ActiveState::failed,         false,   false,   false, Asking::nothing},
    {SubState::auto_restart,   ActiveState::activating,     false,   false,   false, Asking::nothing},
    {SubState::active,         ActiveState::active,         false,   false,   false, Asking::nothing},
});
// clang-format on

constexpr bool rows_follow_enum_order() {
    for (std::size_t i = 0; i < kSubStates.size(); ++i) {
        if (static_cast<std::size_t>(kSubStates[i].state) != i) {
            return false;
        }
    }
    return true;
}
static_assert(rows_follow_enum_order());

constexpr const SubStateTraits& traits(SubState state) {
    return kSubStates[static_cast<std::size_t>(state)];
}

/// On the way from one state to another, with commands of its definition being carried out.
constexpr bool is_moving(SubState state) {
    return traits(state).starting || traits(state).stopping ||
           traits(state).active == ActiveState::reloading;
}

constexpr bool is_up(ActiveState state) {
    return state == ActiveState::active || state == ActiveState::reloading;
}
constexpr bool is_up_or_starting(ActiveState state) {
    return is_up(state) || state == ActiveState::activating;
}
constexpr bool is_down(ActiveState state) {
    return state == ActiveState::inactive || state == ActiveState::failed;
}
constexpr bool is_down_or_stopping(ActiveState state) {
    return is_down(state) || state == ActiveState::deactivating;
}

}  // namespace svcd
