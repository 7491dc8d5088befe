#include "linux/group_file.h"

#include <gtest/gtest.h>

namespace svcd {
namespace {

TEST(GroupFile, FindsAGroupByItsName) {
    const char* const text = "root:x:0:\nadm:x:4:syslog,me\nlast:x:70000:";
    EXPECT_EQ(group_in(text, "adm"), 4U);
    EXPECT_EQ(group_in(text, "last"), 70000U);
    EXPECT_EQ(group_in(text, "1234"), 1234U);
    for (const char* name : {"", "ad", "x", "syslog", "4:", "4294967295", "-1", "adm\n"}) {
        EXPECT_EQ(group_in(text, name), std::nullopt) << name;
    }
}

TEST(GroupFile, PassesOverLinesThatAreNone) {
    EXPECT_EQ(group_in("bad\n\n:x:3:\nbad:x:many:\nno:x\ngood:x:5:\n", "good"), 5U);
    EXPECT_EQ(group_in("bad:x:many:\n", "bad"), std::nullopt);
    EXPECT_EQ(group_in("no:x", "no"), std::nullopt);
}

}  // namespace
}  // namespace svcd
