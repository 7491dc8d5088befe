// A state file as somebody may have left it: records with right checksums and any values, and what
// a manager does that goes on with them. An input is, for each unit, how it is to begin and a list
// of changes (place, value); then how the file's bytes are to be changed; then what happens.
#include <array>
#include <cstring>
#include <vector>

#include "core/types/record_check.h"
#include "fuzz/scratch_file.h"
#include "fuzz/small_manager.h"
#include "fuzz/target.h"
#include "state/state_file.h"
#include "state/state_layout.h"
#include "state/state_load.h"

namespace svcd::fuzz {
namespace {

using namespace state_layout;

constexpr std::size_t kRecordsMax = 4;
constexpr std::size_t kChangesMax = 16;
constexpr std::size_t kEventsMax = 64;

/// A whole place, with a right checksum.
template <typename Record>
void put(const ScratchFile& file, const Record& record, off_t offset) {
    Place<Record> place;
    std::memset(&place, 0, sizeof place);
    place.sequence = 1;
    place.record = record;
    place.checksum = seal_of(place);
    file.write(&place, sizeof place, offset);
}

template <typename Record>
void change(Record& record, Bytes& bytes) {
    const std::size_t changes = bytes.byte() % kChangesMax;
    std::array<unsigned char, sizeof(Record)> raw{};
    std::memcpy(raw.data(), &record, raw.size());
    for (std::size_t count = 0; count < changes; ++count) {
        raw[bytes.number(2) % raw.size()] = static_cast<unsigned char>(bytes.byte());
    }
    std::memcpy(&record, raw.data(), raw.size());
}

UnitRecord record_from(Bytes& bytes, const SmallManager& before) {
    UnitRecord record = before.record(bytes.byte());
    change(record, bytes);
    return record;
}

ProcessFact fact_from(const ProcessRecord& record, unsigned choice) {
    if (record.token == 0) {
        return {};
    }
    ProcessFact fact;
    fact.state = static_cast<ProcessFact::State>(1 + choice % 4);
    fact.pid = record.pid != 0 ? record.pid : 77;
    fact.is_foreign = choice / 4 % 2 == 1;
    return fact;
}

/// As the manager does with what has been read.
StateRestored restored(const SavedState& saved, Bytes& bytes) {
    StateRestored event;
    event.supervisor = saved.supervisor;
    event.was_away = bytes.byte() % 2 == 1;
    for (const UnitRecord& record : saved.units) {
        RestoredUnit unit;
        unit.record = record;
        unit.main = fact_from(record.main, bytes.byte());
        unit.control = fact_from(record.control, bytes.byte());
        unit.checker = fact_from(record.checker, bytes.byte());
        unit.populated = bytes.byte() % 2 == 1;
        event.units.push_back(unit);
    }
    return event;
}

void go_on(const SavedState& saved, Bytes& bytes) {
    SmallManager manager;
    static_cast<void>(tokens_in(saved));
    manager.step(restored(saved, bytes));
    for (std::size_t count = 0; count < kEventsMax && !bytes.is_over(); ++count) {
        const unsigned choice = bytes.byte();
        switch (choice % 6) {
            case 0:
                manager.pass(Duration{std::int64_t{1} << (choice / 6 % 40)});
                break;
            case 1:
                manager.end_process(choice / 6, ExitCode::exited, static_cast<int>(bytes.byte()));
                break;
            case 2:
                manager.step(CgroupEmptied{manager.unit(choice / 6)});
                break;
            case 3: {
                JobRequested request;
                request.unit = manager.unit(choice / 6);
                request.verb = static_cast<JobVerb>(bytes.byte() % 7);
                manager.step(std::move(request));
                break;
            }
            case 4: {
                Notification notification;
                notification.unit = manager.unit(choice / 6);
                notification.ready = true;
                manager.step(std::move(notification));
                break;
            }
            default:
                manager.step(ShutdownRequested{});
                break;
        }
    }
}

}  // namespace

void try_input(std::string_view input) {
    static const FileHeader kHeader = state_header_of_now();
    Bytes bytes{input};
    SmallManager before;
    if (bytes.byte() % 4 != 0) {
        before.start_all();
        before.pass(Duration{1'000'000});
    }
    const ScratchFile file;
    file.write(&kHeader, sizeof kHeader, 0);
    SupervisorRecord supervisor = before.supervisor_record();
    change(supervisor, bytes);
    put(file, supervisor, offset_of_page(kSupervisorPage));
    RequestRecord request{};
    change(request, bytes);
    put(file, request, offset_of_request(bytes.byte()));
    const std::size_t records = bytes.byte() % (kRecordsMax + 1);
    for (std::size_t index = 0; index < records; ++index) {
        put(file, record_from(bytes, before), offset_of_page(page_of_unit(index)));
    }
    const auto size = static_cast<std::size_t>(offset_of_page(page_of_unit(records)));
    file.resize(size);
    for (std::size_t damages = bytes.byte() % kChangesMax; damages > 0; --damages) {
        const auto offset = static_cast<off_t>(bytes.number(3) % size);
        const auto value = static_cast<unsigned char>(bytes.byte());
        file.write(&value, 1, offset);
    }
    const LoadedState loaded = load_state(file.fd());
    for (const UnitRecord& record : loaded.saved.units) {
        require(fault_in(record).empty() && record.name.front() != '\0');
    }
    if (loaded.objection.empty()) {
        go_on(loaded.saved, bytes);
    }
}

}  // namespace svcd::fuzz
