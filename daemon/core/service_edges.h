// The service state machine as a table: which sub-state may follow which, and when. Hold it beside
// systemd.service(5); sub_state.h says what each state means, and docs/service-states.md shows the
// picture, which is generated from here.
//
// A state in which there is nothing to do is passed without being entered. So each row has two sets
// of states that it leads from: those that come before it as a rule, which are in the picture, and
// those that it is also reached from, by skipping others (no ExecStartPre, no process left, ...) or
// for a rarer one of its reasons.
//
// The simulator fails on a change that is not here, and on one that it never sees. What follows
// when more than kProcessesMax processes are there is left out: it is as if clone3 had failed at
// once.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "core/types/states.h"

namespace svcd {

/// A few sub-states.
class SubStateSet {
public:
    constexpr SubStateSet(std::initializer_list<SubState> states) {
        for (const SubState state : states) {
            add(state);
        }
    }
    constexpr void add(SubState state) { bits_ |= bit(state); }
    constexpr bool contains(SubState state) const { return (bits_ & bit(state)) != 0; }

private:
    static constexpr std::uint32_t bit(SubState state) {
        return std::uint32_t{1} << static_cast<unsigned>(state);
    }
    std::uint32_t bits_ = 0;
};

struct StateEdge {
    SubState to;
    SubStateSet from;
    SubStateSet also;
    std::string_view when;

    constexpr bool leads_from(SubState state) const {
        return from.contains(state) || also.contains(state);
    }
};

namespace edges {

using enum SubState;

// clang-format off
inline constexpr auto kService = std::to_array<StateEdge>({
    // ── the way up
    {condition,      {dead, failed},
                     {auto_restart},
     "a start; ExecCondition runs"},
    {start_pre,      {condition},
                     {dead, failed, auto_restart},
     "ExecStartPre runs"},
    {start,          {start_pre},
                     {dead, failed, condition, auto_restart},
     "ExecStart runs, and has not yet done what Type= waits for"},
    {start_post,     {start},
                     {dead, failed, condition, start_pre, auto_restart},
     "it has started (Type=idle at once); ExecStartPost runs"},
    {running,        {start_post},
                     {dead, failed, condition, start_pre, start, auto_restart},
     "it has started, and ExecStartPost is done"},
    {exited,         {start_post, running},
                     {dead, failed, start, reload, auto_restart},
     "its processes have ended well, and RemainAfterExit keeps it active"},
    {failed,         {dead},
                     {},
     "a start that StartLimitBurst forbids"},

    // ── reloads
    {reload,         {running, exited},
                     {start, start_post},
     "ExecReload runs; or RELOADING=1 of another Type than notify-reload"},
    {reload_signal,  {running, reload},
                     {},
     "Type=notify-reload: ReloadSignal was sent, and ExecReload is done"},
    {reload_notify,  {reload_signal, running},
                     {start_post, reload},
     "Type=notify-reload: RELOADING=1"},
    {running,        {reload, reload_signal, reload_notify},
                     {},
     "READY=1, or ExecReload is done, or TimeoutStartSec has passed"},

    // ── the way down
    {pre_stop,       {running},
                     {exited, reload, reload_signal, reload_notify},
     "a stop; it serves for PreStopDelaySec more"},
    {stop,           {pre_stop, running, exited},
                     {start, start_post, reload, reload_signal, reload_notify},
     "a stop, or it has ended by itself; ExecStop runs"},
    {stop_sigterm,   {stop, condition, start_pre, start, start_post, reload, reload_signal,
                      reload_notify},
                     {pre_stop, running, exited},
     "ExecStop is done, or the start or reload failed or is interrupted, or STOPPING=1; KillSignal"},
    {stop_watchdog,  {running, stop_sigterm},
                     {condition, start_pre, start, start_post, reload, reload_signal, reload_notify,
                      stop},
     "WatchdogSec passed, or a timeout and its FailureMode is abort; WatchdogSignal"},
    {stop_sigkill,   {stop_sigterm, stop_watchdog},
                     {condition, start_pre, start, start_post, running, exited, reload,
                      reload_signal, reload_notify, pre_stop, stop},
     "TimeoutStopSec passed, FailureMode or OOMPolicy is kill, or KillMode is mixed and the main "
     "process gone; SIGKILL"},
    {stop_post,      {stop_sigterm, stop_watchdog, stop_sigkill},
                     {condition, start_pre, start, start_post, running, exited, reload,
                      reload_signal, reload_notify, pre_stop, stop},
     "its processes are gone; ExecStopPost runs"},
    {final_sigterm,  {stop_post, stop_sigterm},
                     {condition, start_pre, start, start_post, running, exited, reload,
                      reload_signal, reload_notify, pre_stop, stop, stop_watchdog, stop_sigkill},
     "ExecStopPost is done, and there are processes left; KillSignal. By LeftoverTimeoutSec also "
     "when the main process is gone and others are not; SIGTERM"},
    {final_watchdog, {final_sigterm},
                     {stop_post},
     "TimeoutStopSec passed, and TimeoutStopFailureMode is abort; WatchdogSignal"},
    {final_sigkill,  {final_sigterm, final_watchdog},
                     {stop_post},
     "as stop-sigkill"},

    // ── the end
    {dead,           {stop_post, final_sigterm, final_sigkill},
                     {condition, start_pre, start, start_post, running, exited, reload,
                      reload_signal, reload_notify, pre_stop, stop, stop_watchdog, stop_sigterm,
                      stop_sigkill, final_watchdog},
     "nothing is left of it, and all went well"},
    {failed,         {stop_post, final_sigterm, final_watchdog, final_sigkill},
                     {condition, start_pre, start, start_post, running, exited, reload,
                      reload_signal, reload_notify, pre_stop, stop, stop_watchdog, stop_sigterm,
                      stop_sigkill},
     "nothing is left of it, and something went wrong"},
    {stop_wedged,    {stop_sigkill, final_sigkill},
                     {},
     "processes have survived SIGKILL for KillGraceSec"},
    {failed,         {stop_wedged},
                     {},
     "they have ended at last"},
    {dead,           {failed},
                     {},
     "reset-failed"},

    // ── restarts
    {auto_restart,   {dead, failed},
                     {condition, start_pre, start, start_post, running, exited, reload,
                      reload_signal, reload_notify, pre_stop, stop, stop_watchdog, stop_sigterm,
                      stop_sigkill, stop_post, final_sigterm, final_watchdog, final_sigkill},
     "Restart= wants it; RestartSec runs. With RestartMode=direct not by way of dead or failed"},
    {dead,           {auto_restart},
                     {},
     "RestartSec has passed, and a start follows; or a stop"},
    {failed,         {auto_restart},
                     {},
     "the restart is not possible, or was cancelled"},
});

/// Targets and slices.
inline constexpr auto kOthers = std::to_array<StateEdge>({
    {active, {dead},   {}, "a start"},
    {dead,   {active}, {}, "a stop"},
});
// clang-format on

}  // namespace edges

template <std::size_t Size>
constexpr bool has_edge(const std::array<StateEdge, Size>& table, SubState from, SubState to) {
    for (const StateEdge& edge : table) {
        if (edge.to == to && edge.leads_from(from)) {
            return true;
        }
    }
    return false;
}

/// May a unit of this type go from one sub-state to the other? (To itself: that is no change.)
constexpr bool is_edge(UnitType type, SubState from, SubState to) {
    return type == UnitType::service ? has_edge(edges::kService, from, to)
                                     : has_edge(edges::kOthers, from, to);
}

}  // namespace svcd
