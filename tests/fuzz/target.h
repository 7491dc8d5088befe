// What the fuzzing targets share. A target is one function that does with bytes of any kind what
// svcd or svctl does with them; one_input.cc hands it libFuzzer's inputs, and those of the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace svcd::fuzz {

/// The target.
void try_input(std::string_view input);

/// What doesn't hold ends the run, and the input is kept.
inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// An input that is used up piece by piece; zeros when it is over.
class Bytes {
public:
    explicit Bytes(std::string_view bytes) : bytes_(bytes) {}

    bool is_over() const { return bytes_.empty(); }
    unsigned byte() {
        if (bytes_.empty()) {
            return 0;
        }
        const auto value = static_cast<unsigned char>(bytes_.front());
        bytes_.remove_prefix(1);
        return value;
    }
    /// The first byte is the highest.
    std::uint64_t number(int bytes) {
        std::uint64_t value = 0;
        for (int count = 0; count < bytes; ++count) {
            value = value << 8U | byte();
        }
        return value;
    }
    /// What stands before the next `end`, which is used up, too.
    std::string_view until(char end) {
        const std::string_view text = bytes_.substr(0, bytes_.find(end));
        bytes_.remove_prefix(text.size() == bytes_.size() ? text.size() : text.size() + 1);
        return text;
    }
    std::string_view rest() const { return bytes_; }

private:
    std::string_view bytes_;
};

}  // namespace svcd::fuzz
