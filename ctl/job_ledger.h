// The jobs that svctl started and waits for: which of them have ended, and how. Fed with the
// daemon's signals and with its answers in any order (a job may be over before the answer to the
// call that made it was looked at).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "time_text.h"

namespace svcd {

struct WatchedJob {
    std::string unit;
    std::string verb;        ///< as it was typed; "stop" of a stop that an isolate has brought
    std::string path;        ///< "/org/svcd1/job/12"
    std::string request_id;  ///< it was asked for with; the daemon knows how it ended by that, too
    std::string result;      ///< empty: it goes on
    Usec begun = 0;
    Usec ended = 0;
    bool in_passing = false;  ///< nobody named its unit: a stop of an isolation

    std::uint32_t number() const;
};

class JobLedger {
public:
    void expect(const std::string& unit,
                const std::string& verb,
                const std::string& path,
                const std::string& request_id,
                Usec now);
    void removed(const std::string& path, const std::string& result, Usec now);

    bool all_ended() const;
    const WatchedJob* first_pending() const;
    std::size_t pending() const;
    std::vector<WatchedJob>& jobs() { return jobs_; }

private:
    std::vector<WatchedJob> jobs_;
    /// Jobs that ended before anyone expected them.
    std::map<std::string, std::string> early_;
};

}  // namespace svcd
