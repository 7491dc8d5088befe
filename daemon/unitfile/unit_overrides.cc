#include "unitfile/unit_overrides.h"

#include <string_view>

#include "unitfile/setting_reader.h"

namespace svcd {
namespace {

/// What the files after one take back.
struct Later {
    std::unordered_set<std::string_view> sections;
    std::unordered_set<const SettingRow*> settings;
};

}  // namespace

TakenBack::TakenBack(std::span<const UnitSource* const> sources, ExecStartInDropIn exec_start) {
    const SettingRow* const exec_start_row = find_setting("Service", "ExecStart");
    Later later;
    for (std::size_t i = sources.size(); i-- > 0;) {
        Later own;
        for (const YamlEntry& section : sources[i]->root->entries) {
            const bool section_is_gone = later.sections.contains(section.key);
            if (section_is_gone) {
                entries_.insert(&section);
            } else if (section.value->tag != YamlNode::Tag::none) {
                own.sections.insert(section.key);
            }
            for (const YamlEntry& entry : section.value->entries) {
                const SettingRow* row = find_setting(section.key, entry.key);
                if (section_is_gone || (row != nullptr && later.settings.contains(row))) {
                    entries_.insert(&entry);
                    continue;
                }
                const bool replaces = exec_start == ExecStartInDropIn::replaces &&
                                      row == exec_start_row && !is_reset(*entry.value);
                if (row != nullptr && (entry.value->tag != YamlNode::Tag::none || replaces)) {
                    own.settings.insert(row);
                }
            }
        }
        later.sections.merge(own.sections);
        later.settings.merge(own.settings);
    }
}

}  // namespace svcd
