// Calls that wait for the supervisor. Each is held with its message until Bus::reply() answers it;
// when its connection goes first, the request goes on and only the answer is dropped. A call that
// is repeated under the client's own ID (answers.h) while the first still waits joins it.
//
// Whoever was answered with a job is told of its end, even without having asked for signals: that
// is what the job is waited for by. So each job that lives has its callers here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/answers.h"
#include "bus/connection.h"
#include "bus/manager_api.h"
#include "bus/message.h"
#include "core/types/effect.h"

namespace svcd {

/// A client's request ID has at most so many bytes.
inline constexpr std::size_t kClientIdMax = 128;

/// What the answer to a call consists of.
enum class AnswerShape : std::uint8_t {
    nothing,
    job,           ///< o: the job, "/" when there is none
    job_and_flag,  ///< ob: the job, and whether there was nothing to do
    rows,          ///< a(sosss)a(sss): Manager.RequestJobs
};

std::string job_path(JobId job);

/// What became of one unit of Manager.RequestJobs.
struct JobRow {
    std::string unit;
    JobId job = JobId::none;
    std::string outcome;  ///< "job", "already", "refused", "isolated"; empty: not known yet
    std::string error;    ///< of "refused": the D-Bus error's name
    std::string message;
};

/// Those of Manager.RequestJobs, while the supervisor has not answered.
struct JobRows {
    std::vector<JobRow> rows;  ///< in the order asked for
    std::string what;          ///< verb and mode
    std::string key;           ///< of the client's own ID; empty: none

    /// Under which the answer for one of its units is remembered.
    std::string key_of(const JobRow& row) const { return key + "/" + row.unit; }
    std::string what_of(const JobRow& row) const { return what + " " + row.unit; }
};
/// The answer to the call: `left_out` beside them.
void append_rows(Writer& writer,
                 const JobRows& rows,
                 const std::vector<LeftOut>& left_out,
                 ManagerApi& manager);

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
                                  ClientId id = {},
                                  JobRows rows = {});
    /// To be called before the reply is sent, and before anything that it tells of is done.
    void remember(const Reply& reply);
    void answer(const Reply& reply, ManagerApi& manager);
    /// The connection is gone: nobody there waits any more.
    void forget(const Connection& connection);

    /// Was a call on this connection answered with the job?
    bool has_caller(JobId job, const Connection& connection) const;
    /// Does somebody there wait for an answer, or for the end of a job?
    bool has_to_do_with(const Connection& connection) const;
    /// Its callers have been told.
    void job_ended(JobId job) { callers_.erase(static_cast<std::uint32_t>(job)); }

    Answers& answers() { return answers_; }

private:
    struct HeldCall {
        Connection* connection;
        MessageRef message;
    };
    struct Waiting {
        AnswerShape shape;
        std::vector<HeldCall> calls;
        ClientId client_id;
        JobRows rows;  ///< of AnswerShape::rows
    };
    void add_caller(JobId job, const Connection& connection);
    void remember(const Waiting& request, JobId job, const ClientId& id);
    static void fill_in(Waiting& waiting, const Reply& reply, ManagerApi& manager);

    std::uint64_t last_id_ = 0;
    std::unordered_map<std::uint64_t, Waiting> waiting_;
    /// By job, each connection once.
    std::unordered_map<std::uint32_t, std::vector<const Connection*>> callers_;
    Answers answers_;
};

}  // namespace svcd
