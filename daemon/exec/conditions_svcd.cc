// Conditions about svcd's own process, and what it was given: this process runs with the same
// credentials, capabilities and processors.
#include <linux/magic.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "exec/condition_kinds.h"
#include "exec/user.h"

namespace svcd {
namespace {

/// SYS_UID_MAX of login.defs(5), as systemd has it by default.
constexpr uid_t kSystemUidMax = 999;
constexpr int kCpusMax = 8192;

bool is_own_user(uid_t uid) {
    return uid == ::getuid() || uid == ::geteuid();
}

bool is_own_group(gid_t gid) {
    if (gid == ::getgid() || gid == ::getegid()) {
        return true;
    }
    const int count = ::getgroups(0, nullptr);
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
    const int filled = ::getgroups(count, groups.data());
    groups.resize(static_cast<std::size_t>(std::max(filled, 0)));
    return std::find(groups.begin(), groups.end(), gid) != groups.end();
}

std::optional<std::uint64_t> number_of(std::string_view text, int base) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, base);
    return error == std::errc{} && rest == end ? std::optional{number} : std::nullopt;
}

/// The line that begins with NAME: in /proc/self/status.
std::string_view field_of(std::string_view status, std::string_view name) {
    while (!status.empty()) {
        const std::string_view line = status.substr(0, status.find('\n'));
        status.remove_prefix(std::min(line.size() + 1, status.size()));
        if (line.starts_with(name)) {
            const auto words = words_of(line.substr(name.size()));
            return words.empty() ? std::string_view{} : words[0];
        }
    }
    return {};
}

/// Of the machine, or of the container: what its cgroup may use of it.
std::uint64_t memory_here(const ConditionView& view) {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page = ::sysconf(_SC_PAGESIZE);
    std::uint64_t bytes = pages > 0 && page > 0
                              ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page)
                              : 0;
    if (const auto limit = read_text(view.cgroup_folder + "/memory.max")) {
        bytes = std::min(bytes, number_of(*limit, 10).value_or(bytes));  // or "max"
    }
    return bytes;
}

}  // namespace

Verdict user(const std::string& user, const ConditionView&) {
    if (user == "@system") {
        return ::getuid() <= kSystemUidMax || ::geteuid() <= kSystemUidMax;
    }
    const Result<Account> account = find_user(user);
    return account && is_own_user(account->uid);
}

Verdict group(const std::string& group, const ConditionView&) {
    const Result<gid_t> gid = find_group(group);
    return gid && is_own_group(*gid);
}

Verdict capability(const std::string& name, const ConditionView& view) {
    cap_value_t number = 0;
    if (::cap_from_name(name.c_str(), &number) != 0 || number < 0 || number > 63) {
        return std::nullopt;
    }
    const auto status = read_text(view.root + "/proc/self/status");
    const auto bounding = number_of(field_of(status.value_or(""), "CapBnd:"), 16);
    return bounding ? Verdict{((*bounding >> number) & 1) != 0} : std::nullopt;
}

Verdict environment(const std::string& assignment, const ConditionView& view) {
    return has_assignment(view.environment, assignment);
}

Verdict control_group_controller(const std::string& controllers, const ConditionView& view) {
    if (controllers == "v1" || controllers == "v2") {
        struct statfs facts {};
        const bool is_v2 = ::statfs((view.root + "/sys/fs/cgroup").c_str(), &facts) == 0 &&
                           facts.f_type == CGROUP2_SUPER_MAGIC;
        return is_v2 == (controllers == "v2");
    }
    const std::string text = read_text(view.cgroup_folder + "/cgroup.controllers").value_or("");
    const std::vector<std::string_view> available = words_of(text);
    const std::vector<std::string_view> wanted = words_of(controllers);
    return std::all_of(wanted.begin(), wanted.end(), [&](std::string_view controller) {
        return std::find(available.begin(), available.end(), controller) != available.end();
    });
}

Verdict memory(const std::string& comparison, const ConditionView& view) {
    return compare_amount(memory_here(view), comparison);
}

Verdict cpus(const std::string& comparison, const ConditionView&) {
    cpu_set_t* const set = CPU_ALLOC(kCpusMax);
    const std::size_t size = CPU_ALLOC_SIZE(kCpusMax);
    const bool is_known = set != nullptr && ::sched_getaffinity(0, size, set) == 0;
    const int count = is_known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    return is_known ? compare_amount(static_cast<std::uint64_t>(count), comparison) : std::nullopt;
}

}  // namespace svcd
