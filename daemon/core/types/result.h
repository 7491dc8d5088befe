// How a fallible call fails: by value, with what was done to what, and why.
#pragma once

#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace svcd {

/// "OPERATION SUBJECT: WHY", e.g. "open /var/log/svcd/web.service/current: No space left on
/// device".
struct Error {
    int error_number = 0;   ///< errno; 0 when the reason is none of the kernel's
    std::string operation;  ///< what was tried, as a verb or a system call's name
    std::string subject;    ///< on what
    std::string detail;     ///< the reason in words, when there is no errno or it needs more
};

/// The error as one line for a person.
inline std::string to_string(const Error& error) {
    std::string text = error.operation;
    if (!error.subject.empty()) {
        text += " " + error.subject;
    }
    if (error.error_number != 0) {
        text += std::string(": ") + std::strerror(error.error_number);
    }
    if (!error.detail.empty()) {
        text += ": " + error.detail;
    }
    return text;
}

using Failure = tl::unexpected<Error>;

inline Failure failure(int error_number,
                       std::string operation,
                       std::string subject = {},
                       std::string detail = {}) {
    return Failure{
        Error{error_number, std::move(operation), std::move(subject), std::move(detail)}};
}

/// tl::expected, but a dropped result is a compiler warning (tl::expected 1.0.0 lets it pass
/// silently).
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using tl::expected<T, Error>::expected;
};

}  // namespace svcd
