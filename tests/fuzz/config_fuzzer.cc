// svcd.yaml, as the manager reads it and as svcd does before it, who has no library for it; and the
// kernel's command line. Where the manager finds no fault, both understand the same.
#include "core/types/record.h"
#include "fuzz/scratch_file.h"
#include "fuzz/target.h"
#include "manager/config.h"
#include "start/config_words.h"
#include "start/kernel_words.h"

namespace svcd::fuzz {
namespace {

void look_at(const Config& config) {
    require(config.kill_grace >= Duration{0} && config.shutdown_margin >= Duration{0});
    require(config.flapping_burst <= kUncleanRestartsMax);
    require(config.launcher.rescue_shell <= RescueShell::none);
    require(config.launcher.crash_action <= CrashAction::wait);
}

}  // namespace

void try_input(std::string_view input) {
    static const ScratchFile kFile;
    kFile.set(input);
    const ParsedConfig parsed = parse_config(input, "svcd.yaml");
    look_at(parsed.config);
    look_at(read_config(kFile.path(), true).config);
    LauncherSettings settings;
    read_config_words(kFile.path().c_str(), settings);
    require(settings.rescue_shell <= RescueShell::none);
    require(settings.crash_action <= CrashAction::wait);
    KernelWords words;
    read_kernel_words(kFile.path().c_str(), words);
    require(words.unit[0] == '\0' || is_unit_name(words.unit));
}

}  // namespace svcd::fuzz
