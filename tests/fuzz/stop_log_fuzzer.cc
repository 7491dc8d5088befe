// A log of stops of any bytes, as a next manager finds it. The checksum of the first entry is put
// right, so that what stands behind it is reached.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/types/checksum.h"
#include "fuzz/scratch_file.h"
#include "fuzz/target.h"
#include "state/stop_log.h"

namespace {

void read_all(const svcd::StopLog& log) {
    for (const svcd::StopSummary& stop : log.stops()) {
        if (!log.read(stop.id) || log.stops_of(stop.unit).empty()) {
            std::abort();  // what the index names is there
        }
    }
}

void use(const std::string& bytes) {
    static const std::string path = svcd::fuzz::scratch_folder() / "stops";
    std::filesystem::remove(path);
    if (!svcd::StopLog::open(path)) {
        std::abort();
    }
    std::ofstream{path, std::ios::binary | std::ios::app} << bytes;
    auto opened = svcd::StopLog::open(path);
    if (!opened) {
        std::abort();
    }
    read_all(opened->log);
    if (!opened->log.put("a.service", svcd::StopFacts{opened->log.take_id()}, "{}") ||
        !opened->log.flush()) {
        std::abort();
    }
    read_all(opened->log);
}

}  // namespace

void svcd::fuzz::try_input(std::string_view input) {
    std::string bytes{input};
    static_cast<void>(parse_stop_entry(bytes));
    // The entry's end is where its checksum fits: the whole input is one, then half of it.
    for (const std::size_t length : {input.size() / 8 * 8, input.size() / 16 * 8}) {
        if (length > sizeof(std::uint64_t)) {
            const std::uint64_t sum = checksum_of(bytes.data() + sizeof sum, length - sizeof sum);
            std::memcpy(bytes.data(), &sum, sizeof sum);
            static_cast<void>(parse_stop_entry(bytes));
            use(bytes);
        }
    }
}
