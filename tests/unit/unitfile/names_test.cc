#include <gmock/gmock.h>
#include <unistd.h>

#include "unitfile/specifier.h"
#include "unitfile/suggestion.h"
#include "unitfile/unit_name.h"

namespace svcd {
namespace {

std::string expanded(std::string_view text,
                     const char* unit = "foo-bar\\x2dbaz@a-b\\x2dc.service") {
    const auto name = parse_unit_name(unit);
    const auto result = Specifiers{false}.expand(text, *name);
    return result ? *result : "error: " + result.error();
}

TEST(UnitNames, AreTakenApart) {
    const auto name = parse_unit_name("getty@tty1.service");
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(name->prefix, "getty");
    EXPECT_EQ(name->instance, "tty1");
    EXPECT_EQ(name->template_name(), "getty@.service");
    EXPECT_TRUE(parse_unit_name("getty@.service")->is_template());
    EXPECT_EQ(parse_unit_name("a@b@c.service")->instance, "b@c");
    EXPECT_FALSE(parse_unit_name("x.socket")->type().has_value());
}

TEST(UnitNames, ThatAreNoneAreRefused) {
    for (const char* name :
         {"", "x", ".service", "@x.service", "x.servic", "a/b.service", "ä.service"}) {
        EXPECT_FALSE(parse_unit_name(name).has_value()) << name;
    }
    EXPECT_FALSE(parse_unit_name(std::string(250, 'x') + ".service").has_value());
}

TEST(Specifiers, OfTheNameAreSystemds) {
    EXPECT_EQ(expanded("%n"), "foo-bar\\x2dbaz@a-b\\x2dc.service");
    EXPECT_EQ(expanded("%N"), "foo-bar\\x2dbaz@a-b\\x2dc");
    EXPECT_EQ(expanded("%p|%P"), "foo-bar\\x2dbaz|foo/bar-baz");
    EXPECT_EQ(expanded("%i|%I"), "a-b\\x2dc|a/b-c");
    EXPECT_EQ(expanded("%j|%J"), "bar\\x2dbaz|bar-baz");
    EXPECT_EQ(expanded("%f"), "/a/b-c");
    EXPECT_EQ(expanded("%f", "x-y.service"), "/x/y");
}

TEST(Specifiers, OfTheSystemAreItsPaths) {
    EXPECT_EQ(expanded("%t %S %C %L %E"), "/run /var/lib /var/cache /var/log /etc");
    EXPECT_EQ(expanded("%U"), std::to_string(::getuid()));
    EXPECT_NE(expanded("%H%b%v%u"), "");
}

TEST(Specifiers, PercentSigns) {
    EXPECT_EQ(expanded("100%% 5% x%"), "100% 5% x%");
    EXPECT_EQ(expanded("%z"), "error: '%z' is not a specifier (a plain '%' is written '%%')");
}

TEST(Suggestion, IsTheNearestWordOrNone) {
    constexpr std::string_view kWords[] = {"TimeoutStopSec", "TimeoutStartSec", "Type"};
    EXPECT_EQ(nearest_word("TimeoutStopSecs", kWords), "TimeoutStopSec");
    EXPECT_EQ(nearest_word("timeoutstartsec", kWords), "TimeoutStartSec");
    EXPECT_EQ(nearest_word("Tpye", kWords), "Type");
    EXPECT_EQ(nearest_word("MemoryMax", kWords), "");
}

}  // namespace
}  // namespace svcd
