// How the state file is laid out (state_file.h says what it is for).
//
//   page 0          header: magic, format and record version, record sizes, boot ID, PID namespace
//   page 1          the supervisor's record
//   pages 2 to 33   answers to clients' requests, 32 a page
//   page 34 + i     the record of the i-th unit that was written
//
// Each record has two places, each with a sequence number and a checksum over everything in it. No
// place crosses a page, which is the unit in which the kernel copies.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/types/checksum.h"
#include "core/types/record.h"

namespace svcd::state_layout {

inline constexpr std::uint32_t kFileVersion = 2;
inline constexpr std::array<char, 8> kMagic{'S', 'V', 'C', 'D', 'S', 'T', 'A', 'T'};
inline constexpr std::size_t kPage = 4096;
using Page = std::array<char, kPage>;

struct FileHeader {
    std::uint64_t checksum;  ///< of all that follows
    std::array<char, 8> magic;
    std::uint32_t file_version;
    std::uint32_t record_version;
    std::uint32_t unit_size;
    std::uint32_t supervisor_size;
    std::uint64_t pid_namespace;
    std::array<char, 40> boot_id;
};
static_assert(sizeof(FileHeader) % sizeof(std::uint64_t) == 0);

/// One of the two places of a record.
template <typename Record>
struct Place {
    std::uint64_t checksum;  ///< of all that follows
    std::uint64_t sequence;  ///< counts the writes of the record; 0: never written
    std::uint64_t step;      ///< counts once this step is committed; 0: at once
    Record record;
};

/// Bytes from one place to the next.
template <typename Record>
inline constexpr std::size_t kPlaceSize = kPage / 2;
template <>
inline constexpr std::size_t kPlaceSize<RequestRecord> = 64;

template <typename Record>
inline constexpr bool kFits = sizeof(Place<Record>) <= kPlaceSize<Record> &&
                              sizeof(Place<Record>) % sizeof(std::uint64_t) == 0;
static_assert(kFits<UnitRecord> && kFits<SupervisorRecord> && kFits<RequestRecord>);

inline constexpr std::size_t kRequestsPerPage = kPage / (2 * kPlaceSize<RequestRecord>);
static_assert(kRequestsRemembered % kRequestsPerPage == 0);
inline constexpr std::size_t kRequestPages = kRequestsRemembered / kRequestsPerPage;

constexpr off_t offset_of_page(std::size_t page) {
    return static_cast<off_t>(page * kPage);
}
inline constexpr std::size_t kSupervisorPage = 1;
inline constexpr std::size_t kFirstRequestPage = 2;
inline constexpr std::size_t kFirstUnitPage = kFirstRequestPage + kRequestPages;
constexpr std::size_t page_of_unit(std::size_t index) {
    return kFirstUnitPage + index;
}
/// Where the first place of an answer is.
constexpr off_t offset_of_request(std::size_t index) {
    return offset_of_page(kFirstRequestPage) +
           static_cast<off_t>(index * 2 * kPlaceSize<RequestRecord>);
}

/// Of a FileHeader or a Place: everything after its checksum.
template <typename Sealed>
std::uint64_t seal_of(const Sealed& sealed) {
    constexpr std::size_t start = sizeof sealed.checksum;
    return checksum_of(reinterpret_cast<const char*>(&sealed) + start, sizeof sealed - start);
}

inline std::string_view name_in(const UnitRecord& record) {
    return {record.name.data(), ::strnlen(record.name.data(), record.name.size())};
}

/// Where a record stands in the file: which place the next write goes to, and with which number.
struct Cursor {
    std::uint64_t sequence = 0;  ///< of the newest place that counts; 0: never written
    std::uint64_t step = 0;      ///< it was written in
    bool newest_is_second = false;
};

/// What the two places of a record hold.
template <typename Record>
struct Found {
    Cursor cursor;
    Record record{};
    std::array<bool, 2> is_uncommitted{};  ///< whole, but of a step that never was
    bool is_damaged = false;
    std::string_view fault;  ///< the field with a value that no manager writes: it is damaged
};

/// `places` are the bytes of both. Steps up to `committed` count.
template <typename Record>
Found<Record> newest_in(const char* places, std::uint64_t committed) {
    Found<Record> found;
    bool may_be_unwritten = false;
    for (const bool is_second : {false, true}) {
        Place<Record> place;
        std::memcpy(&place, places + (is_second ? kPlaceSize<Record> : 0), sizeof place);
        if (place.checksum == 0 && place.sequence == 0) {
            may_be_unwritten = true;
        } else if (place.checksum != seal_of(place)) {
            continue;  // cut short, and so of a step that never was, too
        } else if (place.step > committed) {
            found.is_uncommitted[is_second ? 1 : 0] = true;
        } else if (place.sequence > found.cursor.sequence) {
            found.cursor = Cursor{place.sequence, place.step, is_second};
            found.record = place.record;
        }
    }
    // A write never goes to the place that counts. So when none does, and none is unwritten, it is
    // no write that did it.
    found.is_damaged = found.cursor.sequence == 0 && !may_be_unwritten;
    return found;
}

}  // namespace svcd::state_layout
