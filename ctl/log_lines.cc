#include "log_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace svcd {
namespace {

constexpr off_t kTailMax = 256 * 1024;

std::string tail_of(int descriptor, off_t size, off_t begin) {
    begin = std::max(begin, size > kTailMax ? size - kTailMax : 0);
    std::string text(static_cast<std::size_t>(size - begin), '\0');
    std::size_t filled = 0;
    while (filled < text.size()) {
        const ssize_t got = ::pread(descriptor, text.data() + filled, text.size() - filled,
                                    begin + static_cast<off_t>(filled));
        if (got <= 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
    return text;
}

}  // namespace

std::string log_path_of(const Json& properties) {
    if (const std::string path = text_of(properties, "LogPath"); !path.empty()) {
        return path;
    }
    const char* folder = std::getenv("SVCD_LOG_DIR");
    return std::string{folder != nullptr ? folder : "/var/log/svcd"} + "/" +
           text_of(properties, "Id") + "/current";
}

std::uint64_t log_begin_of(const Json& properties) {
    const std::uint64_t begin = number_of(properties, "LogBegin");
    return begin == UINT64_MAX ? 0 : begin;
}

bool is_closed(const std::string& log_path) {
    return ::access(log_path.c_str(), R_OK) != 0 && errno == EACCES;
}

std::vector<std::string> last_lines(const std::string& path,
                                    std::size_t count,
                                    std::uint64_t begin) {
    std::vector<std::string> lines;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        return lines;
    }
    struct stat facts {};
    std::string text;
    if (::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode)) {
        // A file that has become shorter was emptied since: all of it is of this life.
        const auto size = static_cast<std::uint64_t>(facts.st_size);
        text = tail_of(descriptor, facts.st_size, begin > size ? 0 : static_cast<off_t>(begin));
    }
    ::close(descriptor);
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    std::size_t end = text.size();
    while (!text.empty() && lines.size() < count) {
        const std::size_t newline = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
        const std::size_t first = newline == std::string::npos ? 0 : newline + 1;
        lines.push_back(text.substr(first, end - first));
        if (newline == std::string::npos) {
            break;
        }
        end = newline;
    }
    std::ranges::reverse(lines);
    return lines;
}

}  // namespace svcd
