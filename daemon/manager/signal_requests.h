// What signals to svcd ask for, apart from reading or saying something again (LauncherRequest).
#pragma once

#include "core/types/states.h"
#include "launcher/protocol.h"

namespace svcd {

/// To go down. `on_a_machine`: as PID 1 of one.
struct StopRequest {
    std::uint32_t bit;
    ShutdownKind kind;
    ShutdownKind on_a_machine;
    const char* reason;
};
// clang-format off
inline constexpr StopRequest kStopRequests[] = {
    {kRequestTerminate, ShutdownKind::exit,     ShutdownKind::exit,     "SIGTERM"},
    {kRequestHurry,     ShutdownKind::exit,     ShutdownKind::exit,     "the third SIGTERM"},
    {kRequestInterrupt, ShutdownKind::exit,     ShutdownKind::reboot,   "SIGINT"},
    {kRequestPower,     ShutdownKind::poweroff, ShutdownKind::poweroff, "SIGPWR"},
    {kRequestHalt,      ShutdownKind::halt,     ShutdownKind::halt,     "SIGRTMIN+3"},
    {kRequestPowerOff,  ShutdownKind::poweroff, ShutdownKind::poweroff, "SIGRTMIN+4"},
    {kRequestReboot,    ShutdownKind::reboot,   ShutdownKind::reboot,   "SIGRTMIN+5"},
};

/// To start a unit and stop all that it does not need.
struct IsolateRequest {
    std::uint32_t bit;
    const char* unit;
    const char* reason;
};
inline constexpr IsolateRequest kIsolateRequests[] = {
    {kRequestDefault,   "default.target",   "SIGRTMIN+0"},
    {kRequestRescue,    "rescue.target",    "SIGRTMIN+1"},
    {kRequestEmergency, "emergency.target", "SIGRTMIN+2"},
};
// clang-format on

}  // namespace svcd
