#include "linux/oom_counter.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "linux/read_file.h"

namespace svcd {
namespace {

/// Nothing where there is no memory controller, or the cgroup is gone.
std::optional<std::uint64_t> oom_kills(int cgroup_folder) {
    constexpr std::string_view kKey = "oom_kill ";
    const Result<std::string> text = read_file_at(cgroup_folder, "memory.events", kSmallFile);
    if (!text) {
        return std::nullopt;
    }
    for (std::string_view rest = *text; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
        std::uint64_t count = 0;
        if (line.starts_with(kKey) &&
            std::from_chars(line.data() + kKey.size(), line.data() + line.size(), count).ec ==
                std::errc{}) {
            return count;
        }
    }
    return std::nullopt;
}

}  // namespace

void OomCounter::start(int cgroup_folder) {
    seen_ = oom_kills(cgroup_folder).value_or(0);
}

bool OomCounter::has_grown(int cgroup_folder) {
    const std::uint64_t now = oom_kills(cgroup_folder).value_or(seen_);
    const bool has_grown = now > seen_;
    seen_ = now;
    return has_grown;
}

}  // namespace svcd
