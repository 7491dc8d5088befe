#include "logd/recent_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace svcd::logd {

bool RecentLog::open(const std::string& unit, File& file) {
    file.fd = open_log_file(log_dir_, unit, LogAccess{});
    struct stat facts {};
    if (!file.fd || ::fstat(file.fd.get(), &facts) != 0) {
        file.fd.reset();
        return false;
    }
    file.size = static_cast<std::size_t>(facts.st_size);
    return true;
}

void RecentLog::append(const std::string& unit, std::string_view line) {
    if (log_dir_.empty()) {
        return;
    }
    File& file = files_[unit];
    if (!file.fd && !open(unit, file)) {
        return;
    }
    std::string text{line};
    text.push_back('\n');
    const ssize_t written = ::write(file.fd.get(), text.data(), text.size());
    if (written < 0) {
        file.fd.reset();
        return;
    }
    file.size += static_cast<std::size_t>(written);
    if (file.size > kRecentMax) {
        shorten(file);
    }
}

/// Keeps the last lines, half a file of them. The file stays the same one, for whoever follows it.
void RecentLog::shorten(File& file) {
    const std::string path = "/proc/self/fd/" + std::to_string(file.fd.get());
    const UniqueFd reader{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    std::string rest(kRecentMax / 2, '\0');
    const auto from = static_cast<off_t>(file.size - rest.size());
    const ssize_t size = reader ? ::pread(reader.get(), rest.data(), rest.size(), from) : 0;
    rest.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    rest.erase(0, rest.find('\n') + 1);  // the first line may be half of one; npos + 1 is 0
    const bool is_short =
        ::ftruncate(file.fd.get(), 0) == 0 && ::write(file.fd.get(), rest.data(), rest.size()) >= 0;
    if (is_short) {
        file.size = rest.size();
    } else {
        file.fd.reset();
    }
}

}  // namespace svcd::logd
