#include "bus/frame.h"

namespace svcd {
namespace {

constexpr char kMethodCall = 1;
constexpr char kProtocolVersion = 1;
constexpr unsigned kNoReplyExpected = 1;

std::uint32_t number_at(std::string_view bytes, std::size_t at, bool is_little_endian) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[at + (is_little_endian ? 3 - i : i)]);
        number = number << 8 | byte;
    }
    return number;
}

}  // namespace

std::optional<FrameHeader> read_frame_header(std::string_view bytes) {
    const bool is_little_endian = bytes[0] == 'l';
    if ((!is_little_endian && bytes[0] != 'B') || bytes[3] != kProtocolVersion) {
        return std::nullopt;
    }
    const std::size_t body = number_at(bytes, 4, is_little_endian);
    const std::size_t fields = number_at(bytes, 12, is_little_endian);
    FrameHeader header;
    header.size = kFrameHeaderSize + (fields + 7) / 8 * 8 + body;
    header.serial = number_at(bytes, 8, is_little_endian);
    header.wants_answer =
        bytes[1] == kMethodCall && (static_cast<unsigned char>(bytes[2]) & kNoReplyExpected) == 0;
    if (header.size >= kFrameMax || header.serial == 0) {
        return std::nullopt;
    }
    return header;
}

std::string stand_in_call(std::uint32_t serial) {
    // Little-endian; the path "/" and the member "Refused".
    constexpr char kCall[] =
        "l\1\0\1\0\0\0\0\0\0\0\0 \0\0\0\1\1o\0\1\0\0\0/\0\0\0\0\0\0\0\3\1s\0\7\0\0\0Refused";
    std::string call(kCall, sizeof kCall);  // with the last text's NUL
    for (std::size_t i = 0; i < 4; ++i) {
        call[8 + i] = static_cast<char>(serial >> (8 * i));
    }
    return call;
}

}  // namespace svcd
