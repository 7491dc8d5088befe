// The environment of a service's process: what svcd tells it (systemd.exec(5), "Environment
// variables in spawned processes"), and the unit's own Environment over it.
//
// A system service starts from nothing but a fixed PATH and the language; a service of a user
// instance from the environment that svcd itself was given.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/ids.h"
#include "core/types/states.h"
#include "core/types/time.h"
#include "core/types/unit.h"

namespace svcd {

/// What ExecStop and ExecStopPost are told of the service's end, and handlers (OnFailure,
/// OnSuccess) of another's.
struct ServiceEnd {
    UnitResult result = UnitResult::success;
    ExitCode code = ExitCode::none;  ///< none: the main process is still there
    int status = 0;
    std::array<std::uint64_t, 2> invocation_id{};  ///< for handlers, as `unit`
    std::string unit{};
};

struct EnvironmentFacts {
    /// A user instance's own environment ("K=V"), from which its services start; null in a system
    /// instance.
    const std::vector<std::string>* inherited = nullptr;
    std::array<std::uint64_t, 2> invocation_id{};
    std::string notify_socket;  ///< empty: none
    Duration watchdog{0};       ///< 0: none
    Duration stop_timeout = kInfinity;
    Pid main_pid = 0;  ///< of control processes
    std::optional<ServiceEnd> end;
    std::optional<ServiceEnd> triggered_by;  ///< of a handler: the service whose end it handles
};

/// "K=V", each K once.
std::vector<std::string> process_environment(const EnvironmentFacts& facts,
                                             const ExecSettings& exec);

/// What a user instance hands on of its own environment: all but what speaks of svcd itself.
std::vector<std::string> inherited_environment(const char* const* environment);

/// "TERM" for 15, "RTMIN+3"; the number when it has no name.
std::string signal_word(int signal);

}  // namespace svcd
