#include "state/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "linux/unique_fd.h"
#include "state/checksum.h"

namespace svcd {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPlaceSize = kPage / 2;
/// Units whose records are allocated at a time.
constexpr std::size_t kChunkUnits = 64;
constexpr std::uint32_t kFileVersion = 1;
constexpr std::array<char, 8> kMagic{'S', 'V', 'C', 'D', 'S', 'T', 'A', 'T'};
constexpr std::uint32_t kNoRecord = UINT32_MAX;

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

/// One of the two places of a record. `sequence` counts the writes of the record; 0: never written.
template <typename Record>
struct Place {
    std::uint64_t checksum;  ///< of all that follows
    std::uint64_t sequence;
    Record record;
};
template <typename Record>
constexpr bool kFits = sizeof(Place<Record>) <= kPlaceSize &&
                       sizeof(Place<Record>) % sizeof(std::uint64_t) == 0;
static_assert(kFits<UnitRecord> && kFits<SupervisorRecord>);

/// Of a FileHeader or a Place: everything after its checksum.
template <typename Sealed>
std::uint64_t seal_of(const Sealed& sealed) {
    constexpr std::size_t start = sizeof sealed.checksum;
    return checksum_of(reinterpret_cast<const char*>(&sealed) + start, sizeof sealed - start);
}

std::string read_line(const char* path) {
    const UniqueFd fd{::open(path, O_RDONLY | O_CLOEXEC)};
    std::array<char, 64> text{};
    const ssize_t size = fd ? ::read(fd.get(), text.data(), text.size() - 1) : -1;
    std::string line{text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
    while (!line.empty() && line.back() == '\n') {
        line.pop_back();
    }
    return line;
}

/// The header that a file of this boot, this PID namespace and this version has.
FileHeader header_of_now() {
    FileHeader header{};
    header.magic = kMagic;
    header.file_version = kFileVersion;
    header.record_version = kRecordVersion;
    header.unit_size = sizeof(UnitRecord);
    header.supervisor_size = sizeof(SupervisorRecord);
    struct stat space {};
    if (::stat("/proc/self/ns/pid", &space) == 0) {
        header.pid_namespace = space.st_ino;
    }
    const std::string boot = read_line("/proc/sys/kernel/random/boot_id");
    std::memcpy(header.boot_id.data(), boot.data(), std::min(boot.size(), std::size_t{39}));
    header.checksum = seal_of(header);
    return header;
}

/// Why a file with this header can't be used now; empty when it can.
std::string objection_to(const FileHeader& header) {
    const FileHeader now = header_of_now();
    if (header.magic != kMagic) {
        return "it is not a state file of svcd";
    }
    if (header.file_version != kFileVersion || header.record_version != kRecordVersion ||
        header.unit_size != now.unit_size || header.supervisor_size != now.supervisor_size) {
        return "it was written by another version of svcd (format " +
               std::to_string(header.file_version) + ", records " +
               std::to_string(header.record_version) + "; this is " + std::to_string(kFileVersion) +
               ", " + std::to_string(kRecordVersion) + ")";
    }
    if (header.checksum != seal_of(header)) {
        return "its header is damaged";
    }
    if (header.boot_id != now.boot_id) {
        return "it is of another boot";
    }
    if (header.pid_namespace != now.pid_namespace) {
        return "it is of another PID namespace";
    }
    return {};
}

std::string_view name_in(const UnitRecord& record) {
    return {record.name.data(), ::strnlen(record.name.data(), record.name.size())};
}

/// Where a record stands in the file: which place the next write goes to, and with which number.
struct Cursor {
    std::uint64_t sequence = 0;  ///< of the newest valid place; 0: never written
    bool newest_is_second = false;
};

constexpr off_t offset_of(std::size_t page) {
    return static_cast<off_t>(page * kPage);
}
constexpr std::size_t page_of_unit(std::size_t index) {
    return index + 2;
}
constexpr std::size_t kSupervisorPage = 1;

/// What a page holds. No value: it is damaged.
template <typename Record>
struct Found {
    Cursor cursor;
    Record record{};
};
template <typename Record>
std::optional<Found<Record>> newest_in(const std::array<char, kPage>& page) {
    Found<Record> found;
    int broken = 0;
    for (const bool is_second : {false, true}) {
        Place<Record> place;
        std::memcpy(&place, page.data() + (is_second ? kPlaceSize : 0), sizeof place);
        const bool is_blank = place.checksum == 0 && place.sequence == 0;
        const bool is_valid = !is_blank && place.checksum == seal_of(place);
        broken += !is_blank && !is_valid ? 1 : 0;
        if (is_valid && place.sequence > found.cursor.sequence) {
            found = Found<Record>{Cursor{place.sequence, is_second}, place.record};
        }
    }
    // One broken place is a write that was cut short. It is never the one that held the newest, so
    // two can only be damage.
    if (broken == 2) {
        return std::nullopt;
    }
    return found;
}

bool read_page(int fd, std::size_t page, std::array<char, kPage>& bytes) {
    ssize_t size = 0;
    do {
        size = ::pread(fd, bytes.data(), bytes.size(), offset_of(page));
    } while (size < 0 && errno == EINTR);
    return size == static_cast<ssize_t>(bytes.size());
}

/// All bytes or an error; what was written of a failed one is overwritten by the next.
Result<void> write_at(int fd, const void* bytes, std::size_t size, off_t offset, const char* what) {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t step = ::pwrite(fd, static_cast<const char*>(bytes) + done, size - done,
                                      offset + static_cast<off_t>(done));
        if (step < 0 && errno == EINTR) {
            continue;
        }
        if (step <= 0) {
            return failure(step == 0 ? ENOSPC : errno, "write", what);
        }
        done += static_cast<std::size_t>(step);
    }
    return {};
}

}  // namespace

struct StateFile::Impl {
    UniqueFd fd;
    std::string path;
    std::size_t allocated = 0;  ///< units with room in the file
    Cursor supervisor;
    std::vector<Cursor> cursors;                             ///< by record index
    std::vector<std::uint32_t> free;                         ///< erased records
    std::vector<std::uint32_t> index_of_unit;                ///< by UnitId; kNoRecord: none yet
    std::unordered_map<std::string, std::uint32_t> unbound;  ///< saved, not written by us yet

    Result<void> make();
    std::string load(SavedState& saved);
    Result<void> allocate(std::size_t units);
    Result<std::uint32_t> record_for(UnitId unit, std::string_view name);
    template <typename Record>
    Result<void> put(std::size_t page, Cursor& cursor, const Record& record);
};

/// Room for `units` records, so that writing one can't fail for want of space later.
Result<void> StateFile::Impl::allocate(std::size_t units) {
    const off_t start = allocated == 0 ? 0 : offset_of(page_of_unit(allocated));
    const off_t size = offset_of(page_of_unit(units)) - start;
    // posix_fallocate, not fallocate(2): it also works where the file system can't preallocate.
    const int error = ::posix_fallocate(fd.get(), start, size);
    if (error != 0) {
        return failure(error, "allocate", path, std::to_string(size) + " bytes more");
    }
    allocated = units;
    return {};
}

/// A new file, which appears under its name only when it is whole.
Result<void> StateFile::Impl::make() {
    const std::string draft = path + ".new";
    ::unlink(draft.c_str());
    fd.reset(::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        return failure(errno, "create", draft);
    }
    const FileHeader header = header_of_now();
    Result<void> made = allocate(kChunkUnits);
    if (made) {
        made = write_at(fd.get(), &header, sizeof header, 0, path.c_str());
    }
    if (made && ::rename(draft.c_str(), path.c_str()) != 0) {
        made = failure(errno, "rename", draft, "to " + path);
    }
    if (!made) {
        ::unlink(draft.c_str());
    }
    return made;
}

/// Reads everything. Says what is wrong with the file, or nothing.
std::string StateFile::Impl::load(SavedState& saved) {
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return "it is not a regular file";
    }
    std::array<char, kPage> page{};
    if (!read_page(fd.get(), 0, page)) {
        return "it is too short";
    }
    FileHeader header;
    std::memcpy(&header, page.data(), sizeof header);
    if (std::string objection = objection_to(header); !objection.empty()) {
        return objection;
    }
    if (!read_page(fd.get(), kSupervisorPage, page)) {
        return "it is too short";
    }
    const auto first = newest_in<SupervisorRecord>(page);
    if (!first) {
        return "the supervisor's record is damaged";
    }
    supervisor = first->cursor;
    saved.supervisor = first->record;

    const auto pages = static_cast<std::size_t>(info.st_size) / kPage;
    allocated = std::min(pages - page_of_unit(0), kUnitsMax);
    for (std::size_t index = 0; index < allocated; ++index) {
        if (!read_page(fd.get(), page_of_unit(index), page)) {
            return "it can't be read";
        }
        const auto found = newest_in<UnitRecord>(page);
        if (!found) {
            return "the record of unit " + std::to_string(index) + " is damaged";
        }
        cursors.push_back(found->cursor);
        const std::string name{name_in(found->record)};
        if (name.empty()) {
            free.push_back(static_cast<std::uint32_t>(index));
            continue;
        }
        if (!unbound.emplace(name, static_cast<std::uint32_t>(index)).second) {
            return "it has two records of " + name;
        }
        saved.units.push_back(found->record);
    }
    std::reverse(free.begin(), free.end());  // the lowest is taken first
    return {};
}

template <typename Record>
Result<void> StateFile::Impl::put(std::size_t page, Cursor& cursor, const Record& record) {
    Place<Record> place;
    std::memset(&place, 0, sizeof place);
    place.sequence = cursor.sequence + 1;
    place.record = record;
    place.checksum = seal_of(place);
    const bool into_second = cursor.sequence != 0 && !cursor.newest_is_second;
    const off_t offset = offset_of(page) + static_cast<off_t>(into_second ? kPlaceSize : 0);
    Result<void> written = write_at(fd.get(), &place, sizeof place, offset, path.c_str());
    if (written) {
        cursor = Cursor{place.sequence, into_second};
    }
    return written;
}

/// The unit's record: the one it has, the one saved under its name, an erased one, or a new one.
Result<std::uint32_t> StateFile::Impl::record_for(UnitId unit, std::string_view name) {
    const std::size_t id = index_of(unit);
    if (id >= index_of_unit.size()) {
        index_of_unit.resize(id + 1, kNoRecord);
    }
    if (index_of_unit[id] != kNoRecord) {
        return index_of_unit[id];
    }
    if (const auto saved = unbound.find(std::string{name}); saved != unbound.end()) {
        index_of_unit[id] = saved->second;
        unbound.erase(saved);
        return index_of_unit[id];
    }
    if (free.empty()) {
        const std::size_t next = cursors.size();
        if (next >= kUnitsMax) {
            return failure(ENOSPC, "add a record to", path, "it holds as many units as it can");
        }
        if (next >= allocated) {
            if (Result<void> room = allocate(allocated + kChunkUnits); !room) {
                return Failure{room.error()};
            }
        }
        cursors.emplace_back();
        free.push_back(static_cast<std::uint32_t>(next));
    }
    index_of_unit[id] = free.back();
    free.pop_back();
    return index_of_unit[id];
}

StateFile::StateFile() : impl_(std::make_unique<Impl>()) {}
StateFile::StateFile(StateFile&&) noexcept = default;
StateFile& StateFile::operator=(StateFile&&) noexcept = default;
StateFile::~StateFile() = default;

Result<StateFile::Opened> StateFile::open(const std::string& path) {
    Opened opened{StateFile{}, nullptr, {}};
    // O_NONBLOCK: somebody may have put a FIFO there.
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    if (!fd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EACCES)) {
        // Too many descriptors, no memory: the file may be good, so it is not given up for that.
        return failure(errno, "open the state file", path);
    }
    const bool is_there = fd || errno != ENOENT;
    if (is_there) {
        auto saved = std::make_unique<SavedState>();
        opened.file.impl_->path = path;
        if (fd) {
            opened.file.impl_->fd = std::move(fd);
            opened.set_aside = opened.file.impl_->load(*saved);
        } else {
            opened.set_aside = std::string{"it can't be opened: "} + std::strerror(errno);
        }
        if (opened.set_aside.empty()) {
            const bool is_blank = saved->units.empty() && !opened.file.impl_->supervisor.sequence;
            opened.saved = is_blank ? nullptr : std::move(saved);
            return opened;
        }
        const std::string aside = path + ".old";
        if (::rename(path.c_str(), aside.c_str()) != 0) {
            return failure(errno, "set aside", path, "because " + opened.set_aside);
        }
        opened.set_aside = path + " is not used: " + opened.set_aside + "; it is kept as " + aside;
        opened.file = StateFile{};
    }
    opened.file.impl_->path = path;
    if (Result<void> made = opened.file.impl_->make(); !made) {
        return Failure{made.error()};
    }
    return opened;
}

Result<void> StateFile::write(UnitId unit, const UnitRecord& record) {
    if (name_in(record).empty()) {
        return failure(EINVAL, "write a record to", impl_->path, "it has no name");
    }
    const Result<std::uint32_t> index = impl_->record_for(unit, name_in(record));
    if (!index) {
        return Failure{index.error()};
    }
    return impl_->put(page_of_unit(*index), impl_->cursors[*index], record);
}

Result<void> StateFile::write(const SupervisorRecord& record) {
    return impl_->put(kSupervisorPage, impl_->supervisor, record);
}

Result<void> StateFile::erase(UnitId unit) {
    const std::size_t id = index_of(unit);
    if (id >= impl_->index_of_unit.size() || impl_->index_of_unit[id] == kNoRecord) {
        return {};
    }
    const std::uint32_t index = impl_->index_of_unit[id];
    Result<void> erased = impl_->put(page_of_unit(index), impl_->cursors[index], UnitRecord{});
    if (erased) {
        impl_->index_of_unit[id] = kNoRecord;
        impl_->free.push_back(index);
    }
    return erased;
}

Result<void> StateFile::erase_saved(std::string_view name) {
    const auto saved = impl_->unbound.find(std::string{name});
    if (saved == impl_->unbound.end()) {
        return {};
    }
    const std::uint32_t index = saved->second;
    Result<void> erased = impl_->put(page_of_unit(index), impl_->cursors[index], UnitRecord{});
    if (erased) {
        impl_->unbound.erase(saved);
        impl_->free.push_back(index);
    }
    return erased;
}

}  // namespace svcd
