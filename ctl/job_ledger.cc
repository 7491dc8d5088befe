#include "job_ledger.h"

#include <algorithm>
#include <charconv>

namespace svcd {

std::uint32_t WatchedJob::number() const {
    std::uint32_t value = 0;
    const std::size_t slash = path.rfind('/');
    if (slash != std::string::npos) {
        std::from_chars(path.data() + slash + 1, path.data() + path.size(), value);
    }
    return value;
}

void JobLedger::expect(const std::string& unit,
                       const std::string& verb,
                       const std::string& path,
                       const std::string& request_id,
                       Usec now) {
    WatchedJob job;
    job.unit = unit;
    job.verb = verb;
    job.path = path;
    job.request_id = request_id;
    job.begun = now;
    if (const auto early = early_.find(path); early != early_.end()) {
        job.result = early->second;
        job.ended = now;
    }
    jobs_.push_back(std::move(job));
}

void JobLedger::removed(const std::string& path, const std::string& result, Usec now) {
    bool expected = false;
    // One job may serve several names of the command line: a request that was merged into it.
    for (WatchedJob& job : jobs_) {
        if (job.path == path && job.result.empty()) {
            job.result = result;
            job.ended = now;
            expected = true;
        }
    }
    if (!expected) {
        early_[path] = result;
    }
}

bool JobLedger::all_ended() const {
    return pending() == 0;
}

const WatchedJob* JobLedger::first_pending() const {
    const auto found =
        std::ranges::find_if(jobs_, [](const WatchedJob& job) { return job.result.empty(); });
    return found == jobs_.end() ? nullptr : &*found;
}

std::size_t JobLedger::pending() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(jobs_, [](const WatchedJob& job) { return job.result.empty(); }));
}

}  // namespace svcd
