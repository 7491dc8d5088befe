// Makes sd-bus's messages of bytes and bytes of its messages, for all clients of the private socket
// together: one sd-bus connection that has no socket. What it reads is put into a pipe for it, one
// whole message at a time; what it writes goes into a memfd.
//
// So the clients' bytes are read and kept by us, who know how many there are and of whom, and
// sd-bus sees only what was measured. It drops a message that it can't read and goes on with the
// next one that its socket has, within the same call: with a client's socket that is a call that
// may never return, here there is no next one.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bus/descriptor.h"
#include "bus/message.h"
#include "core/types/result.h"

namespace svcd {

class MessageCodec {
public:
    MessageCodec() = default;
    MessageCodec(const MessageCodec&) = delete;
    MessageCodec& operator=(const MessageCodec&) = delete;

    Result<void> open();

    /// What answers and signals are made with.
    sd_bus* bus() const { return bus_.get(); }

    enum class Decoded : std::uint8_t {
        handled,
        unreadable,  ///< the bytes are no message
        no_memory,   ///< there was none for the message, or for what the handler did
    };
    /// What a handler says of a message: 1, or 0 when sd-bus is to answer it (take_answer()).
    using Handler = std::function<int(sd_bus_message*)>;
    /// Hands the message to the handler. `bytes` are as many as their header says.
    Decoded decode(std::string_view bytes, std::uint32_t serial, const Handler& handler);
    /// The bytes that sd-bus itself has answered to the message that was decoded last.
    std::string take_answer() { return take(); }

    /// Empty: there was no memory for it.
    std::string encode(sd_bus_message* message);

private:
    static int on_message(sd_bus_message* message, void* self, sd_bus_error*);
    int hand_over(sd_bus_message* message);
    bool feed(std::string_view bytes);
    bool is_usable();
    std::string take();

    Descriptor in_;   ///< the end of the pipe that is written to
    Descriptor out_;  ///< the memfd; its position is sd-bus's too
    SlotRef filter_;
    SdBusRef bus_;
    bool is_broken_ = false;    ///< to be opened afresh before it is used again
    bool is_decoding_ = false;  ///< sd-bus is up the stack
    // While a message is decoded:
    const Handler* handler_ = nullptr;
    std::uint32_t serial_ = 0;
    Decoded result_ = Decoded::unreadable;
};

}  // namespace svcd
