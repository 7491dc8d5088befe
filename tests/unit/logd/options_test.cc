#include "logd/options.h"

#include <gtest/gtest.h>

namespace svcd::logd {
namespace {

TEST(LogdOptions, AreRead) {
    std::string problem;
    const auto options =
        parse_options({"--pipes=/run/x", "--log-dir=/var/log/x", "--prefix=no"}, problem);
    ASSERT_TRUE(options.has_value()) << problem;
    EXPECT_EQ(options->pipes, "/run/x");
    EXPECT_EQ(options->log_dir, "/var/log/x");
    EXPECT_FALSE(options->prefix);
}

TEST(LogdOptions, NeedNothingButThePipes) {
    std::string problem;
    const auto options = parse_options({"--pipes=/run/x"}, problem);
    ASSERT_TRUE(options.has_value()) << problem;
    EXPECT_TRUE(options->prefix);
    EXPECT_EQ(options->log_dir, "");
}

TEST(LogdOptions, ThatAreWrongAreNamed) {
    for (const char* word :
         {"--pipes=run", "--prefix=maybe", "--prefix", "x", "--log-dir=", "--Pipes=/x"}) {
        std::string problem;
        EXPECT_FALSE(parse_options({"--pipes=/run/x", word}, problem).has_value()) << word;
        EXPECT_NE(problem.find(word), std::string::npos) << problem;
    }
    std::string problem;
    EXPECT_FALSE(parse_options({}, problem).has_value());
    EXPECT_EQ(problem, "--pipes=DIR is missing");
}

}  // namespace
}  // namespace svcd::logd
