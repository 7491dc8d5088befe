// The start of the manager: what the one before it has left, the first load of the unit files, and
// the boot.
#include <fcntl.h>
#include <sys/epoll.h>

#include <cerrno>
#include <memory>

#include "linux/log_files.h"
#include "manager/adoption.h"
#include "manager/descriptor_limits.h"
#include "manager/manager.h"
#include "manager/restore.h"

namespace svcd {
namespace {

/// A stop may have no limit: strangers are answered then in any case.
constexpr Duration kStopsBeforeStrangers{60'000'000};

}  // namespace

/// What was mounted anew may have the log folder on it.
Result<void> Manager::watch_mounts() {
    if (!is_machine_) {
        return {};
    }
    mounts_.reset(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    if (!mounts_) {
        return failure(errno, "open", "/proc/self/mountinfo");
    }
    const auto look = [this] {
        if (has_public_logs_) {
            keep_logs_private();
        }
        if (early_log_.has_early_files()) {
            early_log_.move();
        }
    };
    auto watch = loop_.watch(mounts_.get(), EventOrder::had_its_turn, look, EPOLLPRI);
    if (!watch) {
        return Failure{watch.error()};
    }
    watches_.push_back(std::move(*watch));
    return {};
}

/// Once in the life of a svcd.
void Manager::warn_of_few_descriptors() {
    if (const std::string text = few_descriptors();
        !text.empty() && kernel_.table.manager_starts() == 1) {
        log_.report(Severity::warning, text);
    }
}

/// Logs of before, of an svcd that let everybody read them.
void Manager::keep_logs_private() {
    has_public_logs_ = false;
    const auto mend = [this]() -> FileAnswer {
        const Result<void> early = mend_logs(runtime_path(options_, "log"), options_.log_access);
        const Result<void> mended = mend_logs(options_.log_dir, options_.log_access);
        if (!early || !mended) {
            return Failure{!mended ? mended.error() : early.error()};
        }
        return std::nullopt;
    };
    file_looks_.start(options_.log_dir, mend, [this](const FileAnswer& answer) {
        if (answer) {
            return;
        }
        has_public_logs_ = answer.error().error_number == EROFS;
        if (!has_public_logs_) {
            Error error = answer.error();
            error.operation = "keep the logs from being read by others";
            log_.say(Severity::warning, to_string(error));
        }
    });
}

void Manager::load_at_start() {
    const bool is_whole = kernel_.saved && kernel_.saved_is_whole;
    const std::vector<std::string> without_record =
        unrecorded_services(kernel_.saved.get(), is_whole, kernel_.table, *kernel_.tracker);
    if (kernel_.saved && without_record.empty() &&
        !is_worth_restoring(*kernel_.saved, kernel_.table, *kernel_.tracker)) {
        log_.say(Severity::notice, "Another svcd left its state here, and nothing of it runs");
        kernel_.saved.reset();
        // Else the manager after us would go on with it.
        if (const auto begun = kernel_.state.begin_anew(); !begun) {
            log_.say(Severity::error, to_string(begun.error()));
        }
    }
    // What is saved is all that is known of what runs. Until the supervisor has it, nothing may be
    // written over it: this manager may die too.
    const bool is_lost = kernel_.saved == nullptr && kernel_.table.has_taken_over();
    runner_.hold_records(kernel_.saved != nullptr || !without_record.empty() || is_lost);
    if (kernel_.saved != nullptr) {
        for (const SavedRequest& request : kernel_.saved->requests) {
            bus_.answers().restore(request.slot, request.record);
        }
    }
    LoadOutcome outcome = files_.load_all(FaultyDropIn::leave_out);
    say_report(outcome.report);
    apply(outcome);
    // Instances that were started by name, which load_all() doesn't know of.
    for (const std::string& unit : without_record) {
        load(unit);
    }
    if (!without_record.empty() || is_lost) {
        adopt(without_record);
    }
    if (kernel_.saved != nullptr) {
        for (const UnitRecord& record : kernel_.saved->units) {
            load(record.name.data());
        }
    }
}

/// There is no record of what runs.
void Manager::adopt(const std::vector<std::string>& units) {
    if (kernel_.saved == nullptr) {
        kernel_.saved = std::make_unique<SavedState>();
    }
    adopt_from_cgroups(
        units,
        [this](std::string_view name) {
            const std::optional<UnitId> unit = supervisor_.find(name);
            return unit ? supervisor_.definition(*unit) : nullptr;
        },
        kernel_.table, *kernel_.tracker, *kernel_.saved, log_);
}

void Manager::restore_or_boot() {
    static const SavedState kNothing;
    const SavedState& saved = kernel_.saved ? *kernel_.saved : kNothing;
    settle_strangers(saved, kernel_.table, log_);
    if (kernel_.saved == nullptr) {
        recorder_.give_up_unfinished();
    } else {
        runner_.hold_records(false);
        queue_.emplace_back(
            restored_state(saved, kernel_.table, kernel_.adopted, *kernel_.tracker, log_));
        settle();
    }
    if (kernel_.saved != nullptr && kernel_.saved->supervisor.handed_over == 0) {
        stops_before_strangers_ = units();
        forget_ended_stops();
        strangers_wait_until_ = loop_.now() + kStopsBeforeStrangers;
    }
    kernel_.table.set_taken_over();
    hear_what_waits();
    kernel_.saved.reset();
    if (supervisor_.record().started == 0) {
        boot();
    }
}

}  // namespace svcd
