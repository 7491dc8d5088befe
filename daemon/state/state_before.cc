#include "state/state_before.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/types/ids.h"

namespace svcd {
namespace {

using namespace state_layout;

constexpr std::uint32_t kFileVersionBefore = 1;
constexpr std::uint32_t kRecordVersionBefore = 3;
constexpr std::size_t kFirstUnitPageBefore = 2;

/// Processes had no start time, and were all the launcher's.
struct ProcessBefore {
    std::uint64_t token;
    std::int32_t pid;
    std::uint16_t command;
    std::array<std::uint8_t, 2> padding;
};
constexpr std::size_t kGrowth = sizeof(ProcessRecord) - sizeof(ProcessBefore);
/// A unit's record has three of them; nothing else of it has changed.
using UnitBefore = std::array<char, sizeof(UnitRecord) - 3 * kGrowth>;

/// Copies the parts of a record in their order.
class Upgrade {
public:
    explicit Upgrade(const UnitBefore& from) : from_(from) {}

    /// Up to this offset of the new record all is as it was.
    void keep_until(std::size_t offset) {
        const std::size_t size = offset - written_;
        std::memcpy(bytes_.data() + written_, from_.data() + read_, size);
        written_ += size;
        read_ += size;
    }
    void process() {
        ProcessBefore before;
        std::memcpy(&before, from_.data() + read_, sizeof before);
        const ProcessRecord now{before.token, before.pid, before.command, 0, {}, 0};
        std::memcpy(bytes_.data() + written_, &now, sizeof now);
        written_ += sizeof now;
        read_ += sizeof before;
    }
    UnitRecord done() {
        keep_until(sizeof(UnitRecord));
        UnitRecord record;
        std::memcpy(&record, bytes_.data(), sizeof record);
        return record;
    }

private:
    const UnitBefore& from_;
    std::array<char, sizeof(UnitRecord)> bytes_{};
    std::size_t read_ = 0;
    std::size_t written_ = 0;
};

UnitRecord upgraded(const UnitBefore& before) {
    static_assert(offsetof(UnitRecord, control) ==
                  offsetof(UnitRecord, main) + sizeof(ProcessRecord));
    Upgrade upgrade{before};
    upgrade.keep_until(offsetof(UnitRecord, main));
    upgrade.process();
    upgrade.process();
    upgrade.keep_until(offsetof(UnitRecord, checker));
    upgrade.process();
    return upgrade.done();
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
           header.unit_size == sizeof(UnitBefore) &&
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
        const auto before = newest_before<UnitBefore>(page);
        if (!before) {
            return "the record of unit " + std::to_string(index) + " is damaged";
        }
        const UnitRecord unit = upgraded(*before);
        if (!name_in(unit).empty()) {
            saved.units.push_back(unit);
        }
    }
    return {};
}

}  // namespace svcd
