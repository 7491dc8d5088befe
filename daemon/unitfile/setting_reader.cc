#include "unitfile/setting_reader.h"

#include <algorithm>
#include <array>

namespace svcd {

bool is_reset(const YamlNode& value) {
    switch (value.kind) {
        case YamlNode::Kind::null:
            return true;
        case YamlNode::Kind::scalar:
            return trim(value.text).empty();
        case YamlNode::Kind::sequence:
            return value.items.empty();
        case YamlNode::Kind::map:
            return value.entries.empty();
    }
    return false;
}

bool is_bare_tilde(const SettingRow& row, const YamlNode& value) {
    constexpr auto kPaths = std::to_array<std::string_view>(
        {"WorkingDirectory", "EnvironmentFile", "PIDFile", "RequiresMountsFor", "SourcePath"});
    const std::string_view key = row.key;
    const bool is_wanted =
        std::find(kPaths.begin(), kPaths.end(), key) != kPaths.end() ||
        row.kind == SettingKind::commands ||
        (row.group == SettingGroup::condition && (key.find("Path") != std::string_view::npos ||
                                                  key.find("File") != std::string_view::npos ||
                                                  key.find("Directory") != std::string_view::npos));
    if (!is_wanted) {
        return false;
    }
    const auto is_tilde = [](const YamlNode& node) {
        return node.kind == YamlNode::Kind::null && node.text == "~";
    };
    return is_tilde(value) || std::any_of(value.items.begin(), value.items.end(),
                                          [&](const YamlNodePtr& item) { return is_tilde(*item); });
}

void fail_bare_tilde(Reading& reading, const YamlNode& value) {
    const bool is_home = reading.key == "WorkingDirectory";
    const YamlNode* where = &value;
    for (const YamlNodePtr& item : value.items) {
        if (item->kind == YamlNode::Kind::null && item->text == "~") {
            where = item.get();
            break;
        }
    }
    fail_value(reading, *where,
               std::string("without quotes ~ is YAML's word for nothing: write ") +
                   (is_home ? "\"~\" for the home directory of the service's user"
                            : "the whole path (the home directory is %h)") +
                   ", or null to take back what was set");
}

void fail_value(Reading& reading, const YamlNode& value, const std::string& problem) {
    reading.fail(value.mark, std::string(reading.key) + ": " + problem);
}

const std::string* single_text(Reading& reading, const YamlNode& value) {
    if (value.kind == YamlNode::Kind::scalar) {
        return &value.text;
    }
    fail_value(reading, value,
               std::string("takes one value, not a ") +
                   (value.kind == YamlNode::Kind::map ? "map" : "list"));
    return nullptr;
}

std::optional<std::string> expand(Reading& reading, const YamlNode& value, std::string_view text) {
    auto expanded = reading.specifiers.expand(text, reading.name);
    if (!expanded) {
        fail_value(reading, value, expanded.error());
        return std::nullopt;
    }
    return *std::move(expanded);
}

void read_words(Reading& reading,
                const YamlNode& value,
                const std::function<void()>& clear,
                const std::function<void(const std::string&, const YamlNode&)>& add) {
    if (is_reset(value)) {
        clear();
        return;
    }
    if (value.kind == YamlNode::Kind::map) {
        fail_value(reading, value, "takes a list, not a map");
        return;
    }
    const auto add_words = [&](const YamlNode& node) {
        for (const std::string_view word : split_words(node.text)) {
            if (const auto expanded = expand(reading, node, word)) {
                add(*expanded, node);
            }
        }
    };
    if (value.kind == YamlNode::Kind::scalar) {
        add_words(value);
        return;
    }
    for (const YamlNodePtr& item : value.items) {
        if (item->kind == YamlNode::Kind::null) {
            clear();
        } else if (item->kind == YamlNode::Kind::scalar) {
            add_words(*item);
        } else {
            fail_value(reading, *item, "takes a list of words, not of lists or maps");
        }
    }
}

std::optional<UnitName> read_unit_name(Reading& reading,
                                       const std::string& word,
                                       const YamlNode& node) {
    auto name = parse_unit_name(word);
    if (!name) {
        const bool lacks_suffix = parse_unit_name(word + ".service").has_value();
        fail_value(reading, node,
                   "'" + word + "' is not the name of a unit" +
                       (lacks_suffix ? ", did you mean '" + word + ".service'?" : std::string{}));
        return std::nullopt;
    }
    if (name->is_template() && reading.name.is_instance()) {
        name = parse_unit_name(name->instance_name(reading.name.instance));
    }
    return name;
}

Parsed<std::size_t> parse_choice(std::string_view text,
                                 std::span<const std::string_view> words,
                                 std::span<const std::string_view> not_yet) {
    const std::string_view word = trim(text);
    const auto found = std::find(words.begin(), words.end(), word);
    if (found != words.end()) {
        return static_cast<std::size_t>(found - words.begin());
    }
    if (std::find(not_yet.begin(), not_yet.end(), word) != not_yet.end()) {
        return Unparsable{"'" + std::string(word) + "' is not supported by this version"};
    }
    std::string problem = "'" + std::string(word) + "' is none of ";
    for (std::size_t i = 0; i < words.size(); ++i) {
        problem += (i == 0 ? "" : ", ") + std::string(words[i]);
    }
    return Unparsable{problem + suggestion(word, words)};
}

}  // namespace svcd
