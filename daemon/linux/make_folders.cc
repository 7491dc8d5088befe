#include "linux/make_folders.h"

#include <sys/stat.h>

#include <cerrno>

namespace svcd {

Result<void> make_folders(const std::string& path) {
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string part = path.substr(0, slash);
        if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
            return failure(errno, "mkdir", part);
        }
        if (slash == std::string::npos) {
            return {};
        }
    }
}

}  // namespace svcd
