// The format of the state file that the release before wrote, for the first start after an upgrade.
// The file is laid out as today's is (state_layout.h). Its records are the first bytes of today's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/types/record.h"
#include "state/state_layout.h"

namespace svcd {

inline constexpr std::uint32_t kRecordVersionBefore = 4;

/// A record as the release before wrote it.
template <typename Record>
struct RecordBefore;
template <>
struct alignas(std::uint64_t) RecordBefore<UnitRecord> {
    std::array<char, 1664> bytes;
};
template <>
struct alignas(std::uint64_t) RecordBefore<SupervisorRecord> {
    std::array<char, 32> bytes;
};

inline bool is_format_before(const state_layout::FileHeader& header) {
    return header.file_version == state_layout::kFileVersion &&
           header.record_version == kRecordVersionBefore &&
           header.unit_size == sizeof(RecordBefore<UnitRecord>) &&
           header.supervisor_size == sizeof(RecordBefore<SupervisorRecord>);
}

/// The record as it is today: what the release before did not have is zeros.
template <typename Record>
Record widened(const RecordBefore<Record>& before) {
    static_assert(sizeof before <= sizeof(Record));
    Record record{};
    std::memcpy(&record, before.bytes.data(), sizeof before);
    return record;
}

}  // namespace svcd
