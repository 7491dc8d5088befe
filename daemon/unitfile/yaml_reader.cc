#include "unitfile/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "core/types/utf8.h"
#include "unitfile/file_text.h"
#include "unitfile/suggestion.h"
#include "unitfile/yaml_explanation.h"
#include "unitfile/yaml_scalar.h"

namespace svcd {
namespace {

/// A list or a map, and what is in it, have at most the tag of a key's value.
constexpr std::size_t kTagDepthMax = 2;

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

    /// A value that begins with '&' and is not referred to: YAML took its first word for a name.
    void check_anchors() const {
        for (const auto& [id, anchored] : anchors_) {
            const bool is_scalar = anchored.node->kind == YamlNode::Kind::scalar ||
                                   anchored.node->kind == YamlNode::Kind::null;
            if (is_scalar && !anchored.used) {
                throw StopParsing{explain_yaml_error(source_, anchored.node->mark, "anchor")};
            }
        }
    }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_ > 0) {
            throw StopParsing{explain_second_document(source_, to_mark(mark))};
        }
        ++documents_;
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        check_key(mark);
        auto node = new_node(YamlNode::Kind::null, mark, anchor);
        node->text = null_as_written(mark);
        add(std::move(node), mark);
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& value) override {
        const YamlNode::Tag own_tag = read_tag(mark, tag);
        check_block(mark, value);
        check_written(mark, value);
        const bool is_null = own_tag != YamlNode::Tag::none && is_null_word(mark, value);
        auto node = new_node(is_null ? YamlNode::Kind::null : YamlNode::Kind::scalar, mark, anchor);
        node->text = value;
        node->tag = own_tag;
        add(std::move(node), mark);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            stop(mark, "an alias inside of what it stands for");
        }
        count(mark, found->second.nodes);
        found->second.used = true;
        add(found->second.node, mark);
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string& tag,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override {
        open(YamlNode::Kind::sequence, mark, anchor, style, read_tag(mark, tag));
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark,
                    const std::string& tag,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value style) override {
        open(YamlNode::Kind::map, mark, anchor, style, read_tag(mark, tag));
    }
    void OnMapEnd() override { close(); }

private:
    /// A list or map that is being read.
    struct Open {
        std::shared_ptr<YamlNode> node;
        YAML::anchor_t anchor = 0;
        std::size_t nodes_before = 0;
        bool in_one_line = false;  ///< between brackets
        bool has_key = false;
        std::string key;
        Mark key_mark;
    };
    struct Anchored {
        YamlNodePtr node;
        std::size_t nodes = 0;  ///< it and all below it
        bool used = false;
    };

    /// The parser calls the tag of a quoted scalar "!", and that of a value after a lone '!' too.
    YamlNode::Tag read_tag(const YAML::Mark& mark, const std::string& tag) const {
        if (tag == "!override") {
            return YamlNode::Tag::override_;
        }
        if (tag == "!reset") {
            return YamlNode::Tag::reset;
        }
        const bool is_written = tag == "!" && begins_with(mark, '!');
        if (is_written || (!tag.empty() && tag != "?" && tag != "!")) {
            static constexpr std::string_view kTags[] = {"!override", "!reset"};
            stop(mark,
                 "a YAML tag, for which unit files have no use but for !override and !reset: a "
                 "value that begins with '!' stands in quotes" +
                     suggestion(tag, kTags));
        }
        return YamlNode::Tag::none;
    }

    /// Whether a value behind a tag is one of YAML's words for nothing.
    bool is_null_word(const YAML::Mark& mark, const std::string& value) const {
        const std::size_t begin = value_begin(source_, static_cast<std::size_t>(mark.pos));
        const bool is_quoted = begin < source_.size() && !value.empty() &&
                               (source_[begin] == '"' || source_[begin] == '\'');
        return !is_quoted && (value.empty() || value == "null" || value == "Null" ||
                              value == "NULL" || value == "~");
    }

    /// To the parser a line without a colon may be a key that has no value.
    void check_key(const YAML::Mark& mark) const {
        if (open_.empty() || !open_.back().has_key || open_.back().in_one_line || mark.pos < 0) {
            return;
        }
        const Mark place = to_mark(mark);
        const Mark& key = open_.back().key_mark;
        if (place.line == key.line && place.column == key.column) {
            const auto begin = static_cast<std::size_t>(mark.pos);
            const std::string line = source_.substr(begin, source_.find('\n', begin) - begin);
            stop(mark, "not valid YAML: " + no_key_in_line(line));
        }
    }

    /// What the parser accepts and nobody means.
    void check_written(const YAML::Mark& mark, const std::string& value) const {
        if (mark.pos < 0 || value.empty()) {
            return;
        }
        const bool is_value = !open_.empty() && open_.back().has_key && !open_.back().in_one_line;
        const ScalarPlace place{value_begin(source_, static_cast<std::size_t>(mark.pos)),
                                is_value ? open_.back().key_mark.column : 0};
        if (auto fault = check_scalar(source_, place, value)) {
            throw StopParsing{{fault->mark, "not valid YAML: " + fault->message}};
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
            anchors_[anchor] = {node, 1, false};
        }
        return node;
    }

    void open(YamlNode::Kind kind,
              const YAML::Mark& mark,
              YAML::anchor_t anchor,
              YAML::EmitterStyle::value style,
              YamlNode::Tag tag) {
        if (open_.size() >= kYamlDepthMax) {
            stop(mark, "nested more than " + std::to_string(kYamlDepthMax) + " levels deep");
        }
        if (!open_.empty() && open_.back().node->kind == YamlNode::Kind::map &&
            !open_.back().has_key) {
            stop(mark, "a key must be a name, not a list or map");
        }
        const std::size_t nodes_before = nodes_;
        auto node = new_node(kind, mark, anchor);
        node->tag = tag;
        const bool in_one_line = style == YAML::EmitterStyle::Flow;
        open_.push_back({std::move(node), anchor, nodes_before, in_one_line, false, {}, {}});
    }

    void close() {
        const Open done = std::move(open_.back());
        open_.pop_back();
        if (done.anchor != 0) {
            anchors_[done.anchor] = {done.node, nodes_ - done.nodes_before, true};
        }
        add(done.node, YAML::Mark{});
    }

    void add(YamlNodePtr node, const YAML::Mark& mark) {
        const bool is_value = !open_.empty() && open_.back().has_key;
        if (node->tag != YamlNode::Tag::none && (!is_value || open_.size() > kTagDepthMax)) {
            throw StopParsing{
                {node->mark, "!override and !reset stand before the value of a section or a key"}};
        }
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

namespace {

tl::expected<YamlNodePtr, YamlFault> parse(const std::string& text) {
    try {
        std::istringstream stream{text};
        YAML::Parser parser{stream};
        TreeBuilder builder{text};
        while (parser.HandleNextDocument(builder)) {
        }
        builder.check_anchors();
        return builder.root() != nullptr ? builder.root() : std::make_shared<const YamlNode>();
    } catch (const StopParsing& stopped) {
        return tl::unexpected(stopped.fault);
    } catch (const YAML::Exception& exception) {
        return tl::unexpected(explain_yaml_error(text, to_mark(exception.mark), exception.msg));
    } catch (const std::exception& exception) {
        return tl::unexpected(YamlFault{{}, std::string("not valid YAML: ") + exception.what()});
    }
}

}  // namespace

tl::expected<YamlNodePtr, YamlFault> read_yaml(const std::string& text) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        return tl::unexpected(YamlFault{{1, 1}, "a byte order mark: write plain UTF-8"});
    }
    if (auto fault = check_text(text)) {
        return tl::unexpected(*std::move(fault));
    }
    auto root = parse(text);
    const bool is_map =
        root && ((*root)->kind == YamlNode::Kind::map || (*root)->kind == YamlNode::Kind::null);
    if (!is_map) {
        if (auto fault = explain_ini(text)) {
            return tl::unexpected(*std::move(fault));
        }
    }
    return root;
}

}  // namespace svcd
