#include "manager/grace.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

#include "linux/read_file.h"
#include "unitfile/values.h"

namespace svcd {
namespace {

constexpr Duration kContainerBudget{10'000'000};
constexpr Duration kContainerMargin{1'000'000};
constexpr std::size_t kFileMax = 256;

std::string trimmed(std::string text) {
    constexpr const char* kBlanks = " \t\r\n";
    text.erase(0, std::min(text.find_first_not_of(kBlanks), text.size()));
    text.erase(text.find_last_not_of(kBlanks) + 1);
    return text;
}

std::string shown(Duration span) {
    constexpr std::int64_t kMillisecond = 1'000;
    constexpr std::int64_t kSecond = 1'000'000;
    const std::int64_t usec = span.count();
    return span == kInfinity     ? "infinity"
           : usec % kSecond == 0 ? std::to_string(usec / kSecond) + "s"
                                 : std::to_string(usec / kMillisecond) + "ms";
}

}  // namespace

Config config_defaults(const ManagerOptions& options) {
    Config config;
    if (options.mode == RunMode::container) {
        config.shutdown_budget = kContainerBudget;
        config.shutdown_margin = kContainerMargin;
    }
    return config;
}

Result<Duration> read_shutdown_budget(const std::string& text) {
    std::string span = text;
    if (text.starts_with('@')) {
        const std::string file = text.substr(1);
        Result<std::string> read = read_file_at(AT_FDCWD, file.c_str(), kFileMax);
        if (!read) {
            return Failure{read.error()};
        }
        span = trimmed(std::move(*read));
        if (span.empty()) {
            return failure(0, "read the shutdown budget from", file, "the file is empty");
        }
    }
    const auto budget = parse_duration(span);
    if (!budget || *budget <= Duration{0}) {
        return failure(
            0, "use", "'" + span + "'",
            "it is no time span, such as 20s or 1min; '@FILE' names a file that has one");
    }
    return *budget;
}

Result<void> choose_shutdown_budget(const ManagerOptions& options, Config& config) {
    std::string text = options.shutdown_budget;
    const char* variable = std::getenv("SVCD_SHUTDOWN_BUDGET");
    const bool is_typed = !text.empty();
    if (!is_typed && variable != nullptr) {
        text = variable;
    }
    if (text.empty()) {
        return {};
    }
    const Result<Duration> budget = read_shutdown_budget(text);
    if (!budget) {
        return failure(0, is_typed ? "--shutdown-budget" : "SVCD_SHUTDOWN_BUDGET", "",
                       to_string(budget.error()));
    }
    config.shutdown_budget = *budget;
    return {};
}

void warn_of_cut_stops(const Supervisor& supervisor, const Config& config, Log& log) {
    if (config.shutdown_budget == kInfinity) {
        return;
    }
    const Duration most = std::max(config.shutdown_budget - config.shutdown_margin, Duration{0});
    std::size_t count = 0;
    for (std::size_t index = 0; index < supervisor.unit_count(); ++index) {
        const auto unit = static_cast<UnitId>(index);
        const UnitDefinition* definition =
            supervisor.is_known(unit) ? supervisor.definition(unit) : nullptr;
        if (definition == nullptr || definition->service == nullptr) {
            continue;
        }
        // The default is nobody's wish.
        const Duration wanted = definition->service->timeout_stop;
        const bool is_cut = wanted > most && wanted != ServiceSettings{}.timeout_stop;
        if (is_cut && ++count <= kCutUnitsMax) {
            log.say(Severity::warning, definition->name,
                    "TimeoutStopSec (" + shown(wanted) + ") will be cut to " + shown(most) +
                        " at most at a shutdown: set SVCD_SHUTDOWN_BUDGET, or --shutdown-budget, "
                        "to what "
                        "the orchestrator grants");
        }
    }
    if (count > kCutUnitsMax) {
        log.say(Severity::warning, std::to_string(count - kCutUnitsMax) +
                                       " more units have a TimeoutStopSec that will be cut");
    }
}

}  // namespace svcd
