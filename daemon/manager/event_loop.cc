#include "manager/event_loop.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace svcd {
namespace {

/// sd-event's default accuracy of 250 ms would delay deadlines by that much; 0 means the default.
constexpr std::uint64_t kAccuracy = 1;

std::uint64_t usec_for_sd_event(Time when) {
    return when <= Time{} ? 0 : static_cast<std::uint64_t>(to_usec(when));
}

/// That of now, not of the wakeup.
Time clock_time() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return time_from_usec(static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000);
}

void set_order(sd_event_source* source, EventOrder order) {
    sd_event_source_set_priority(source, static_cast<std::int64_t>(order));
}

}  // namespace

Watch::Watch(EventLoop& loop, std::function<void()> handler, EventOrder order)
    : loop_(loop), handler_(std::move(handler)), order_(order) {}

Watch::~Watch() {
    std::erase(loop_.had_their_turn_, this);
    sd_event_source_disable_unref(source_);
}

void Watch::silence() {
    sd_event_source_set_enabled(source_, SD_EVENT_OFF);
}

int Watch::on_ready(sd_event_source* source, int, std::uint32_t, void* self) noexcept {
    auto& watch = *static_cast<Watch*>(self);
    std::vector<Watch*>& line = watch.loop_.had_their_turn_;
    if (std::find(line.begin(), line.end(), &watch) == line.end()) {
        line.push_back(&watch);
        set_order(source, EventOrder::had_its_turn);
    }
    watch.handler_();
    return 0;
}

Timer::Timer(std::function<void()> handler) : handler_(std::move(handler)) {}

Timer::~Timer() {
    sd_event_source_disable_unref(source_);
}

void Timer::arm(std::optional<Time> when) {
    if (when == armed_for_) {
        return;
    }
    armed_for_ = when;
    if (!when) {
        sd_event_source_set_enabled(source_, SD_EVENT_OFF);
        return;
    }
    sd_event_source_set_time(source_, usec_for_sd_event(*when));
    sd_event_source_set_enabled(source_, SD_EVENT_ONESHOT);
}

int Timer::on_elapsed(sd_event_source*, std::uint64_t, void* self) noexcept {
    auto& timer = *static_cast<Timer*>(self);
    timer.armed_for_.reset();
    timer.handler_();
    return 0;
}

EventLoop::EventLoop() {
    if (sd_event_new(&loop_) < 0) {
        std::abort();  // no memory or no descriptors at the very start: the launcher tries again
    }
}

EventLoop::~EventLoop() {
    sd_event_source_disable_unref(post_);
    sd_event_unref(loop_);
}

Result<std::unique_ptr<Watch>> EventLoop::watch(int fd,
                                                EventOrder order,
                                                std::function<void()> handler,
                                                std::uint32_t events) {
    std::unique_ptr<Watch> watch{new Watch(*this, std::move(handler), order)};
    int r = sd_event_add_io(loop_, &watch->source_, fd, events, Watch::on_ready, watch.get());
    if (r >= 0) {
        r = sd_event_source_set_priority(watch->source_, static_cast<std::int64_t>(order));
    }
    if (r < 0) {
        return failure(-r, "watch", "descriptor " + std::to_string(fd));
    }
    return watch;
}

Result<std::unique_ptr<Timer>> EventLoop::timer(EventOrder order, std::function<void()> handler) {
    std::unique_ptr<Timer> timer{new Timer(std::move(handler))};
    int r = sd_event_add_time(loop_, &timer->source_, CLOCK_MONOTONIC, UINT64_MAX, kAccuracy,
                              Timer::on_elapsed, timer.get());
    if (r >= 0) {
        r = sd_event_source_set_enabled(timer->source_, SD_EVENT_OFF);
    }
    if (r >= 0) {
        r = sd_event_source_set_priority(timer->source_, static_cast<std::int64_t>(order));
    }
    if (r < 0) {
        return failure(-r, "add timer");
    }
    return timer;
}

Result<void> EventLoop::at_turn_end(std::function<void()> handler) {
    turn_end_ = std::move(handler);
    int r = sd_event_add_post(loop_, &post_, on_turn_end, this);
    if (r >= 0) {
        r = sd_event_source_set_priority(post_, static_cast<std::int64_t>(EventOrder::turn_end));
    }
    if (r < 0) {
        return failure(-r, "add post source");
    }
    return {};
}

Time EventLoop::now() const {
    std::uint64_t usec = 0;
    sd_event_now(loop_, CLOCK_MONOTONIC, &usec);
    return time_from_usec(static_cast<std::int64_t>(usec));
}

Result<void> EventLoop::run_one() {
    const int r = sd_event_run(loop_, UINT64_MAX);
    if (r < 0) {
        return failure(-r, "sd_event_run");
    }
    if (!std::exchange(has_ended_turn_, false) && is_turn_over()) {
        end_turn();
        has_ended_turn_ = false;
    }
    return {};
}

/// The first dispatch of a turn is mostly the last as well, and then no clock is read.
bool EventLoop::is_turn_over() {
    if (++dispatches_ == 1) {
        turn_began_at_ = now();
        return false;
    }
    return dispatches_ > kDispatchesPerTurn || clock_time() - turn_began_at_ >= kTurnMax;
}

void EventLoop::run_ready(std::size_t limit) {
    while (limit > 0 && sd_event_run(loop_, 0) > 0) {
        --limit;
    }
}

int EventLoop::on_turn_end(sd_event_source*, void* self) noexcept {
    static_cast<EventLoop*>(self)->end_turn();
    return 0;
}

void EventLoop::end_turn() {
    dispatches_ = 0;
    has_ended_turn_ = true;
    for (Watch* const watch : had_their_turn_) {
        set_order(watch->source_, watch->order_);
    }
    had_their_turn_.clear();
    turn_end_();
}

}  // namespace svcd
