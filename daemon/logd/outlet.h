// Where lines go in the end: standard output or standard error of svcd.
//
// It may be the pipe of a container's runtime that is full, and that nobody reads for a long time.
// So whoever has a line asks can_write() first.
#pragma once

#include <climits>
#include <string_view>

namespace svcd::logd {

/// A line is written in one piece of at most so many bytes, with its newline. Then lines of svcd
/// itself, which writes to the same pipe, do not stand in the middle of it (pipe(7)).
inline constexpr std::size_t kPieceMax = PIPE_BUF;

class Outlet {
public:
    /// `fd` stays the caller's.
    explicit Outlet(int fd) : fd_(fd) {}

    int fd() const { return fd_; }
    /// There is room for a piece, so write() will not wait.
    bool can_write() const;
    /// Writes both and a newline, which are kPieceMax bytes at most. What can't be written is lost:
    /// to a reader that is gone, or to a disk that is full.
    void write(std::string_view prefix, std::string_view line);

private:
    int fd_;
};

}  // namespace svcd::logd
