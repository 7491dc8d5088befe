// What a client says before its first message. It may come in pieces of any size: that changes
// nothing. Only who says its own user ID, or leaves that to the kernel, gets through.
#include <algorithm>
#include <string>

#include "bus/handshake.h"
#include "fuzz/target.h"

namespace svcd::fuzz {
namespace {

constexpr std::uint32_t kUid = 1000;
constexpr std::string_view kServerId = "0123456789abcdef0123456789abcdef";

struct Talk {
    std::string answer;
    std::size_t taken = 0;
    bool is_done = false;
    bool has_failed = false;

    bool operator==(const Talk&) const = default;
};

/// The client's bytes, at most so many at a time.
Talk talk(std::string_view bytes, std::size_t piece) {
    Handshake handshake{kUid, std::string{kServerId}};
    Talk talk;
    while (talk.taken < bytes.size() && !handshake.is_done() && !handshake.has_failed()) {
        const std::string_view next = bytes.substr(talk.taken, piece);
        const std::size_t taken = handshake.take(next, talk.answer);
        require(taken > 0 && taken <= next.size());
        talk.taken += taken;
    }
    talk.is_done = handshake.is_done();
    talk.has_failed = handshake.has_failed();
    return talk;
}

/// Every answer is a line, and nobody gets through who was not let in last.
void look_at(const Talk& talk, std::string_view bytes) {
    require(!(talk.is_done && talk.has_failed));
    require(talk.answer.empty() || talk.answer.ends_with("\r\n"));
    if (!talk.is_done) {
        return;
    }
    require(bytes.substr(0, talk.taken).ends_with("BEGIN\r\n"));
    const std::size_t accepted = talk.answer.rfind("OK ");
    const std::size_t rejected = talk.answer.rfind("REJECTED");
    require(accepted != std::string::npos);
    require(rejected == std::string::npos || rejected < accepted);
    // "1000" in hexadecimal digits, or a claim to be nobody in particular.
    const std::string_view said = bytes.substr(0, talk.taken);
    require(said.find("31303030") != std::string_view::npos ||
            said.find("DATA") != std::string_view::npos);
}

}  // namespace

void try_input(std::string_view input) {
    const Talk whole = talk(input, std::string_view::npos);
    look_at(whole, input);
    require(talk(input, 1) == whole);
    require(talk(input, 1 + input.size() % 7) == whole);
}

}  // namespace svcd::fuzz
