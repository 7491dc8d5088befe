#include "unitfile/schema.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "unit/source_file.h"
#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::ElementsAre;

TEST(Generated, JsonSchemaIsTheOneThatIsCheckedIn) {
    EXPECT_EQ(json_schema(), test::source_file("packaging/schema/svcd-unit.schema.json"))
        << "write it anew: svcd-schema json > packaging/schema/svcd-unit.schema.json";
    EXPECT_TRUE(
        nlohmann::json::parse(json_schema())["properties"]["Service"]["properties"].contains(
            "ExecStart"));
}

TEST(Generated, DocumentationIsTheOneThatIsCheckedIn) {
    EXPECT_EQ(settings_markdown(), test::source_file("docs/unit-settings.md"))
        << "write it anew: svcd-schema markdown > docs/unit-settings.md";
}

TEST(Generated, ConditionsAreInTheSchemaTwiceAndInTheDocumentationOnce) {
    const auto schema = nlohmann::json::parse(json_schema());
    const auto& unit = schema["properties"]["Unit"]["properties"];
    EXPECT_TRUE(unit.contains("ConditionCPUs") && unit.contains("AssertCPUs"));
    EXPECT_TRUE(schema["properties"].contains("Slice"));
    EXPECT_NE(settings_markdown().find("| `ConditionCPUs` |"), std::string::npos);
    EXPECT_EQ(settings_markdown().find("| `AssertCPUs` |"), std::string::npos);
}

template <typename T>
T shown(const LoadedUnit& unit, std::string_view name) {
    const auto& properties = setting_properties();
    for (std::size_t i = 0; i < properties.size(); ++i) {
        if (properties[i].name == name) {
            return std::get<T>(setting_value(unit.definition, i));
        }
    }
    ADD_FAILURE() << "no property " << name;
    return {};
}

TEST(Properties, HaveTheTypeTheySayForEveryUnit) {
    UnitFolder folder;
    folder.write("x.service.yaml", "Service: {ExecStart: /bin/true}\n");
    std::set<std::string_view> names;
    const LoadReport report = folder.load_all();
    for (std::size_t i = 0; i < setting_properties().size(); ++i) {
        for (const LoadedUnit& unit : report.units) {
            EXPECT_EQ(setting_value(unit.definition, i).index(),
                      setting_properties()[i].alternative);
        }
        EXPECT_TRUE(names.insert(setting_properties()[i].name).second) << "twice";
    }
}

TEST(Properties, OfTheNewSettingsHaveSystemdsTypes) {
    const std::pair<std::string_view, std::string_view> types[] = {
        {"JobTimeoutUSec", "t"},
        {"JobRunningTimeoutUSec", "t"},
        {"JobTimeoutAction", "s"},
        {"OnFailureJobMode", "s"},
        {"OnSuccessJobMode", "s"},
        {"StopWhenUnneeded", "b"},
        {"FailureAction", "s"},
        {"FailureActionExitStatus", "i"},
        {"SuccessAction", "s"},
        {"SuccessActionExitStatus", "i"},
        {"StartLimitAction", "s"},
        {"RebootArgument", "s"},
        {"RequiresMountsFor", "as"},
        {"SourcePath", "s"},
        {"RestartSteps", "u"},
        {"RestartMaxDelayUSec", "t"},
        {"TimeoutAbortUSec", "t"},
        {"TimeoutStartFailureMode", "s"},
        {"TimeoutStopFailureMode", "s"},
        {"RuntimeMaxUSec", "t"},
        {"ExitType", "s"},
        {"GuessMainPID", "b"},
        {"NotifyAccess", "s"},
        {"BusName", "s"},
        {"OOMPolicy", "s"},
        {"ReloadSignal", "i"},
        {"RestartKillSignal", "i"},
        {"SendSIGHUP", "b"},
        {"WatchdogSignal", "i"},
        {"Slice", "s"},
    };
    for (const auto& [name, signature] : types) {
        const auto found = std::find_if(
            setting_properties().begin(), setting_properties().end(),
            [wanted = name](const PropertyDescription& each) { return each.name == wanted; });
        ASSERT_NE(found, setting_properties().end()) << name;
        EXPECT_EQ(signature_of(found->alternative), signature) << name;
    }
}

TEST(Properties, AreSystemds) {
    const LoadedUnit unit = load_service(
        "TimeoutStartSec: infinity\nTimeoutStopSec: 3s\nRestart: on-failure\nKillSignal: INT\n"
        "KillMode: mixed\nLimitNOFILE: 5:6\nEnvironmentFile: -/x\nExecReload: -/bin/r a\n"
        "StandardOutput: file:/x\nUMask: 77\nSuccessExitStatus: 3 TERM");
    ASSERT_EQ(unit.state, LoadState::loaded) << unit.error;
    EXPECT_EQ(shown<std::uint64_t>(unit, "TimeoutStartUSec"), UINT64_MAX);
    EXPECT_EQ(shown<std::uint64_t>(unit, "TimeoutStopUSec"), 3'000'000U);
    EXPECT_EQ(shown<std::uint64_t>(unit, "RestartUSec"), 100'000U);
    EXPECT_EQ(shown<std::string>(unit, "Type"), "simple");
    EXPECT_EQ(shown<std::string>(unit, "Restart"), "on-failure");
    EXPECT_EQ(shown<std::string>(unit, "KillMode"), "mixed");
    EXPECT_EQ(shown<std::int32_t>(unit, "KillSignal"), 2);
    EXPECT_EQ(shown<std::uint64_t>(unit, "LimitNOFILE"), 6U);
    EXPECT_EQ(shown<std::uint64_t>(unit, "LimitNOFILESoft"), 5U);
    EXPECT_EQ(shown<std::string>(unit, "StandardOutput"), "file:/x");
    EXPECT_EQ(shown<std::string>(unit, "StandardError"), "inherit");
    EXPECT_EQ(shown<std::uint32_t>(unit, "UMask"), 077U);
    EXPECT_EQ(shown<std::uint32_t>(unit, "StartLimitBurst"), 5U);
    EXPECT_EQ(shown<ExitStatusProperty>(unit, "SuccessExitStatus"),
              (ExitStatusProperty{{3}, {15}}));
    const auto files = shown<std::vector<std::pair<std::string, bool>>>(unit, "EnvironmentFiles");
    EXPECT_THAT(files, ElementsAre(std::pair<std::string, bool>{"/x", true}));
    const auto reload = shown<std::vector<CommandProperty>>(unit, "ExecReload");
    ASSERT_EQ(reload.size(), 1U);
    EXPECT_TRUE(reload.front().ignore_failure);
    EXPECT_THAT(reload.front().argv, ElementsAre("/bin/r", "a"));
}

}  // namespace
}  // namespace svcd
