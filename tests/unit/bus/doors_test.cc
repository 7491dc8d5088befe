#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "unit/bus/doors_text.h"

namespace svcd {
namespace {

TEST(Doors, PageIsWhatTheTablesSay) {
    std::ifstream file{SVCD_SOURCE_DIR "/docs/security.md"};
    std::ostringstream page;
    page << file.rdbuf();
    EXPECT_EQ(with_doors(page.str()), page.str())
        << "write it anew: svcd-doors docs/security.md > new && mv new docs/security.md";
}

}  // namespace
}  // namespace svcd
