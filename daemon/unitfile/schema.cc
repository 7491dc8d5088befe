#include "unitfile/schema.h"

#include <unordered_map>

#include "unitfile/setting_row.h"

namespace svcd {
namespace {

/// The property by its place in setting_properties().
const std::vector<const SettingProperty*>& shown_properties() {
    static const std::vector<const SettingProperty*> kProperties = [] {
        std::vector<const SettingProperty*> properties;
        for (const SettingRow* row : all_settings()) {
            for (const SettingProperty& property : row->properties) {
                if (property.value != nullptr) {
                    properties.push_back(&property);
                }
            }
        }
        return properties;
    }();
    return kProperties;
}

std::string_view section_of(SettingGroup group) {
    switch (group) {
        case SettingGroup::unit:
        case SettingGroup::relation:
        case SettingGroup::condition:
            return "Unit";
        case SettingGroup::service:
        case SettingGroup::exec:
            return "Service";
        case SettingGroup::kill:
            return "Kill";
        case SettingGroup::install:
            return "Install";
    }
    return {};
}

bool may_stand_in(SettingGroup group, std::string_view section) {
    return section_of(group) == section || (group == SettingGroup::kill && section == "Service");
}

}  // namespace

const std::vector<const SettingRow*>& all_settings() {
    static const std::vector<const SettingRow*> kAll = [] {
        std::vector<const SettingRow*> rows;
        for (const auto table : {unit_settings(), relation_settings(), condition_settings(),
                                 service_settings(), exec_settings()}) {
            for (const SettingRow& row : table) {
                rows.push_back(&row);
            }
        }
        return rows;
    }();
    return kAll;
}

const SettingRow* find_setting(std::string_view section, std::string_view key) {
    static const std::unordered_map<std::string_view, const SettingRow*> kByKey = [] {
        std::unordered_map<std::string_view, const SettingRow*> rows;
        for (const SettingRow* row : all_settings()) {
            rows.emplace(row->key, row);
        }
        return rows;
    }();
    const auto found = kByKey.find(key);
    return found != kByKey.end() && may_stand_in(found->second->group, section) ? found->second
                                                                                : nullptr;
}

std::vector<std::string_view> keys_of_section(std::string_view section) {
    std::vector<std::string_view> keys;
    for (const SettingRow* row : all_settings()) {
        if (may_stand_in(row->group, section)) {
            keys.push_back(row->key);
        }
    }
    return keys;
}

const ServiceSettings& service_of(const UnitDefinition& unit) {
    static const ServiceSettings kDefault;
    return unit.service != nullptr ? *unit.service : kDefault;
}

const ExecSettings& exec_of(const UnitDefinition& unit) {
    static const ExecSettings kDefault;
    const ServiceSettings& service = service_of(unit);
    return service.exec != nullptr ? *service.exec : kDefault;
}

const std::vector<PropertyDescription>& setting_properties() {
    static const std::vector<PropertyDescription> kDescriptions = [] {
        std::vector<PropertyDescription> descriptions;
        for (const SettingRow* row : all_settings()) {
            const std::string_view section = section_of(row->group);
            const bool is_of_all = section == "Unit" || section == "Install";
            const PropertyInterface interface =
                is_of_all ? PropertyInterface::unit : PropertyInterface::service;
            for (const SettingProperty& property : row->properties) {
                if (property.value != nullptr) {
                    descriptions.push_back({interface, property.name, property.alternative});
                }
            }
        }
        return descriptions;
    }();
    return kDescriptions;
}

PropertyValue setting_value(const UnitDefinition& unit, std::size_t index) {
    return shown_properties().at(index)->value(unit);
}

}  // namespace svcd
