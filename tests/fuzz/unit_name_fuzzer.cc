// Names of units: as files and clients say them, as svctl completes and escapes them, as words of
// the kernel's command line, and as folders of cgroups.
#include "core/types/unit.h"
#include "fuzz/target.h"
#include "linux/cgroup_mount.h"
#include "start/kernel_words.h"
#include "unit_names.h"
#include "unitfile/unit_name.h"

namespace svcd::fuzz {
namespace {

constexpr std::size_t kNameMax = 1024;

void try_name(const std::string& text) {
    const auto name = parse_unit_name(text);
    if (!name) {
        return;
    }
    require(name->full == text && name->stem + "." + name->suffix == text);
    require(text.find('/') == std::string::npos);
    const std::string folder = escape_cgroup_name(text);
    require(folder != "." && folder != ".." && unescape_cgroup_name(folder) == text);
    static_cast<void>(unescape_unit_name(name->prefix));
    UnitDefinition unit;
    unit.name = text;
    const std::string slice = unit.slice();
    require(slice.empty() || is_slice_name(slice));
    // svctl sends it as it is.
    require(complete_unit_name(text) == text);
    require(unit_of_path(unit_path(text)) == text);
}

/// What svctl escapes is a name, and is unescaped to what it was.
void try_escape(const std::string& text) {
    if (text.find('\0') != std::string::npos) {
        return;
    }
    require(unescape_name(escape_name(text)) == text);
    static_cast<void>(escape_path(text));
    static_cast<void>(unescape_name(text));
    static_cast<void>(complete_unit_name(text));
    static_cast<void>(nearest_unit(text, {"web.service", "db.service", "x@a.service"}));
}

void try_kernel_word(const std::string& text) {
    KernelWords words;
    static_cast<void>(take_kernel_word(text.c_str(), words));
    require(words.unit[0] == '\0' || is_unit_name(words.unit));
    static_cast<void>(is_kernel_word(text.c_str(), words));
}

}  // namespace

void try_input(std::string_view input) {
    const std::string text{input.substr(0, kNameMax)};
    try_name(text);
    try_escape(text);
    try_kernel_word(text);
    try_kernel_word("systemd.unit=" + text);
}

}  // namespace svcd::fuzz
