// JSON (RFC 8259) as text, appended to a string: for what svcd hands out as one value (the record
// of a stop, the schema of unit files). There is no reader: svcd never takes JSON from anyone.
//
// What is written is always valid UTF-8: a byte that isn't part of a character becomes U+FFFD,
// since command lines and names of processes may hold any byte.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace svcd {

/// Appends `text` as a JSON string, quotes included.
void append_json_string(std::string& json, std::string_view text);

/// Puts the commas. Several writers may go on in the same string one after the other, also in one
/// that holds a fragment without the brackets around it.
class JsonWriter {
public:
    /// `json` outlives the writer.
    explicit JsonWriter(std::string& json) : json_(json) {}

    JsonWriter& open_object();
    JsonWriter& close_object();
    JsonWriter& open_array();
    JsonWriter& close_array();
    /// Of an object; its value comes next. A name that the caller has chosen: it is not escaped.
    JsonWriter& key(std::string_view name);

    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view{text}); }
    JsonWriter& value(bool flag);
    JsonWriter& value(std::integral auto number) { return raw(std::to_string(number)); }
    JsonWriter& null() { return raw("null"); }
    /// JSON that is there already.
    JsonWriter& raw(std::string_view json);
    template <typename Value>
    JsonWriter& value(const std::vector<Value>& values) {
        open_array();
        for (const Value& each : values) {
            value(each);
        }
        return close_array();
    }
    template <typename Value>
    JsonWriter& field(std::string_view name, const Value& content) {
        return key(name).value(content);
    }

private:
    void separate();

    std::string& json_;
};

}  // namespace svcd
