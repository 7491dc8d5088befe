// The answers to requests that clients gave an ID of their own (svctl does): a call that is
// repeated after a broken connection gets the same job and nothing is done twice, and whoever lost
// the signal that the job ended can ask how. They outlive the manager: each change is a record,
// written to the state file in the step that makes it.
//
// The last kRequestsRemembered are kept, for kRememberFor after the last change.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/types/ids.h"
#include "core/types/record.h"
#include "core/types/states.h"

namespace svcd {

inline constexpr std::chrono::minutes kRememberFor{5};

class Answers {
public:
    struct Answer {
        std::uint64_t what;               ///< checksum of what was asked for
        JobId job;                        ///< none: there was nothing to do
        std::optional<JobResult> result;  ///< none: the job goes on
    };

    std::optional<Answer> find(std::string_view key) const;
    void add(std::string_view key, std::string_view what, JobId job);
    void job_ended(JobId job, JobResult result);

    /// A record that an earlier manager wrote.
    void restore(std::size_t slot, const RequestRecord& record);
    /// Slots whose records are to be written.
    const std::vector<std::size_t>& changed() const { return changed_; }
    void clear_changed() { changed_.clear(); }
    const RequestRecord& record(std::size_t slot) const { return records_[slot]; }

    /// What `Answer::what` is of a text.
    static std::uint64_t digest(std::string_view what);

private:
    std::size_t oldest() const;
    void forget(std::size_t slot);
    void index(std::size_t slot);

    std::vector<RequestRecord> records_;                          ///< grows to kRequestsRemembered
    std::unordered_map<std::uint64_t, std::size_t> slot_of_key_;  ///< by the first half of a key
    std::unordered_multimap<std::uint32_t, std::size_t> slots_of_job_;  ///< of those that go on
    std::vector<std::size_t> changed_;
};

}  // namespace svcd
