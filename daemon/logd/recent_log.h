// The last lines of each unit, LOG_DIR/UNIT/current: for `svctl status` and for what svcd says of a
// unit that failed. A file keeps between kRecentMax / 2 and kRecentMax bytes.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "linux/log_files.h"
#include "linux/unique_fd.h"

namespace svcd::logd {

inline constexpr std::size_t kRecentMax = 256 * 1024;

class RecentLog {
public:
    /// An empty `log_dir`: nothing is kept.
    explicit RecentLog(std::string log_dir) : log_dir_(std::move(log_dir)) {}

    /// Appends a line, given without its newline. A folder that can't be written costs the line,
    /// and is tried again with the next one.
    void append(const std::string& unit, std::string_view line);

private:
    struct File {
        UniqueFd fd;
        std::size_t size = 0;
    };
    bool open(const std::string& unit, File& file);
    static void shorten(File& file);

    std::string log_dir_;
    std::map<std::string, File> files_;
};

}  // namespace svcd::logd
