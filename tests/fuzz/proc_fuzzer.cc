// Files of /proc and of cgroups, whose texts are partly what processes say of themselves: names,
// paths, mount points. The first byte says which file it is.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "fuzz/scratch_file.h"
#include "fuzz/target.h"
#include "launcher_status.h"
#include "linux/cgroup_mount.h"
#include "linux/pid_file.h"
#include "linux/process_examination.h"
#include "linux/procfs.h"
#include "shutdown/text_table.h"

namespace svcd::fuzz {
namespace {

void try_mountinfo(std::string_view text) {
    for (const char* own : {"/", "/system.slice/svcd.service", "/a b"}) {
        const auto mount = find_cgroup_mount(text, own);
        if (!mount) {
            continue;
        }
        const auto folder = mount->folder_of(own);
        require(folder.has_value());
        static_cast<void>(mount->cgroup_at(*folder));
    }
}

void try_stat(std::string_view text) {
    if (const auto info = parse_process_stat(text)) {
        require(info->name.size() < text.size());
    }
    static_cast<void>(parse_signals_taken(text));
    static_cast<void>(has_lock(text, 1, 2));
}

/// What svcd-shutdown reads of mountinfo and of its helpers.
void try_text_table(std::string_view text) {
    static const ScratchFile kFile;
    kFile.set(text);
    const std::string path = kFile.path();
    LinesBackwards lines{path.c_str()};
    std::array<char, 64> field{};
    while (const char* line = lines.next()) {
        require(std::strlen(line) <= text.size());
        for (int index = 0; index < 8; ++index) {
            if (read_field(line, index, field.data(), field.size())) {
                require(std::memchr(field.data(), '\0', field.size()) != nullptr);
                mask_controls(field.data());
            }
        }
    }
}

/// A process of which each file says what it likes.
void try_process(Bytes bytes) {
    static const std::filesystem::path kFolder = scratch_folder();
    std::filesystem::create_directory(kFolder / "7");
    for (const char* name : {"stat", "status", "cmdline", "wchan", "syscall", "stack"}) {
        std::ofstream{kFolder / "7" / name, std::ios::binary} << bytes.until('\xff');
    }
    if (const auto facts = examine_process(7, kFolder.c_str())) {
        require(facts->command.size() <= kCommandLineMax + 64 + facts->name.size());
        require(facts->stack.size() <= kStackLinesMax);
    }
    static_cast<void>(command_line(7, 120, kFolder.c_str()));
}

void try_pid_file(std::string_view text) {
    static const ScratchFile kFile;
    kFile.set(text);
    if (const auto pid = read_pid_file(kFile.path())) {
        require(*pid > 0);
    }
}

}  // namespace

void try_input(std::string_view input) {
    Bytes bytes{input};
    const unsigned choice = bytes.byte();
    switch (choice % 5) {
        case 0:
            try_mountinfo(bytes.rest());
            break;
        case 1:
            try_stat(bytes.rest());
            break;
        case 2:
            try_text_table(bytes.rest());
            break;
        case 3:
            try_process(bytes);
            break;
        default:
            try_pid_file(bytes.rest());
            break;
    }
}

}  // namespace svcd::fuzz
