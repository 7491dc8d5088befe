#include "unitfile/diagnostic.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "unitfile/utf8.h"
#include "unitfile/yaml_reader.h"

namespace svcd {
namespace {

constexpr std::size_t kExcerptMax = 120;

}  // namespace

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
                           std::string message) {
    Diagnostic diagnostic;
    diagnostic.unit = unit;
    diagnostic.file = path;
    diagnostic.message = std::move(message);
    diagnostic.line = mark.line;
    if (mark.line <= 0) {
        return diagnostic;
    }
    std::string_view rest = text;
    for (int line = 1; line < mark.line && !rest.empty(); ++line) {
        rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    }
    std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    const auto before = static_cast<std::size_t>(std::max(mark.column, 1) - 1);
    diagnostic.column =
        static_cast<int>(utf8_count(line.substr(0, std::min(before, line.size())))) + 1;
    for (const char c : line) {
        const auto byte = static_cast<unsigned char>(c);
        diagnostic.excerpt += byte < 0x20 || byte == 0x7f ? ' ' : c;
    }
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
