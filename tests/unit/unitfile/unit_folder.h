// A folder of unit files for one test, gone with it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "unitfile/loader.h"
#include "unitfile/schema.h"
#include "unitfile/signal_names.h"

namespace svcd {

class UnitFolder {
public:
    UnitFolder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "svcd-units-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~UnitFolder() { std::filesystem::remove_all(path_); }
    UnitFolder(const UnitFolder&) = delete;
    UnitFolder& operator=(const UnitFolder&) = delete;

    std::string path(std::string_view file = {}) const {
        return file.empty() ? path_ : path_ + "/" + std::string(file);
    }
    UnitFolder& write(std::string_view file, std::string_view text) {
        std::filesystem::create_directories(std::filesystem::path(path(file)).parent_path());
        std::ofstream{path(file), std::ios::binary} << text;
        return *this;
    }
    UnitFolder& link(const std::string& target, std::string_view file) {
        std::filesystem::create_directories(std::filesystem::path(path(file)).parent_path());
        std::filesystem::create_symlink(target, path(file));
        return *this;
    }

    LoadReport load_all(FaultyDropIn faulty = FaultyDropIn::leave_out) const {
        return UnitLoader{{{path_}, false}}.load_all(faulty);
    }
    LoadReport load(std::string_view name) const { return UnitLoader{{{path_}, false}}.load(name); }

private:
    std::string path_;
};

inline const LoadedUnit* find_unit(const LoadReport& report, std::string_view name) {
    const auto found =
        std::find_if(report.units.begin(), report.units.end(),
                     [name](const LoadedUnit& unit) { return unit.definition.name == name; });
    return found == report.units.end() ? nullptr : &*found;
}

inline bool has_dependency(const LoadedUnit& unit, Relation relation, const std::string& other) {
    const auto& all = unit.definition.dependencies;
    return std::find(all.begin(), all.end(), Dependency{relation, other}) != all.end();
}

/// A unit file x.service.yaml with these lines in the section Service, loaded.
inline LoadedUnit load_service(const std::string& lines) {
    UnitFolder folder;
    std::string text = "Service:\n  ExecStart: /bin/true\n";
    for (std::size_t start = 0; start < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', start), lines.size());
        text += "  " + lines.substr(start, end - start) + "\n";
        start = end + 1;
    }
    folder.write("x.service.yaml", text);
    LoadReport report = folder.load("x.service");
    return std::move(report.units.front());
}

/// x.service with `fragment`, and with a drop-in when there is text for one.
inline LoadReport load_with_drop_in(const std::string& fragment, const std::string& drop_in = {}) {
    UnitFolder folder;
    folder.write("x.service.yaml", fragment);
    if (!drop_in.empty()) {
        folder.write("x.service.d/50.yaml", drop_in);
    }
    return folder.load("x.service");
}

/// The value of a property that shows a setting, as text: lists with blanks between.
inline std::string shown_text(const UnitDefinition& unit, std::string_view property) {
    struct Text {
        std::string operator()(bool value) const { return value ? "yes" : "no"; }
        std::string operator()(std::int32_t value) const { return std::to_string(value); }
        std::string operator()(std::uint32_t value) const { return std::to_string(value); }
        std::string operator()(std::uint64_t value) const {
            return value == UINT64_MAX ? "infinity" : std::to_string(value);
        }
        std::string operator()(const std::string& value) const { return value; }
        std::string operator()(const std::vector<std::string>& values) const {
            std::string text;
            for (const std::string& value : values) {
                text += (text.empty() ? "" : " ") + value;
            }
            return text;
        }
        std::string operator()(const std::vector<std::pair<std::string, bool>>& values) const {
            return std::to_string(values.size()) + " pairs";
        }
        std::string operator()(const std::vector<CommandProperty>& values) const {
            return std::to_string(values.size()) + " commands";
        }
        std::string operator()(const ExitStatusProperty& set) const {
            std::string text;
            for (const std::int32_t status : set.statuses) {
                text += (text.empty() ? "" : " ") + std::to_string(status);
            }
            for (const std::int32_t signal : set.signals) {
                text += (text.empty() ? "" : " ") + signal_name(signal);
            }
            return text;
        }
    };
    const auto& properties = setting_properties();
    for (std::size_t i = 0; i < properties.size(); ++i) {
        if (properties[i].name == property) {
            return std::visit(Text{}, setting_value(unit, i));
        }
    }
    return "no property " + std::string(property);
}

}  // namespace svcd
