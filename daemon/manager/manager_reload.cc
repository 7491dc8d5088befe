// A daemon-reload: all unit files are read piece by piece, between the turns of the loop, and what
// was found is taken in one step.
#include <cerrno>
#include <new>
#include <utility>

#include "linux/resident_memory.h"
#include "manager/manager.h"

namespace svcd {

std::shared_ptr<void> Manager::begin_reload() noexcept {
    finish_left_reload();
    if (reading_ != nullptr) {
        return nullptr;
    }
    look_at_sockets();
    bus_.reloading(true);
    try {
        auto claim = std::make_shared<char>();
        reading_ = std::make_unique<UnitsReading>(files_.begin_reload());
        reading_claim_ = claim;
        return claim;
    } catch (const std::bad_alloc&) {
        return {std::shared_ptr<void>{}, this};  // go_on_reloading() says it
    }
}

std::optional<ReloadReport> Manager::go_on_reloading() noexcept {
    std::optional<LoadOutcome> outcome;
    try {
        if (reading_ != nullptr && !memory_.is_given_up()) {
            if (reading_->loading.go_on()) {
                return std::nullopt;
            }
            outcome = files_.finish_reload(*reading_);
        }
    } catch (const std::bad_alloc&) {
        outcome.reset();
    }
    reading_.reset();
    ReloadReport report = outcome ? take_reload(*outcome) : refuse_reload();
    bus_.reloading(false);
    return report;
}

ReloadReport Manager::refuse_reload() {
    const Error error{ENOMEM, "daemon-reload", {}, "nothing was loaded, all stays as it is"};
    log_.say(Severity::error, to_string(error));
    return {{}, {}, to_string(error)};
}

/// A fault keeps the definition that is in force; at the start, where there is none, a unit loads
/// without the drop-in that has it.
ReloadReport Manager::take_reload(LoadOutcome& outcome) {
    say_report(outcome.report);
    const std::vector<std::string> names = UnitFiles::names_of(outcome.event);
    apply(outcome);
    // What could be read and was refused all the same, for it would have closed a cycle.
    for (const std::string& name : names) {
        const std::optional<UnitId> unit = supervisor_.find(name);
        if (unit && !supervisor_.status(*unit).load_error.empty()) {
            outcome.report.errors.push_back(name + ": " +
                                            std::string(supervisor_.status(*unit).load_error));
        }
    }
    log_.say(Severity::notice, "Reloaded: " + std::to_string(outcome.report.errors.size()) +
                                   " errors, " + std::to_string(outcome.report.warnings.size()) +
                                   " warnings");
    release_start_up_memory();
    return std::move(outcome.report);
}

/// Whoever asked for it has gone, and gets it all the same.
void Manager::finish_left_reload() noexcept {
    while (reading_ != nullptr && reading_claim_.expired()) {
        go_on_reloading();
    }
}

/// By a signal. While one goes on, another follows it, for files may have changed since it began.
void Manager::reload() noexcept {
    const std::shared_ptr<void> claim = begin_reload();
    reload_follows_ = claim == nullptr;
    while (claim != nullptr && !go_on_reloading()) {
    }
}

}  // namespace svcd
