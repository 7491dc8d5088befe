// Calls that wait for the supervisor. Each is held with its message until Bus::reply() answers it;
// when its connection goes first, the request goes on and only the answer is dropped.
//
// A client may give a request an ID of its own (svctl does). The answer is then remembered for five
// minutes, so that a call that is repeated after a broken connection gets the same job and nothing
// is done twice. A repeated call that comes while the first still waits joins it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/connection.h"
#include "bus/message.h"
#include "core/types/effect.h"

namespace svcd {

/// How long and how many answers are remembered for clients' own request IDs.
inline constexpr std::chrono::minutes kRememberFor{5};
inline constexpr std::size_t kRememberedMax = 1024;
/// A client's request ID has at most so many bytes.
inline constexpr std::size_t kClientIdMax = 128;

/// What the answer to a call consists of.
enum class AnswerShape : std::uint8_t {
    nothing,
    job,           ///< o: the job, "/" when there is none
    job_and_flag,  ///< ob: the job, and whether there was nothing to do
};

std::string job_path(JobId job);

class Requests {
public:
    /// A client's own ID for a request: `key` tells clients and IDs apart, `what` says what was
    /// asked for, so that an ID used for two things is found out.
    struct ClientId {
        std::string key;
        std::string what;
    };
    enum class Repeated : std::uint8_t {
        no,
        joined,    ///< the first still waits; this call will be answered with it
        answered,  ///< it was answered just now, from memory
        misused,   ///< the same ID, but something else is asked for
    };

    /// To be asked before hold() when the client gave an ID.
    Repeated repeated(const ClientId& id, Connection& connection, sd_bus_message* call);
    /// Holds a call. Nothing when kRequestsMax wait already.
    std::optional<RequestId> hold(Connection& connection,
                                  sd_bus_message* call,
                                  AnswerShape shape,
                                  ClientId id = {});
    void answer(const Reply& reply);
    /// The connection is gone: nobody there waits any more.
    void forget(const Connection& connection);

private:
    using Clock = std::chrono::steady_clock;
    struct HeldCall {
        Connection* connection;
        MessageRef message;
    };
    struct Waiting {
        AnswerShape shape;
        std::vector<HeldCall> calls;
        ClientId client_id;
    };
    struct Remembered {
        std::string what;
        RequestId request;  ///< while it waits; none afterwards
        JobId job;
        Clock::time_point until;
    };

    void expire();

    std::uint64_t last_id_ = 0;
    std::unordered_map<std::uint64_t, Waiting> waiting_;
    std::unordered_map<std::string, Remembered> remembered_;
    std::deque<std::string> remembered_order_;
};

}  // namespace svcd
