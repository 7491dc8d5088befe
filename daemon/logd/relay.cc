#include "logd/relay.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace svcd::logd {

Result<Relay> Relay::make(const Options& options, UniqueFd signals) {
    Result<PipeFolder> folder = PipeFolder::open(options.pipes);
    if (!folder) {
        return Failure{folder.error()};
    }
    Result<PipeCopy> copy = PipeCopy::make();
    if (!copy) {
        return Failure{copy.error()};
    }
    UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    epoll_event event{};
    event.events = EPOLLIN;
    if (!epoll || ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, folder->fd(), &event) != 0) {
        return failure(errno, "watch the pipes");
    }
    return Relay{options, std::move(signals), std::move(epoll), std::move(*folder),
                 std::move(*copy)};
}

Relay::Relay(
    const Options& options, UniqueFd signals, UniqueFd epoll, PipeFolder folder, PipeCopy copy)
    : has_prefix_(options.prefix),
      signals_(std::move(signals)),
      epoll_(std::move(epoll)),
      folder_(std::move(folder)),
      copy_(std::move(copy)),
      recent_(options.log_dir),
      output_(STDOUT_FILENO),
      error_(STDERR_FILENO) {}

void Relay::find_new() {
    for (LogPipe& found : folder_.find_new()) {
        pipes_.push_back(std::move(found));
        LogPipe& pipe = pipes_.back();
        epoll_event event{};
        // Half a line stays in the pipe, so only what comes anew is to wake us.
        event.events = EPOLLIN | EPOLLET;
        event.data.ptr = &pipe;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pipe.fd(), &event);
        ready_.insert(&pipe);
    }
}

void Relay::hear() {
    std::array<epoll_event, 64> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int index = 0; index < count; ++index) {
        auto* pipe = static_cast<LogPipe*>(events[static_cast<std::size_t>(index)].data.ptr);
        if (pipe == nullptr) {
            find_new();
        } else {
            ready_.insert(pipe);
        }
    }
}

void Relay::hand_on(LogPipe& pipe, const LogPipe::Line& line) {
    const std::string prefix = has_prefix_ ? pipe.unit() + ": " : std::string{};
    outlet(pipe).write(prefix, line.text);
    recent_.append(pipe.unit(), line.text);
    pipe.drop(line.size);
    halves_.erase(&pipe);
}

/// It has waited long enough for its other half.
bool Relay::may_hand_on_half(LogPipe& pipe, bool is_last) {
    const auto now = Clock::now();
    const auto since = halves_.emplace(&pipe, now).first->second;
    return is_last || now - since >= kPatience;
}

void Relay::take_turn(LogPipe& pipe, bool is_last) {
    const std::size_t prefix = has_prefix_ ? pipe.unit().size() + 2 : 0;
    const std::size_t longest = kPieceMax - 1 - prefix;
    std::string_view bytes = copy_.look(pipe.fd());
    if (bytes.empty()) {
        ready_.erase(&pipe);
        return;
    }
    for (std::size_t count = 0; count < kLinesPerTurn && !bytes.empty(); ++count) {
        if (!outlet(pipe).can_write()) {
            return;
        }
        const LogPipe::Line line = LogPipe::first_line(bytes, longest);
        if (!line.is_whole && !may_hand_on_half(pipe, is_last)) {
            ready_.erase(&pipe);
            return;
        }
        bytes.remove_prefix(line.size);
        hand_on(pipe, line);
    }
}

void Relay::take_turns(bool is_last) {
    const std::set<LogPipe*> ready = ready_;
    for (LogPipe* pipe : ready) {
        take_turn(*pipe, is_last);
    }
}

Relay::Clock::time_point Relay::next_half() const {
    auto next = Clock::time_point::max();
    for (const auto& [pipe, since] : halves_) {
        next = std::min(next, since + kPatience);
    }
    return next;
}

bool Relay::wait(Clock::time_point end) {
    // Who is ready and can't be served waits for an outlet, whichever it is.
    const auto waits_for = [&](const Outlet& outlet) {
        return std::any_of(ready_.begin(), ready_.end(), [&](LogPipe* pipe) {
            return &this->outlet(*pipe) == &outlet && !outlet.can_write();
        });
    };
    const bool waits_for_output = waits_for(output_);
    const bool waits_for_error = waits_for(error_);
    const bool has_work = std::any_of(ready_.begin(), ready_.end(), [&](LogPipe* pipe) {
        return pipe->stream() == Stream::error ? !waits_for_error : !waits_for_output;
    });
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    const int patience = has_work ? 0
                         : end == Clock::time_point::max()
                             ? -1
                             : std::max<int>(0, static_cast<int>(left.count()));
    std::array<pollfd, 4> sources{{{signals_.get(), POLLIN, 0},
                                   {epoll_.get(), POLLIN, 0},
                                   {waits_for_output ? output_.fd() : -1, POLLOUT, 0},
                                   {waits_for_error ? error_.fd() : -1, POLLOUT, 0}}};
    ::poll(sources.data(), sources.size(), patience);
    if ((sources[1].revents & POLLIN) != 0) {
        hear();
    }
    return (sources[0].revents & POLLIN) == 0;
}

void Relay::run() {
    find_new();
    while (wait(next_half())) {
        const auto now = Clock::now();
        for (const auto& [pipe, since] : halves_) {
            if (now - since >= kPatience) {
                ready_.insert(pipe);
            }
        }
        take_turns(false);
    }
    signals_.reset();
    find_new();
    for (LogPipe& pipe : pipes_) {
        ready_.insert(&pipe);
    }
    const auto end = Clock::now() + kLastWords;
    take_turns(true);
    while (!ready_.empty() && Clock::now() < end) {
        wait(end);
        take_turns(true);
    }
}

}  // namespace svcd::logd
