#include "state/state_before.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>

#include "core/types/ids.h"

namespace svcd {
namespace {

using namespace state_layout;

constexpr std::uint32_t kFileVersionBefore = 1;
constexpr std::uint32_t kRecordVersionBefore = 3;
constexpr std::size_t kFirstUnitPageBefore = 2;

/// A UnitRecord whose ProcessRecords end before their start_time.
struct alignas(std::uint64_t) UnitRecordBefore {
    std::array<char, 1640> bytes;
};
constexpr std::size_t kProcessSizeBefore = 16;
static_assert(offsetof(ProcessRecord, start_time) == kProcessSizeBefore);
static_assert(sizeof(UnitRecordBefore) ==
              sizeof(UnitRecord) - 3 * (sizeof(ProcessRecord) - kProcessSizeBefore));

/// What was padding there is zeros: no process is foreign, and no start time known.
UnitRecord converted(const UnitRecordBefore& before) {
    UnitRecord record{};
    const char* from = before.bytes.data();
    std::size_t at = 0;
    const auto copy_up_to = [&](std::size_t end) {
        std::memcpy(reinterpret_cast<char*>(&record) + at, from, end - at);
        from += end - at;
        at = end;
    };
    for (const std::size_t process : {offsetof(UnitRecord, main), offsetof(UnitRecord, control),
                                      offsetof(UnitRecord, checker)}) {
        copy_up_to(process + kProcessSizeBefore);
        at = process + sizeof(ProcessRecord);
    }
    copy_up_to(sizeof(UnitRecord));
    return record;
}

template <typename Record>
struct PlaceBefore {
    std::uint64_t checksum;
    std::uint64_t sequence;
    Record record;
};

/// None: it is damaged.
template <typename Record>
std::optional<Record> newest_before(const Page& page) {
    Record record{};
    std::uint64_t newest = 0;
    int broken = 0;
    for (const std::size_t start : {std::size_t{0}, kPage / 2}) {
        PlaceBefore<Record> place;
        std::memcpy(&place, page.data() + start, sizeof place);
        const bool is_blank = place.checksum == 0 && place.sequence == 0;
        const bool is_valid = !is_blank && place.checksum == seal_of(place);
        broken += !is_blank && !is_valid ? 1 : 0;
        if (is_valid && place.sequence > newest) {
            newest = place.sequence;
            record = place.record;
        }
    }
    return broken < 2 ? std::optional{record} : std::nullopt;
}

}  // namespace

bool is_format_before(const FileHeader& header) {
    return header.file_version == kFileVersionBefore &&
           header.record_version == kRecordVersionBefore &&
           header.unit_size == sizeof(UnitRecordBefore) &&
           header.supervisor_size == sizeof(SupervisorRecord);
}

std::string load_format_before(int fd, std::size_t pages, SavedState& saved) {
    Page page{};
    if (pages < kFirstUnitPageBefore || !read_state_page(fd, kSupervisorPage, page)) {
        return "it is too short";
    }
    const auto supervisor = newest_before<SupervisorRecord>(page);
    if (!supervisor) {
        return "the supervisor's record is damaged";
    }
    saved.supervisor = *supervisor;
    const std::size_t count = std::min(pages - kFirstUnitPageBefore, kUnitsMax);
    for (std::size_t index = 0; index < count; ++index) {
        if (!read_state_page(fd, kFirstUnitPageBefore + index, page)) {
            return "it can't be read";
        }
        const auto before = newest_before<UnitRecordBefore>(page);
        if (!before) {
            return "the record of unit " + std::to_string(index) + " is damaged";
        }
        const UnitRecord unit = converted(*before);
        if (!name_in(unit).empty()) {
            saved.units.push_back(unit);
        }
    }
    return {};
}

}  // namespace svcd
