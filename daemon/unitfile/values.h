// The values of settings, each from its text: systemd.time(7) spans, sizes, booleans, numbers.
// What systemd would ignore with a warning is an error here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/types/time.h"
#include "core/types/unit.h"

namespace svcd {

/// A value, or what is wrong with its text: the end of a sentence that begins with the text ("'abc'
/// is not a time span ...").
template <typename T>
class [[nodiscard]] Parsed : public tl::expected<T, std::string> {
public:
    using tl::expected<T, std::string>::expected;
};

using Unparsable = tl::unexpected<std::string>;

std::string_view trim(std::string_view text);
/// Split at white space; quotes mean nothing.
std::vector<std::string_view> split_words(std::string_view text);

/// "1min 30s", "1.5h", a bare number of seconds, "infinity".
Parsed<Duration> parse_duration(std::string_view text);
/// The same where 0 means "no limit", as in TimeoutStartSec and TimeoutStopSec.
Parsed<Duration> parse_timeout(std::string_view text);
/// A span in whole units of `unit`, rounded up, and a bare number counted in that unit: LimitCPU
/// (seconds), LimitRTTIME (microseconds).
Parsed<std::uint64_t> parse_duration_in(std::string_view text, Duration unit);

/// "512M", "1.5G", "1G 512M": base 1024, no suffix or B for bytes.
Parsed<std::uint64_t> parse_size(std::string_view text);

/// An absolute path without "..", what is doubled or idle in it ("//", "/./", a '/' at the end)
/// taken out.
Parsed<std::string> parse_path(std::string_view text);

Parsed<bool> parse_boolean(std::string_view text);
Parsed<std::uint64_t> parse_unsigned(std::string_view text);
Parsed<std::int64_t> parse_integer(std::string_view text);

/// A file mode in octal, at most 07777.
Parsed<std::uint16_t> parse_octal_mode(std::string_view text);
Parsed<int> parse_nice(std::string_view text);
Parsed<int> parse_oom_score_adjust(std::string_view text);

/// "VALUE" or "SOFT:HARD" for one of RLIMIT_*; "infinity" is UINT64_MAX.
Parsed<ResourceLimit> parse_resource_limit(int resource, std::string_view text);

}  // namespace svcd
