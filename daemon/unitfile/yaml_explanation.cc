#include "unitfile/yaml_explanation.h"

#include <algorithm>
#include <array>
#include <vector>

#include "unitfile/values.h"
#include "unitfile/yaml_scalar.h"

namespace svcd {
namespace {

constexpr std::string_view kNotYaml = "not valid YAML: ";
/// Of a value that is shown as it should be.
constexpr std::size_t kShownMax = 200;

/// The text by its lines, which count from 1.
class Lines {
public:
    explicit Lines(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            std::string_view line = text.substr(0, end);
            if (line.ends_with('\r')) {
                line.remove_suffix(1);
            }
            lines_.push_back(line);
            text.remove_prefix(std::min(end + 1, text.size()));
        }
    }
    std::string_view at(int line) const {
        const bool is_there = line >= 1 && static_cast<std::size_t>(line) <= lines_.size();
        return is_there ? lines_[static_cast<std::size_t>(line) - 1] : std::string_view{};
    }
    /// The next line above that says anything; 0: none.
    int above(int line) const {
        for (--line; line >= 1; --line) {
            if (!without_comment(at(line)).empty()) {
                return line;
            }
        }
        return 0;
    }
    int count() const { return static_cast<int>(lines_.size()); }

private:
    std::vector<std::string_view> lines_;
};

int indent_of(std::string_view line) {
    return static_cast<int>(std::min(line.find_first_not_of(' '), line.size()));
}

YamlFault fault(Mark mark, std::string message) {
    return {mark, std::string(kNotYaml) + std::move(message)};
}

std::string spaces(int count) {
    return std::to_string(count) + (count == 1 ? " space" : " spaces");
}

/// ": KEY: \"VALUE\"", or nothing when that would be too long to help.
std::string shown_in_quotes(std::string_view key, std::string_view value) {
    if (value.size() > kShownMax) {
        return {};
    }
    return ": " + (key.empty() ? std::string{} : std::string(key) + ": ") + in_quotes(value);
}

YamlFault about_first_character(const Lines& lines, Mark mark, std::string_view why) {
    const std::string_view line = lines.at(mark.line);
    const auto begin = static_cast<std::size_t>(std::max(mark.column, 1) - 1);
    if (begin >= line.size()) {
        return fault(mark, std::string(why));
    }
    const auto key_line = read_key_line(line);
    const bool is_value = key_line && key_line->value_column == mark.column;
    // In a list or map in one line the word ends at the next comma or bracket.
    const std::string_view rest = without_comment(line.substr(begin));
    const std::string_view value =
        is_value ? key_line->value : trim(rest.substr(0, rest.find_first_of(",]}")));
    return fault(mark, std::string("a value that begins with '") + line[begin] +
                           "' stands in quotes" +
                           shown_in_quotes(is_value ? key_line->key : std::string_view{}, value) +
                           (why.empty() ? std::string{} : " (" + std::string(why) + ")"));
}

/// The parser noticed a '*' or '&' when it was past it.
YamlFault about_reference(const Lines& lines, Mark mark) {
    const std::string_view line = lines.at(mark.line);
    for (int column = mark.column; column >= 1; --column) {
        const auto at = static_cast<std::size_t>(column) - 1;
        if (at < line.size() && (line[at] == '*' || line[at] == '&')) {
            return about_first_character(lines, {mark.line, column},
                                         "to YAML it is a reference to another value");
        }
    }
    return fault(mark, "a reference to a value that there is not");
}

/// The line above should have had a key and has none; or nothing.
std::optional<YamlFault> about_key_line(const Lines& lines, int line) {
    const std::string_view text = lines.at(line);
    const int indent = indent_of(text);
    if (auto problem = problem_of_key_line(trim(text))) {
        return fault({line, indent + 1}, *std::move(problem));
    }
    return std::nullopt;
}

/// The line is indented otherwise than everything that it could belong to.
std::optional<YamlFault> about_indent(const Lines& lines, int line) {
    const int indent = indent_of(lines.at(line));
    std::string above;
    int least = -1;
    for (int each = lines.above(line); each != 0; each = lines.above(each)) {
        const auto key_line = read_key_line(lines.at(each));
        if (!key_line || (least >= 0 && key_line->indent >= least)) {
            continue;
        }
        least = key_line->indent;
        if (least == indent) {
            return std::nullopt;
        }
        above += (above.empty() ? "" : ", ") + std::string("'") + std::string(key_line->key) +
                 "' in line " + std::to_string(each) + " by " + spaces(least);
        if (least == 0) {
            break;
        }
    }
    if (above.empty()) {
        return std::nullopt;
    }
    return fault({line, indent + 1}, "this line is indented by " + spaces(indent) +
                                         ", as nothing above it is: " + above +
                                         "; keys that belong together begin in one column");
}

/// A ':' where no key can end.
YamlFault about_colon(const Lines& lines, Mark mark) {
    const std::string_view line = lines.at(mark.line);
    const auto key_line = read_key_line(line);
    if (!key_line) {
        return fault(mark, "a ': ' where there can be none: a value that has one stands in quotes");
    }
    const int colon = key_line->key_column + static_cast<int>(key_line->key.size());
    if (colon < mark.column) {
        const std::string shown =
            key_line->item
                ? shown_in_quotes(
                      {}, trim(line.substr(static_cast<std::size_t>(key_line->key_column - 1))))
                : shown_in_quotes(key_line->key, key_line->value);
        return fault(mark,
                     "to YAML a ': ' ends a key; a value that has one stands in quotes" + shown);
    }
    const int above = lines.above(mark.line);
    if (auto found = about_key_line(lines, above)) {
        return *found;
    }
    if (auto found = about_indent(lines, mark.line)) {
        return *found;
    }
    return fault(mark,
                 "this key stands where the value of line " + std::to_string(above) + " goes on");
}

/// Something behind a value that has ended already, or a line that fits nothing above it.
YamlFault about_end_of_map(const Lines& lines, Mark mark) {
    const std::string_view line = lines.at(mark.line);
    const int indent = indent_of(line);
    if (mark.column == indent + 1) {
        if (auto found = about_key_line(lines, mark.line)) {
            return *found;
        }
        if (auto found = about_indent(lines, mark.line)) {
            return *found;
        }
        if (trim(line).starts_with("- ")) {
            return fault(mark,
                         "an item of a list, where a key belongs: either all lines here begin with "
                         "'- ', or none does");
        }
        return fault(mark, read_key_line(line) ? "a key, where the list above goes on"
                                               : "this line has no key: a key is followed by ': '");
    }
    const auto key_line = read_key_line(line);
    if (!key_line || key_line->value_column == 0) {
        return fault(mark, "this can't stand here: the value before it has ended");
    }
    const char first = key_line->value.front();
    if (mark.column == key_line->value_column) {
        return about_first_character(lines, mark, {});
    }
    return fault(mark, std::string("the value has ended before this, since it begins with ") +
                           first + ": in quotes it is one value" +
                           shown_in_quotes(key_line->key, key_line->value));
}

/// A list or map in one line that is not closed, or has something in it that can't be there.
YamlFault about_brackets(const Lines& lines, Mark mark, char open) {
    const char close = open == '[' ? ']' : '}';
    const char* const what = open == '[' ? "list" : "map";
    for (int line = std::min(mark.line, lines.count()); line >= 1; --line) {
        const auto key_line = read_key_line(lines.at(line));
        if (!key_line || key_line->value_column == 0 || key_line->value.front() != open) {
            continue;
        }
        if (line == mark.line && key_line->value.find(close) != std::string_view::npos) {
            return fault(mark, std::string("in a ") + what + " between " + open + " and " + close +
                                   " a value that has ': ' or ', ' in it, or one of []{}, stands "
                                   "in quotes");
        }
        return fault({line, key_line->value_column},
                     std::string("the ") + what + " that begins here is not closed: its end is '" +
                         close + "'");
    }
    return fault(mark, std::string("a ") + what + " is not closed with '" + close + "'");
}

YamlFault about_escape(Mark mark, std::string_view message) {
    const char c = message.empty() ? '\\' : message.back();
    return fault(mark, std::string("between \" and \" a backslash begins an escape, and '\\") + c +
                           "' is none: write '\\\\" + c + "', or put the value between ' and '");
}

bool is_section_line(std::string_view line) {
    if (!line.starts_with('[') || !line.ends_with(']') || line.size() < 3) {
        return false;
    }
    const std::string_view name = line.substr(1, line.size() - 2);
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
}

}  // namespace

YamlFault explain_yaml_error(const std::string& text, Mark mark, std::string_view message) {
    const Lines lines{text};
    if (message == "illegal map value") {
        return about_colon(lines, mark);
    }
    if (message == "end of map not found" || message == "end of sequence not found") {
        return about_end_of_map(lines, mark);
    }
    if (message == "end of sequence flow not found") {
        return about_brackets(lines, mark, '[');
    }
    if (message == "end of map flow not found") {
        return about_brackets(lines, mark, '{');
    }
    if (message == "unknown token" || message == "illegal flow end" ||
        message == "illegal map key") {
        return about_first_character(lines, mark, {});
    }
    if (message == "illegal block entry") {
        return about_first_character(lines, mark,
                                     "to YAML '- ' begins an item of a list, on a line of its own");
    }
    if (message == "unexpected character in block scalar") {
        return about_first_character(lines, {mark.line, mark.column - 1},
                                     "to YAML it is the head of a block of text");
    }
    if (message.find("anchor") != std::string_view::npos ||
        message.find("alias") != std::string_view::npos) {
        return about_reference(lines, mark);
    }
    if (message.starts_with("unknown escape character")) {
        return about_escape(mark, message);
    }
    if (constexpr std::string_view kVersion = "bad YAML version: "; message.starts_with(kVersion)) {
        message.remove_prefix(kVersion.size());
        return fault(mark, std::string(kVersion) + "'" + std::string(message) + "'");
    }
    return fault(mark, std::string(message));
}

YamlFault explain_second_document(const std::string& text, Mark mark) {
    const Lines lines{text};
    const std::string_view line = lines.at(mark.line);
    if (!line.starts_with("---") && !lines.at(lines.above(mark.line)).starts_with("...")) {
        if (auto found = about_indent(lines, mark.line)) {
            return *found;
        }
    }
    return {mark, "a second document: a unit file is one"};
}

std::optional<YamlFault> explain_ini(const std::string& text) {
    const Lines lines{text};
    std::string section;
    for (int number = 1; number <= lines.count(); ++number) {
        const std::string_view line = trim(lines.at(number));
        if (line.empty() || line.starts_with('#') || line.starts_with(';')) {
            continue;
        }
        if (section.empty() && is_section_line(line)) {
            section = line.substr(1, line.size() - 2);
            continue;
        }
        const std::size_t equals = line.find('=');
        const std::string_view key = trim(line.substr(0, equals));
        const bool sets = equals != std::string_view::npos && !key.empty() &&
                          key.find_first_of(" :'\"[{") == std::string_view::npos;
        if (section.empty() && !sets) {
            return std::nullopt;
        }
        std::string message = "this is the form of systemd's unit files; those of svcd are YAML";
        if (sets && line.size() <= kShownMax) {
            const std::string_view value = trim(line.substr(equals + 1));
            const bool is_plain = value.find(": ") == std::string_view::npos &&
                                  value.find_first_of("@%`*&!|>'\"[]{}#,?-") != 0;
            message += ": a line '" + (section.empty() ? "Service" : section) +
                       ":', and below it, indented, '" + std::string(key) + ": " +
                       (is_plain ? std::string(value) : in_quotes(value)) + "'";
        }
        return YamlFault{{number, 1}, message + " (docs/units.md shows how they look)"};
    }
    return section.empty()
               ? std::nullopt
               : std::optional{YamlFault{{1, 1},
                                         "a section is written '" + section + ":', not '[" +
                                             section + "]': unit files of svcd are YAML"}};
}

}  // namespace svcd
