// Whose pager it is that svctl starts with its own rights.
#include "pager.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace svcd {
namespace {

PagerFacts facts(uid_t user, std::optional<uid_t> login, bool has_sudo_user) {
    return {std::nullopt, "most", user, login, has_sudo_user};
}

TEST(Pager, IsTheEnvironmentsWhereThatIsOfWhoIsLoggedIn) {
    EXPECT_EQ(pager_command(facts(1000, 1000, false)), "most");
    EXPECT_EQ(pager_command(facts(0, 0, false)), "most");
    EXPECT_EQ(pager_command(facts(0, std::nullopt, false)), "most");
}

TEST(Pager, IsLessWhereTheEnvironmentMayBeOfAnotherUser) {
    EXPECT_EQ(pager_command(facts(0, 1000, true)), "less -FRX");
    EXPECT_EQ(pager_command(facts(0, 1000, false)), "less -FRX");
    EXPECT_EQ(pager_command(facts(0, std::nullopt, true)), "less -FRX");
    EXPECT_EQ(pager_command(facts(1001, 1000, false)), "less -FRX");
}

TEST(Pager, OfSvctlComesFirstAndNoneIsAlwaysPossible) {
    PagerFacts both = facts(1000, 1000, false);
    both.svctl_pager = "more";
    EXPECT_EQ(pager_command(both), "more");
    both.user = 0;
    EXPECT_EQ(pager_command(both), "less -FRX");
    both.svctl_pager = "";
    EXPECT_EQ(pager_command(both), "");
    EXPECT_EQ(pager_command(PagerFacts{}), "less -FRX");
}

TEST(Pager, KnowsWhetherSomebodyIsLoggedIn) {
    EXPECT_EQ(parse_login_user("1000"), uid_t{1000});
    EXPECT_EQ(parse_login_user("0\n"), uid_t{0});
    EXPECT_EQ(parse_login_user("4294967295"), std::nullopt);
    EXPECT_EQ(parse_login_user(""), std::nullopt);
    EXPECT_EQ(parse_login_user("root"), std::nullopt);
}

TEST(Pager, TakesNoCommandsThatStartPrograms) {
    ::setenv("LESSSECURE", "0", 1);
    const PagerFacts own = prepare_pager();
    EXPECT_STREQ(std::getenv("LESSSECURE"), "1");
    EXPECT_EQ(own.user, ::geteuid());
}

}  // namespace
}  // namespace svcd
