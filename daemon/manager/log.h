// The manager's own log: lines on stderr, by spdlog. This is the only place where svcd logs above
// debug; the adapters hand their errors up, and the one who handles an error says it, once.
//
// Writing a line never holds up the manager: when stderr is a pipe whose reader doesn't read, lines
// are dropped and counted, and the count is said once there is room again. When stderr goes to the
// journal (JOURNAL_STREAM), lines carry the priorities of sd-daemon(3) and no time of their own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/effect.h"

namespace spdlog {
class logger;
}

namespace svcd {

/// "debug", "info", "notice", "warning", "error", also the numbers 0 to 7 of syslog(3).
std::optional<Severity> severity_of(std::string_view word);

class Log {
public:
    /// Lines below `least` are not written.
    Log(int fd, Severity least);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void say(Severity severity, std::string_view text);
    /// "UNIT: TEXT".
    void say(Severity severity, std::string_view unit, std::string_view text);
    void set_least(Severity least);

private:
    std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace svcd
