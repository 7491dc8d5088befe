// The manager at the boot and the shutdown of a machine: what it says on the console, and where it
// goes when the boot fails.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "linux/read_file.h"
#include "manager/manager.h"

namespace svcd {
namespace {

constexpr std::size_t kLastLines = 10;
constexpr off_t kLastBytes = 2048;
/// A stop that takes longer is worth a line on the console; then one each so often.
constexpr Duration kStopPatience{5'000'000};
constexpr std::size_t kWaitedForMax = 5;

std::string seconds(Duration span) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + " s";
}

/// The last lines of a log, or of as much as kLastBytes of it.
std::vector<std::string> last_lines(const std::string& path) {
    std::vector<std::string> lines;
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    const off_t end = file ? ::lseek(file.get(), 0, SEEK_END) : -1;
    if (end <= 0) {
        return lines;
    }
    std::array<char, kLastBytes> bytes{};
    const ssize_t size =
        ::pread(file.get(), bytes.data(), bytes.size(), std::max(end - kLastBytes, off_t{0}));
    std::string_view text{bytes.data(), static_cast<std::size_t>(std::max(size, ssize_t{0}))};
    while (!text.empty()) {
        const std::size_t newline = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, newline));
        text.remove_prefix(std::min(newline + 1, text.size()));
    }
    if (lines.size() > kLastLines) {
        lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kLastLines));
    }
    return lines;
}

}  // namespace

void Manager::request_boot_of(UnitId unit) {
    JobRequested event;
    event.unit = unit;
    event.requester.reason = "boot";
    event.requester.cause = StartCause::boot;
    queue_.emplace_back(std::move(event));
}

void Manager::boot() {
    const std::optional<UnitId> logd = output_pipes_.is_on() ? load(kLogdUnit) : std::nullopt;
    const std::optional<UnitId> unit = load(options_.unit);
    const UnitDefinition* definition = unit ? supervisor_.definition(*unit) : nullptr;
    // The default.target that is built in starts nothing: it is for those who supervise a few
    // services. A machine needs one that somebody wrote.
    const bool is_empty = is_machine_ && definition != nullptr && definition->fragment_path.empty();
    if (!unit || is_empty) {
        const std::string hint = unit ? std::string{} : files_.hint(options_.unit);
        log_.say(Severity::error, options_.unit +
                                      " was to be started first, but there is no such unit: "
                                      "nothing is started; " +
                                      (hint.empty() ? "" : hint + " ") +
                                      "Give another with --unit=, or start units with svctl");
        if (options_.mode == RunMode::container) {
            leave_with_failure("there is nothing to start");
        }
        return;
    }
    // It comes before sysinit.target, and with that before all others. Both are asked for at once:
    // when it is up the boot is not at its end.
    if (logd) {
        request_boot_of(*logd);
    }
    request_boot_of(*unit);
    settle();
}

std::string Manager::why_boot_failed() {
    std::string why;
    for (const std::string& reason : boot_.reasons()) {
        why += (why.empty() ? "" : "; ") + reason;
    }
    if (const auto unit = supervisor_.find(options_.unit);
        !unit || supervisor_.status(*unit).load_state == LoadState::not_found) {
        const std::string hint = files_.hint(options_.unit);
        why += hint.empty() ? "" : "; " + hint;
    }
    return "the boot has not reached " + options_.unit + (why.empty() ? "" : ": " + why);
}

/// A boot that fails must not leave a machine that nobody can reach.
void Manager::judge_boot() {
    if (boot_.outcome() != Boot::Outcome::failed) {
        return;
    }
    const std::string text = why_boot_failed();
    log_.say(Severity::error, text);
    if (!is_machine_) {
        if (options_.mode == RunMode::container && !options_.command) {
            leave_with_failure("the boot has failed");
        }
        return;
    }
    console_.say(text);
    for (const UnitId unit : boot_.culprits()) {
        const std::string name{supervisor_.name(unit)};
        const std::string log = facts(unit).log_path;
        for (const std::string& line : last_lines(log)) {
            console_.say("  " + name + ": " + line);
        }
    }
    console_.say(
        "going to emergency.target; 'svctl status UNIT' and 'svctl explain UNIT' tell more, "
        "and 'svctl default' tries again");
    go_to_emergency();
}

/// A container that can't do what it is for is one that has failed.
void Manager::leave_with_failure(const std::string& reason) {
    constexpr int kFailed = 1;
    ShutdownRequested event;
    event.requester.uid = ::getuid();
    event.requester.reason = reason;
    event.exit_status = kFailed;
    queue_.emplace_back(std::move(event));
}

/// When svcd will leave because nothing is left to do; nothing: it will not.
std::optional<Time> Manager::leave_when_idle() {
    if (!options_.exit_when_idle || supervisor_.record().shutting_down != 0) {
        return std::nullopt;
    }
    const std::optional<Time> due = idle_.due(loop_.now());
    if (!due || *due > loop_.now()) {
        return due;
    }
    log_.say(Severity::error,
             "nothing is left to do: no process of a unit, no job, no restart that waits, and "
             "nobody has asked anything for 5 s; '--exit-when-idle=no' keeps svcd");
    leave_with_failure("nothing is left to do");
    settle();
    return std::nullopt;
}

void Manager::go_to_emergency() {
    const std::optional<UnitId> emergency = load(kEmergencyTarget);
    if (emergency) {
        JobRequested event;
        event.unit = *emergency;
        event.requester.uid = ::getuid();
        event.requester.reason = "the boot failed";
        queue_.emplace_back(std::move(event));
        settle();
    }
    const bool is_coming =
        emergency && (supervisor_.status(*emergency).job ||
                      supervisor_.status(*emergency).active_state == ActiveState::active);
    if (is_coming) {
        return;
    }
    console_.say("emergency.target can't be started either: is the unit path right?");
    if (const auto asked = kernel_.store.rescue_shell(); !asked) {
        log_.say(Severity::error, to_string(asked.error()));
    }
}

/// Units that have just failed.
void Manager::say_failures() {
    for (const Transition& transition : effects_.transitions) {
        if (transition.to != SubState::failed || transition.from == SubState::failed) {
            continue;
        }
        std::string text{supervisor_.name(transition.unit)};
        text += " failed (" + std::string(name_of(transition.result)) + ")";
        if (transition.main_code == ExitCode::exited) {
            text += ": its main process left with status " + std::to_string(transition.main_status);
        } else if (transition.main_code == ExitCode::killed ||
                   transition.main_code == ExitCode::dumped) {
            text +=
                ": its main process was killed by signal " + std::to_string(transition.main_status);
        }
        console_.say(text);
    }
}

/// During a shutdown: what is waited for, and how long. When to look again, if at all.
std::optional<Time> Manager::say_what_is_waited_for(Time now) {
    if (!console_.is_open() || supervisor_.system_state() != SystemState::stopping ||
        runner_.exit()) {
        return std::nullopt;
    }
    if (waits_said_at_ == Time{}) {
        waits_said_at_ = now;
    }
    if (now < waits_said_at_ + kStopPatience) {
        return waits_said_at_ + kStopPatience;
    }
    waits_said_at_ = now;
    std::size_t count = 0;
    for (const UnitId unit : units()) {
        const UnitStatus status = supervisor_.status(unit);
        if (status.active_state != ActiveState::deactivating) {
            continue;
        }
        if (++count > kWaitedForMax) {
            console_.say("… and for others ('svctl list-jobs')");
            break;
        }
        std::string text = "waiting for " + std::string(status.name) + " to stop, for " +
                           seconds(now - status.stop_began_at);
        if (status.stop_deadline != kNever) {
            text += "; SIGKILL in " + seconds(std::max(status.stop_deadline - now, Duration{0}));
        } else {
            text += ", without a limit";
        }
        console_.say(text + " (" + std::string(name_of(status.sub_state)) + ")");
    }
    return now + kStopPatience;
}

}  // namespace svcd
