// What made a unit's Result another than success. It is written down in the moment in which svcd
// acts or is told, and kept over the manager's death: nothing of it is guessed afterwards. The
// sentence for a person is made of it wherever it is shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "core/types/states.h"
#include "core/types/time.h"

namespace svcd {

struct ServiceSettings;

enum class FailureKind : std::uint8_t {
    none,
    main_ended,       ///< the main process, the only one of ExecStart
    command_failed,   ///< one of the unit's other commands, or one of several ExecStart
    not_executed,     ///< ExecError says which step failed
    start_timeout,    ///< TimeoutStartSec, for something that has no kind of its own
    ready_refused,    ///< TimeoutStartSec, and READY=1 came from a process that may not speak
    command_timeout,  ///< ExecStop, ExecStopPost or ExecReload, whose time was over
    reload_timeout,   ///< no READY=1 after a reload
    stop_timeout,     ///< TimeoutStopSec or TimeoutAbortSec, or what a shutdown left of it
    runtime_max,      ///< RuntimeMaxSec
    watchdog,
    watchdog_never,    ///< not one WATCHDOG=1 since it was started
    watchdog_trigger,  ///< it asked for it
    not_ready,         ///< all its processes ended before it was started
    no_pid_file,
    oom_kill,
    start_limit,
    ready_missing,      ///< TimeoutStartSec, and nobody said READY=1
    pid_file_wrong,     ///< TimeoutStartSec, and the PIDFile names no process of the unit
    ended_before_ready  ///< without READY=1
};
inline constexpr auto kLastFailureKind = FailureKind::ended_before_ready;

struct UnitFailure {
    FailureKind kind = FailureKind::none;
    SubState during = SubState::dead;    ///< of the unit when it happened
    ExitCode code = ExitCode::none;      ///< of the process that ended, as `status`
    std::uint16_t command = kNoCommand;  ///< index of ServiceSettings::commands
    std::int32_t status = 0;
    Pid pid = 0;        ///< whose READY=1 was refused
    Duration limit{0};  ///< the time that was over
    // Not kept over the manager's death:
    std::string detail;         ///< what was wrong with the PIDFile
    std::string said;           ///< its STATUS= by then
    bool was_extended = false;  ///< it had asked for more time

    static constexpr std::uint16_t kNoCommand = 0xffff;
    bool operator==(const UnitFailure&) const = default;
};

/// "main-ended", "command-failed" ...; "" for none.
std::string_view name_of(FailureKind kind);
/// A sentence about the unit without its end, "it ran for ..."; "" where the exit status of the
/// main process, or ExecError, says it.
std::string describe(const UnitFailure& failure, const ServiceSettings& settings);
/// How a process has ended: "exited with status 1", "was killed by SIGKILL".
std::string end_in_words(ExitCode code, int status);
/// Of a start that would time out now: what it waits for, "READY=1 has not come yet".
std::string awaited_in_words(const UnitFailure& failure, const ServiceSettings& settings);

}  // namespace svcd
