// The records in the state file against the supervisor itself.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "core/types/record_check.h"
#include "simulation/checkers.h"

namespace svcd::simulation {
namespace {

struct Field {
    std::size_t end;
    const char* name;
};

/// Which part of a record a byte belongs to, as far as it helps to find the mistake.
const char* field_at(std::size_t offset) {
    constexpr std::array<Field, 16> kFields = {{
        {offsetof(UnitRecord, sub_state), "name"},
        {offsetof(UnitRecord, restarts), "states and flags"},
        {offsetof(UnitRecord, flags2), "restarts"},
        {offsetof(UnitRecord, state_deadline), "flags2"},
        {offsetof(UnitRecord, state_changed_at), "deadlines"},
        {offsetof(UnitRecord, main_code), "timestamps"},
        {offsetof(UnitRecord, start_count), "last main process"},
        {offsetof(UnitRecord, start_times), "start_count"},
        {offsetof(UnitRecord, main), "start_times"},
        {offsetof(UnitRecord, control), "main"},
        {offsetof(UnitRecord, identifying), "control"},
        {offsetof(UnitRecord, job), "identifying"},
        {offsetof(UnitRecord, invocation_id), "job"},
        {offsetof(UnitRecord, status_text), "invocation_id"},
        {offsetof(UnitRecord, unclean_restarts), "status_text"},
        {sizeof(UnitRecord), "what came with version 5"},
    }};
    const auto* found = std::find_if(kFields.begin(), kFields.end(),
                                     [offset](const Field& field) { return offset < field.end; });
    return found == kFields.end() ? "?" : found->name;
}

std::size_t first_difference(const UnitRecord& one, const UnitRecord& other) {
    std::array<unsigned char, sizeof(UnitRecord)> bytes{};
    std::array<unsigned char, sizeof(UnitRecord)> other_bytes{};
    std::memcpy(bytes.data(), &one, bytes.size());
    std::memcpy(other_bytes.data(), &other, other_bytes.size());
    const auto [here, there] = std::mismatch(bytes.begin(), bytes.end(), other_bytes.begin());
    static_cast<void>(there);
    return static_cast<std::size_t>(here - bytes.begin());
}

}  // namespace

void Checkers::compare_records() {
    if (!world_.manager) {
        return;  // it has just died
    }
    for (std::size_t unit = 0; unit < world_.units.size(); ++unit) {
        const UnitEntry& self = entry(unit);
        if (!self.id || !self.record || !world_.manager->is_known(*self.id)) {
            continue;
        }
        const UnitRecord now = world_.manager->record(*self.id);
        if (const std::string_view fault = fault_in(now); !fault.empty()) {
            report("sound-records", unit,
                   "The next manager would take the record of " + self.name + " for damaged (" +
                       std::string(fault) + ").");
        }
        if (std::memcmp(&now, &*self.record, sizeof now) != 0) {
            report("dirty", unit,
                   "The record of " + self.name + " differs (" +
                       field_at(first_difference(now, *self.record)) +
                       ") from what was last written, but the unit was not dirty.");
        }
    }
    if (const std::string_view fault = fault_in(world_.manager->record()); !fault.empty()) {
        report("sound-records", {},
               "The next manager would take the supervisor's record for damaged (" +
                   std::string(fault) + ").");
    }
    for (const auto& [job, fate] : jobs_) {
        const auto has_it = [job = job](const UnitEntry& self) {
            return static_cast<std::uint32_t>(self.is.job) == job;
        };
        if (fate == JobFate::open &&
            std::none_of(world_.units.begin(), world_.units.end(), has_it)) {
            report("job-once", {},
                   "Job " + std::to_string(job) + " is gone, but its end was not announced.");
        }
    }
    std::vector<UnitId> with_job;
    for (const JobStatus& job : world_.manager->jobs()) {
        with_job.push_back(job.unit);
    }
    std::sort(with_job.begin(), with_job.end());
    if (std::adjacent_find(with_job.begin(), with_job.end()) != with_job.end()) {
        report("job-once", {}, "A unit has two jobs.");
    }
}

}  // namespace svcd::simulation
