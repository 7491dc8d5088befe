// A D-Bus method call as bytes, made by hand: also one that no library would make.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/target.h"

namespace svcd::fuzz {

struct WireCall {
    std::string path;
    std::string interface;  ///< empty: the call leaves it out
    std::string member;
    std::string signature;
    std::string body;
    std::uint32_t serial = 1;
    bool wants_answer = true;

    /// Little-endian.
    std::string bytes() const;
};

/// The body of a call, value by value.
class WireBody {
public:
    void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
    void number(std::uint64_t value, std::size_t size);
    void text(std::string_view value);
    void signature(std::string_view value);
    /// An array's length, which close_array() fills in; `element` is what its elements align to.
    std::size_t open_array(std::size_t element);
    void close_array(std::size_t opened, std::size_t element);
    const std::string& bytes() const { return bytes_; }

private:
    void put(std::size_t at, std::uint32_t value);

    std::string bytes_;
};

/// Values of the types of a signature, as an input says: its texts are words that the API knows, or
/// the input's own.
class ValuesOfInput {
public:
    explicit ValuesOfInput(Bytes& input) : input_(input) {}

    std::string text();
    std::string body_of(std::string_view signature);

private:
    std::string_view append(std::string_view signature, int depth);
    void append_array(std::string_view element, int depth);
    void append_variant(int depth);

    Bytes& input_;
    WireBody body_;
};

/// The length of the first complete type of a signature.
std::size_t first_type(std::string_view signature);

}  // namespace svcd::fuzz
