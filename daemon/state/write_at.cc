#include "state/write_at.h"

#include <unistd.h>

#include <cerrno>

namespace svcd {

Result<void> write_at(int file,
                      std::string_view bytes,
                      std::uint64_t offset,
                      const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t size = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return failure(size < 0 ? errno : ENOSPC, "write", path);
        }
        bytes.remove_prefix(static_cast<std::size_t>(size));
        offset += static_cast<std::uint64_t>(size);
    }
    return {};
}

}  // namespace svcd
