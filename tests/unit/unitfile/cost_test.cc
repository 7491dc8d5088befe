// What a file costs grows as the file does, whatever stands in it: who makes a list eight times as
// long waits eight times as long. An entry that is compared with all those before it would cost
// sixty-four times as much.
#include <gmock/gmock.h>

#include <ctime>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kFew = 1'000;
constexpr int kMany = 8 * kFew;

/// A file with so many entries.
using MakeText = std::string (*)(int count);

template <typename Entry>
std::string joined(int count, const Entry& entry) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += entry(std::to_string(i));
    }
    return text;
}

std::string listed(const std::string& key, int count, const std::string& before) {
    return "  " + key + ":\n" + joined(count, [&](const std::string& number) {
               return "  - " + before + number + "\n";
           });
}

constexpr auto kService = "Service:\n  ExecStart: /bin/true\n";

/// Processor time, which other programs don't lengthen.
double seconds_for(const std::string& text, const char* file) {
    UnitFolder folder;
    folder.write(file, text);
    const std::clock_t before = std::clock();
    const LoadReport report = folder.load_all();
    const double seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    EXPECT_LE(report.diagnostics.size(), 22U);
    return seconds;
}

void expect_linear(MakeText make_text, const char* file = "x.service.yaml") {
    const double few = seconds_for(make_text(kFew), file);
    const double many = seconds_for(make_text(kMany), file);
    constexpr double kTooShortToMeasure = 0.1;
    EXPECT_TRUE(many < kTooShortToMeasure || many < 24 * few)
        << few << " s for " << kFew << ", " << many << " s for " << kMany;
}

TEST(CostOfAFile, ALoadGoesOnInPieces) {
    constexpr int kUnits = 50;
    UnitFolder folder;
    for (int number = 0; number < kUnits; ++number) {
        folder.write("u" + std::to_string(number) + ".service.yaml", kService);
    }
    folder.write("all.target.yaml", "Unit:\n" + listed("Wants", 1000, "w"));
    UnitLoader loader{{{folder.path("")}, false}};
    UnitLoading loading = loader.begin_load_all(FaultyDropIn::leave_out, {});
    int pieces = 1;
    while (loading.go_on()) {
        ++pieces;
    }
    EXPECT_GT(pieces, 3 * kUnits + 1000 / 64);
    const LoadReport in_pieces = loading.take();
    const LoadReport at_once = folder.load_all();
    ASSERT_EQ(in_pieces.units.size(), at_once.units.size());
    for (std::size_t index = 0; index < at_once.units.size(); ++index) {
        EXPECT_EQ(in_pieces.units[index].definition.name, at_once.units[index].definition.name);
        EXPECT_EQ(in_pieces.units[index].definition.dependencies.size(),
                  at_once.units[index].definition.dependencies.size());
    }
    EXPECT_EQ(in_pieces.diagnostics.size(), at_once.diagnostics.size());
}

TEST(CostOfAFile, UnknownKeys) {
    expect_linear([](int count) {
        return kService + joined(count, [](const std::string& number) {
                   return "  Unknwon" + number + ": 1\n";
               });
    });
}

TEST(CostOfAFile, UnknownSections) {
    expect_linear([](int count) {
        return kService +
               joined(count, [](const std::string& number) { return "Sekt" + number + ": {}\n"; });
    });
}

TEST(CostOfAFile, RelationsWithUnitsThatAreNot) {
    expect_linear([](int count) {
        return kService + ("Unit:\n" + listed("Wants", count, "want") + listed("After", 1, "a"));
    });
    expect_linear([](int count) {
        std::string text = std::string{kService} + "Unit:\n  Requires:\n";
        return text + joined(count, [](const std::string& number) {
                   return "  - r" + number + ".service\n";
               });
    });
}

TEST(CostOfAFile, RelationsThatAreTakenBackAgainAndAgain) {
    expect_linear([](int count) {
        return kService +
               ("Unit:\n  Before:\n" +
                joined(count,
                       [](const std::string& number) { return "  - b" + number + ".service\n"; }) +
                "  After:\n" + joined(count, [](const std::string&) { return "  - null\n"; }));
    });
}

TEST(CostOfAFile, ATargetAfterAllThatItWants) {
    expect_linear(
        [](int count) {
            return "Unit:\n  Wants:\n" + joined(count, [](const std::string& number) {
                       return "  - w" + number + ".service\n";
                   });
        },
        "x.target.yaml");
}

TEST(CostOfAFile, Variables) {
    expect_linear([](int count) { return kService + listed("Environment", count, "A=1\n  - B"); });
    expect_linear([](int count) {
        return std::string{kService} + "  Environment:\n" +
               joined(count, [](const std::string& number) { return "    V" + number + ": x\n"; });
    });
    expect_linear([](int count) {
        return std::string{kService} + "  Environment: \"" +
               joined(std::min(count, 6'000),
                      [](const std::string& number) { return "V" + number + "=x "; }) +
               "\"\n";
    });
}

TEST(CostOfAFile, Paths) {
    expect_linear([](int count) {
        return kService + ("Unit:\n" + listed("RequiresMountsFor", count, "/p"));
    });
    expect_linear(
        [](int count) { return kService + listed("EnvironmentFile", count, "/etc/default/"); });
    expect_linear([](int count) {
        return kService + ("Unit:\n" + listed("ConditionPathExists", count, "/p"));
    });
}

TEST(CostOfAFile, Commands) {
    expect_linear([](int count) {
        return "Service:\n  Type: oneshot\n" + listed("ExecStart", count, "/bin/echo ");
    });
    expect_linear([](int count) {
        return "Service:\n  Type: oneshot\n" + listed("ExecStart", count, "echo $A ");
    });
}

TEST(CostOfAFile, WordsOfOneValue) {
    expect_linear([](int count) { return kService + listed("SuccessExitStatus", count, "1"); });
    expect_linear([](int count) {
        return kService + ("Install:\n" + listed("WantedBy", count, "x.target\n  - y"));
    });
}

TEST(CostOfAFile, LinksOfAFolder) {
    const auto seconds_with = [](int count) {
        UnitFolder folder;
        folder.write("x.target.yaml", "Unit: {}\n");
        for (int i = 0; i < count; ++i) {
            folder.link("../w.service", "x.target.wants/w" + std::to_string(i) + ".service");
        }
        const std::clock_t before = std::clock();
        folder.load_all();
        return static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
    };
    const double few = seconds_with(kFew);
    const double many = seconds_with(kMany);
    EXPECT_TRUE(many < 0.1 || many < 24 * few) << few << " s, " << many << " s";
}

TEST(MissingUnits, AreTwentyAndANumberForEachUnit) {
    UnitFolder folder;
    std::string text = "Unit:\n  Requires:\n" + joined(30'000, [](const std::string& number) {
                           return "  - r" + number + ".service\n";
                       });
    folder.write("x.target.yaml", text);
    folder.write("y.service.yaml", std::string{kService} + "Unit: {OnFailure: [alret.service]}\n");
    const LoadReport report = folder.load_all();
    ASSERT_EQ(report.diagnostics.size(), 22U);
    EXPECT_THAT(headline(report.diagnostics[0]),
                AllOf(HasSubstr("x.target.yaml:3:5: warning"), HasSubstr("Requires: r0.service")));
    EXPECT_THAT(headline(report.diagnostics[20]),
                HasSubstr("x.target.yaml: warning: and 29980 more units that have no file"));
    EXPECT_FALSE(report.diagnostics[20].is_only_for_askers);
    EXPECT_THAT(headline(report.diagnostics[21]), HasSubstr("alret.service has no file"));
}

}  // namespace
}  // namespace svcd
