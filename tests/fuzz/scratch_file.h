// Files of an input's bytes, for what reads files by their path: in memory, and gone with the
// target.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "fuzz/target.h"

namespace svcd::fuzz {

class ScratchFile {
public:
    ScratchFile() : fd_(::memfd_create("scratch", MFD_CLOEXEC)) { require(fd_ >= 0); }
    ~ScratchFile() { ::close(fd_); }
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;

    int fd() const { return fd_; }
    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
    void write(const void* bytes, std::size_t size, off_t offset) const {
        require(::pwrite(fd_, bytes, size, offset) == static_cast<ssize_t>(size));
    }
    /// Has this text, and nothing else.
    void set(std::string_view text) const {
        resize(0);
        write(text.data(), text.size(), 0);
    }
    void resize(std::size_t size) const {
        require(::ftruncate(fd_, static_cast<off_t>(size)) == 0);
    }

private:
    int fd_;
};

/// One folder for all inputs, where files are to have names. On a disk, each input would wait for
/// its file system's journal.
inline const std::filesystem::path& scratch_folder() {
    static const std::filesystem::path kFolder = [] {
        const std::filesystem::path memory{"/dev/shm"};
        const bool is_there = ::access(memory.c_str(), W_OK | X_OK) == 0;
        std::string made =
            (is_there ? memory : std::filesystem::temp_directory_path()) / "svcd-fuzz-XXXXXX";
        require(::mkdtemp(made.data()) != nullptr);
        return std::filesystem::path{made};
    }();
    static const bool kIsRemoved =
        std::atexit([] { std::filesystem::remove_all(scratch_folder()); }) == 0;
    require(kIsRemoved);
    return kFolder;
}

}  // namespace svcd::fuzz
