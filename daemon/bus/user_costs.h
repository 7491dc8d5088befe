// What the strangers of each user have cost the loop lately: the user who has cost least comes
// next, however many connections another one has.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>

namespace svcd {

class UserCosts {
public:
    /// Only as compared with others'.
    std::chrono::microseconds of(uid_t user) const;
    void add(uid_t user, std::chrono::microseconds cost);

private:
    std::map<uid_t, std::chrono::microseconds> costs_;
    std::chrono::microseconds floor_{0};  ///< nobody has less
};

/// How long something took.
class Stopwatch {
public:
    std::chrono::microseconds elapsed() const {
        return std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - begin_);
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace svcd
