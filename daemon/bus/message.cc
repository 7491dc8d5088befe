#include "bus/message.h"

#include <cerrno>
#include <cstring>

namespace svcd {

namespace {

/// The length of the UTF-8 sequence that `text` begins with; 0 when it isn't one.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return first == 0 ? 0 : 1;
    }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) {
            return 0;
        }
    }
    // Overlong forms, surrogates and what lies beyond U+10FFFF.
    const bool bad = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
                     (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f);
    return bad ? 0 : length;
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

/// With '?' for what a terminal would obey, but for the ends of lines: an error repeats what its
/// caller sent, and other programs than svctl show it.
std::string without_controls(std::string text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool is_c1 =
            byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (is_c1) {
            text.replace(i, 2, "?");
        } else if ((byte < 0x20 && byte != '\n') || byte == 0x7f) {
            text[i] = '?';
        }
    }
    return text;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) {
            valid += '?';
            text.remove_prefix(1);
            continue;
        }
        valid.append(text.substr(0, length));
        text.remove_prefix(length);
    }
    return valid;
}

std::string shortened(std::string_view text, std::size_t max) {
    if (text.size() <= max) {
        return std::string{text};
    }
    // Not in the middle of a letter.
    std::size_t end = max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
        --end;
    }
    return std::string{text.substr(0, end)} + "...";
}

bool has_body(sd_bus_message* call, const char* signature) {
    if (sd_bus_message_has_signature(call, signature) <= 0) {
        return false;
    }
    return *signature == '\0' ||
           (sd_bus_message_skip(call, signature) > 0 && sd_bus_message_rewind(call, 1) >= 0);
}

Writer::Writer(sd_bus_message* message) : message_(message), status_(message ? 0 : -ENOMEM) {}

Writer Writer::signal(sd_bus* bus, const char* path, const char* interface, const char* member) {
    sd_bus_message* message = nullptr;
    const int status = sd_bus_message_new_signal(bus, &message, path, interface, member);
    return Writer{status < 0 ? nullptr : message};
}

Writer Writer::reply_to(sd_bus_message* call) {
    sd_bus_message* message = nullptr;
    const int status = sd_bus_message_new_method_return(call, &message);
    return Writer{status < 0 ? nullptr : message};
}

Writer Writer::error_to(sd_bus_message* call, const char* name, std::string_view text) {
    const std::string clean = without_controls(valid_utf8(text));
    sd_bus_message* message = nullptr;
    const int status = sd_bus_message_new_method_errorf(call, &message, name, "%s", clean.c_str());
    Writer writer{status < 0 ? nullptr : message};
    writer.size_ += clean.size();
    return writer;
}

void Writer::note(int status) {
    if (status < 0 && status_ >= 0) {
        status_ = status;
    }
}

bool Writer::grow(std::size_t size) {
    if (ok()) {
        size_ += size;
        note(is_too_large() ? -EMSGSIZE : 0);
    }
    return ok();
}

Writer& Writer::basic(char type, const void* value, std::size_t size) {
    if (grow(size)) {
        note(sd_bus_message_append_basic(message_.get(), type, value));
    }
    return *this;
}

Writer& Writer::string(std::string_view value) {
    if (ok() && !is_valid_utf8(value)) {
        return string(valid_utf8(value));
    }
    if (!grow(value.size() + 8)) {
        return *this;
    }
    char* space = nullptr;
    note(sd_bus_message_append_string_space(message_.get(), value.size(), &space));
    if (ok() && !value.empty()) {
        std::memcpy(space, value.data(), value.size());
    }
    return *this;
}

Writer& Writer::path(const std::string& value) {
    return basic(SD_BUS_TYPE_OBJECT_PATH, value.c_str(), value.size() + 8);
}

Writer& Writer::boolean(bool value) {
    const int number = value ? 1 : 0;
    return basic(SD_BUS_TYPE_BOOLEAN, &number, 4);
}

Writer& Writer::i32(std::int32_t value) {
    return basic(SD_BUS_TYPE_INT32, &value, 4);
}

Writer& Writer::u32(std::uint32_t value) {
    return basic(SD_BUS_TYPE_UINT32, &value, 4);
}

Writer& Writer::u64(std::uint64_t value) {
    return basic(SD_BUS_TYPE_UINT64, &value, 8);
}

Writer& Writer::bytes(const void* data, std::size_t size) {
    if (grow(size + 8)) {
        note(sd_bus_message_append_array(message_.get(), SD_BUS_TYPE_BYTE, data, size));
    }
    return *this;
}

Writer& Writer::strings(const std::vector<std::string>& values) {
    open(SD_BUS_TYPE_ARRAY, "s");
    for (const std::string& value : values) {
        string(value);
    }
    return close();
}

Writer& Writer::open(char type, const char* contents) {
    if (grow(8)) {
        note(sd_bus_message_open_container(message_.get(), type, contents));
    }
    return *this;
}

Writer& Writer::close() {
    if (ok()) {
        note(sd_bus_message_close_container(message_.get()));
    }
    return *this;
}

}  // namespace svcd
