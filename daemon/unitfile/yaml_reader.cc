#include "unitfile/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "unitfile/file_text.h"
#include "unitfile/utf8.h"

namespace svcd {
namespace {

Mark to_mark(const YAML::Mark& mark) {
    return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

/// Thrown through the parser by our own event handler; never leaves read_yaml().
struct StopParsing {
    YamlFault fault;
};

[[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    throw StopParsing{{to_mark(mark), std::move(message)}};
}

/// What can be seen without parsing.
std::optional<YamlFault> check_text(const std::string& text) {
    if (text.size() > kUnitFileMax) {
        return YamlFault{{}, "the text is too large for a unit file"};
    }
    Mark mark{1, 1};
    bool in_indentation = true;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = utf8_length(std::string_view{text}.substr(i));
        if (length == 0) {
            return YamlFault{mark, "a byte that isn't UTF-8"};
        }
        const char c = text[i];
        if (c == '\t' && in_indentation) {
            // A line of nothing but blanks is no indentation.
            const std::size_t next = text.find_first_not_of(" \t\r", i);
            if (next != std::string::npos && text[next] != '\n') {
                return YamlFault{mark, "a tab: YAML is indented with spaces"};
            }
        }
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
            return YamlFault{mark, "a control character"};
        }
        in_indentation = c == '\n' || (in_indentation && (c == ' ' || c == '\t'));
        if (c == '\n') {
            mark = {mark.line + 1, 1};
        } else {
            mark.column += static_cast<int>(length);
        }
        if (mark.column > kYamlLineMax) {
            return YamlFault{mark,
                             "a line of more than " + std::to_string(kYamlLineMax) + " bytes"};
        }
        i += length;
    }
    return std::nullopt;
}

/// Makes the tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
public:
    explicit TreeBuilder(const std::string& source) : source_{source} {}

    YamlNodePtr root() const { return root_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_ > 0) {
            stop(mark, "a second document: a unit file is one");
        }
        ++documents_;
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        auto node = new_node(YamlNode::Kind::null, mark, anchor);
        node->text = null_as_written(mark);
        add(std::move(node), mark);
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& value) override {
        check_tag(mark, tag);
        check_block(mark, value);
        auto node = new_node(YamlNode::Kind::scalar, mark, anchor);
        node->text = value;
        add(std::move(node), mark);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            stop(mark, "an alias inside of what it stands for");
        }
        count(mark, found->second.nodes);
        add(found->second.node, mark);
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string& tag,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        check_tag(mark, tag);
        open(YamlNode::Kind::sequence, mark, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark,
                    const std::string& tag,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        check_tag(mark, tag);
        open(YamlNode::Kind::map, mark, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    /// A list or map that is being read.
    struct Open {
        std::shared_ptr<YamlNode> node;
        YAML::anchor_t anchor = 0;
        std::size_t nodes_before = 0;
        bool has_key = false;
        std::string key;
        Mark key_mark;
    };
    struct Anchored {
        YamlNodePtr node;
        std::size_t nodes = 0;  ///< it and all below it
    };

    /// The parser calls the tag of a quoted scalar "!", and that of a value after a lone '!' too.
    void check_tag(const YAML::Mark& mark, const std::string& tag) const {
        const bool is_written = tag == "!" && begins_with(mark, '!');
        if (is_written || (!tag.empty() && tag != "?" && tag != "!")) {
            stop(mark,
                 "a YAML tag, for which unit files have no use: a value that begins with '!' "
                 "stands in quotes");
        }
    }

    /// To YAML `>4` is the head of a block of text, here an empty one, which would reset a setting.
    void check_block(const YAML::Mark& mark, const std::string& value) const {
        if (value.empty() && (begins_with(mark, '|') || begins_with(mark, '>'))) {
            stop(mark,
                 "an empty block of text: a value that begins with '|' or '>' stands in quotes");
        }
    }

    bool begins_with(const YAML::Mark& mark, char c) const {
        return mark.pos >= 0 && static_cast<std::size_t>(mark.pos) < source_.size() &&
               source_[static_cast<std::size_t>(mark.pos)] == c;
    }

    /// Settings that know the word null (StandardOutput) need to tell it from nothing at all. The
    /// mark of a value that is left out points at whatever comes next.
    std::string null_as_written(const YAML::Mark& mark) const {
        const auto place = static_cast<std::size_t>(mark.pos);
        for (const std::string_view word : {"null", "Null", "NULL", "~"}) {
            if (mark.pos < 0 || place > source_.size() ||
                source_.compare(place, word.size(), word) != 0) {
                continue;
            }
            const std::size_t end = place + word.size();
            if (end >= source_.size() ||
                std::string_view{" \t\r\n,]}"}.find(source_[end]) != std::string_view::npos) {
                return std::string{word};
            }
        }
        return {};
    }

    void count(const YAML::Mark& mark, std::size_t nodes) {
        nodes_ += nodes;
        if (nodes_ > kYamlNodesMax) {
            stop(mark, "more than " + std::to_string(kYamlNodesMax) +
                           " values, counting what aliases stand for");
        }
    }

    std::shared_ptr<YamlNode> new_node(YamlNode::Kind kind,
                                       const YAML::Mark& mark,
                                       YAML::anchor_t anchor) {
        count(mark, 1);
        auto node = std::make_shared<YamlNode>();
        node->kind = kind;
        node->mark = to_mark(mark);
        if (anchor != 0 && kind != YamlNode::Kind::sequence && kind != YamlNode::Kind::map) {
            anchors_[anchor] = {node, 1};
        }
        return node;
    }

    void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (open_.size() >= kYamlDepthMax) {
            stop(mark, "nested more than " + std::to_string(kYamlDepthMax) + " levels deep");
        }
        if (!open_.empty() && open_.back().node->kind == YamlNode::Kind::map &&
            !open_.back().has_key) {
            stop(mark, "a key must be a name, not a list or map");
        }
        const std::size_t nodes_before = nodes_;
        open_.push_back({new_node(kind, mark, anchor), anchor, nodes_before, false, {}, {}});
    }

    void close() {
        const Open done = std::move(open_.back());
        open_.pop_back();
        if (done.anchor != 0) {
            anchors_[done.anchor] = {done.node, nodes_ - done.nodes_before};
        }
        add(done.node, YAML::Mark{});
    }

    void add(YamlNodePtr node, const YAML::Mark& mark) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = open_.back();
        if (parent.node->kind == YamlNode::Kind::sequence) {
            parent.node->items.push_back(std::move(node));
            return;
        }
        if (parent.has_key) {
            parent.has_key = false;
            parent.node->entries.push_back(
                {std::move(parent.key), parent.key_mark, std::move(node)});
            return;
        }
        if (node->kind != YamlNode::Kind::scalar || node->text.empty()) {
            stop(mark, "a key must be a name");
        }
        check_unique(parent, node->text, mark);
        parent.has_key = true;
        parent.key = node->text;
        parent.key_mark = to_mark(mark);
    }

    /// The keys of a map are few in earnest; a map of thousands is checked through an index.
    void check_unique(const Open& map, const std::string& key, const YAML::Mark& mark) {
        const auto [place, is_new] =
            keys_.try_emplace({map.node.get(), key}, static_cast<int>(mark.line + 1));
        if (!is_new) {
            stop(mark, "'" + key + "' stands here twice (first in line " +
                           std::to_string(place->second) + ")");
        }
    }

    const std::string& source_;
    YamlNodePtr root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Anchored> anchors_;
    std::map<std::pair<const YamlNode*, std::string>, int> keys_;
    std::size_t nodes_ = 0;
    int documents_ = 0;
};

}  // namespace

tl::expected<YamlNodePtr, YamlFault> read_yaml(const std::string& text) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        return tl::unexpected(YamlFault{{1, 1}, "a byte order mark: write plain UTF-8"});
    }
    if (auto fault = check_text(text)) {
        return tl::unexpected(*std::move(fault));
    }
    try {
        std::istringstream stream{text};
        YAML::Parser parser{stream};
        TreeBuilder builder{text};
        while (parser.HandleNextDocument(builder)) {
        }
        return builder.root() != nullptr ? builder.root() : std::make_shared<const YamlNode>();
    } catch (const StopParsing& stopped) {
        return tl::unexpected(stopped.fault);
    } catch (const YAML::Exception& exception) {
        return tl::unexpected(
            YamlFault{to_mark(exception.mark), "not valid YAML: " + exception.msg});
    } catch (const std::exception& exception) {
        return tl::unexpected(YamlFault{{}, std::string("not valid YAML: ") + exception.what()});
    }
}

}  // namespace svcd
