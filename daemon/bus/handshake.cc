#include "bus/handshake.h"

namespace svcd {
namespace {

/// Of all lines together. Clients send some hundred bytes.
constexpr std::size_t kHandshakeMax = 4096;

/// "30" is the text "0".
std::string text_of_hex(std::string_view digits) {
    std::string text;
    const auto value = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        const int high = value(digits[i]);
        const int low = value(digits[i + 1]);
        if (high < 0 || low < 0) {
            return "?";
        }
        text += static_cast<char>(high * 16 + low);
    }
    return text;
}

/// What follows the word and a space; empty: nothing does.
std::string_view after_word(std::string_view line, std::string_view word) {
    return line.size() > word.size() ? line.substr(word.size() + 1) : std::string_view{};
}

bool begins_with_word(std::string_view line, std::string_view word) {
    return line.starts_with(word) && (line.size() == word.size() || line[word.size()] == ' ');
}

}  // namespace

Handshake::Handshake(std::uint32_t uid, std::string server_id)
    : uid_(uid), server_id_(std::move(server_id)) {}

std::size_t Handshake::take(std::string_view bytes, std::string& answer) {
    std::size_t taken = 0;
    if (stage_ == Stage::greeting && !bytes.empty()) {
        stage_ = bytes[0] == '\0' ? Stage::unknown : Stage::failed;
        taken = 1;
    }
    while (taken < bytes.size() && !is_done() && !has_failed()) {
        const char c = bytes[taken++];
        if (++taken_ > kHandshakeMax) {
            stage_ = Stage::failed;
        } else if (c != '\n') {
            line_ += c;
        } else if (!line_.ends_with('\r')) {
            stage_ = Stage::failed;
        } else {
            line_.pop_back();
            handle(line_, answer);
            line_.clear();
        }
    }
    return taken;
}

void Handshake::handle(std::string_view line, std::string& answer) {
    constexpr std::string_view kExternal = "AUTH EXTERNAL";
    if (line == "BEGIN") {
        stage_ = stage_ == Stage::known ? Stage::done : Stage::failed;
    } else if (begins_with_word(line, kExternal) && stage_ == Stage::unknown) {
        authenticate(after_word(line, kExternal), answer);
    } else if (begins_with_word(line, "DATA") && stage_ == Stage::asked) {
        const std::string_view token = after_word(line, "DATA");
        // Nothing: whoever the kernel says.
        accept_if(token.empty() || text_of_hex(token) == std::to_string(uid_), answer);
    } else if (begins_with_word(line, "AUTH") || line == "CANCEL" ||
               begins_with_word(line, "ERROR")) {
        accept_if(false, answer);
    } else {
        answer += "ERROR\r\n";  // NEGOTIATE_UNIX_FD too: nothing of ours takes descriptors
    }
}

void Handshake::authenticate(std::string_view token, std::string& answer) {
    if (token.empty()) {
        stage_ = Stage::asked;
        answer += "DATA\r\n";
        return;
    }
    accept_if(text_of_hex(token) == std::to_string(uid_), answer);
}

void Handshake::accept_if(bool is_accepted, std::string& answer) {
    stage_ = is_accepted ? Stage::known : Stage::unknown;
    answer += is_accepted ? "OK " + server_id_ + "\r\n" : "REJECTED EXTERNAL\r\n";
}

}  // namespace svcd
