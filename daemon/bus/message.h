// Messages on their way out, and the ownership of sd-bus objects.
//
// A Writer appends values to a message and remembers the first failure, so that a row of appends
// needs one check at the end. It also counts what it appended: sd-bus tells how many messages wait
// to be written, not how many bytes, and the bound on a client that doesn't read is one of bytes.
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace svcd {

struct SdUnref {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
    // Without flushing: what is still queued for a peer that doesn't read is lost with it.
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
    void operator()(sd_event_source* source) const { sd_event_source_disable_unref(source); }
};
using MessageRef = std::unique_ptr<sd_bus_message, SdUnref>;
using SlotRef = std::unique_ptr<sd_bus_slot, SdUnref>;
using SdBusRef = std::unique_ptr<sd_bus, SdUnref>;
using EventSource = std::unique_ptr<sd_event_source, SdUnref>;

/// The text with every byte that isn't valid UTF-8 (or is NUL) replaced by '?': D-Bus would
/// otherwise cut the connection of whoever reads it.
std::string valid_utf8(std::string_view text);

/// At most about `max` bytes of the text, with "..." where something was cut off.
std::string shortened(std::string_view text, std::size_t max);
/// The same of a name that a caller gave, for an error's text.
inline constexpr std::size_t kShownNameMax = 128;
inline std::string shown_name(std::string_view name) {
    return shortened(name, kShownNameMax);
}

/// Does the call have a body of these types, and is all of it there? sd-bus looks at a body only
/// when it is read, and a broken list would read as an empty one.
bool has_body(sd_bus_message* call, const char* signature);

class Writer {
public:
    Writer() = default;
    /// Takes the message over; null is a failure.
    explicit Writer(sd_bus_message* message);

    static Writer signal(sd_bus* bus, const char* path, const char* interface, const char* member);
    static Writer reply_to(sd_bus_message* call);
    static Writer error_to(sd_bus_message* call, const char* name, std::string_view text);

    Writer& string(std::string_view value);
    Writer& path(const std::string& value);
    Writer& boolean(bool value);
    Writer& i32(std::int32_t value);
    Writer& u32(std::uint32_t value);
    Writer& u64(std::uint64_t value);
    Writer& bytes(const void* data, std::size_t size);
    Writer& strings(const std::vector<std::string>& values);
    /// A container: SD_BUS_TYPE_ARRAY, _STRUCT, _DICT_ENTRY or _VARIANT.
    Writer& open(char type, const char* contents);
    Writer& close();

    /// Has more than so many bytes fail: nothing beyond them is appended.
    void limit_to(std::size_t bytes) { size_max_ = bytes; }

    bool ok() const { return status_ >= 0; }
    bool is_too_large() const { return size_ > size_max_; }
    sd_bus_message* get() const { return message_.get(); }
    /// About what the message takes in memory while it waits to be written.
    std::size_t size() const { return size_; }

private:
    Writer& basic(char type, const void* value, std::size_t size);
    void note(int status);
    /// Counts what is about to be appended. False: nothing may be.
    bool grow(std::size_t size);

    MessageRef message_;
    int status_ = -1;
    // What sd-bus needs for a message beside its contents.
    std::size_t size_ = 512;
    std::size_t size_max_ = SIZE_MAX;
};

}  // namespace svcd
