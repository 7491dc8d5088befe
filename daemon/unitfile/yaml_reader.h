// YAML text to a small tree of our own nodes. Everything about YAML that a unit file has no use for
// ends here: yaml-cpp and its exceptions, all tags but two, several documents, anchors that grow.
//
// The reader is bounded before it is anything else. Text is checked for size, UTF-8, control
// characters and tabs before the parser sees it; the tree is made from the parser's events, so that
// nesting is refused on the way down and an alias is a pointer, never a copy. What all aliases
// would amount to when followed is counted, because whoever walks the tree follows them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace svcd {

/// Sections, keys, a list, lists in it: unit files need four.
inline constexpr std::size_t kYamlDepthMax = 16;
/// Nodes of a document, counting each alias as what it stands for.
inline constexpr std::size_t kYamlNodesMax = 65536;

/// Bytes of a line: the parser holds a line's tokens in memory while it looks for the end of a key.
inline constexpr int kYamlLineMax = 65536;

/// A place in a file. Both count from 1; the column counts bytes.
struct Mark {
    int line = 0;
    int column = 0;
};

struct YamlNode;
using YamlNodePtr = std::shared_ptr<const YamlNode>;

struct YamlEntry {
    std::string key;
    Mark mark;
    YamlNodePtr value;
};

struct YamlNode {
    enum class Kind : unsigned char { null, scalar, sequence, map };
    /// `!override` and `!reset` before the value of a section or a key.
    enum class Tag : unsigned char { none, override_, reset };
    Kind kind = Kind::null;
    Tag tag = Tag::none;
    Mark mark;
    std::string text;                ///< of a scalar; of a null as it is written: "null", "~", ""
    std::vector<YamlNodePtr> items;  ///< of a sequence
    std::vector<YamlEntry> entries;  ///< of a map, in the order of the file; no key twice
};

/// What is wrong, and where.
struct YamlFault {
    Mark mark;
    std::string message;
};

/// The root node of the text's only document. An empty document is a null node.
tl::expected<YamlNodePtr, YamlFault> read_yaml(const std::string& text);

}  // namespace svcd
