// What each kind of condition asks, without its '!': systemd 252 is the reference, also where it is
// odd. A parameter has the form that unitfile/condition_value.h gave it.
//
// Nothing: it can't be told.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exec/conditions.h"

namespace svcd {

using Verdict = std::optional<bool>;
using ConditionTest = Verdict (*)(const std::string& parameter, const ConditionView& view);

// conditions_path.cc
Verdict path_exists(const std::string& path, const ConditionView& view);
Verdict path_exists_glob(const std::string& pattern, const ConditionView& view);
Verdict path_is_directory(const std::string& path, const ConditionView& view);
Verdict path_is_symbolic_link(const std::string& path, const ConditionView& view);
Verdict path_is_mount_point(const std::string& path, const ConditionView& view);
Verdict path_is_read_write(const std::string& path, const ConditionView& view);
Verdict directory_not_empty(const std::string& path, const ConditionView& view);
Verdict file_not_empty(const std::string& path, const ConditionView& view);
Verdict file_is_executable(const std::string& path, const ConditionView& view);
/// Of RequiresMountsFor: what fstab(5) mounts on the way to the path is mounted.
Verdict mounts_for(const std::string& path, const ConditionView& view);

// conditions_svcd.cc: svcd's own process and its surroundings
Verdict user(const std::string& user, const ConditionView& view);
Verdict group(const std::string& group, const ConditionView& view);
Verdict capability(const std::string& name, const ConditionView& view);
Verdict environment(const std::string& assignment, const ConditionView& view);
Verdict control_group_controller(const std::string& controllers, const ConditionView& view);
Verdict memory(const std::string& comparison, const ConditionView& view);
Verdict cpus(const std::string& comparison, const ConditionView& view);

// conditions_system.cc: the machine, its kernel and what is installed
Verdict host(const std::string& host, const ConditionView& view);
Verdict kernel_command_line(const std::string& word, const ConditionView& view);
Verdict kernel_version(const std::string& comparisons, const ConditionView& view);
Verdict architecture(const std::string& name, const ConditionView& view);
Verdict first_boot(const std::string& expected, const ConditionView& view);
Verdict needs_update(const std::string& folder, const ConditionView& view);
Verdict ac_power(const std::string& expected, const ConditionView& view);
Verdict security(const std::string& technology, const ConditionView& view);

// conditions_virtualization.cc
Verdict virtualization(const std::string& name, const ConditionView& view);

// condition_words.cc: what they have in common

/// A file of /proc or /sys, without the newline at its end; nothing when it can't be read.
std::optional<std::string> read_text(const std::string& path);
/// The names in a folder, without "." and "..", in no order; nothing when it can't be read.
std::optional<std::vector<std::string>> names_in(const std::string& folder);
/// yes, true, on, 1; no, false, off, 0.
std::optional<bool> boolean_of(std::string_view text);
/// Words between white space.
std::vector<std::string_view> words_of(std::string_view text);
/// "NAME" or "NAME=VALUE" among assignments: a name alone is met by any value, and by none.
bool has_assignment(const std::vector<std::string>& assignments, std::string_view wanted);
/// ">=3" and the like; without an operator at least so much is meant.
Verdict compare_amount(std::uint64_t amount, std::string_view comparison);
/// One expression of ConditionKernelVersion: "<6.1", "$=6.*", "6.*".
Verdict compare_version(const std::string& version, std::string_view comparison);
/// Less than, equal to or greater than 0, as the UAPI group's version format specification orders
/// them.
int order_versions(std::string_view left, std::string_view right);

}  // namespace svcd
