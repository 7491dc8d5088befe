// The manager's own log: lines on stderr, by spdlog. This is the only place where svcd logs above
// debug; the adapters hand their errors up, and the one who handles an error says it, once.
//
// Writing a line never holds up the manager: when stderr is a pipe whose reader doesn't read, lines
// are dropped and counted, and the count is said once there is room again. When stderr goes to the
// journal (JOURNAL_STREAM), lines carry the priorities of sd-daemon(3) and no time of their own.
//
// Texts of others are in these lines: of services, users, and files. Here is the one place where
// they are made harmless: a control character becomes '?', and what follows a line break is
// indented, so that nothing looks like a line of svcd's own. How many lines others can cause is
// log_limit.h's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/effect.h"
#include "core/types/time.h"
#include "manager/log_limit.h"

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
    /// Without a limit: what root has asked for, and what comes once in a life.
    void report(Severity severity, std::string_view text);
    void set_least(Severity least);

    /// Says how many lines were left out, if it is time; and when that will be.
    void tell_left_out();
    std::optional<Time> left_out_due() const { return limit_.due(); }

private:
    LogLimit limit_;
    std::unique_ptr<spdlog::logger> logger_;
};

}  // namespace svcd
