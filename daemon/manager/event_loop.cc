#include "manager/event_loop.h"

#include <time.h>

#include <cstdlib>

namespace svcd {
namespace {

/// sd-event's default accuracy of 250 ms would delay deadlines by that much; 0 means the default.
constexpr std::uint64_t kAccuracy = 1;

std::uint64_t usec_for_sd_event(Time when) {
    return when <= Time{} ? 0 : static_cast<std::uint64_t>(to_usec(when));
}

}  // namespace

Watch::Watch(std::function<Drained()> handler, EventOrder order)
    : handler_(std::move(handler)), order_(order) {}

Watch::~Watch() {
    sd_event_source_disable_unref(source_);
}

int Watch::on_ready(sd_event_source* source, int, std::uint32_t, void* self) {
    auto& watch = *static_cast<Watch*>(self);
    const bool has_more = watch.handler_() == Drained::no;
    if (has_more != watch.last_in_line_) {
        watch.last_in_line_ = has_more;
        sd_event_source_set_priority(
            source, static_cast<std::int64_t>(has_more ? EventOrder::leftovers : watch.order_));
    }
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

int Timer::on_elapsed(sd_event_source*, std::uint64_t, void* self) {
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
                                                std::function<Drained()> handler,
                                                std::uint32_t events) {
    std::unique_ptr<Watch> watch{new Watch(std::move(handler), order)};
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
    if (++dispatches_ > kDispatchesPerTurn) {
        end_turn();
    }
    return {};
}

void EventLoop::run_ready(std::size_t limit) {
    while (limit > 0 && sd_event_run(loop_, 0) > 0) {
        --limit;
    }
}

int EventLoop::on_turn_end(sd_event_source*, void* self) {
    static_cast<EventLoop*>(self)->end_turn();
    return 0;
}

void EventLoop::end_turn() {
    dispatches_ = 0;
    turn_end_();
}

}  // namespace svcd
