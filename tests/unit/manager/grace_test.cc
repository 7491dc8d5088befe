#include "manager/grace.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace svcd {
namespace {

using std::chrono::seconds;

TEST(ShutdownBudget, IsASpanOrAFileThatHasOne) {
    EXPECT_EQ(*read_shutdown_budget("20s"), seconds{20});
    EXPECT_EQ(*read_shutdown_budget("infinity"), kInfinity);
    const std::string path = testing::TempDir() + "svcd-budget";
    std::ofstream{path} << " 1min 30s \n";
    EXPECT_EQ(*read_shutdown_budget("@" + path), seconds{90});
    std::ofstream{path} << "\n";
    EXPECT_FALSE(read_shutdown_budget("@" + path));
    std::remove(path.c_str());
    EXPECT_FALSE(read_shutdown_budget("@" + path));
    for (const char* wrong : {"", "@", "soon", "-1s", "0"}) {
        EXPECT_FALSE(read_shutdown_budget(wrong)) << wrong;
    }
}

TEST(ShutdownBudget, OfAContainerIsTenSecondsWhereNothingIsSaid) {
    ManagerOptions options;
    EXPECT_EQ(config_defaults(options).shutdown_budget, kInfinity);
    options.mode = RunMode::container;
    const Config defaults = config_defaults(options);
    EXPECT_EQ(defaults.shutdown_budget, seconds{10});
    EXPECT_EQ(defaults.shutdown_margin, seconds{1});
    const ParsedConfig parsed = parse_config("ShutdownBudgetSec: 30s\n", "svcd.yaml", defaults);
    EXPECT_EQ(parsed.config.shutdown_budget, seconds{30});
    EXPECT_EQ(parsed.config.shutdown_margin, seconds{1});
}

}  // namespace
}  // namespace svcd
