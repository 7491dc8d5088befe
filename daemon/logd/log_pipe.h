// One pipe that a unit writes to.
//
// The pipe itself is the memory of what is not written yet: bytes are copied out of it with tee(2),
// and taken only once the line that they are of has been handed on. So svcd-logd may be killed at
// any moment: no line is lost, and at most one is written twice.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/types/result.h"
#include "linux/unique_fd.h"

namespace svcd::logd {

/// A copy of the beginning of a pipe. One serves all pipes in turn.
class PipeCopy {
public:
    static Result<PipeCopy> make();
    /// What stands at the beginning of `pipe`, at most as much as fits. Valid until the next call.
    /// Takes nothing out.
    std::string_view look(int pipe);

private:
    PipeCopy(UniqueFd reader, UniqueFd writer)
        : reader_(std::move(reader)), writer_(std::move(writer)) {}

    UniqueFd reader_;
    UniqueFd writer_;
    std::string bytes_;
};

enum class Stream : std::uint8_t { output, error };

class LogPipe {
public:
    LogPipe(std::string unit, Stream stream, UniqueFd fd);

    const std::string& unit() const { return unit_; }
    Stream stream() const { return stream_; }
    int fd() const { return fd_.get(); }

    /// The first line at the beginning of the pipe, without its newline; of one longer than
    /// `longest` its first part. `is_whole`: there is a newline, or it is longer. Nothing is there:
    /// not whole, and empty.
    struct Line {
        std::string_view text;
        std::size_t size = 0;  ///< with its newline
        bool is_whole = false;
    };
    static Line first_line(std::string_view bytes, std::size_t longest);

    /// Takes that many bytes out of the pipe.
    void drop(std::size_t bytes);

private:
    std::string unit_;
    Stream stream_;
    UniqueFd fd_;
};

}  // namespace svcd::logd
