#include "unitfile/yaml_reader.h"

#include <gmock/gmock.h>

namespace svcd {
namespace {

using ::testing::HasSubstr;

TEST(YamlReader, KeepsTheOrderAndThePlacesOfAMap) {
    const auto root = read_yaml("b: 1\na: [x, 'y z']\n");
    ASSERT_TRUE(root.has_value());
    ASSERT_EQ((*root)->entries.size(), 2U);
    EXPECT_EQ((*root)->entries[0].key, "b");
    EXPECT_EQ((*root)->entries[1].mark.line, 2);
    EXPECT_EQ((*root)->entries[1].value->items[1]->text, "y z");
    EXPECT_EQ((*root)->entries[1].value->items[1]->mark.column, 8);
}

TEST(YamlReader, KeepsScalarsAsWritten) {
    const auto root = read_yaml("[010, yes, 1.50, 'null', null, ~, '']");
    ASSERT_TRUE(root.has_value());
    const auto& items = (*root)->items;
    EXPECT_EQ(items[0]->text, "010");
    EXPECT_EQ(items[1]->text, "yes");
    EXPECT_EQ(items[2]->text, "1.50");
    EXPECT_EQ(items[3]->kind, YamlNode::Kind::scalar);
    EXPECT_EQ(items[4]->kind, YamlNode::Kind::null);
    EXPECT_EQ(items[4]->text, "null");
    EXPECT_EQ(items[5]->text, "~");
    EXPECT_EQ(items[6]->kind, YamlNode::Kind::scalar);
}

TEST(YamlReader, TellsAValueThatIsLeftOutFromTheWordNull) {
    const auto root = read_yaml("a:\nb: null\nc:\nnully: 1\n");
    ASSERT_TRUE(root.has_value());
    EXPECT_EQ((*root)->entries[0].value->text, "");
    EXPECT_EQ((*root)->entries[1].value->text, "null");
    EXPECT_EQ((*root)->entries[2].value->text, "");
}

TEST(YamlReader, EmptyTextIsNull) {
    for (const char* text : {"", "\n", "# a comment\n", "---\n"}) {
        const auto root = read_yaml(text);
        ASSERT_TRUE(root.has_value()) << text;
        EXPECT_EQ((*root)->kind, YamlNode::Kind::null);
    }
}

TEST(YamlReader, RefusesWhatUnitFilesHaveNoUseFor) {
    EXPECT_THAT(read_yaml("a: !!binary x").error().message, HasSubstr("tag"));
    EXPECT_THAT(read_yaml("? [a]\n: b").error().message, HasSubstr("a key must be a name"));
    EXPECT_THAT(read_yaml("a: &a [*a]").error().message, HasSubstr("alias"));
    EXPECT_THAT(read_yaml("\xEF\xBB\xBF"
                          "a: b")
                    .error()
                    .message,
                HasSubstr("byte order mark"));
    EXPECT_FALSE(read_yaml("a: *nowhere").has_value());
}

TEST(YamlReader, SaysThatPrefixesStandInQuotes) {
    for (const char* text : {"a: !/etc/x", "a: ! /etc/x", "a: !x y", "a: [! 1]"}) {
        EXPECT_THAT(read_yaml(text).error().message, HasSubstr("stands in quotes")) << text;
    }
    // An empty block of text, which would reset a setting.
    for (const char* text : {"a: >4", "a: >4\nb: 1", "a: |", "a: >-\n"}) {
        EXPECT_THAT(read_yaml(text).error().message, HasSubstr("stands in quotes")) << text;
    }
    EXPECT_FALSE(read_yaml("a: >=4").has_value());
    EXPECT_FALSE(read_yaml("a: |!/x").has_value());
    EXPECT_TRUE(read_yaml("a: '!/etc/x'\nb: \">4\"\nc: '|'\nd: ''\ne: |\n  x\n").has_value());
}

TEST(YamlReader, AllowsATabBehindText) {
    EXPECT_TRUE(read_yaml("a: b\t# c\n \t \nd: \"x\ty\"\n").has_value());
}

}  // namespace
}  // namespace svcd
