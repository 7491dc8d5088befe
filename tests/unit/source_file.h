// Files of the source tree, which tests compare with what the code says.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace svcd::test {

/// The text of a file, by its path in the tree; "" where it can't be read.
inline std::string source_file(const std::string& path) {
    std::ifstream file{std::string{SVCD_SOURCE_DIR "/"} + path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace svcd::test
