#include "manager/exec_sweeper.h"

#include <algorithm>

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

void ExecSweeper::sweep_now() {
    if (spawner_.in_flight() > 0) {
        for (const Token token : spawner_.take_started()) {
            reports_.erase(token);
            ExecReport report = spawner_.report_of(token);
            if (report.error.step != ExecStep::none) {
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
