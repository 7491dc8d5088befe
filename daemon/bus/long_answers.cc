#include "bus/long_answers.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "bus/error_names.h"

namespace svcd {
namespace {

using namespace std::chrono_literals;

/// Of one turn of the loop; the last piece may take longer.
constexpr std::chrono::microseconds kTurn = 1ms;

}  // namespace

int LongAnswers::attach(sd_event* loop, int priority) {
    work_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!work_) {
        return errno;
    }
    sd_event_source* source = nullptr;
    int result = sd_event_add_io(loop, &source, work_.get(), EPOLLIN, &LongAnswers::on_turn, this);
    turn_.reset(source);
    if (result >= 0) {
        result = sd_event_source_set_priority(source, priority);
    }
    return result < 0 ? -result : 0;
}

bool LongAnswers::add(Connection& connection,
                      sd_bus_message* call,
                      Writer reply,
                      std::optional<uid_t> stranger,
                      Piece piece) {
    if (answers_.size() >= kLongAnswersMax) {
        return false;
    }
    answers_.push_back({&connection, MessageRef{sd_bus_message_ref(call)}, std::move(reply),
                        stranger, std::move(piece)});
    connection.wait_for_answer(true);
    ::eventfd_write(work_.get(), 1);
    return true;
}

void LongAnswers::forget(const Connection& connection) {
    // Not those that are being made up the stack: cut() comes from there only when it has ended.
    std::erase_if(answers_, [&](const Answer& answer) { return answer.connection == &connection; });
}

int LongAnswers::on_turn(sd_event_source*, int, std::uint32_t, void* self) {
    static_cast<LongAnswers*>(self)->work();
    return 0;
}

std::list<LongAnswers::Answer>::iterator LongAnswers::next() {
    const auto of_friend =
        std::ranges::find_if(answers_, [](const Answer& answer) { return !answer.stranger; });
    if (of_friend != answers_.end()) {
        return of_friend;
    }
    const auto begun = std::ranges::find_if(answers_, &Answer::has_begun);
    if (begun != answers_.end()) {
        return begun;
    }
    return std::ranges::min_element(
        answers_, {}, [this](const Answer& answer) { return costs_.of(*answer.stranger); });
}

/// Makes pieces for the rest of the turn. True: the answer is whole, or fails.
bool LongAnswers::make(Answer& answer, const Stopwatch& watch) {
    answer.has_begun = true;
    try {
        while (answer.reply.ok()) {
            if (answer.piece(answer.reply)) {
                return true;
            }
            if (watch.elapsed() >= kTurn) {
                return false;
            }
        }
    } catch (const std::bad_alloc&) {
        answer.reply = Writer{};
    }
    return true;
}

void LongAnswers::work() {
    const Stopwatch watch;
    while (!answers_.empty() && watch.elapsed() < kTurn) {
        const auto current = next();
        const Stopwatch own;
        const bool is_done = make(*current, watch);
        if (current->stranger) {
            costs_.add(*current->stranger, own.elapsed());
        }
        if (is_done) {
            // Out of the list first: sending may cut a connection, which is forgotten then.
            const Answer answer = std::move(*current);
            answers_.erase(current);
            answer.connection->wait_for_answer(false);
            try {
                answer.connection->answer(answer.call.get(), answer.reply);
            } catch (const std::bad_alloc&) {
                answer.connection->cut();
            }
        }
    }
    if (answers_.empty()) {
        eventfd_t count = 0;
        ::eventfd_read(work_.get(), &count);
    }
}

}  // namespace svcd
