#include "state/state_load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "core/types/record_check.h"
#include "core/types/unit.h"
#include "linux/procfs.h"
#include "state/state_before.h"

namespace svcd {
namespace {

using namespace state_layout;

/// False: the file has no such page, or it can't be read.
bool read_state_page(int fd, std::size_t page, Page& bytes) {
    ssize_t size = 0;
    do {
        size = ::pread(fd, bytes.data(), bytes.size(), offset_of_page(page));
    } while (size < 0 && errno == EINTR);
    return size == static_cast<ssize_t>(bytes.size());
}

/// Why a file with this header can't be used now; empty when it can.
std::string objection_to(const FileHeader& header) {
    const FileHeader now = state_header_of_now();
    if (header.magic != kMagic) {
        return "it is not a state file of svcd";
    }
    const bool is_known =
        is_format_before(header) ||
        (header.file_version == kFileVersion && header.record_version == kRecordVersion &&
         header.unit_size == now.unit_size && header.supervisor_size == now.supervisor_size);
    if (!is_known) {
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

/// The same, but for a record with a value that none can have: nothing of that is used.
template <typename Record>
Found<Record> checked(Found<Record> found) {
    found.fault = fault_in(found.record);
    if (!found.fault.empty()) {
        found.record = Record{};
        found.is_damaged = true;
    }
    return found;
}

/// The newest that counts of a record that the file holds in this release's form or in that of the
/// release before.
template <typename Record>
Found<Record> newest_of(const char* places, std::uint64_t committed, bool is_before) {
    if (!is_before) {
        return checked(newest_in<Record>(places, committed));
    }
    const auto before = newest_in<RecordBefore<Record>>(places, committed);
    return checked<Record>({before.cursor,
                            widened<Record>(before.record),
                            before.is_uncommitted,
                            before.is_damaged,
                            {}});
}

bool is_unit_name(std::string_view name) {
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.\\@-";
    return unit_type_of(name).has_value() &&
           name.find_first_not_of(kLetters) == std::string_view::npos;
}

/// The name that the bytes of a damaged record still have, in one of its places; empty: none.
template <typename Record>
std::string name_left_in(const char* places) {
    for (const std::size_t place : {0U, 1U}) {
        std::array<char, sizeof UnitRecord::name> bytes;
        std::memcpy(bytes.data(),
                    places + place * kPlaceSize<Record> + offsetof(Place<Record>, record) +
                        offsetof(UnitRecord, name),
                    bytes.size());
        const std::string_view name{bytes.data(), ::strnlen(bytes.data(), bytes.size())};
        if (is_unit_name(name)) {
            return std::string{name};
        }
    }
    return {};
}

/// "the record of web.service".
std::string record_of(const std::string& name, std::size_t index) {
    return "the record of " + (name.empty() ? "unit " + std::to_string(index) : name);
}

/// " (its sub_state is out of range)"; empty where the bytes themselves are damaged.
std::string in_brackets(std::string_view fault) {
    return fault.empty() ? "" : " (its " + std::string(fault) + " is out of range)";
}

template <typename Record>
void note_scraps(const Found<Record>& found, off_t offset, LoadedState& state) {
    for (const std::size_t place : {0U, 1U}) {
        if (found.is_uncommitted[place] && !found.is_damaged) {
            state.scraps.push_back(
                {offset + static_cast<off_t>(place * kPlaceSize<Record>), sizeof(Place<Record>)});
        }
    }
}

std::string load_supervisor(int fd, LoadedState& state) {
    Page page{};
    if (!read_state_page(fd, kSupervisorPage, page)) {
        return "it is too short";
    }
    const auto found = newest_of<SupervisorRecord>(page.data(), UINT64_MAX, state.is_converted);
    if (found.is_damaged) {
        return "the supervisor's record is damaged" + in_brackets(found.fault);
    }
    state.supervisor = found.cursor;
    state.committed = found.cursor.step;
    state.saved.supervisor = found.record;
    return {};
}

std::string load_requests(int fd, LoadedState& state) {
    state.requests.resize(kRequestsRemembered);
    Page page{};
    for (std::size_t slot = 0; slot < kRequestsRemembered; ++slot) {
        const std::size_t in_page = slot % kRequestsPerPage;
        if (in_page == 0 &&
            !read_state_page(fd, kFirstRequestPage + slot / kRequestsPerPage, page)) {
            return "it is too short";
        }
        const auto found = checked(newest_in<RequestRecord>(
            page.data() + in_page * 2 * kPlaceSize<RequestRecord>, state.committed));
        note_scraps(found, offset_of_request(slot), state);
        state.requests[slot] = found.cursor;
        if (found.record.until != 0) {
            state.saved.requests.push_back({slot, found.record});
        }
    }
    return {};
}

/// Two records of one name: what a failed erase leaves behind, and another unit of that name since.
void keep_the_newer(const UnitRecord& record,
                    std::size_t index,
                    std::size_t at,
                    LoadedState& state) {
    UnitRecord& kept = state.saved.units[at];
    std::size_t older = index;
    if (record.state_changed_at > kept.state_changed_at) {
        older = static_cast<std::size_t>(
            std::find(state.names.begin(), state.names.end(), state.names[index]) -
            state.names.begin());
        kept = record;
    }
    state.names[older].clear();
    state.units[older] = Cursor{};
    const off_t offset = offset_of_page(page_of_unit(older));
    state.scraps.push_back({offset, kPage});
}

std::string load_units(int fd, std::size_t count, LoadedState& state) {
    std::unordered_map<std::string, std::size_t> seen;  // where it is in saved.units
    Page page{};
    for (std::size_t index = 0; index < count; ++index) {
        if (!read_state_page(fd, page_of_unit(index), page)) {
            return "it can't be read";
        }
        const auto found = newest_of<UnitRecord>(page.data(), state.committed, state.is_converted);
        note_scraps(found, offset_of_page(page_of_unit(index)), state);
        state.units.push_back(found.cursor);
        const std::string name{name_in(found.record)};
        state.names.push_back(name);
        if (found.is_damaged) {
            state.damaged_units.push_back(index);
            const std::string left = state.is_converted
                                         ? name_left_in<RecordBefore<UnitRecord>>(page.data())
                                         : name_left_in<UnitRecord>(page.data());
            state.damaged.push_back(record_of(left, index) + in_brackets(found.fault));
        }
        if (name.empty()) {
            continue;
        }
        const auto [first, is_first] = seen.emplace(name, state.saved.units.size());
        if (is_first) {
            state.saved.units.push_back(found.record);
        } else {
            keep_the_newer(found.record, index, first->second, state);
        }
    }
    return {};
}

/// What no two records have: the number of a job, the token of a process. Jobs and processes are
/// kept by these, and the end of the one would leave the other with nothing.
class Claims {
public:
    /// The field that another record has claimed before; empty: none.
    std::string_view rival_in(const UnitRecord& record) {
        if (record.job.id != 0 && !jobs_.insert(record.job.id).second) {
            return "job.id";
        }
        for (const std::uint64_t token :
             {record.main.token, record.control.token, record.identifying, record.checker.token}) {
            if (token != 0 && !tokens_.insert(token).second) {
                return "token";
            }
        }
        return {};
    }

private:
    std::unordered_set<std::uint32_t> jobs_;
    std::unordered_set<std::uint64_t> tokens_;
};

/// Of two records that claim the same the second one counts as damaged.
void drop_rivals(LoadedState& state) {
    Claims claims;
    std::erase_if(state.saved.units, [&](const UnitRecord& record) {
        const std::string_view field = claims.rival_in(record);
        if (field.empty()) {
            return false;
        }
        const auto name = std::find(state.names.begin(), state.names.end(), name_in(record));
        const auto index = static_cast<std::size_t>(name - state.names.begin());
        state.damaged_units.push_back(index);
        state.damaged.push_back(record_of(*name, index) + " (its " + std::string(field) +
                                " is another's, too)");
        name->clear();
        return true;
    });
}

std::string load_all(int fd, LoadedState& state) {
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return "it is not a regular file";
    }
    Page page{};
    if (!read_state_page(fd, 0, page)) {
        return "it is too short";
    }
    FileHeader header;
    std::memcpy(&header, page.data(), sizeof header);
    if (std::string objection = objection_to(header); !objection.empty()) {
        return objection;
    }
    const auto pages = static_cast<std::size_t>(info.st_size) / kPage;
    state.is_converted = is_format_before(header);
    if (pages < kFirstUnitPage) {
        return "it is too short";
    }
    std::string objection = load_supervisor(fd, state);
    if (objection.empty()) {
        objection = load_requests(fd, state);
    }
    if (objection.empty()) {
        objection = load_units(fd, std::min(pages - kFirstUnitPage, kUnitsMax), state);
        drop_rivals(state);
    }
    return objection;
}

}  // namespace

FileHeader state_header_of_now() {
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
    const std::string boot = boot_id();
    std::memcpy(header.boot_id.data(), boot.data(), std::min(boot.size(), std::size_t{39}));
    header.checksum = seal_of(header);
    return header;
}

LoadedState load_state(int fd) {
    LoadedState state;
    state.objection = load_all(fd, state);
    return state;
}

}  // namespace svcd
