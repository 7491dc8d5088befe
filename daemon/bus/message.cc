#include "bus/message.h"

#include <cerrno>
#include <cstring>

#include "core/types/utf8.h"

namespace svcd {

namespace {

/// As utf8_length(), and 0 for a NUL byte too: D-Bus has none.
std::size_t sequence_length(std::string_view text) {
    return text.front() == '\0' ? 0 : utf8_length(text);
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
    // An error repeats what its caller sent, and other programs than svctl show it.
    const std::string clean = without_controls(text, "\n");
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
