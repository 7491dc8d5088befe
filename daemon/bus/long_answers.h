// Answers that are long to make (lists of all units, of the processes of a unit) are made piece by
// piece, between the turns of the manager's loop: nobody waits longer for their turn because
// somebody asked for a list. Those of root and the owner come first, in their order. Of strangers
// one is made at a time, of the user who has cost least; the others have not begun and cost
// nothing.
#pragma once

#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <list>
#include <optional>

#include "bus/connection.h"
#include "bus/descriptor.h"
#include "bus/message.h"
#include "bus/user_costs.h"

namespace svcd {

/// Answers that wait to be made, of all clients of a message bus together. (On the private socket
/// each client has one.)
inline constexpr std::size_t kLongAnswersMax = 512;

class LongAnswers {
public:
    /// Appends the next piece. True: that was the last.
    using Piece = std::function<bool(Writer&)>;

    explicit LongAnswers(UserCosts& costs) : costs_(costs) {}
    LongAnswers(const LongAnswers&) = delete;
    LongAnswers& operator=(const LongAnswers&) = delete;

    /// The loop that it is to work on, at this priority. 0, or errno.
    int attach(sd_event* loop, int priority);

    /// Takes the answer over; `stranger` is the caller who may change nothing. False: too many
    /// wait.
    bool add(Connection& connection,
             sd_bus_message* call,
             Writer reply,
             std::optional<uid_t> stranger,
             Piece piece);
    /// Nothing is being made or waits.
    bool is_idle() const { return answers_.empty(); }
    /// Nobody there waits any more.
    void forget(const Connection& connection);

private:
    struct Answer {
        Connection* connection;
        MessageRef call;
        Writer reply;
        std::optional<uid_t> stranger;
        Piece piece;
        bool has_begun = false;
    };
    static int on_turn(sd_event_source*, int fd, std::uint32_t events, void* self);
    void work();
    std::list<Answer>::iterator next();
    static bool make(Answer& answer, const Stopwatch& watch);

    UserCosts& costs_;
    std::list<Answer> answers_;
    // An eventfd, readable while there is something to do: of a source of the loop that is of
    // another kind (sd-event's defer) it is always the turn.
    Descriptor work_;
    EventSource turn_;
};

}  // namespace svcd
