#include "unitfile/json_writer.h"

#include <gtest/gtest.h>

namespace svcd {
namespace {

std::string quoted(std::string_view text) {
    std::string json;
    append_json_string(json, text);
    return json;
}

TEST(JsonWriter, PutsCommasBetweenValuesAndNowhereElse) {
    std::string json;
    JsonWriter{json}
        .open_object()
        .field("name", "web")
        .field("count", 3)
        .field("is_up", true)
        .key("nothing")
        .null()
        .field("words", std::vector<std::string>{"a", "b"})
        .key("empty")
        .open_array()
        .close_array()
        .key("inner")
        .open_object()
        .field("negative", std::int64_t{-5})
        .close_object()
        .close_object();
    EXPECT_EQ(json,
              R"({"name":"web","count":3,"is_up":true,"nothing":null,"words":["a","b"],"empty":[],)"
              R"("inner":{"negative":-5}})");
}

TEST(JsonWriter, GoesOnInAFragment) {
    std::string fields;
    JsonWriter{fields}.field("pid", 1);
    JsonWriter{fields}.field("code", "exited");
    EXPECT_EQ(fields, R"("pid":1,"code":"exited")");
}

TEST(JsonWriter, EscapesWhatMayNotStandInAString) {
    EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(quoted(std::string_view{"\n\0\x7f", 3}), R"("\u000a\u0000\u007f")");
    EXPECT_EQ(quoted("grün €"), "\"grün €\"");
}

TEST(JsonWriter, WritesValidUtf8WhateverItIsGiven) {
    EXPECT_EQ(quoted("\xff"), R"("\ufffd")");
    EXPECT_EQ(quoted("a\xc3"), R"("a\ufffd")");                    // cut short
    EXPECT_EQ(quoted("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");  // a surrogate
}

}  // namespace
}  // namespace svcd
