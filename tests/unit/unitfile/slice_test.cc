// Slices: units that need no file, and that every service is in.
#include <gmock/gmock.h>

#include "unit_folder.h"
#include "unitfile/unit_name.h"

namespace svcd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kRun = "Unit: {DefaultDependencies: no}\nService: {ExecStart: /bin/true}\n";

TEST(SliceNames, AreSystemds) {
    for (const char* name : {"-.slice", "a.slice", "a-b.slice", "a-b-c_d.slice", "a\\x2db.slice"}) {
        const auto parsed = parse_unit_name(name);
        ASSERT_TRUE(parsed.has_value()) << name;
        EXPECT_EQ(parsed->type(), UnitType::slice);
        EXPECT_EQ(unit_type_of(name), UnitType::slice) << name;
    }
    for (const char* name : {"-a.slice", "a-.slice", "a--b.slice", "--.slice", "a@.slice",
                             "a@b.slice", ".slice", "a/b.slice"}) {
        EXPECT_FALSE(parse_unit_name(name).has_value()) << name;
        EXPECT_FALSE(unit_type_of(name).has_value()) << name;
    }
}

TEST(Slices, NeedNoFile) {
    UnitFolder folder;
    const LoadReport report = folder.load("a-b.slice");
    const LoadedUnit& slice = report.units.front();
    ASSERT_EQ(slice.state, LoadState::loaded) << slice.error;
    EXPECT_EQ(slice.definition.description, "Slice /a/b");
    EXPECT_EQ(slice.definition.fragment_path, "");
    EXPECT_EQ(slice.definition.service, nullptr);
    EXPECT_TRUE(slice.definition.ignore_on_isolate);
    EXPECT_THAT(slice.definition.dependencies,
                ElementsAre(Dependency{Relation::requires_, "a.slice"},
                            Dependency{Relation::after, "a.slice"}));
    const LoadedUnit* parent = find_unit(report, "a.slice");
    ASSERT_NE(parent, nullptr);
    EXPECT_EQ(parent->definition.description, "Slice /a");
    EXPECT_THAT(parent->definition.dependencies, IsEmpty()) << "the root slice is no edge";
    EXPECT_EQ(folder.load("a--b.slice").units.front().state, LoadState::not_found);
}

TEST(Slices, ThatAreAlwaysThereAreBuiltIn) {
    UnitFolder folder;
    const LoadReport report = folder.load_all();
    for (const auto& [name, description] :
         {std::pair{"-.slice", "Root Slice"}, {"system.slice", "System Slice"}}) {
        const LoadedUnit* slice = find_unit(report, name);
        ASSERT_NE(slice, nullptr) << name;
        EXPECT_EQ(slice->definition.description, description);
        EXPECT_THAT(slice->definition.dependencies, IsEmpty());
    }
    EXPECT_EQ(find_unit(report, "user.slice"), nullptr);
    EXPECT_THAT(report.diagnostics, IsEmpty());
}

TEST(Slices, HaveFilesWithASectionOfTheirOwn) {
    UnitFolder folder;
    folder.write("web.slice.yaml", "Unit: {Description: all of the web}\nSlice:\n")
        .write("system.slice.yaml", "Slice: {X-mine: 1}\n")
        .write("bad.slice.yaml", "Slice: {MemoryMax: 1G}\n")
        .write("worse.slice.yaml", "Service: {ExecStart: /bin/true}\n")
        .write("y.service.yaml", "Slice: {}\nService: {ExecStart: /bin/true}\n")
        .write("a--b.slice.yaml", "Slice:\n");
    const LoadReport report = folder.load_all();
    EXPECT_EQ(find_unit(report, "web.slice")->definition.description, "all of the web");
    EXPECT_EQ(find_unit(report, "system.slice")->definition.description, "System Slice");
    EXPECT_THAT(find_unit(report, "bad.slice")->error,
                HasSubstr("'MemoryMax' is not supported by this version"));
    EXPECT_THAT(find_unit(report, "worse.slice")->error,
                HasSubstr("the section Service does not belong in a slice"));
    EXPECT_THAT(find_unit(report, "y.service")->error,
                HasSubstr("the section Slice does not belong in a service"));
    EXPECT_EQ(find_unit(report, "a--b.slice"), nullptr);
}

TEST(Slices, MayBeMaskedAndHaveNoAliases) {
    UnitFolder folder;
    folder.link("/dev/null", "gone.slice.yaml")
        .write("real.slice.yaml", "Unit: {Description: real}\n")
        .link("real.slice.yaml", "other.slice.yaml");
    EXPECT_EQ(folder.load("gone.slice").units.front().state, LoadState::masked);
    EXPECT_EQ(folder.load("other.slice").units.front().definition.name, "other.slice");
    EXPECT_THAT(folder.load_all().names.aliases.all(), IsEmpty());
}

TEST(Slices, OfAServiceAreRequiredUnlessTheyAreAlwaysThere) {
    UnitFolder folder;
    folder.write("x.service.yaml", kRun)
        .write("y.service.yaml",
               "Unit: {DefaultDependencies: no}\n"
               "Service: {ExecStart: /bin/true, Slice: web-y.slice}\n")
        .write("z.service.yaml",
               "Unit: {DefaultDependencies: no}\n"
               "Service: {ExecStart: /bin/true, Slice: -.slice}\n");
    const LoadReport report = folder.load_all();
    EXPECT_THAT(find_unit(report, "x.service")->definition.dependencies, IsEmpty());
    EXPECT_EQ(find_unit(report, "x.service")->definition.rare, nullptr);
    EXPECT_THAT(find_unit(report, "z.service")->definition.dependencies, IsEmpty());
    EXPECT_THAT(find_unit(report, "y.service")->definition.dependencies,
                ElementsAre(Dependency{Relation::requires_, "web-y.slice"},
                            Dependency{Relation::after, "web-y.slice"}));
    ASSERT_NE(find_unit(report, "web-y.slice"), nullptr);
    EXPECT_NE(find_unit(report, "web.slice"), nullptr);
}

TEST(Slices, OfInstancesAreOneForTheirTemplate) {
    UnitFolder folder;
    folder.write("a-b.c@.service.yaml", kRun);
    const LoadReport report = folder.load("a-b.c@1.service");
    EXPECT_THAT(report.units.front().definition.dependencies,
                Contains(Dependency{Relation::requires_, "system-a\\x2db.c.slice"}));
    const LoadedUnit* slice = find_unit(report, "system-a\\x2db.c.slice");
    ASSERT_NE(slice, nullptr);
    EXPECT_EQ(slice->definition.description, "Slice /system/a-b.c");
}

TEST(Slices, OfInstancesEscapeWhatSystemdEscapes) {
    UnitDefinition unit;
    unit.name = ".a\\x2db@1.service";
    EXPECT_EQ(unit.slice(), "system-\\x2ea\\x5cx2db.slice");
}

TEST(Slices, OfInstancesMustHaveANameThatFits) {
    UnitFolder folder;
    const std::string prefix = std::string(80, '-');
    folder.write(prefix + "@.service.yaml", kRun);
    EXPECT_THAT(folder.load(prefix + "@1.service").units.front().error,
                HasSubstr("is too long: set Slice"));
}

}  // namespace
}  // namespace svcd
