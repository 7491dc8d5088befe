#include "manager/exec_sweeper.h"

#include <algorithm>

#include "linux/procfs.h"

namespace svcd {
namespace {

constexpr Duration kFirstDelay{10'000};
constexpr Duration kLongestDelay{1'000'000};

}  // namespace

ExecSweeper::ExecSweeper(EventLoop& loop, Spawner& spawner, std::deque<Event>& queue)
    : loop_(loop), spawner_(spawner), queue_(queue), delay_(kFirstDelay) {}

Result<void> ExecSweeper::started(Token token, UniqueFd report) {
    delay_ = kFirstDelay;
    if (!report) {
        return {};
    }
    const int fd = report.get();
    auto watch = loop_.watch(fd, EventOrder::execs, [this, token] {
        const auto found = reports_.find(token);
        if (found != reports_.end()) {
            found->second.ended = true;
        }
    });
    if (!watch) {
        return Failure{watch.error()};
    }
    reports_[token] = Report{std::move(report), std::move(*watch), false};
    return {};
}

void ExecSweeper::await_birth(Token token, const std::atomic<std::int32_t>* cell) {
    unborn_[token] = cell;
}

void ExecSweeper::look_for_births() {
    for (auto each = unborn_.begin(); each != unborn_.end();) {
        const Pid pid = each->second->load(std::memory_order_acquire);
        if (pid == 0) {
            ++each;
            continue;
        }
        const Result<ProcessInfo> info = process_info(pid);  // not when it has ended already
        queue_.emplace_back(ProcessSpawned{each->first, pid, info ? info->start_time : 0});
        each = unborn_.erase(each);
    }
}

void ExecSweeper::not_born(Token token, const ExecReport& report) {
    unborn_.erase(token);
    const bool has_reason = report.error.step != ExecStep::none;
    queue_.emplace_back(SpawnFailed{
        token,
        Error{report.error.error_number, "start", "its keeper",
              has_reason ? describe(report.error) : "svcd-exec was killed before it had begun"}});
}

void ExecSweeper::sweep_now() {
    look_for_births();
    if (spawner_.in_flight() > 0) {
        for (const Token token : spawner_.take_started()) {
            reports_.erase(token);
            ExecReport report = spawner_.report_of(token);
            look_for_births();
            if (unborn_.contains(token)) {
                not_born(token, report);
            } else if (report.error.step != ExecStep::none) {
                queue_.emplace_back(ExecFailed{token, std::move(report.error), report.log_size});
            } else {
                queue_.emplace_back(ExecSucceeded{token, report.deviations,
                                                  std::move(report.warnings), report.log_size});
            }
        }
    }
}

void ExecSweeper::sweep(Time now) {
    sweep_now();
    std::erase_if(reports_, [](const auto& entry) { return entry.second.ended; });
    if (spawner_.in_flight() == 0) {
        if (timer_) {
            timer_->arm(std::nullopt);
        }
        return;
    }
    if (!timer_) {
        // The wakeup is all that is wanted of it: each turn ends with a sweep.
        auto timer = loop_.timer(EventOrder::execs,
                                 [this] { delay_ = std::min(delay_ * 2, kLongestDelay); });
        if (!timer) {
            return;
        }
        timer_ = std::move(*timer);
    }
    if (!timer_->is_armed() || delay_ == kShortestDelay) {
        timer_->arm(after(now, delay_));
    }
}

}  // namespace svcd
