#include "state/stop_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/types/checksum.h"
#include "linux/procfs.h"
#include "state/write_at.h"

namespace svcd {
namespace {

constexpr std::uint32_t kFileVersion = 1;
constexpr std::array<char, 8> kFileMagic{'s', 'v', 'c', 'd', 's', 't', 'o', 'p'};
constexpr std::uint32_t kEntryMagic = 0x504f5453;  // "STOP"
/// Below this nothing is gained by making a file smaller.
constexpr std::uint64_t kCompactionSlack = 256 * 1024;
/// A file that can't be made smaller (no memory for a new one) grows no further.
constexpr std::uint64_t kFileMax = 4 * kStopsBytesMax;
/// Entries are read and copied in pieces of this size; one fits in whole.
constexpr std::size_t kWindow = 256 * 1024;

struct FileHeader {
    std::uint64_t checksum;  ///< of all that follows
    std::array<char, 8> magic;
    std::uint32_t version;
    std::uint32_t record_version;  ///< of the enumerators in StopFacts
    std::uint32_t facts_size;
    std::uint32_t padding;
    std::array<char, 40> boot_id;
};
static_assert(sizeof(FileHeader) == 72);

struct EntryHeader {
    std::uint64_t checksum;  ///< of all that follows
    std::uint32_t magic;
    std::uint32_t text_size;
    std::uint32_t name_size;
    std::uint32_t padding;
    StopFacts facts;
};
static_assert(sizeof(EntryHeader) % 8 == 0);

constexpr std::size_t kChecksum = sizeof(std::uint64_t);

std::size_t entry_size(std::size_t name_size, std::size_t text_size) {
    return (sizeof(EntryHeader) + name_size + text_size + 7) / 8 * 8;
}

FileHeader make_header() {
    FileHeader header{};
    header.magic = kFileMagic;
    header.version = kFileVersion;
    header.record_version = kRecordVersion;
    header.facts_size = sizeof(StopFacts);
    const std::string boot = boot_id();
    std::memcpy(header.boot_id.data(), boot.data(), std::min(boot.size(), header.boot_id.size()));
    header.checksum = checksum_of(&header.magic, sizeof header - kChecksum);
    return header;
}

/// At most `limit` bytes from `offset` on; fewer at the end of the file.
Result<std::string> read_at(int file, std::uint64_t offset, std::size_t limit) {
    std::string bytes(limit, '\0');
    std::size_t filled = 0;
    while (filled < limit) {
        const ssize_t size = ::pread(file, bytes.data() + filled, limit - filled,
                                     static_cast<off_t>(offset + filled));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return failure(errno, "read");
        }
        if (size == 0) {
            break;
        }
        filled += static_cast<std::size_t>(size);
    }
    bytes.resize(filled);
    return bytes;
}

Failure about(const std::string& path, Error error) {
    error.subject = path;
    return Failure{std::move(error)};
}

}  // namespace

// ── entries

namespace {

/// Sums and differences of such times are numbers too. No machine runs for so long.
bool are_times(const StopFacts& facts) {
    constexpr std::int64_t kEndOfTime = std::int64_t{1} << 60;
    const auto is_time = [](std::int64_t usec) { return usec >= -1 && usec <= kEndOfTime; };
    return is_time(facts.began_usec) && is_time(facts.asked_at_usec) &&
           is_time(facts.shutdown_usec) && is_time(facts.duration_usec);
}

}  // namespace

std::optional<StopEntry> parse_stop_entry(std::string_view bytes) {
    EntryHeader header{};
    if (bytes.size() < sizeof header) {
        return std::nullopt;
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.magic != kEntryMagic || header.name_size == 0 || header.name_size > kUnitNameMax ||
        header.text_size > kStopTextMax) {
        return std::nullopt;
    }
    const std::size_t size = entry_size(header.name_size, header.text_size);
    if (bytes.size() < size ||
        checksum_of(bytes.data() + kChecksum, size - kChecksum) != header.checksum) {
        return std::nullopt;
    }
    StopEntry entry;
    entry.facts = header.facts;
    entry.unit = bytes.substr(sizeof header, header.name_size);
    entry.text = bytes.substr(sizeof header + header.name_size, header.text_size);
    entry.size = size;
    // Who goes on with a record trusts these.
    if (entry.facts.events_begin > entry.facts.events_end ||
        entry.facts.events_end > entry.text.size() || !are_times(entry.facts)) {
        return std::nullopt;
    }
    return entry;
}

void append_stop_entry(std::string& bytes,
                       std::string_view unit,
                       const StopFacts& facts,
                       std::string_view text) {
    EntryHeader header{};
    header.magic = kEntryMagic;
    header.name_size = static_cast<std::uint32_t>(unit.size());
    header.text_size = static_cast<std::uint32_t>(text.size());
    header.facts = facts;
    const std::size_t begin = bytes.size();
    const std::size_t size = entry_size(unit.size(), text.size());
    bytes.append(reinterpret_cast<const char*>(&header), sizeof header).append(unit).append(text);
    bytes.resize(begin + size);
    header.checksum = checksum_of(bytes.data() + begin + kChecksum, size - kChecksum);
    std::memcpy(bytes.data() + begin, &header.checksum, kChecksum);
}

// ── opening

Result<StopLog::Opened> StopLog::open(const std::string& path) {
    UniqueFd file{
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        return failure(errno, "open", path);
    }
    if (!S_ISREG(status.st_mode)) {
        return failure(EINVAL, "open", path, "not a regular file");
    }
    ::fchmod(file.get(), 0600);
    StopLog log{path, std::move(file)};
    log.size_ = static_cast<std::uint64_t>(status.st_size);
    std::string note;
    const Result<bool> is_ours = log.has_header();
    if (!is_ours) {
        return Failure{is_ours.error()};
    }
    if (!*is_ours) {
        note = log.size_ == 0 ? "" : path + " is of another boot or version: it is begun anew";
        if (const auto begun = log.begin_anew(); !begun) {
            return Failure{begun.error()};
        }
        return Opened{std::move(log), std::move(note)};
    }
    const std::uint64_t before = log.size_;
    if (const auto scanned = log.scan(); !scanned) {
        return Failure{scanned.error()};
    }
    if (log.size_ < before) {
        note = path + ": its last " + std::to_string(before - log.size_) +
               " bytes are no record (a write was cut short) and are dropped";
    }
    return Opened{std::move(log), std::move(note)};
}

Result<bool> StopLog::has_header() const {
    const Result<std::string> bytes = read_at(file_.get(), 0, sizeof(FileHeader));
    if (!bytes) {
        return about(path_, bytes.error());
    }
    const FileHeader wanted = make_header();
    return bytes->size() == sizeof wanted &&
           std::memcmp(bytes->data(), &wanted, sizeof wanted) == 0;
}

Result<void> StopLog::begin_anew() {
    if (::ftruncate(file_.get(), 0) != 0) {
        return failure(errno, "truncate", path_);
    }
    const FileHeader header = make_header();
    const std::string_view bytes{reinterpret_cast<const char*>(&header), sizeof header};
    if (const auto written = write_at(file_.get(), bytes, 0); !written) {
        return about(path_, written.error());
    }
    size_ = sizeof header;
    return {};
}

/// Reads what is there, up to the first entry that isn't valid, and cuts the file there.
Result<void> StopLog::scan() {
    std::uint64_t at = sizeof(FileHeader);
    while (at < size_) {
        const Result<std::string> window = read_at(file_.get(), at, kWindow);
        if (!window) {
            return about(path_, window.error());
        }
        std::size_t used = 0;
        while (const auto entry = parse_stop_entry(std::string_view{*window}.substr(used))) {
            note(std::string(entry->unit), entry->facts, entry->size, at + used);
            used += entry->size;
        }
        at += used;
        if (used == 0) {
            break;
        }
    }
    if (at < size_ && ::ftruncate(file_.get(), static_cast<off_t>(at)) != 0) {
        return failure(errno, "truncate", path_);
    }
    size_ = std::min(at, size_);
    return {};
}

// ── the index

/// An entry is in the file: it counts from now on, and others may not any more.
void StopLog::note(const std::string& unit_name,
                   const StopFacts& facts,
                   std::size_t size,
                   std::uint64_t offset) {
    const std::uint64_t id = facts.id;
    drop_held(id);
    const auto unit = by_unit_.try_emplace(unit_name).first;
    const auto known = places_.find(id);
    if (known != places_.end() && known->second.unit != &unit->first) {
        forget(id);  // of a file that isn't what we wrote: an ID is one stop's
    }
    Place& place = places_[id];
    if (place.unit == nullptr) {
        unit->second.push_back(id);
    }
    live_ = live_ - place.size + size;
    const bool has_end = facts.ended != 0 && facts.duration_usec >= 0;
    place = Place{&unit->first,
                  offset,
                  size,
                  facts.asked_at_usec,
                  facts.shutdown_usec,
                  has_end ? facts.began_usec + facts.duration_usec : 0,
                  facts.ended != 0};
    next_id_ = std::max(next_id_, id + 1);
    if (unit->second.size() > kStopsPerUnit) {
        forget(*std::min_element(unit->second.begin(), unit->second.end()));
    }
    while (live_ > kStopsBytesMax) {
        forget(places_.begin()->first);
    }
}

void StopLog::drop_held(std::uint64_t id) {
    if (const auto held = held_.find(id); held != held_.end()) {
        held_bytes_ -= held->second.bytes.size();
        held_.erase(held);
    }
}

void StopLog::forget(std::uint64_t id) {
    drop_held(id);
    const auto place = places_.find(id);
    live_ -= place->second.size;
    const auto unit = by_unit_.find(*place->second.unit);
    places_.erase(place);
    std::erase(unit->second, id);
    if (unit->second.empty()) {
        by_unit_.erase(unit);
    }
}

StopSummary StopLog::summary(std::uint64_t id, const Place& place) const {
    return StopSummary{
        id,         *place.unit, place.asked_at_usec, place.shutdown_usec, place.ended_at_usec,
        place.ended};
}

std::vector<StopSummary> StopLog::stops_of(std::string_view unit) const {
    std::vector<StopSummary> found;
    if (const auto known = by_unit_.find(std::string(unit)); known != by_unit_.end()) {
        for (const std::uint64_t id : known->second) {
            found.push_back(summary(id, places_.at(id)));
        }
    }
    std::sort(found.begin(), found.end(),
              [](const StopSummary& a, const StopSummary& b) { return a.id > b.id; });
    return found;
}

std::vector<StopSummary> StopLog::stops() const {
    std::vector<StopSummary> found;
    found.reserve(places_.size());
    for (auto place = places_.rbegin(); place != places_.rend(); ++place) {
        found.push_back(summary(place->first, place->second));
    }
    return found;
}

Result<std::string> StopLog::entry_of(std::uint64_t id, const Place& place) const {
    const auto held = held_.find(id);
    return held != held_.end() ? Result<std::string>{held->second.bytes}
                               : read_at(file_.get(), place.offset, place.size);
}

Result<SavedStop> StopLog::read(std::uint64_t id) const {
    const auto place = places_.find(id);
    if (place == places_.end()) {
        return failure(ENOENT, "read stop " + std::to_string(id) + " of", path_);
    }
    const Result<std::string> bytes = entry_of(id, place->second);
    if (!bytes) {
        return about(path_, bytes.error());
    }
    const std::optional<StopEntry> entry = parse_stop_entry(*bytes);
    if (!entry || entry->facts.id != id) {
        return failure(0, "read", path_, "it was changed by somebody else");
    }
    return SavedStop{std::string(entry->unit), entry->facts, std::string(entry->text)};
}

// ── writing

Result<void> StopLog::put(std::string_view unit, const StopFacts& facts, std::string_view text) {
    if (unit.empty() || unit.size() > kUnitNameMax || text.size() > kStopTextMax) {
        return failure(EMSGSIZE, "write a record of " + std::to_string(text.size()) + " bytes to",
                       path_);
    }
    const std::size_t before = unwritten_.size();
    append_stop_entry(unwritten_, unit, facts, text);
    unwritten_entries_.push_back({std::string(unit), facts, unwritten_.size() - before});
    return {};
}

/// Of a stop that is in both, what was put counts.
void StopLog::take_held_along() {
    for (const auto& [id, held] : held_) {
        const bool is_newer_there = std::ranges::any_of(
            unwritten_entries_, [id = id](const Unwritten& entry) { return entry.facts.id == id; });
        if (!is_newer_there) {
            unwritten_ += held.bytes;
            unwritten_entries_.push_back({*places_.at(id).unit, held.facts, held.bytes.size()});
        }
    }
}

void StopLog::hold_unwritten() {
    std::size_t at = 0;
    for (const Unwritten& entry : unwritten_entries_) {
        note(entry.unit, entry.facts, entry.size, 0);
        if (places_.contains(entry.facts.id)) {  // else it is one too many of its unit
            held_[entry.facts.id] = Held{entry.facts, unwritten_.substr(at, entry.size)};
            held_bytes_ += entry.size;
        }
        at += entry.size;
        while (held_bytes_ > kHeldBytesMax) {
            forget(held_.begin()->first);
        }
    }
}

Result<void> StopLog::flush() {
    if (unwritten_.empty()) {
        return {};
    }
    take_held_along();
    if (size_ + unwritten_.size() > kFileMax) {
        // It could not be made smaller when it was time; by now there may be room for a new one.
        static_cast<void>(compact());
    }
    const Result<void> written = size_ + unwritten_.size() > kFileMax
                                     ? failure(EFBIG, "write")
                                     : write_at(file_.get(), unwritten_, size_);
    if (!written) {
        // Half an entry must not stand before a whole one. If this fails too, the next open cuts.
        static_cast<void>(!::ftruncate(file_.get(), static_cast<off_t>(size_)));
        hold_unwritten();
    } else {
        for (const Unwritten& entry : unwritten_entries_) {
            note(entry.unit, entry.facts, entry.size, size_);
            size_ += entry.size;
        }
    }
    unwritten_.clear();
    unwritten_entries_.clear();
    if (!written) {
        return about(path_, written.error());
    }
    return size_ > 2 * live_ + kCompactionSlack ? compact() : Result<void>{};
}

Result<void> StopLog::compact() {
    const std::string path = path_ + ".new";
    UniqueFd file{::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file) {
        return failure(errno, "open", path);
    }
    std::map<std::uint64_t, std::uint64_t> offsets;
    Result<void> done = copy_into(file.get(), offsets);
    if (done && ::rename(path.c_str(), path_.c_str()) != 0) {
        done = failure(errno, "rename", path);
    }
    if (!done) {
        ::unlink(path.c_str());
        return about(path, done.error());
    }
    file_ = std::move(file);
    size_ = sizeof(FileHeader) + live_;
    for (const auto& [id, offset] : offsets) {
        places_.at(id).offset = offset;
    }
    held_.clear();
    held_bytes_ = 0;
    return {};
}

/// Header and all entries that count, in the order of their IDs.
Result<void> StopLog::copy_into(int file, std::map<std::uint64_t, std::uint64_t>& offsets) const {
    const FileHeader header = make_header();
    std::string bytes{reinterpret_cast<const char*>(&header), sizeof header};
    std::uint64_t written = 0;
    const auto write_out = [&] {
        const auto done = write_at(file, bytes, written);
        written += bytes.size();
        bytes.clear();
        return done;
    };
    for (const auto& [id, place] : places_) {
        const Result<std::string> entry = entry_of(id, place);
        if (!entry || entry->size() != place.size) {
            return entry ? failure(EIO, "read", path_) : Failure{entry.error()};
        }
        offsets[id] = written + bytes.size();
        bytes += *entry;
        if (bytes.size() >= kWindow) {
            if (const auto done = write_out(); !done) {
                return done;
            }
        }
    }
    return write_out();
}

}  // namespace svcd
