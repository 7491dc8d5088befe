// What is wrong with a unit file, so that a person can mend it: FILE:LINE:COL: message, the line
// itself, and a caret.
//
// Everybody may read what is told: the log, LoadError, `svctl status`. So nothing is quoted of a
// file that not everybody may read, and no line that sets a variable or a credential, or whose key
// is not one of svcd's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace svcd {

struct Mark;

struct Diagnostic {
    enum class Severity : unsigned char { error, warning };
    Severity severity = Severity::error;
    std::string unit;  ///< the unit it belongs to; empty when none
    std::string file;
    int line = 0;         ///< from 1; 0 when it concerns the whole file
    int column = 0;       ///< from 1, in characters
    std::string message;  ///< one sentence, with a suggestion where there is one
    /// A warning of what may be meant: told to who asks (daemon-reload, doctor), not at the start.
    bool is_only_for_askers = false;
    std::string excerpt;  ///< the offending line, cut to 120 characters; empty when there is none
};

/// Faults of one file that are told one by one; of the others, how many there are.
inline constexpr std::size_t kFaultsToldMax = 20;

/// "FILE:LINE:COL: message", then the excerpt and a caret below, each on a line of its own.
std::string to_string(const Diagnostic& diagnostic);

/// Its first line alone: "FILE:LINE:COL: message".
std::string headline(const Diagnostic& diagnostic);

/// A fault in a file, with the line it is in. Of a private one the message loses what it quotes.
Diagnostic make_diagnostic(const std::string& unit,
                           const std::string& path,
                           const std::string& text,
                           Mark mark,
                           std::string message,
                           bool is_private = false);

/// Does the line belong to a setting whose values are secrets (Environment, SetCredential ...), or
/// to a key that svcd doesn't have, which may be a misspelt one of those? The text needn't be valid
/// YAML.
bool is_secret_line(std::string_view text, int line);

/// The message with '...' for everything from its first to its last quote.
std::string without_quoted_text(std::string message);

}  // namespace svcd
