#include "unitfile/diagnostic.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "core/types/utf8.h"
#include "unitfile/setting_row.h"
#include "unitfile/yaml_reader.h"

namespace svcd {
namespace {

constexpr std::size_t kExcerptMax = 120;

/// Settings whose values are secrets. SetCredentialEncrypted is one of them, EnvironmentFile a
/// path.
constexpr auto kSecretKeys = std::to_array<std::string_view>({"Environment", "SetCredential"});

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Whether the line has one of these keys, as YAML or as systemd writes it.
bool has_secret_key(std::string_view line) {
    return std::any_of(kSecretKeys.begin(), kSecretKeys.end(), [&](std::string_view key) {
        for (std::size_t at = line.find(key); at != std::string_view::npos;
             at = line.find(key, at + 1)) {
            std::string_view rest = line.substr(at + key.size());
            if (key == "SetCredential" && rest.starts_with("Encrypted")) {
                rest.remove_prefix(std::string_view{"Encrypted"}.size());
            }
            rest.remove_prefix(std::min(rest.find_first_not_of("'\" \t"), rest.size()));
            if (rest.starts_with(':') || rest.starts_with('=')) {
                return true;
            }
        }
        return false;
    });
}

bool is_known(std::string_view key) {
    static const auto kKnown = [] {
        std::unordered_set<std::string_view> keys{"Unit", "Service", "Install"};
        for (const SettingRow* row : all_settings()) {
            keys.insert(row->key);
        }
        return keys;
    }();
    return kKnown.contains(key);
}

/// The key that `text` begins with, as YAML or as systemd writes it; empty: it begins with none.
std::string_view key_at(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of("'\" \t-"), text.size()));
    const auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
        return is_word(c) || c == '_' || c == '-' || c == '.';
    });
    const auto size = static_cast<std::size_t>(end - text.begin());
    std::string_view rest = text.substr(size);
    rest.remove_prefix(std::min(rest.find_first_not_of("'\" \t"), rest.size()));
    const bool is_key = rest.starts_with('=') || rest == ":" || rest.starts_with(": ");
    return is_key ? text.substr(0, size) : std::string_view{};
}

/// Whether the line has a key that svcd does not have: it may be a secret's, misspelt.
bool has_unknown_key(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with("- ")) {
        return false;  // an item is a value of the key above it
    }
    for (;;) {
        if (const std::string_view key = key_at(line); !key.empty() && !is_known(key)) {
            return true;
        }
        const std::size_t next = line.find_first_of("{,");  // of a map in one line
        if (next == std::string_view::npos) {
            return false;
        }
        line.remove_prefix(next + 1);
    }
}

std::string_view line_of(std::string_view text, int line) {
    for (int each = 1; each < line && !text.empty(); ++each) {
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    }
    return text.substr(0, text.find('\n'));
}

}  // namespace

bool is_secret_line(std::string_view text, int line) {
    std::string_view at = line_of(text, line);
    std::string_view above = text.substr(0, static_cast<std::size_t>(at.data() - text.data()));
    std::size_t least = std::string_view::npos;
    // From the line up through those that are indented less: what it may be a part of.
    for (;;) {
        const std::size_t indent = at.find_first_not_of(" \t\r-");
        const bool says_something = indent != std::string_view::npos && at[indent] != '#';
        if (says_something && (least == std::string_view::npos || indent < least)) {
            if (has_secret_key(at) || has_unknown_key(at)) {
                return true;
            }
            least = indent;
        }
        if (above.empty() || least == 0) {
            return false;
        }
        above.remove_suffix(1);
        const std::size_t begin = above.rfind('\n') + 1;  // npos + 1: the beginning
        at = above.substr(begin);
        above = above.substr(0, begin);
    }
}

std::string without_quoted_text(std::string message) {
    constexpr std::string_view kQuotes = "'\"";
    std::size_t first = message.find_first_of(kQuotes);
    while (first != std::string::npos && first > 0 && is_word(message[first - 1])) {
        first = message.find_first_of(kQuotes, first + 1);  // as in "can't"
    }
    std::size_t last = message.find_last_of(kQuotes);
    while (last != std::string::npos && last + 1 < message.size() && is_word(message[last + 1])) {
        last = last == 0 ? std::string::npos : message.find_last_of(kQuotes, last - 1);
    }
    // One or two characters are of YAML itself, as in: its end is '}'.
    if (first != std::string::npos && last != std::string::npos && last > first + 3) {
        message.replace(first, last + 1 - first, "'...'");
    }
    return message;
}

std::string to_string(const Diagnostic& diagnostic) {
    std::string text = headline(diagnostic);
    if (diagnostic.excerpt.empty()) {
        return text;
    }
    text += "\n    " + diagnostic.excerpt;
    // The excerpt may be cut before the place.
    if (diagnostic.column > 0 &&
        static_cast<std::size_t>(diagnostic.column) <= diagnostic.excerpt.size() + 1) {
        text += "\n    " + std::string(static_cast<std::size_t>(diagnostic.column - 1), ' ') + "^";
    }
    return text;
}

std::string headline(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file.empty() ? diagnostic.unit : diagnostic.file;
    if (diagnostic.line > 0) {
        text += ":" + std::to_string(diagnostic.line);
        if (diagnostic.column > 0) {
            text += ":" + std::to_string(diagnostic.column);
        }
    }
    if (diagnostic.severity == Diagnostic::Severity::warning) {
        return text + ": warning: " + diagnostic.message;
    }
    return text + ": " + diagnostic.message;
}

Diagnostic make_diagnostic(const std::string& unit,
                           const std::string& path,
                           const std::string& text,
                           Mark mark,
                           std::string message,
                           bool is_private) {
    Diagnostic diagnostic;
    diagnostic.unit = unit;
    diagnostic.file = path;
    diagnostic.message = is_private ? without_quoted_text(std::move(message)) : std::move(message);
    diagnostic.line = mark.line;
    if (mark.line <= 0) {
        return diagnostic;
    }
    std::string_view line = line_of(text, mark.line);
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    const auto before = static_cast<std::size_t>(std::max(mark.column, 1) - 1);
    diagnostic.column =
        static_cast<int>(utf8_count(line.substr(0, std::min(before, line.size())))) + 1;
    if (is_private || is_secret_line(text, mark.line)) {
        return diagnostic;
    }
    std::string shown{line};
    std::replace(shown.begin(), shown.end(), '\t', ' ');  // the caret counts it as one
    diagnostic.excerpt = without_controls(shown);
    if (diagnostic.excerpt.size() > kExcerptMax) {
        std::size_t length = 0;
        std::size_t characters = 0;
        while (length < diagnostic.excerpt.size() && characters < kExcerptMax) {
            const std::size_t next =
                utf8_length(std::string_view{diagnostic.excerpt}.substr(length));
            length += next == 0 ? 1 : next;
            ++characters;
        }
        diagnostic.excerpt.resize(length);
    }
    return diagnostic;
}

}  // namespace svcd
