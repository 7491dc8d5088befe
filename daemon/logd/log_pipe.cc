#include "logd/log_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace svcd::logd {
namespace {

/// What is looked at in one turn of a pipe.
constexpr std::size_t kLookMax = 65536;

}  // namespace

Result<PipeCopy> PipeCopy::make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return failure(errno, "make a pipe");
    }
    return PipeCopy{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

std::string_view PipeCopy::look(int pipe) {
    const ssize_t copied = ::tee(pipe, writer_.get(), kLookMax, SPLICE_F_NONBLOCK);
    bytes_.resize(copied > 0 ? static_cast<std::size_t>(copied) : 0);
    std::size_t filled = 0;
    while (filled < bytes_.size()) {
        const ssize_t size = ::read(reader_.get(), bytes_.data() + filled, bytes_.size() - filled);
        if (size <= 0) {
            break;
        }
        filled += static_cast<std::size_t>(size);
    }
    bytes_.resize(filled);
    return bytes_;
}

LogPipe::LogPipe(std::string unit, Stream stream, UniqueFd fd)
    : unit_(std::move(unit)), stream_(stream), fd_(std::move(fd)) {}

LogPipe::Line LogPipe::first_line(std::string_view bytes, std::size_t longest) {
    const std::size_t newline = bytes.substr(0, longest + 1).find('\n');
    if (newline != std::string_view::npos) {
        return {bytes.substr(0, newline), newline + 1, true};
    }
    const std::size_t size = std::min(bytes.size(), longest);
    return {bytes.substr(0, size), size, bytes.size() > longest};
}

void LogPipe::drop(std::size_t bytes) {
    std::array<char, kLookMax> taken;  // NOLINT: it is not read
    while (bytes > 0) {
        const ssize_t size = ::read(fd_.get(), taken.data(), std::min(bytes, taken.size()));
        if (size <= 0) {
            return;
        }
        bytes -= static_cast<std::size_t>(size);
    }
}

}  // namespace svcd::logd
