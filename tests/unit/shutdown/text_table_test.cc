// Tables of the kernel as text: what a mount point looks like is up to whoever may mount.
#include "shutdown/text_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace svcd::test {
namespace {

using ::testing::ElementsAre;

constexpr const char* kMount =
    "36 25 98:0 /sub /mnt/a\\040b\\011c\\134d\\012e rw,noatime master:1 - ext4 /dev/vda1 rw\n";

std::string field(const std::string& line, int index, std::size_t size = 4096) {
    // As long as it is said to be, so that a sanitizer sees what is written beyond.
    std::vector<char> into(size);
    return read_field(line.c_str(), index, into.data(), size) ? into.data() : "(none)";
}

std::vector<std::string> lines_of(const std::string& text) {
    std::string path = "/tmp/svcd-text-table-XXXXXX";
    ::close(::mkstemp(path.data()));
    std::ofstream(path) << text;
    std::vector<std::string> lines;
    LinesBackwards backwards{path.c_str()};
    ::unlink(path.c_str());
    while (const char* line = backwards.next()) {
        lines.emplace_back(line);
    }
    return lines;
}

TEST(TextTable, TakesAFieldAndUndoesItsEscapes) {
    EXPECT_EQ(field(kMount, 0), "36");
    EXPECT_EQ(field(kMount, 4), "/mnt/a b\tc\\d\ne");
    EXPECT_EQ(field(kMount, 10), "rw");
    EXPECT_EQ(field(kMount, 11), "(none)");
    EXPECT_EQ(field("/swap\\040file\t file  1024", 0), "/swap file");
    EXPECT_EQ(field("/swap\t file  1024", 2), "1024");
}

TEST(TextTable, TakesWhatIsNoEscapeAsItIs) {
    EXPECT_EQ(field("/a\\", 0), "/a\\");
    EXPECT_EQ(field("/a\\0", 0), "/a\\0");
    EXPECT_EQ(field("/a\\08x", 0), "/a\\08x");
    EXPECT_EQ(field("/a\\x41", 0), "/a\\x41");
    EXPECT_EQ(field("", 0), "(none)");
    EXPECT_EQ(field(" ", 1), "(none)");
}

TEST(TextTable, RefusesAFieldThatDoesNotFit) {
    EXPECT_EQ(field("/abc x", 0, 5), "/abc");
    EXPECT_EQ(field("/abc x", 0, 4), "(none)");
    EXPECT_EQ(field("/\\141bc x", 0, 5), "/abc");
    EXPECT_EQ(field("/" + std::string(5000, 'a'), 0), "(none)");
}

TEST(TextTable, StaysInItsBoundsWhateverComes) {
    std::minstd_rand random{7};
    constexpr std::string_view kLetters = "\\\\\\01289 \t\nab/\xff";
    for (int round = 0; round < 20'000; ++round) {
        std::string line;
        for (std::size_t length = random() % 40; length > 0; --length) {
            line += kLetters[random() % kLetters.size()];
        }
        for (int index = 0; index < 4; ++index) {
            field(line, index, 1 + random() % 12);
        }
    }
}

TEST(TextTable, GivesLinesFromTheLastToTheFirst) {
    EXPECT_THAT(lines_of("a\nb c\n\nd\n"), ElementsAre("d", "", "b c", "a"));
    EXPECT_THAT(lines_of("a\nhalf"), ElementsAre("a"));
    EXPECT_THAT(lines_of("half"), ElementsAre());
    EXPECT_THAT(lines_of(""), ElementsAre());
    EXPECT_EQ(LinesBackwards{"/nonexistent"}.next(), nullptr);
}

TEST(TextTable, LeavesOutWhatItHasNoRoomFor) {
    const std::string line(1000, 'x');
    std::string text;
    for (int count = 0; count < 300; ++count) {
        text += line + "\n";
    }
    EXPECT_EQ(lines_of(text), std::vector<std::string>(kTextMax / 1001, line));
}

TEST(TextTable, LetsNoControlCharacterThrough) {
    const auto masked = [](std::string text) {
        mask_controls(text.data());
        return text;
    };
    EXPECT_EQ(masked("x\nsvcd: \033[2J\x7f"), "x?svcd: ?[2J?");
    EXPECT_EQ(masked("/mnt/\xc2\x9b"
                     "2J"),
              "/mnt/??2J");
    EXPECT_EQ(masked("/mnt/\xc3\xa4\xc2\xb5"), "/mnt/\xc3\xa4\xc2\xb5");
}

}  // namespace
}  // namespace svcd::test
