// Before svcd-manager makes room for the one that a package has put in its place, that one has to
// show that it can run at all, and with this launcher: `svcd-manager --can-follow TABLE-VERSION` in
// a child. What can't (half a package, a library that is missing) would leave a machine without
// one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/types/ids.h"
#include "core/types/result.h"
#include "linux/unique_fd.h"
#include "manager/event_loop.h"

namespace svcd {

/// The argument, and the exit status of one that does not know this launcher's process table.
inline constexpr const char* kCanFollow = "--can-follow";
inline constexpr int kCanNotFollow = 3;

/// So long may it take.
inline constexpr Duration kProbeLimit = std::chrono::seconds{5};

class SuccessorProbe {
public:
    /// Calls `done` once, from the loop, unless it is destroyed before: with why not, in words, or
    /// with nothing.
    static Result<std::unique_ptr<SuccessorProbe>> start(
        EventLoop& loop,
        const std::string& program,
        std::function<void(const std::string& objection)> done);
    ~SuccessorProbe();
    SuccessorProbe(const SuccessorProbe&) = delete;
    SuccessorProbe& operator=(const SuccessorProbe&) = delete;

    /// Its process has been reaped.
    bool is_over() const { return is_over_; }

private:
    explicit SuccessorProbe(std::function<void(const std::string&)> done);
    void on_end();
    void on_timeout();

    std::function<void(const std::string&)> done_;  ///< empty once it was called
    bool is_over_ = false;
    UniqueFd process_;
    std::unique_ptr<Watch> watch_;
    std::unique_ptr<Timer> timer_;
};

}  // namespace svcd
