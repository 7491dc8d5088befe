// Conditions about the machine, its kernel and what is installed on it.
#include <fnmatch.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "exec/argument_expansion.h"
#include "exec/condition_kinds.h"

namespace svcd {
namespace {

bool is_there(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

std::vector<std::string> command_line_words(const ConditionView& view) {
    return unquoted_words(read_text(view.root + "/proc/cmdline").value_or(""));
}

/// A switch on the kernel's command line: NAME alone is yes, and '_' stands for '-' as well.
std::optional<bool> kernel_switch(std::string_view name, const ConditionView& view) {
    std::optional<bool> value;
    for (std::string word : command_line_words(view)) {
        const std::size_t equals = std::min(word.find('='), word.size());
        std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), '_', '-');
        if (std::string_view{word}.substr(0, equals) == name) {
            value = equals == word.size() ? true : boolean_of(word.substr(equals + 1));
        }
    }
    return value;
}

/// 32 hexadecimal digits, with or without the dashes of a UUID; else nothing.
std::optional<std::string> id_of(std::string_view text) {
    std::string digits;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        const bool is_dash_of_uuid =
            text.size() == 36 && c == '-' && (at == 8 || at == 13 || at == 18 || at == 23);
        if (is_dash_of_uuid) {
            continue;
        }
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
        if (!(lower >= '0' && lower <= '9') && !(lower >= 'a' && lower <= 'f')) {
            return std::nullopt;
        }
        digits += lower;
    }
    return digits.size() == 32 ? std::optional{digits} : std::nullopt;
}

struct Machine {
    std::string_view kernel_name;  ///< of uname(2)
    std::string_view name;
};
// clang-format off
constexpr auto kMachines = std::to_array<Machine>({
    {"x86_64", "x86-64"}, {"i686", "x86"}, {"i586", "x86"}, {"i486", "x86"}, {"i386", "x86"},
    {"aarch64", "arm64"}, {"aarch64_be", "arm64-be"},
    {"armv8l", "arm"}, {"armv7l", "arm"}, {"armv6l", "arm"}, {"armv5tel", "arm"}, {"armv4l", "arm"},
    {"armv8b", "arm-be"}, {"armv7b", "arm-be"}, {"armv6b", "arm-be"},
    {"riscv64", "riscv64"}, {"riscv32", "riscv32"}, {"loongarch64", "loongarch64"},
    {"ppc64le", "ppc64-le"}, {"ppc64", "ppc64"}, {"ppcle", "ppc-le"}, {"ppc", "ppc"},
    {"s390x", "s390x"}, {"s390", "s390"}, {"sparc64", "sparc64"}, {"sparc", "sparc"},
#if defined(__MIPSEL__)
    {"mips64", "mips64-le"}, {"mips", "mips-le"},
#else
    {"mips64", "mips64"}, {"mips", "mips"},
#endif
    {"ia64", "ia64"}, {"parisc64", "parisc64"}, {"parisc", "parisc"}, {"alpha", "alpha"},
    {"m68k", "m68k"}, {"sh64", "sh64"}, {"sh4", "sh"}, {"sh4a", "sh"}, {"sh3", "sh"},
    {"arc", "arc"}, {"arceb", "arc-be"}, {"nios2", "nios2"}, {"cris", "cris"}, {"tilegx", "tilegx"},
});
// clang-format on

std::string_view own_architecture() {
    utsname names{};
    ::uname(&names);
    const auto machine = std::find_if(kMachines.begin(), kMachines.end(), [&](const Machine& each) {
        return each.kernel_name == names.machine;
    });
    return machine == kMachines.end() ? std::string_view{} : machine->name;
}

constexpr std::string_view kBuiltFor =
#if defined(__x86_64__)
    "x86-64";
#elif defined(__aarch64__)
    "arm64";
#endif

/// On mains, or nobody knows of a battery that is being discharged.
bool is_on_ac_power(const ConditionView& view) {
    const std::string folder = view.root + "/sys/class/power_supply/";
    bool is_discharging = false;
    for (const std::string& supply : names_in(folder).value_or(std::vector<std::string>{})) {
        const auto field = [&](const char* name) {
            return read_text(folder + supply + "/" + name).value_or("");
        };
        if (field("type") != "Battery") {
            if (field("online") == "1") {
                return true;
            }
        } else if (field("scope") != "Device" && field("present") != "0") {
            is_discharging |= field("status") == "Discharging";
        }
    }
    return !is_discharging;
}

/// The nanoseconds that stand in the stamp's text, for file systems whose times have none.
std::optional<long> nanoseconds_in(const std::string& stamp) {
    const std::string text = read_text(stamp).value_or("");
    for (const std::string_view word : words_of(text)) {
        constexpr std::string_view kKey = "TIMESTAMP_NSEC=";
        std::uint64_t value = 0;
        if (word.starts_with(kKey) &&
            std::from_chars(word.data() + kKey.size(), word.data() + word.size(), value).ec ==
                std::errc{}) {
            return static_cast<long>(value % 1'000'000'000);
        }
    }
    return std::nullopt;
}

bool has_secure_boot(const ConditionView& view) {
    const std::string variables = view.root + "/sys/firmware/efi/efivars/";
    const auto value = read_text(variables + "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    return value && value->size() == 5 && value->back() == '\1';  // after four bytes of attributes
}

bool has_audit() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
    if (fd >= 0) {
        ::close(fd);
    }
    return fd >= 0;
}

}  // namespace

Verdict host(const std::string& host, const ConditionView& view) {
    if (const auto id = id_of(host)) {
        const auto machine_id = read_text(view.root + "/etc/machine-id");
        return machine_id ? Verdict{id_of(*machine_id) == *id} : std::nullopt;
    }
    utsname names{};
    ::uname(&names);
    return ::fnmatch(host.c_str(), names.nodename, FNM_CASEFOLD) == 0;
}

Verdict kernel_command_line(const std::string& word, const ConditionView& view) {
    return has_assignment(command_line_words(view), word);
}

Verdict kernel_version(const std::string& comparisons, const ConditionView&) {
    utsname names{};
    ::uname(&names);
    for (const std::string_view comparison : words_of(comparisons)) {
        const Verdict verdict = compare_version(names.release, comparison);
        if (!verdict || !*verdict) {
            return verdict;
        }
    }
    return true;
}

Verdict architecture(const std::string& name, const ConditionView&) {
    const std::string_view own = own_architecture();
    return own.empty() ? std::nullopt : Verdict{own == (name == "native" ? kBuiltFor : name)};
}

Verdict first_boot(const std::string& expected, const ConditionView& view) {
    const std::optional<bool> wanted = boolean_of(expected);
    if (!wanted) {
        return std::nullopt;
    }
    const std::optional<bool> by_kernel = kernel_switch("systemd.condition-first-boot", view);
    return by_kernel.value_or(is_there(view.root + "/run/systemd/first-boot")) == *wanted;
}

Verdict needs_update(const std::string& folder, const ConditionView& view) {
    if (const auto by_kernel = kernel_switch("systemd.condition-needs-update", view)) {
        return by_kernel;
    }
    // When it can't be told, rather once too often.
    const std::string stamp = view.root + folder + "/.updated";
    struct stat usr {};
    struct stat updated {};
    if (path_is_read_write(folder, view) == false && is_there(view.root + folder)) {
        return false;
    }
    if (::lstat(stamp.c_str(), &updated) != 0 ||
        ::lstat((view.root + "/usr/").c_str(), &usr) != 0) {
        return true;
    }
    if (usr.st_mtim.tv_sec != updated.st_mtim.tv_sec) {
        return usr.st_mtim.tv_sec > updated.st_mtim.tv_sec;
    }
    long nanoseconds = updated.st_mtim.tv_nsec;
    if (usr.st_mtim.tv_nsec > 0 && nanoseconds == 0) {
        nanoseconds = nanoseconds_in(stamp).value_or(0);
    }
    return usr.st_mtim.tv_nsec > nanoseconds;
}

Verdict ac_power(const std::string& expected, const ConditionView& view) {
    const std::optional<bool> wanted = boolean_of(expected);
    return wanted ? Verdict{is_on_ac_power(view) == *wanted} : std::nullopt;
}

Verdict security(const std::string& technology, const ConditionView& view) {
    const auto exists = [&](const char* path) { return is_there(view.root + path); };
    if (technology == "selinux") {
        return exists("/sys/fs/selinux/enforce");
    }
    if (technology == "smack") {
        return exists("/sys/fs/smackfs");
    }
    if (technology == "apparmor") {
        const auto enabled = read_text(view.root + "/sys/module/apparmor/parameters/enabled");
        return enabled && boolean_of(*enabled).value_or(false);
    }
    if (technology == "audit") {
        return has_audit();
    }
    if (technology == "ima") {
        return exists("/sys/kernel/security/ima");
    }
    if (technology == "tomoyo") {
        return exists("/sys/kernel/security/tomoyo");
    }
    if (technology == "uefi-secureboot") {
        return has_secure_boot(view);
    }
    if (technology == "tpm2") {
        return exists("/sys/class/tpmrm") && exists("/sys/firmware/efi") &&
               (exists("/sys/firmware/acpi/tables/TPM2") ||
                exists("/sys/kernel/security/tpm0/binary_bios_measurements"));
    }
    return false;
}

}  // namespace svcd
