#include "manager/generated_unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "linux/unique_fd.h"

namespace svcd {
namespace {

constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;

}  // namespace

std::string yaml_scalar(std::string_view word) {
    std::string text = "\"";
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            text += {'\\', c};
        } else if (c == '%') {
            text += "%%";
        } else if (byte < 0x20 || byte == 0x7f) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\x%02x", byte);
            text += escape.data();
        } else {
            text += c;
        }
    }
    return text + "\"";
}

Result<void> write_generated(const std::string& path, const std::string& text) {
    const UniqueFd file{
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kFileMode)};
    if (!file) {
        return failure(errno, "open", path);
    }
    const ssize_t size = ::write(file.get(), text.data(), text.size());
    return size == std::ssize(text) ? Result<void>{}
                                    : failure(size < 0 ? errno : ENOSPC, "write", path);
}

Result<void> make_generated_folder(const std::string& path) {
    return ::mkdir(path.c_str(), kFolderMode) == 0 || errno == EEXIST
               ? Result<void>{}
               : failure(errno, "mkdir", path);
}

}  // namespace svcd
