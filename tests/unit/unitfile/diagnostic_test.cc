#include "unitfile/diagnostic.h"

#include <gtest/gtest.h>

#include "unitfile/yaml_reader.h"

namespace svcd {
namespace {

/// The lines, by their numbers, that belong to a secret.
std::string secret_lines(std::string_view text) {
    std::string found;
    for (int line = 1; line <= 12; ++line) {
        found += is_secret_line(text, line) ? std::to_string(line) + " " : "";
    }
    return found;
}

TEST(SecretLines, AreThoseOfASettingAndWhatIsIndentedBelowIt) {
    EXPECT_EQ(secret_lines("Service:\n"
                           "  Environment:\n"
                           "    A: 1\n"
                           "\n"
                           "    # B\n"
                           "    C:\n"
                           "      - 2\n"
                           "  ExecStart: /bin/true\n"),
              "2 3 4 5 6 7 ");
    EXPECT_EQ(secret_lines("Service:\n  Environment:\n  - A=1\n  User: ann\n"), "2 3 ");
    EXPECT_EQ(secret_lines("Service: {User: ann,\n  Environment: {A: 1}}\nUnit:\n"), "2 ");
    EXPECT_EQ(secret_lines("Service:\n  'SetCredentialEncrypted' : x\n  SetCredential: y\nUnit:\n"),
              "2 3 ");
    EXPECT_EQ(secret_lines("[Service]\nEnvironment=A=1\nUser=ann\n"), "2 ");
}

TEST(SecretLines, AreThoseOfKeysThatSvcdDoesNotHave) {
    EXPECT_EQ(secret_lines("Service:\n  Environmen: A=1\n  User: ann\n"), "2 ");
    EXPECT_EQ(secret_lines("Service:\n  Environmen:\n    - A=1\n\n    - B=1\n  User: ann\n"),
              "2 3 4 5 ");
    EXPECT_EQ(secret_lines("Service: {User: ann, Environmen: x}\nUnit: {After: a.service}\n"),
              "1 ");
    EXPECT_EQ(secret_lines("Servic:\n  User: ann\nUnit:\n"), "1 2 ");
    EXPECT_EQ(secret_lines("[Service]\nEnvironmen=A=1\nUser=ann\n"), "2 ");
    EXPECT_EQ(secret_lines("Service:\n  ExecStart: [/bin/a, 'http://b', c]\n"), "");
    EXPECT_EQ(secret_lines("Unit:\n  Documentation:\n    - see: this\n"), "") << "a value";
}

TEST(SecretLines, AreNoOthers) {
    EXPECT_EQ(secret_lines("Service:\n  EnvironmentFile: /etc/a\n  User: ann\n"), "");
    EXPECT_EQ(secret_lines("Unit:\n  Description: the Environment of Ann\n"), "");
    EXPECT_EQ(secret_lines(""), "");
    EXPECT_FALSE(is_secret_line("Environment: x", 0) && is_secret_line("", 0));
}

TEST(Quotes, LoseWhatIsBetweenTheFirstAndTheLast) {
    EXPECT_EQ(without_quoted_text("Type: 'a' is none of b, c, did you mean 'b'?"), "Type: '...'?");
    EXPECT_EQ(without_quoted_text("it can't be: \"it's\" so"), "it can't be: '...' so");
    EXPECT_EQ(without_quoted_text("it can't be, and isn't"), "it can't be, and isn't");
    EXPECT_EQ(without_quoted_text("a single ' of these"), "a single ' of these");
    EXPECT_EQ(without_quoted_text("its end is '}', and a ': '"), "its end is '...'");
    EXPECT_EQ(without_quoted_text("its end is '}'"), "its end is '}'") << "that says nothing";
    EXPECT_EQ(without_quoted_text(""), "");
    EXPECT_EQ(without_quoted_text("'"), "'");
}

TEST(Diagnostics, QuoteNothingOfAPrivateFile) {
    const std::string text = "Service:\n  Type: secret\n";
    const Mark mark{2, 9};
    EXPECT_EQ(to_string(make_diagnostic("u", "f", text, mark, "Type: 'secret' is bad")),
              "f:2:9: Type: 'secret' is bad\n      Type: secret\n            ^");
    EXPECT_EQ(to_string(make_diagnostic("u", "f", text, mark, "Type: 'secret' is bad", true)),
              "f:2:9: Type: '...' is bad");
}

TEST(Diagnostics, ShowNoLineOfAVariable) {
    const std::string text = "Service:\n  Environment:\n    A: secret\n";
    EXPECT_EQ(to_string(make_diagnostic("u", "f", text, {3, 8}, "A: bad")), "f:3:8: A: bad");
}

}  // namespace
}  // namespace svcd
