#include "linux/group_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "core/types/text_scan.h"
#include "linux/read_file.h"

namespace svcd {
namespace {

constexpr std::size_t kGroupsMax = 1 << 20;

std::optional<gid_t> number_in(std::string_view text) {
    gid_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
    // The last one means "no change" to chown(2).
    return is_whole && number != static_cast<gid_t>(-1) ? std::optional{number} : std::nullopt;
}

}  // namespace

std::optional<gid_t> group_in(std::string_view text, std::string_view name) {
    if (const auto number = number_in(name)) {
        return number;
    }
    while (!text.empty() && !name.empty()) {
        std::string_view line = take_field(text, '\n');
        if (take_field(line, ':') == name) {
            take_field(line, ':');  // the password
            return number_in(take_field(line, ':'));
        }
    }
    return std::nullopt;
}

std::optional<gid_t> find_local_group(std::string_view name) {
    const Result<std::string> text = read_file_at(AT_FDCWD, "/etc/group", kGroupsMax);
    return group_in(text ? *text : std::string{}, name);
}

bool may_give_to(gid_t group) {
    if (::geteuid() == 0 || ::getegid() == group) {
        return true;
    }
    std::vector<gid_t> own(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int count = ::getgroups(static_cast<int>(own.size()), own.data());
    return count > 0 && std::find(own.begin(), own.begin() + count, group) != own.begin() + count;
}

}  // namespace svcd
