#include "unitfile/json_writer.h"

#include "core/types/utf8.h"

namespace svcd {

void append_json_string(std::string& json, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    json += '"';
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const auto byte = static_cast<unsigned char>(text.front());
        if (length == 0) {
            json += "\\ufffd";
        } else if (byte < 0x20 || byte == 0x7f) {
            json += "\\u00";
            json += kDigits[byte / 16];
            json += kDigits[byte % 16];
        } else {
            if (byte == '"' || byte == '\\') {
                json += '\\';
            }
            json += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    json += '"';
}

/// A value or a key that follows another takes a comma before it.
void JsonWriter::separate() {
    if (!json_.empty() && json_.back() != '{' && json_.back() != '[' && json_.back() != ':') {
        json_ += ',';
    }
}

JsonWriter& JsonWriter::open_object() {
    return raw("{");
}

JsonWriter& JsonWriter::close_object() {
    json_ += '}';
    return *this;
}

JsonWriter& JsonWriter::open_array() {
    return raw("[");
}

JsonWriter& JsonWriter::close_array() {
    json_ += ']';
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    json_.append("\"").append(name).append("\":");
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
    separate();
    append_json_string(json_, text);
    return *this;
}

JsonWriter& JsonWriter::value(bool flag) {
    return raw(flag ? "true" : "false");
}

JsonWriter& JsonWriter::raw(std::string_view json) {
    separate();
    json_ += json;
    return *this;
}

}  // namespace svcd
