// Flapping: a service that keeps below its start limit and yet ends uncleanly again and again. It
// is flapping when FlappingBurst automatic restarts after unclean ends came within
// FlappingIntervalSec, and no longer when none came for that time, when it stays down, or when a
// person starts it.
#include <algorithm>
#include <iterator>

#include "core/service.h"

namespace svcd {
namespace {

/// The record keeps tenths of a second; so does the machine, that both be the same.
constexpr Duration kTenth{100'000};

}  // namespace

/// An automatic restart begins.
void Service::note_restart() {
    const std::uint32_t burst = machine_.options.flapping_burst;
    if (burst == 0 || !is_failure(unit_.result)) {
        return;
    }
    std::vector<UncleanRestart>& past = run_.unclean_restarts;
    std::erase_if(past, [&](const UncleanRestart& restart) {
        return after(restart.at, machine_.options.flapping_interval) <= machine_.now;
    });
    if (past.size() == kUncleanRestartsMax) {
        past.erase(past.begin());
    }
    const Time at = machine_.now - machine_.now.time_since_epoch() % kTenth;
    past.push_back({at, unit_.result, run_.main_code, run_.main_status});
    if (run_.flapping_since != kNever) {
        ++run_.unclean_count;
    } else if (past.size() >= burst) {
        run_.flapping_since = past.front().at;
        run_.unclean_count = static_cast<std::uint32_t>(past.size());
        machine_.flapping_units.insert(unit_.id);
        machine_.say(Severity::warning, unit_,
                     "is flapping: " + std::to_string(past.size()) +
                         " automatic restarts after unclean ends within FlappingIntervalSec");
    }
    machine_.touch(unit_);
    machine_.update_deadline(unit_);
}

/// Forgets the restarts that count towards it, too.
void Service::end_flapping() {
    run_.unclean_restarts.clear();
    if (run_.flapping_since != kNever) {
        run_.flapping_since = kNever;
        run_.unclean_count = 0;
        machine_.flapping_units.erase(unit_.id);
        if (!run_.given_up) {  // that says more
            machine_.say(Severity::notice, unit_, "is no longer flapping");
        }
        machine_.update_deadline(unit_);
    }
    machine_.touch(unit_);
}

Time flapping_until(const Machine& machine, const ServiceRun& run) {
    return run.flapping_since == kNever || run.unclean_restarts.empty()
               ? kNever
               : after(run.unclean_restarts.back().at, machine.options.flapping_interval);
}

// ── the record

UncleanRestartsRecord unclean_restarts_record(const ServiceRun& run) {
    UncleanRestartsRecord record{};
    for (const UncleanRestart& restart : run.unclean_restarts) {
        const std::size_t slot = record.used++;
        record.at[slot] = static_cast<std::uint32_t>(restart.at.time_since_epoch() / kTenth);
        record.end[slot] = static_cast<std::uint8_t>(static_cast<int>(restart.code) +
                                                     8 * static_cast<int>(restart.result));
        record.status[slot] = static_cast<std::uint8_t>(restart.status);
    }
    if (run.flapping_since != kNever) {
        record.flapping_since = to_usec(run.flapping_since);
        record.count = run.unclean_count;
    }
    return record;
}

/// Of the unit's record; what can't be is left out.
void Service::restore_unclean_restarts(const UncleanRestartsRecord& record) {
    const std::size_t used = std::min<std::size_t>(record.used, kUncleanRestartsMax);
    for (std::size_t slot = 0; slot < used; ++slot) {
        const int code = record.end[slot] % 8;
        const int result = record.end[slot] / 8;
        if (code > static_cast<int>(ExitCode::unknown) ||
            result > static_cast<int>(UnitResult::exit_unknown)) {
            continue;
        }
        run_.unclean_restarts.push_back({Time{record.at[slot] * kTenth},
                                         static_cast<UnitResult>(result),
                                         static_cast<ExitCode>(code), record.status[slot]});
    }
    if (record.flapping_since > 0 && !run_.unclean_restarts.empty()) {
        run_.flapping_since = Time{Duration{record.flapping_since}};
        run_.unclean_count = record.count;
        machine_.flapping_units.insert(unit_.id);
    }
}

}  // namespace svcd
