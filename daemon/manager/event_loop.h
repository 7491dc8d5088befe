// The manager's event loop: sd-event behind values that clean up after themselves.
//
// One dispatch handles one source, the most urgent that is ready (event_order.h). When nothing more
// is ready, the turn ends: changes are published and one timer is armed. A source that reports that
// it left something (it took its share of kItemsPerTurn) goes to the end of the line until it has
// nothing left, so that none starves another.
//
// A handler must not destroy its own Watch while it runs.
#pragma once

#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/types/result.h"
#include "core/types/time.h"
#include "manager/event_order.h"

namespace svcd {

/// What a handler says of its source.
enum class Drained : bool { no, yes };

/// A descriptor that is being watched, until it is destroyed.
class Watch {
public:
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

private:
    friend class EventLoop;
    Watch(std::function<Drained()> handler, EventOrder order);
    static int on_ready(sd_event_source* source, int fd, std::uint32_t events, void* self);

    std::function<Drained()> handler_;
    EventOrder order_;
    bool last_in_line_ = false;
    sd_event_source* source_ = nullptr;
};

/// A timer of CLOCK_MONOTONIC. Arming it for the time it is armed for already costs nothing.
class Timer {
public:
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Nothing: disarm.
    void arm(std::optional<Time> when);
    bool is_armed() const { return armed_for_.has_value(); }

private:
    friend class EventLoop;
    explicit Timer(std::function<void()> handler);
    static int on_elapsed(sd_event_source* source, std::uint64_t usec, void* self);

    std::function<void()> handler_;
    std::optional<Time> armed_for_;
    sd_event_source* source_ = nullptr;
};

class EventLoop {
public:
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    sd_event* handle() { return loop_; }

    /// Calls `handler` while `fd` is readable (or hung up), or ready for other `events` of
    /// epoll_ctl(2). The descriptor stays the caller's and must outlive the Watch.
    Result<std::unique_ptr<Watch>> watch(int fd,
                                         EventOrder order,
                                         std::function<Drained()> handler,
                                         std::uint32_t events = EPOLLIN);
    Result<std::unique_ptr<Timer>> timer(EventOrder order, std::function<void()> handler);

    /// `handler` is called when nothing more is ready after something was, and at the latest after
    /// kDispatchesPerTurn dispatches.
    Result<void> at_turn_end(std::function<void()> handler);

    /// The time of this wakeup; no system call.
    Time now() const;

    /// Waits for the next source and dispatches it.
    Result<void> run_one();
    /// Dispatches what is ready, at most `limit` times, without waiting.
    void run_ready(std::size_t limit);

private:
    static int on_turn_end(sd_event_source* source, void* self);
    void end_turn();

    sd_event* loop_ = nullptr;
    sd_event_source* post_ = nullptr;
    std::function<void()> turn_end_;
    std::size_t dispatches_ = 0;
};

}  // namespace svcd
