#include "unitfile/diagnostic.h"

namespace svcd {

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

}  // namespace svcd
