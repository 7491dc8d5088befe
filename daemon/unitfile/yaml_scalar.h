// How a value stands in a YAML text: what the parser takes otherwise than a person means it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "unitfile/yaml_reader.h"

namespace svcd {

/// Where a value begins, past its tag and its anchor.
std::size_t value_begin(std::string_view text, std::size_t at);

/// The place of a byte of the text.
Mark mark_of(std::string_view text, std::size_t at);

/// A scalar in the text: where it begins, and the column of its key (0: it has none, or is in [] or
/// {}).
struct ScalarPlace {
    std::size_t begin = 0;
    int key_column = 0;
};

/// What is wrong with how the scalar is written, though the parser took it as `value`: a quote that
/// is not closed, a line that belongs to no key and was taken for more of the value above it.
std::optional<YamlFault> check_scalar(std::string_view text,
                                      const ScalarPlace& place,
                                      std::string_view value);

/// The value in the quotes that it needs to stand for itself.
std::string in_quotes(std::string_view value);

/// A line's value without the comment behind it, and without blanks around it.
std::string_view without_comment(std::string_view value);

/// A line of a file taken apart: "  - KEY: VALUE".
struct KeyLine {
    int indent = 0;      ///< blanks before the key, or before the dash
    bool item = false;   ///< there is a dash
    int key_column = 0;  ///< from 1
    std::string_view key;
    int value_column = 0;  ///< from 1; 0: nothing stands behind the colon
    std::string_view value;
};
/// Nothing when the line has no ': ' behind a plain word.
std::optional<KeyLine> read_key_line(std::string_view line);

/// Why a line that should have a key has none: no blank behind the colon, '=' for a colon.
std::optional<std::string> problem_of_key_line(std::string_view line);

/// The same, and something to say of every line.
std::string no_key_in_line(std::string_view line);

}  // namespace svcd
