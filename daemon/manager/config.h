// svcd.yaml: what the administrator decides once for the machine. Lines of `KEY: VALUE`; comments
// and blank lines are skipped. A mistake is said and costs no more than its line: svcd starts all
// the same.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.h"
#include "core/types/time.h"
#include "launcher/protocol.h"

namespace svcd {

struct Config {
    Duration kill_grace{5'000'000};        ///< KillGraceSec
    Duration shutdown_budget = kInfinity;  ///< ShutdownBudgetSec; infinity: no limit but the units'
    Duration shutdown_margin{2'000'000};   ///< ShutdownMarginSec
    Duration flapping_interval{600'000'000};  ///< FlappingIntervalSec
    std::uint32_t flapping_burst = 5;         ///< FlappingBurst
    std::string log_dir;                      ///< LogDir; empty: the default of the mode
    std::string log_group;                    ///< LogGroup; empty: adm where there is one
    std::uint64_t early_log_size = std::uint64_t{16} << 20U;  ///< EarlyLogSize
    /// ManagerTimeoutSec: how long the launcher waits for an answer of ours.
    Duration manager_timeout{10'000'000};
    Duration kernel_panic{10'000'000};  ///< KernelPanicSec; 0 and infinity leave it as it is
    std::uint16_t bus_mode = 0666;      ///< BusMode
    std::optional<gid_t> bus_group;     ///< BusGroup; nothing: svcd's own
    LauncherSettings launcher;          ///< RescueShell, CrashAction, BusyboxSignals
};

struct ParsedConfig {
    Config config;
    std::vector<std::string> errors;  ///< "FILE:LINE: ...", with what is in force instead
    std::optional<Error> unreadable;  ///< why the whole file is not, which `errors` has too
};

/// `defaults`: what is in force where the text says nothing.
ParsedConfig parse_config(std::string_view text,
                          std::string_view file,
                          const Config& defaults = {});

/// A file that is missing is an empty one, unless `must_exist`.
ParsedConfig read_config(const std::string& file, bool must_exist, const Config& defaults = {});

}  // namespace svcd
