// The YAML parser's errors in people's words: what is wrong with the line, and how it is written
// instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "unitfile/yaml_reader.h"

namespace svcd {

/// `message` is the parser's own. The place may be another than the parser's, where that is nearer
/// to what is wrong.
YamlFault explain_yaml_error(const std::string& text, Mark mark, std::string_view message);

/// A second document that begins at `mark`.
YamlFault explain_second_document(const std::string& text, Mark mark);

/// What to tell of a file in systemd's own form; nothing when it is none.
std::optional<YamlFault> explain_ini(const std::string& text);

}  // namespace svcd
