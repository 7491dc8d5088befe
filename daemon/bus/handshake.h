// The lines that a D-Bus client and its server exchange before the first message (SASL): the
// server's side. The kernel has said who the client is (SO_PEERCRED), so EXTERNAL is all there is,
// and a client that claims to be somebody else is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace svcd {

class Handshake {
public:
    Handshake(std::uint32_t uid, std::string server_id);

    /// Takes bytes of the client, not beyond the end of the handshake: how many it took. What is to
    /// be sent back is appended to `answer`.
    std::size_t take(std::string_view bytes, std::string& answer);
    /// Messages follow.
    bool is_done() const { return stage_ == Stage::done; }
    /// This is no handshake: hang up.
    bool has_failed() const { return stage_ == Stage::failed; }

private:
    enum class Stage : std::uint8_t { greeting, unknown, asked, known, done, failed };

    void handle(std::string_view line, std::string& answer);
    void authenticate(std::string_view token, std::string& answer);
    void accept_if(bool is_accepted, std::string& answer);

    std::uint32_t uid_;
    std::string server_id_;
    std::string line_;
    std::size_t taken_ = 0;
    Stage stage_ = Stage::greeting;
};

}  // namespace svcd
