// What is generated from the table of settings: the JSON schema for editors, and the page of
// documentation.
#include "unitfile/json_writer.h"
#include "unitfile/schema.h"
#include "unitfile/setting_row.h"

namespace svcd {
namespace {

std::string json_string(std::string_view text) {
    std::string json;
    append_json_string(json, text);
    return json;
}

/// Shared shapes of the JSON schema. `null` resets in every setting.
constexpr std::string_view kDefinitions = R"json({
    "text": {"type": ["string", "number", "boolean", "null"]},
    "boolean": {"type": ["boolean", "integer", "null", "string"], "pattern": "^([yY]|[yY][eE][sS]|[tT]|[tT][rR][uU][eE]|[oO][nN]|1|[nN]|[nN][oO]|[fF]|[fF][aA][lL][sS][eE]|[oO][fF][fF]|0)?$"},
    "duration": {"type": ["number", "null", "string"], "minimum": 0, "pattern": "^[ 0-9.a-zA-Zµμ+]*$"},
    "number": {"type": ["integer", "null", "string"], "pattern": "^[-+]?[0-9]*$"},
    "octal": {"type": ["integer", "null", "string"], "pattern": "^[0-7]{0,5}$"},
    "signal": {"type": ["integer", "null", "string"], "pattern": "^((SIG)?[A-Z][A-Z0-9]*([-+][0-9]+)?|[0-9]{1,3})?$"},
    "limit": {"type": ["integer", "null", "string"]},
    "words": {"anyOf": [{"type": ["string", "number", "null"]}, {"type": "array", "items": {"type": ["string", "number", "null"]}}]},
    "texts": {"anyOf": [{"$ref": "#/definitions/text"}, {"type": "array", "items": {"$ref": "#/definitions/text"}}]},
    "command": {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
    "commands": {"anyOf": [{"type": ["string", "null"]}, {"$ref": "#/definitions/command"}, {"type": "array", "items": {"anyOf": [{"type": ["string", "null"]}, {"$ref": "#/definitions/command"}]}}]},
    "environment": {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": ["string", "null"]}}, {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}]}
  })json";

std::string_view name_of(SettingKind kind) {
    switch (kind) {
        case SettingKind::text:
            return "text";
        case SettingKind::boolean:
            return "boolean";
        case SettingKind::duration:
            return "duration";
        case SettingKind::number:
            return "number";
        case SettingKind::octal:
            return "octal";
        case SettingKind::signal:
            return "signal";
        case SettingKind::limit:
            return "limit";
        case SettingKind::choice:
            return "choice";
        case SettingKind::words:
            return "words";
        case SettingKind::texts:
            return "texts";
        case SettingKind::commands:
            return "commands";
        case SettingKind::environment:
            return "environment";
    }
    return {};
}

std::string_view words_for(SettingKind kind) {
    switch (kind) {
        case SettingKind::text:
            return "text";
        case SettingKind::boolean:
            return "yes or no";
        case SettingKind::duration:
            return "time span";
        case SettingKind::number:
            return "number";
        case SettingKind::octal:
            return "octal number";
        case SettingKind::signal:
            return "signal";
        case SettingKind::limit:
            return "limit";
        case SettingKind::choice:
            return "choice";
        case SettingKind::words:
            return "list";
        case SettingKind::texts:
            return "text, or a list";
        case SettingKind::commands:
            return "commands";
        case SettingKind::environment:
            return "variables";
    }
    return {};
}

std::string json_setting(const SettingRow& row) {
    std::string json = json_string(row.key) + ": {\"description\": " + json_string(row.doc) + ", ";
    if (row.kind != SettingKind::choice) {
        return json + "\"allOf\": [{\"$ref\": \"#/definitions/" + std::string(name_of(row.kind)) +
               "\"}]}";
    }
    json += "\"enum\": [";
    for (const std::string_view choice : row.choices) {
        json += json_string(choice) + ", ";
        if (choice == "no") {
            json += "false, ";  // how YAML's editors read the bare word
        }
    }
    return json + "null]}";
}

std::string json_section(std::string_view section, std::string_view description) {
    std::string json = "    " + json_string(section) +
                       ": {\n      \"description\": " + json_string(description) +
                       ",\n      \"type\": [\"object\", \"null\"],\n" +
                       "      \"additionalProperties\": false,\n" +
                       "      \"patternProperties\": {\"^X-\": {}},\n      \"properties\": {\n";
    bool first = true;
    for (const std::string_view key : keys_of_section(section)) {
        json += (first ? "        " : ",\n        ") + json_setting(*find_setting(section, key));
        first = false;
    }
    return json + "\n      }\n    }";
}

std::string markdown_table(SettingGroup group) {
    std::string text = "| key | value | meaning | shown as |\n| --- | --- | --- | --- |\n";
    for (const SettingRow* row : all_settings()) {
        const bool is_pair = group == SettingGroup::condition && row->key.starts_with("Assert");
        if (row->group != group || is_pair) {
            continue;  // of Condition and Assert one row is enough
        }
        std::string value{words_for(row->kind)};
        if (row->kind == SettingKind::choice) {
            value.clear();
            for (const std::string_view choice : row->choices) {
                value += (value.empty() ? "`" : ", `") + std::string(choice) + "`";
            }
        }
        std::string shown;
        for (const SettingProperty& property : row->properties) {
            if (property.value != nullptr) {
                shown += (shown.empty() ? "`" : ", `") + std::string(property.name) + "`";
            }
        }
        text += "| `" + std::string(row->key) + "` | " + value + " | " + std::string(row->doc) +
                " | " + shown + " |\n";
    }
    return text;
}

}  // namespace

std::string json_schema() {
    return "{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
           "  \"title\": \"svcd unit file\",\n"
           "  \"description\": \"NAME.TYPE.yaml; generated from the table of settings\",\n"
           "  \"type\": \"object\",\n  \"additionalProperties\": false,\n"
           "  \"patternProperties\": {\"^X-\": {}},\n  \"properties\": {\n" +
           json_section("Unit", "What holds for every type of unit") + ",\n" +
           json_section("Service", "Of services: what is run, and how") + ",\n" +
           json_section("Kill", "Of services: how they are ended; may stand in Service too") +
           ",\n" + json_section("Slice", "Of slices: no keys in this version") + ",\n" +
           json_section("Install", "What enable does") +
           "\n  },\n  \"definitions\": " + std::string(kDefinitions) + "\n}\n";
}

std::string settings_markdown() {
    return "# Settings of unit files\n\n"
           "Generated from the table of settings (`daemon/unitfile/settings_*.cc`) by `svcd-schema "
           "markdown`; a test\ncompares. Names and meanings are systemd's: systemd.unit(5), "
           "systemd.service(5), systemd.exec(5),\nsystemd.kill(5). The last column is the "
           "property that `svctl show` prints.\n\n"
           "How values are written: a time span is `20s`, `1min 30s`, `1.5h`, a number of seconds, "
           "or `infinity`; a list\nis a YAML list, or a string split at blanks; a signal is "
           "`SIGTERM`, `TERM` or a number; a limit is a value\nor `SOFT:HARD`, in bytes with the "
           "suffixes K, M, G, T (1024) where it is a size. Commands are one string in\nsystemd's "
           "quoting, or one list that is argv word for word; several commands are a list of "
           "lists, or a list of\nstrings whose first has blanks. `null`, an empty string or `[]` "
           "sets a key back; a `null` at the head of a list\nclears what other files of the unit "
           "put there.\n\n"
           "## Unit\n\n" +
           markdown_table(SettingGroup::unit) + "\n## Unit: relations with other units\n\n" +
           markdown_table(SettingGroup::relation) +
           "\n## Unit: conditions\n\n"
           "Checked when a start begins, after everything the unit is ordered after. A `Condition` "
           "that doesn't hold skips\nthe start, which is no failure; each exists as `Assert` too "
           "(`AssertPathExists` ...), where the start fails. Before\nthe value may stand `!`, "
           "\"not\", "
           "and before that `|`: of all that have it one is enough. In YAML a value with such\na "
           "prefix, or one that begins with `>`, stands in quotes. `null`, an empty string or `[]` "
           "takes back all\nconditions, of whatever kind, and of Asserts all Asserts.\n\n" +
           markdown_table(SettingGroup::condition) + "\n## Service\n\n" +
           markdown_table(SettingGroup::service) +
           "\n## Service: how it is ended\n\nThese may stand in a section `Kill` too.\n\n" +
           markdown_table(SettingGroup::kill) + "\n## Service: its process\n\n" +
           markdown_table(SettingGroup::exec) + "\n## Install\n\n" +
           markdown_table(SettingGroup::install);
}

}  // namespace svcd
