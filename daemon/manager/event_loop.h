// The manager's event loop: sd-event behind values that clean up after themselves.
//
// One dispatch handles one source, the most urgent that is ready (event_order.h). It then goes to
// the end of the line for the rest of the turn, so that none starves another, however fast it gets
// ready again. When nothing more is ready, or the turn has lasted long enough, the turn ends:
// changes are published and one timer is armed.
//
// A handler must not destroy its own Watch while it runs. It must not throw either, for sd-event is
// C: one that runs out of memory ends the manager, and the next goes on from the last whole step.
#pragma once

#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/types/result.h"
#include "core/types/time.h"
#include "manager/event_order.h"

namespace svcd {

class EventLoop;

/// A descriptor that is being watched, until it is destroyed.
class Watch {
public:
    /// The descriptor is not watched any more, and no handler is called.
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// No handler is called any more. The handler itself may do this.
    void silence();

private:
    friend class EventLoop;
    Watch(EventLoop& loop, std::function<void()> handler, EventOrder order);
    static int on_ready(sd_event_source* source, int fd, std::uint32_t events, void* self) noexcept;

    EventLoop& loop_;
    std::function<void()> handler_;
    EventOrder order_;
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
    static int on_elapsed(sd_event_source* source, std::uint64_t usec, void* self) noexcept;

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
                                         std::function<void()> handler,
                                         std::uint32_t events = EPOLLIN);
    Result<std::unique_ptr<Timer>> timer(EventOrder order, std::function<void()> handler);

    /// `handler` is called when nothing more is ready after something was, and at the latest after
    /// kDispatchesPerTurn dispatches or kTurnMax.
    Result<void> at_turn_end(std::function<void()> handler);

    /// The time of this wakeup; no system call.
    Time now() const;

    /// Waits for the next source and dispatches it.
    Result<void> run_one();
    /// Dispatches what is ready, at most `limit` times, without waiting.
    void run_ready(std::size_t limit);

private:
    friend class Watch;
    static int on_turn_end(sd_event_source* source, void* self) noexcept;
    /// Has the turn lasted long enough?
    bool is_turn_over();
    void end_turn();

    sd_event* loop_ = nullptr;
    sd_event_source* post_ = nullptr;
    std::function<void()> turn_end_;
    std::size_t dispatches_ = 0;
    bool has_ended_turn_ = false;         ///< the last dispatch was that
    Time turn_began_at_{};                ///< when its first dispatch was over
    std::vector<Watch*> had_their_turn_;  ///< in this turn
};

}  // namespace svcd
