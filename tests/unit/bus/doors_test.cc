#include <gtest/gtest.h>

#include <string>

#include "unit/bus/doors_text.h"
#include "unit/source_file.h"

namespace svcd {
namespace {

TEST(Doors, PageIsWhatTheTablesSay) {
    const std::string page = test::source_file("docs/security.md");
    EXPECT_EQ(with_doors(page), page)
        << "write it anew: svcd-doors docs/security.md > new && mv new docs/security.md";
}

}  // namespace
}  // namespace svcd
