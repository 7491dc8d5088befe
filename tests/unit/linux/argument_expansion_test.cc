#include "exec/argument_expansion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace svcd {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

using Strings = std::vector<std::string>;

/// What systemd 252 was seen to do with these variables.
const Strings kEnvironment{"ONE=one",
                           "TWO=two two",
                           "EMPTY=",
                           "QUO=\"q1 q2\" q3",
                           "SPC=  lead  trail ",
                           "STAR=*",
                           "DOL=$ONE",
                           "SEMI=a ; b",
                           "NUM1=n",
                           "_U=u",
                           "ARGD=/usr/bin/argdump"};

struct Row {
    std::string word;
    Strings expanded;
};

class Expansion : public testing::TestWithParam<Row> {};

TEST_P(Expansion, DoesWhatSystemdDoes) {
    Strings arguments{"/usr/bin/argdump"};
    Strings expected = GetParam().expanded;
    arguments.push_back(GetParam().word);
    expected.insert(expected.begin(), "/usr/bin/argdump");
    EXPECT_THAT(expand_arguments(arguments, kEnvironment), ElementsAreArray(expected));
}

INSTANTIATE_TEST_SUITE_P(Words,
                         Expansion,
                         testing::Values(Row{"$TWO", {"two", "two"}},
                                         Row{"${EMPTY}", {""}},
                                         Row{"$UNSET", {}},
                                         Row{"a${UNSET}b", {"ab"}},
                                         Row{"$ONE/y", {}},
                                         Row{"x${ONE}y", {"xoney"}},
                                         Row{"${TWO}", {"two two"}},
                                         Row{"x $TWO", {"x $TWO"}},
                                         Row{"${QUO}", {"\"q1 q2\" q3"}},
                                         Row{"$QUO", {"q1 q2", "q3"}},
                                         Row{"$SPC", {"lead", "trail"}},
                                         Row{"$STAR", {"*"}},
                                         Row{"$DOL", {"$ONE"}},
                                         Row{"${SEMI}", {"a ; b"}},
                                         Row{"$$ONE", {"$ONE"}},
                                         Row{"$$$ONE", {"$$ONE"}},
                                         Row{"$1", {}},
                                         Row{"${}", {""}},
                                         Row{"$", {}},
                                         Row{"a$", {"a$"}},
                                         Row{"${ONE", {"${ONE"}},
                                         Row{"x${ONE", {"x${ONE"}},
                                         Row{"${ONE}${TWO}", {"onetwo two"}},
                                         Row{"${UNSET:-def}", {"${UNSET:-def}"}},
                                         Row{"${UNSET:-def}${ONE}", {"${UNSET:-def}one"}},
                                         Row{"${TWO-def}", {""}},
                                         Row{"$*", {}},
                                         Row{"--a=${ONE}", {"--a=one"}},
                                         Row{"--a=$ONE", {"--a=$ONE"}},
                                         Row{"$one", {}},
                                         Row{"$_U", {"u"}},
                                         Row{"$NUM1", {"n"}},
                                         Row{"$EMPTY", {}},
                                         Row{"plain", {"plain"}}));

TEST(Expansion, SplitsAValueWithAnOpenQuoteOrALastBackslashAsFarAsItGoes) {
    EXPECT_THAT(expand_arguments({"$A", "$B", "$C"}, {"A='x y", "B=x\\ y z\\", "C='' a"}),
                ElementsAre("x y", "x y", "z", "", "a"));
}

TEST(Expansion, TakesTheLastAssignmentOfAName) {
    EXPECT_THAT(expand_arguments({"${A}"}, {"A=1", "AB=2", "A=3"}), ElementsAre("3"));
}

TEST(Expansion, IsNotNeededWithoutADollarSign) {
    EXPECT_FALSE(has_variables({"/bin/a", "b"}));
    EXPECT_TRUE(has_variables({"/bin/a", "b$"}));
}

TEST(Assign, ReplacesAnEarlierAssignmentOfTheSameName) {
    Strings environment{"A=1", "AB=2"};
    assign(environment, "A=3");
    assign(environment, "B=4");
    EXPECT_THAT(environment, ElementsAre("A=3", "AB=2", "B=4"));
}

}  // namespace
}  // namespace svcd
