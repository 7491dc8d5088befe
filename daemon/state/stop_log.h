// The log of stops: RUNTIME_DIR/stops, which holds the records of docs/stop-records.md.
//
//   header      magic, version, boot ID
//   entry ...   checksum, lengths, StopFacts, the unit's name, the record's text; appended
//
// A record that changes is appended anew, whole: the last entry of a stop counts. So a write that
// is cut short (the manager was killed in it) costs that entry only: the next manager reads up to
// the first entry that is not valid and cuts the file there. In memory is only where the texts are;
// they are read back when somebody asks.
//
// Of each unit the last kStopsPerUnit stops are kept, of all together kStopsBytesMax, the oldest go
// first. Once more than half of the file is of no use any more, what counts is copied into a new
// file, which takes the place of the old one (rename). An entry that can't be written (the file
// system is full) stays in memory, and goes out with the next ones: who asks meanwhile is told what
// has happened, and not what was written last. A file of another boot, whose times mean
// nothing now, or of another version is begun anew. The file is for those who ask what happened: it
// stays when svcd has ended, so that the next one can show the last shutdown. It lives in memory
// (tmpfs), so nothing is synced.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "core/types/ids.h"
#include "core/types/record.h"
#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd {

inline constexpr std::size_t kStopsPerUnit = 10;
inline constexpr std::size_t kStopTextMax = 64 * 1024;
inline constexpr std::size_t kStopsBytesMax = 8 * 1024 * 1024;
/// Of entries that could not be written, in memory.
inline constexpr std::size_t kHeldBytesMax = 1024 * 1024;

/// What a manager needs to go on with a record that another one began, and to find records: the
/// rest of it is text. Times are µs of CLOCK_MONOTONIC; 0 is "never", -1 "none" or infinite.
struct StopFacts {
    std::uint64_t id = 0;
    std::int64_t began_usec = 0;
    std::int64_t asked_at_usec = 0;  ///< when the job was made that stops it; 0: no job does
    std::int64_t shutdown_usec = 0;  ///< when the shutdown began that it is a part of; 0: of none
    std::int64_t limit_usec = -1;
    std::int64_t duration_usec = -1;
    std::int64_t throttled_before_usec = -1;  ///< in all, when it began; -1: nobody counts
    std::int64_t throttled_usec = -1;         ///< during the stop
    std::uint32_t events_begin = 0;           ///< where in the text its events are
    std::uint32_t events_end = 0;
    std::uint32_t event_count = 0;
    std::uint32_t events_dropped = 0;
    std::int32_t main_code = 0;  ///< ExitCode
    std::int32_t main_status = 0;
    std::uint8_t sub_state = 0;  ///< SubState
    std::uint8_t result = 0;     ///< UnitResult
    std::uint8_t ended = 0;
    std::uint8_t lost = 0;      ///< nobody knows how it went on
    std::uint8_t sigkill = 0;   ///< svcd has sent it
    std::uint8_t has_left = 0;  ///< its event `left` is there
    std::uint8_t is_empty = 0;  ///< its cgroup was, and nothing was spawned since
    std::uint8_t outcome = 0;   ///< StopOutcome bits
};
static_assert(std::is_trivially_copyable_v<StopFacts> && sizeof(StopFacts) % 8 == 0);

/// Bits of StopFacts::outcome.
enum StopOutcome : std::uint8_t {
    kStopKilledLate = 1,  ///< SIGKILL was sent at a deadline
    kStopLeftOver = 2,    ///< it ended, and processes of it live
    kStopDumpsCore = 4,   ///< its event `core-dump` is there
};

struct SavedStop {
    std::string unit;
    StopFacts facts;
    std::string text;
};

/// What the index knows of a stop.
struct StopSummary {
    std::uint64_t id = 0;
    std::string_view unit;  ///< valid until the next put() or flush()
    std::int64_t asked_at_usec = 0;
    std::int64_t shutdown_usec = 0;
    std::int64_t ended_at_usec = 0;  ///< 0: it goes on, or nobody knows how it went on
    bool ended = false;
};

/// One entry as it stands in the file. Views of the bytes that it was read from.
struct StopEntry {
    StopFacts facts;
    std::string_view unit;
    std::string_view text;
    std::size_t size = 0;  ///< of all of it
};

/// The entry that `bytes` begins with, or nothing when there isn't a whole and valid one.
std::optional<StopEntry> parse_stop_entry(std::string_view bytes);
/// Appends an entry to `bytes`. The name has at most kUnitNameMax bytes, the text kStopTextMax.
void append_stop_entry(std::string& bytes,
                       std::string_view unit,
                       const StopFacts& facts,
                       std::string_view text);

class StopLog {
public:
    struct Opened;
    /// Opens or makes the file.
    static Result<Opened> open(const std::string& path);

    /// Of the next stop: higher than that of any before it.
    std::uint64_t take_id() { return next_id_++; }

    /// Takes a record, new or changed, for the next flush(). A text that is too long is an error.
    Result<void> put(std::string_view unit, const StopFacts& facts, std::string_view text);
    /// Writes what was put, in one write. When that fails the file is as it was, and what was put
    /// is kept in memory, of all at most kHeldBytesMax, the oldest goes first.
    Result<void> flush();

    /// Of flushed records, written or held, the newest first.
    std::vector<StopSummary> stops_of(std::string_view unit) const;
    std::vector<StopSummary> stops() const;
    Result<SavedStop> read(std::uint64_t id) const;

private:
    struct Place {
        const std::string* unit = nullptr;  ///< a key of `by_unit_`, whose nodes stay put
        std::uint64_t offset = 0;
        std::size_t size = 0;
        std::int64_t asked_at_usec = 0;
        std::int64_t shutdown_usec = 0;
        std::int64_t ended_at_usec = 0;
        bool ended = false;
    };

    StopLog(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}

    Result<bool> has_header() const;
    Result<void> begin_anew();
    Result<void> scan();
    void note(const std::string& unit,
              const StopFacts& facts,
              std::size_t size,
              std::uint64_t offset);
    void forget(std::uint64_t id);
    void drop_held(std::uint64_t id);
    void take_held_along();
    void hold_unwritten();
    /// The entry as it stands in the file, or is held.
    Result<std::string> entry_of(std::uint64_t id, const Place& place) const;
    StopSummary summary(std::uint64_t id, const Place& place) const;
    Result<void> compact();
    Result<void> copy_into(int file, std::map<std::uint64_t, std::uint64_t>& offsets) const;

    std::string path_;
    UniqueFd file_;
    std::uint64_t size_ = 0;  ///< of the file
    std::uint64_t live_ = 0;  ///< bytes of the entries that count
    std::uint64_t next_id_ = 1;
    std::string unwritten_;
    /// What `unwritten_` consists of.
    struct Unwritten {
        std::string unit;
        StopFacts facts;
        std::size_t size;
    };
    std::vector<Unwritten> unwritten_entries_;
    /// An entry that could not be written. Its Place has no offset in the file.
    struct Held {
        StopFacts facts;
        std::string bytes;
    };
    std::map<std::uint64_t, Held> held_;  ///< by the stop's ID
    std::size_t held_bytes_ = 0;
    std::map<std::uint64_t, Place> places_;  ///< by the stop's ID
    std::unordered_map<std::string, std::vector<std::uint64_t>> by_unit_;
};

struct StopLog::Opened {
    StopLog log;
    std::string note;  ///< what was wrong with the file that was there, for the log; or empty
};

}  // namespace svcd
