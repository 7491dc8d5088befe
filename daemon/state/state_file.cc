#include "state/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "linux/unique_fd.h"
#include "state/state_load.h"
#include "state/write_at.h"

namespace svcd {
namespace {

using namespace state_layout;

/// Units whose records are allocated at a time.
constexpr std::size_t kChunkUnits = 64;
constexpr std::uint32_t kNoRecord = UINT32_MAX;

/// The bytes of a record, a header or a page.
template <typename Plain>
Result<void> write_plain(int fd, const Plain& plain, off_t offset, const std::string& path) {
    return write_at(fd, {reinterpret_cast<const char*>(&plain), sizeof plain},
                    static_cast<std::uint64_t>(offset), path);
}

Result<void> allocate_at(int fd, off_t start, off_t size, const std::string& path) {
    // posix_fallocate, not fallocate(2): it also works where the file system can't preallocate.
    const int error = ::posix_fallocate(fd, start, size);
    if (error != 0) {
        return failure(error, "allocate", path, std::to_string(size) + " bytes more");
    }
    return {};
}

std::string draft_of(const std::string& path) {
    return path + ".new";
}

}  // namespace

std::vector<Token> tokens_in(const SavedState& saved) {
    std::vector<Token> tokens;
    tokens.reserve(4 * saved.units.size());
    for (const UnitRecord& record : saved.units) {
        for (const std::uint64_t token :
             {record.main.token, record.control.token, record.identifying, record.checker.token}) {
            if (token != 0) {
                tokens.push_back(static_cast<Token>(token));
            }
        }
    }
    return tokens;
}

struct StateFile::Impl {
    UniqueFd fd;
    std::string path;
    bool is_draft = false;        ///< under its name there is none, or one of the format before
    std::size_t allocated = 0;    ///< units with room in the file
    std::uint64_t committed = 0;  ///< the last step that counts
    bool is_in_step = false;
    bool has_failed = false;  ///< a write of this step; of a draft: any
    Cursor supervisor;
    std::vector<Cursor> cursors;                             ///< of units, by record index
    std::vector<Cursor> requests;                            ///< by slot
    std::vector<std::uint32_t> free;                         ///< erased records
    std::vector<std::size_t> damaged;                        ///< records that are, of the last life
    std::vector<std::uint32_t> index_of_unit;                ///< by UnitId; kNoRecord: none yet
    std::unordered_map<std::string, std::uint32_t> unbound;  ///< saved, not written by us yet

    Result<void> make();
    Result<void> publish();
    Result<void> begin();
    void blank_damaged();
    Result<void> take_over(LoadedState& loaded, off_t size);
    Result<void> allocate(std::size_t units);
    Result<std::uint32_t> record_for(UnitId unit, std::string_view name);
    template <typename Record>
    Result<void> put(off_t places, Cursor& cursor, const Record& record);
    template <typename Record>
    Result<void> write(off_t places, Cursor& cursor, const Record& record);
};

/// Room for `units` records, so that writing one can't fail for want of space later.
Result<void> StateFile::Impl::allocate(std::size_t units) {
    const off_t start = offset_of_page(page_of_unit(allocated));
    const off_t size = offset_of_page(page_of_unit(units)) - start;
    Result<void> room = allocate_at(fd.get(), start, size, path);
    if (room) {
        allocated = units;
    }
    return room;
}

/// A new file, not yet under its name. The pages for answers are left to those who write them: few
/// have need of many, and an answer that is forgotten is no harm to a unit.
Result<void> StateFile::Impl::make() {
    const std::string draft = draft_of(path);
    ::unlink(draft.c_str());
    fd.reset(::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) {
        return failure(errno, "create", draft);
    }
    is_draft = true;
    requests.resize(kRequestsRemembered);
    const FileHeader header = state_header_of_now();
    Result<void> made = allocate_at(fd.get(), 0, offset_of_page(kFirstRequestPage), path);
    if (made) {
        made = allocate(kChunkUnits);
    }
    if (made) {
        made = write_plain(fd.get(), header, 0, path);
    }
    if (!made) {
        ::unlink(draft.c_str());
    }
    return made;
}

Result<void> StateFile::Impl::publish() {
    const std::string draft = draft_of(path);
    if (::rename(draft.c_str(), path.c_str()) != 0) {
        return failure(errno, "rename", draft, "to " + path);
    }
    is_draft = false;
    return {};
}

/// An empty file, at once under its name.
Result<void> StateFile::Impl::begin() {
    const Result<void> made = make();
    return made ? publish() : made;
}

/// What replaces them has been committed. Where it fails, the next manager says once more that they
/// are damaged.
void StateFile::Impl::blank_damaged() {
    for (const std::size_t index : std::exchange(damaged, {})) {
        static_cast<void>(write_plain(fd.get(), Page{}, offset_of_page(page_of_unit(index)), path));
    }
}

/// Goes on with the file that was read.
Result<void> StateFile::Impl::take_over(LoadedState& loaded, off_t size) {
    for (const LoadedState::Scrap& scrap : loaded.scraps) {
        const std::string blank(scrap.size, '\0');
        const auto offset = static_cast<std::uint64_t>(scrap.offset);
        if (auto blanked = write_at(fd.get(), blank, offset, path); !blanked) {
            return blanked;
        }
    }
    committed = loaded.committed;
    supervisor = loaded.supervisor;
    cursors = std::move(loaded.units);
    requests = std::move(loaded.requests);
    damaged = loaded.damaged_units;
    allocated = static_cast<std::size_t>(size) / kPage - kFirstUnitPage;
    for (std::size_t index = loaded.names.size(); index-- > 0;) {  // the lowest is taken first
        const bool is_damaged = std::find(loaded.damaged_units.begin(), loaded.damaged_units.end(),
                                          index) != loaded.damaged_units.end();
        if (is_damaged) {
            continue;  // for the next manager
        }
        if (loaded.names[index].empty()) {
            free.push_back(static_cast<std::uint32_t>(index));
        } else {
            unbound.emplace(loaded.names[index], static_cast<std::uint32_t>(index));
        }
    }
    return {};
}

/// Into the place that does not hold what counts. What holds more than counts is what was written
/// in this step, or in one whose commit failed: it may be written over.
template <typename Record>
Result<void> StateFile::Impl::put(off_t places, Cursor& cursor, const Record& record) {
    Place<Record> place;
    std::memset(&place, 0, sizeof place);
    place.sequence = cursor.sequence + 1;
    // The supervisor's says which step is the last that counts.
    const std::uint64_t alone = std::is_same_v<Record, SupervisorRecord> ? committed : 0;
    place.step = is_in_step ? committed + 1 : alone;
    place.record = record;
    place.checksum = seal_of(place);
    const bool is_pending = cursor.step > committed;
    const bool into_second =
        is_pending ? cursor.newest_is_second : cursor.sequence != 0 && !cursor.newest_is_second;
    const off_t offset = places + static_cast<off_t>(into_second ? kPlaceSize<Record> : 0);
    Result<void> written = write_plain(fd.get(), place, offset, path);
    if (written) {
        cursor = Cursor{place.sequence, place.step, into_second};
    } else {
        has_failed = true;
        if (is_pending) {  // it may be torn now: what counts is in the other place
            cursor = Cursor{cursor.sequence, 0, !into_second};
        }
    }
    return written;
}

template <typename Record>
Result<void> StateFile::Impl::write(off_t places, Cursor& cursor, const Record& record) {
    Result<void> written = put(places, cursor, record);
    return written && is_draft && !is_in_step && !has_failed ? publish() : written;
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
    Impl& impl = *opened.file.impl_;
    impl.path = path;
    // O_NONBLOCK: somebody may have put a FIFO there.
    UniqueFd fd{::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    if (!fd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EACCES)) {
        // Too many descriptors, no memory: the file may be good, so it is not given up for that.
        return failure(errno, "open the state file", path);
    }
    if (!fd && errno == ENOENT) {
        const Result<void> begun = impl.begin();
        return begun ? Result<Opened>{std::move(opened)} : Failure{begun.error()};
    }
    LoadedState loaded;
    if (fd) {
        ::fchmod(fd.get(), 0600);  // it holds what strangers may not read
        loaded = load_state(fd.get());
    } else {
        loaded.objection = std::string{"it can't be opened: "} + std::strerror(errno);
    }
    const bool is_usable = loaded.objection.empty();
    if (is_usable && (!loaded.saved.units.empty() || loaded.supervisor.sequence != 0)) {
        opened.saved = std::make_unique<SavedState>(std::move(loaded.saved));
    }
    for (const std::string& damaged : loaded.damaged) {
        opened.set_aside += (opened.set_aside.empty() ? path + " is damaged; lost is " : ", ");
        opened.set_aside += damaged;
    }
    if (is_usable && !loaded.is_converted) {
        struct stat info {};
        ::fstat(fd.get(), &info);
        impl.fd = std::move(fd);
        const Result<void> taken = impl.take_over(loaded, info.st_size);
        return taken ? Result<Opened>{std::move(opened)} : Failure{taken.error()};
    }
    if (!is_usable) {
        const std::string aside = path + ".old";
        if (::rename(path.c_str(), aside.c_str()) != 0) {
            return failure(errno, "set aside", path, "because " + loaded.objection);
        }
        opened.set_aside = path + " is not used: " + loaded.objection + "; it is kept as " + aside;
    }
    // A file of the format before stays until what it says has been written in this one, for which
    // there has to be room.
    Result<void> made = is_usable ? impl.make() : impl.begin();
    const std::size_t units = opened.saved != nullptr ? opened.saved->units.size() : 0;
    if (made && units > impl.allocated) {
        made = impl.allocate(units);
    }
    return made ? Result<Opened>{std::move(opened)} : Failure{made.error()};
}

Result<void> StateFile::begin_anew() {
    auto fresh = std::make_unique<Impl>();
    fresh->path = impl_->path;
    const Result<void> begun = fresh->begin();
    if (begun) {
        impl_ = std::move(fresh);
    }
    return begun;
}

Result<void> StateFile::set_aside() {
    const std::string aside = impl_->path + ".old";
    if (::rename(impl_->path.c_str(), aside.c_str()) != 0 && errno != ENOENT) {
        return failure(errno, "set aside", impl_->path);
    }
    return begin_anew();
}

void StateFile::begin_step() {
    impl_->is_in_step = true;
    impl_->has_failed = impl_->is_draft && impl_->has_failed;  // a draft lacks it still
}

Result<void> StateFile::commit_step(const SupervisorRecord& record) {
    Result<void> written = impl_->put(offset_of_page(kSupervisorPage), impl_->supervisor, record);
    impl_->is_in_step = false;
    if (!written) {
        return written;  // the next step that is committed takes this one with it
    }
    ++impl_->committed;
    if (impl_->has_failed) {
        return written;  // what lacks something takes no other's place
    }
    impl_->blank_damaged();
    return impl_->is_draft ? impl_->publish() : written;
}

Result<void> StateFile::write(UnitId unit, const UnitRecord& record) {
    const Result<std::uint32_t> index =
        name_in(record).empty()
            ? failure(EINVAL, "write a record to", impl_->path, "it has no name")
            : impl_->record_for(unit, name_in(record));
    if (!index) {
        impl_->has_failed = true;
        return Failure{index.error()};
    }
    return impl_->write(offset_of_page(page_of_unit(*index)), impl_->cursors[*index], record);
}

Result<void> StateFile::write(const SupervisorRecord& record) {
    return impl_->write(offset_of_page(kSupervisorPage), impl_->supervisor, record);
}

Result<void> StateFile::write(std::size_t slot, const RequestRecord& record) {
    return impl_->write(offset_of_request(slot), impl_->requests.at(slot), record);
}

Result<void> StateFile::erase(UnitId unit) {
    const std::size_t id = index_of(unit);
    if (id >= impl_->index_of_unit.size() || impl_->index_of_unit[id] == kNoRecord) {
        return {};
    }
    const std::uint32_t index = impl_->index_of_unit[id];
    Result<void> erased =
        impl_->write(offset_of_page(page_of_unit(index)), impl_->cursors[index], UnitRecord{});
    if (erased) {
        impl_->index_of_unit[id] = kNoRecord;
        impl_->free.push_back(index);
    }
    return erased;
}

}  // namespace svcd
