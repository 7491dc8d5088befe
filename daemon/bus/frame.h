// Where a D-Bus message begins and ends: what the first 16 bytes of it say. The private socket
// reads its clients' bytes itself, so that a message is measured before there is memory for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace svcd {

inline constexpr std::size_t kFrameHeaderSize = 16;
/// The D-Bus specification's own limit.
inline constexpr std::size_t kFrameMax = 128 << 20;

struct FrameHeader {
    std::size_t size = 0;  ///< of the whole message
    std::uint32_t serial = 0;
    bool wants_answer = false;  ///< a method call, and its caller waits
};

/// Nothing: these 16 bytes begin no D-Bus message.
std::optional<FrameHeader> read_frame_header(std::string_view bytes);

/// A call with this serial and nothing in it. It stands for one that was not read, so that sd-bus
/// can make the answer to it.
std::string stand_in_call(std::uint32_t serial);

}  // namespace svcd
