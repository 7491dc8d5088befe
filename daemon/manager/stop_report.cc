#include "manager/stop_report.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <optional>
#include <string>

namespace svcd {
namespace {

constexpr std::int64_t kMuchOfLimit = 80;  // percent

std::string seconds(std::int64_t usec) {
    const std::int64_t hundredths = usec / 10'000;
    const std::string rest = std::to_string(hundredths % 100);
    return std::to_string(hundredths / 100) + "." + (rest.size() < 2 ? "0" : "") + rest + " s";
}

std::int64_t now_usec() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

/// Writes a line, if there is room for it before `end`.
void write_line(std::string line, std::int64_t end) {
    line.push_back('\n');
    std::string_view rest = line;
    while (!rest.empty()) {
        pollfd room{STDERR_FILENO, POLLOUT, 0};
        const std::int64_t left = std::max(end - now_usec(), std::int64_t{0}) / 1'000;
        if (::poll(&room, 1, static_cast<int>(left)) != 1) {
            return;
        }
        const ssize_t written =
            ::write(STDERR_FILENO, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
        if (written <= 0 && errno != EINTR) {
            return;
        }
        rest.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
}

/// The unit's stop in the shutdown.
std::optional<SavedStop> last_stop(std::string_view unit, StopLog& stops) {
    std::optional<std::uint64_t> last;
    for (const StopSummary& stop : stops.stops_of(unit)) {
        if (stop.shutdown_usec != 0 && (!last || stop.id > *last)) {
            last = stop.id;
        }
    }
    if (!last) {
        return std::nullopt;
    }
    auto saved = stops.read(*last);
    return saved ? std::optional{std::move(*saved)} : std::nullopt;
}

void say(const SavedStop& stop, Log& log) {
    const StopFacts& facts = stop.facts;
    const bool was_killed = (facts.outcome & kStopKilledLate) != 0;
    const bool took_much = facts.limit_usec > 0 && facts.duration_usec >= 0 &&
                           facts.duration_usec * 100 > facts.limit_usec * kMuchOfLimit;
    if (!was_killed && !took_much) {
        return;
    }
    const std::string limit = facts.limit_usec > 0 ? " of " + seconds(facts.limit_usec) : "";
    log.say(was_killed ? Severity::error : Severity::warning, stop.unit,
            "its stop took " + seconds(facts.duration_usec) + limit +
                (was_killed ? ", and what was left then got SIGKILL: what it had not finished by "
                              "then is lost. Give it more time (TimeoutStopSec, and "
                              "SVCD_SHUTDOWN_BUDGET to what the orchestrator grants), or have it "
                              "end sooner"
                            : ": a little more, and SIGKILL ends it. Give it more time "
                              "(TimeoutStopSec, SVCD_SHUTDOWN_BUDGET), or have it end sooner"));
}

}  // namespace

void report_stops(StopReport how, const Supervisor& supervisor, StopLog& stops, Log& log) {
    if (how == StopReport::no) {
        return;
    }
    const std::int64_t end = now_usec() + kReportPatience.count();
    for (std::size_t index = 0; index < supervisor.unit_count(); ++index) {
        const auto unit = static_cast<UnitId>(index);
        const UnitDefinition* definition =
            supervisor.is_known(unit) ? supervisor.definition(unit) : nullptr;
        if (definition == nullptr || definition->service == nullptr) {
            continue;
        }
        if (auto stop = last_stop(definition->name, stops)) {
            how == StopReport::json ? write_line(std::move(stop->text), end) : say(*stop, log);
        }
    }
}

}  // namespace svcd
