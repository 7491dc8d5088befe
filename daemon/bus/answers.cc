#include "bus/answers.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/types/checksum.h"

namespace svcd {
namespace {

std::int64_t now_usec() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::int64_t remember_until() {
    return now_usec() + std::chrono::microseconds{kRememberFor}.count();
}

/// Clients choose their IDs, so one of 128 bits can't be made to fit another's by chance.
std::array<std::uint64_t, 2> key_of(std::string_view text) {
    const std::string salted = std::string{text} + '\n';
    return {checksum_of(text.data(), text.size()), checksum_of(salted.data(), salted.size())};
}

}  // namespace

std::uint64_t Answers::digest(std::string_view what) {
    return checksum_of(what.data(), what.size());
}

std::optional<Answers::Answer> Answers::find(std::string_view text) const {
    const std::array<std::uint64_t, 2> key = key_of(text);
    const auto found = slot_of_key_.find(key[0]);
    if (found == slot_of_key_.end()) {
        return std::nullopt;
    }
    const RequestRecord& record = records_[found->second];
    if (record.key != key || record.until < now_usec()) {
        return std::nullopt;
    }
    Answer answer{record.what, static_cast<JobId>(record.job), std::nullopt};
    if (record.result != 0) {
        answer.result = static_cast<JobResult>(record.result - 1);
    }
    return answer;
}

/// The next place, or the one whose last change is longest ago: never that of a request under way.
std::size_t Answers::oldest() const {
    if (records_.size() < kRequestsRemembered) {
        return records_.size();
    }
    const auto first = std::min_element(records_.begin(), records_.end(),
                                        [](const RequestRecord& one, const RequestRecord& other) {
                                            return one.until < other.until;
                                        });
    return static_cast<std::size_t>(first - records_.begin());
}

void Answers::add(std::string_view key, std::string_view what, JobId job) {
    const std::size_t slot = oldest();
    if (slot == records_.size()) {
        records_.emplace_back();
    } else {
        forget(slot);
    }
    RequestRecord& record = records_[slot];
    record.key = key_of(key);
    record.what = digest(what);
    record.until = remember_until();
    record.job = static_cast<std::uint32_t>(job);
    index(slot);
    changed_.push_back(slot);
}

void Answers::job_ended(JobId job, JobResult result) {
    const auto [first, last] = slots_of_job_.equal_range(static_cast<std::uint32_t>(job));
    for (auto entry = first; entry != last; ++entry) {
        RequestRecord& record = records_[entry->second];
        record.result = static_cast<std::uint8_t>(static_cast<std::uint8_t>(result) + 1);
        record.until = remember_until();
        if (std::find(changed_.begin(), changed_.end(), entry->second) == changed_.end()) {
            changed_.push_back(entry->second);
        }
    }
    slots_of_job_.erase(first, last);
}

void Answers::restore(std::size_t slot, const RequestRecord& record) {
    if (slot >= kRequestsRemembered || record.until < now_usec()) {
        return;
    }
    if (slot >= records_.size()) {
        records_.resize(slot + 1);
    }
    records_[slot] = record;
    index(slot);
}

void Answers::forget(std::size_t slot) {
    const RequestRecord& record = records_[slot];
    const auto known = slot_of_key_.find(record.key[0]);
    if (known != slot_of_key_.end() && known->second == slot) {
        slot_of_key_.erase(known);
    }
    const auto [first, last] = slots_of_job_.equal_range(record.job);
    const auto entry =
        std::find_if(first, last, [slot](const auto& one) { return one.second == slot; });
    if (entry != last) {
        slots_of_job_.erase(entry);
    }
    records_[slot] = RequestRecord{};
}

void Answers::index(std::size_t slot) {
    const RequestRecord& record = records_[slot];
    slot_of_key_[record.key[0]] = slot;
    if (record.job != 0 && record.result == 0) {
        slots_of_job_.emplace(record.job, slot);
    }
}

}  // namespace svcd
