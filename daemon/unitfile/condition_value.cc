#include "unitfile/condition_value.h"

#include <algorithm>
#include <array>
#include <span>

#include "unitfile/suggestion.h"

namespace svcd {
namespace {

// As systemd 252 spells them.
constexpr auto kArchitectures = std::to_array<std::string_view>(
    {"native", "x86",      "x86-64",   "ppc",       "ppc-le", "ppc64",      "ppc64-le",
     "ia64",   "parisc",   "parisc64", "s390",      "s390x",  "sparc",      "sparc64",
     "mips",   "mips-le",  "mips64",   "mips64-le", "alpha",  "arm",        "arm-be",
     "arm64",  "arm64-be", "sh",       "sh64",      "m68k",   "tilegx",     "cris",
     "arc",    "arc-be",   "riscv32",  "riscv64",   "nios2",  "loongarch64"});

constexpr auto kVirtualizations = std::to_array<std::string_view>({"vm",
                                                                   "container",
                                                                   "private-users",
                                                                   "none",
                                                                   "kvm",
                                                                   "amazon",
                                                                   "qemu",
                                                                   "bochs",
                                                                   "xen",
                                                                   "uml",
                                                                   "vmware",
                                                                   "oracle",
                                                                   "microsoft",
                                                                   "zvm",
                                                                   "parallels",
                                                                   "bhyve",
                                                                   "qnx",
                                                                   "acrn",
                                                                   "powervm",
                                                                   "apple",
                                                                   "sre",
                                                                   "google",
                                                                   "vm-other",
                                                                   "systemd-nspawn",
                                                                   "lxc-libvirt",
                                                                   "lxc",
                                                                   "openvz",
                                                                   "docker",
                                                                   "podman",
                                                                   "rkt",
                                                                   "wsl",
                                                                   "proot",
                                                                   "pouch",
                                                                   "container-other"});

constexpr auto kSecurities = std::to_array<std::string_view>(
    {"selinux", "apparmor", "tomoyo", "ima", "smack", "audit", "uefi-secureboot", "tpm2"});

constexpr auto kControllers = std::to_array<std::string_view>(
    {"cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids"});

/// By number (linux/capability.h).
constexpr auto kCapabilities = std::to_array<std::string_view>({
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
});

// A longer one stands before its own beginnings.
constexpr auto kOrders =
    std::to_array<std::string_view>({"<>", "<=", ">=", "==", "!=", "=", "<", ">"});
constexpr auto kVersionOperators =
    std::to_array<std::string_view>({"!$=", "$=", "<>", "<=", ">=", "==", "!=", "=", "<", ">"});

constexpr std::string_view kBlanks = " \t\n\r";

/// Takes the operator that `text` begins with, and the blanks after it; empty when there is none.
std::string_view take_operator(std::string_view& text,
                               std::span<const std::string_view> operators) {
    for (const std::string_view each : operators) {
        if (text.starts_with(each)) {
            text.remove_prefix(each.size());
            text = trim(text);
            return each;
        }
    }
    return {};
}

Unparsable none_of(std::string_view word,
                   std::string_view what,
                   std::span<const std::string_view> words) {
    return Unparsable{"'" + std::string(word) + "' is not " + std::string(what) +
                      suggestion(word, words)};
}

Parsed<std::string> one_of(std::string_view text,
                           std::string_view what,
                           std::span<const std::string_view> words) {
    if (std::find(words.begin(), words.end(), text) == words.end()) {
        return none_of(text, what, words);
    }
    return std::string{text};
}

Parsed<std::string> parse_yes_or_no(std::string_view text) {
    const auto value = parse_boolean(text);
    if (!value) {
        return Unparsable{value.error()};
    }
    return std::string{*value ? "yes" : "no"};
}

/// An operator and a number; without an operator at least so much is meant.
Parsed<std::string> parse_amount(std::string_view text,
                                 Parsed<std::uint64_t> (*parse)(std::string_view)) {
    std::string_view order = take_operator(text, kOrders);
    const auto amount = parse(text);
    if (!amount) {
        return Unparsable{amount.error() +
                          ", alone or after one of < <= = != >= > (a value that begins with '>' "
                          "stands in quotes)"};
    }
    if (order.empty()) {
        order = ">=";
    } else if (order == "==") {
        order = "=";
    } else if (order == "<>") {
        order = "!=";
    }
    return std::string{order} + std::to_string(*amount);
}

/// Expressions with blanks between them; after the operator of the first may be blanks too.
Parsed<std::string> parse_kernel_versions(std::string_view text) {
    std::string result;
    const std::string_view first = take_operator(text, kVersionOperators);
    for (std::string_view word : split_words(text)) {
        const std::string_view order =
            result.empty() && !first.empty() ? first : take_operator(word, kVersionOperators);
        if (word.empty() || word.find_first_of("<>=!$") == 0) {
            return Unparsable{"after '" + std::string(order) + "' stands a version"};
        }
        result += (result.empty() ? "" : " ") + std::string(order) + std::string(word);
    }
    if (result.empty()) {
        return Unparsable{"'" + std::string(first) + "' compares with nothing"};
    }
    return result;
}

Parsed<std::string> parse_capability(std::string_view text) {
    if (const auto number = parse_unsigned(text)) {
        if (*number >= kCapabilities.size()) {
            return none_of(text, "the number of a capability", {});
        }
        return std::string{kCapabilities[*number]};
    }
    std::string name{text};
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return one_of(name, "a capability, such as CAP_NET_ADMIN", kCapabilities);
}

Parsed<std::string> parse_controllers(std::string_view text) {
    if (text == "v1" || text == "v2") {
        return std::string{text};
    }
    std::string result;
    for (const std::string_view word : split_words(text)) {
        auto controller = one_of(word, "a controller of cgroups", kControllers);
        if (!controller) {
            return controller;
        }
        result += (result.empty() ? "" : " ") + *controller;
    }
    return result;
}

Parsed<std::string> parse_account(std::string_view text, bool may_be_system) {
    const bool is_name = text.size() <= 255 && text.front() != '-' && text.front() != '@' &&
                         text.find_first_of(" \t\n\r:/\"'\\") == std::string_view::npos;
    if (!is_name && !(may_be_system && text == "@system")) {
        return none_of(text, "the name or number of an account", {});
    }
    return std::string{text};
}

/// "NAME" or "NAME=VALUE"; blanks may be in the value only.
Parsed<std::string> parse_assignment(std::string_view text, bool is_variable) {
    const std::string_view name = text.substr(0, text.find('='));
    const auto is_part = [&](char c) {
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        return is_variable ? is_letter || (c >= '0' && c <= '9')
                           : kBlanks.find(c) == std::string_view::npos;
    };
    const bool begins_with_digit = !name.empty() && name.front() >= '0' && name.front() <= '9';
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_part) ||
        (is_variable && begins_with_digit)) {
        return Unparsable{"'" + std::string(text) + "' is neither " +
                          (is_variable ? "the name of a variable" : "a word") + " nor NAME=VALUE"};
    }
    return std::string{text};
}

/// A shell pattern, or the machine's ID.
Parsed<std::string> parse_host(std::string_view text) {
    if (text.find_first_of(kBlanks) != std::string_view::npos) {
        return none_of(text, "the name of a host, or a pattern of names", {});
    }
    return std::string{text};
}

Parsed<std::string> parse_needs_update(std::string_view text) {
    constexpr auto kFolders = std::to_array<std::string_view>({"/etc", "/var"});
    const auto path = parse_path(text);
    return path ? one_of(*path, "/etc or /var", kFolders) : path;
}

Parsed<std::string> parse_virtualization(std::string_view text) {
    const auto boolean = parse_yes_or_no(text);
    return boolean ? boolean
                   : one_of(text, "a boolean, 'vm', 'container' or a kind of virtual machine",
                            kVirtualizations);
}

}  // namespace

Parsed<std::string> parse_condition(ConditionKind kind, std::string_view text) {
    text = trim(text);
    if (text.empty()) {
        return Unparsable{"there is nothing after the prefix"};
    }
    switch (kind) {
        case ConditionKind::path_exists:
        case ConditionKind::path_exists_glob:
        case ConditionKind::path_is_directory:
        case ConditionKind::path_is_symbolic_link:
        case ConditionKind::path_is_mount_point:
        case ConditionKind::path_is_read_write:
        case ConditionKind::directory_not_empty:
        case ConditionKind::file_not_empty:
        case ConditionKind::file_is_executable:
        case ConditionKind::mounts_for:
            return parse_path(text);
        case ConditionKind::user:
            return parse_account(text, true);
        case ConditionKind::group:
            return parse_account(text, false);
        case ConditionKind::host:
            return parse_host(text);
        case ConditionKind::kernel_command_line:
            return parse_assignment(text, false);
        case ConditionKind::kernel_version:
            return parse_kernel_versions(text);
        case ConditionKind::virtualization:
            return parse_virtualization(text);
        case ConditionKind::architecture:
            return one_of(text, "an architecture", kArchitectures);
        case ConditionKind::capability:
            return parse_capability(text);
        case ConditionKind::environment:
            return parse_assignment(text, true);
        case ConditionKind::control_group_controller:
            return parse_controllers(text);
        case ConditionKind::memory:
            return parse_amount(text, parse_size);
        case ConditionKind::cpus:
            return parse_amount(text, parse_unsigned);
        case ConditionKind::first_boot:
        case ConditionKind::ac_power:
            return parse_yes_or_no(text);
        case ConditionKind::needs_update:
            return parse_needs_update(text);
        case ConditionKind::security:
            return one_of(text, "a security technology", kSecurities);
    }
    return Unparsable{"is no condition"};
}

}  // namespace svcd
