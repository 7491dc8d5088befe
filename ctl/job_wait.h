// Waiting for jobs: until all have ended, or --timeout passes, or Ctrl-C. The jobs go on in any
// case. A manager that dies in between is waited for, and asked again: its successor knows the
// jobs.
#pragma once

#include <string>
#include <vector>

#include "job_ledger.h"
#include "session.h"
#include "signals.h"

namespace svcd {

/// What svcd made of a request.
struct RequestedJobs {
    struct Row {
        std::string unit;
        std::string outcome;  ///< "job", "already", "refused"
        std::string error;    ///< of "refused": a D-Bus error
        std::string message;
    };
    struct LeftOut {
        std::string by;  ///< goes on without `unit`, which it wants
        std::string unit;
        std::string why;
    };
    std::vector<Row> rows;
    std::vector<LeftOut> left_out;
};

class JobWait {
public:
    /// Subscribes to the ends of jobs; to be made before the first job is.
    explicit JobWait(Session& session);

    /// Asks for jobs, as one transaction, and expects their ends. Throws sdbus::Error when all of
    /// it is refused.
    RequestedJobs request(const std::string& verb,
                          const std::vector<std::string>& units,
                          const std::string& mode);

    /// Expects what stops along with the units of the request, too: the members of a target. Their
    /// stops come after its own.
    void expect_stops_along();

    /// With --no-block returns at once.
    Signals::End wait();
    /// Until none of the units is active any more (--wait).
    Signals::End wait_until_inactive(const std::vector<std::string>& units);

    JobLedger& ledger() { return ledger_; }

private:
    void listen();
    void listen_again();
    void subscribe();
    /// After a reconnection: what became of the jobs meanwhile?
    void settle_after_reconnection();
    std::string result_of(const WatchedJob& job);
    std::string what_is_waited_for(const WatchedJob& job, Usec now);
    Usec show_progress();
    void clear_progress();
    Signals::End wait_for_jobs();

    Session& session_;
    std::unique_ptr<Signals> signals_;
    JobLedger ledger_;
    Usec deadline_;
    Usec begun_;
    bool progress_shown_ = false;
};

/// 32 random hexadecimal digits: with the same ID a request that is sent again is answered, not
/// done twice.
std::string random_request_id();

}  // namespace svcd
