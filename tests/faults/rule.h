// What svcd-fault is to do, and at which system call: one line of text.
//
//     kill before nth=120                         the 120th call is not done any more
//     kill after name=clone3 nth=3                the third clone3 is done, and nothing after it
//     fail=ENOSPC name=pwrite64 path=/state times=always
//     kill before nth=40 per=manager times=4      the next four managers die at their 40th call
//
// A rule counts the calls that it matches from the moment on at which it was given, over all
// managers (per=manager: from each one's execve on), acts from the nth on (1), and does so `times`
// times (1).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace svcd::faults {

/// A system call that a manager is about to do.
struct Call {
    std::string_view name;
    std::string path;  ///< of the file that it is about, however it names it; or empty
};

struct Rule {
    enum class Act { kill_before, kill_after, fail };

    Act act = Act::kill_before;
    int error = 0;                   ///< of `fail`
    std::vector<std::string> names;  ///< empty: any
    std::string path;                ///< a part of the path; empty: any call, also one of no file
    std::size_t nth = 1;
    std::size_t times = 1;  ///< SIZE_MAX: always
    bool per_manager = false;

    std::size_t matched = 0;
    std::size_t done = 0;
};

/// No value: `complaint` says what is wrong with the text.
std::optional<Rule> parse_rule(std::string_view text, std::string& complaint);

/// Counts the call. True: the rule acts on it.
bool acts_on(Rule& rule, const Call& call);

}  // namespace svcd::faults
