// What looks like shell in a command line, and variables that would be lost in it.
#include <gmock/gmock.h>

#include "unit_folder.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// The first diagnostic of a service with this ExecStart; empty when there is none.
std::string told_of(const std::string& command) {
    UnitFolder folder;
    const LoadReport report =
        folder.write("x.service.yaml", "Service:\n  ExecStart: " + command + "\n")
            .load("x.service");
    return report.diagnostics.empty() ? std::string{} : headline(report.diagnostics.front());
}

TEST(CommandLints, WarnOfWordsThatOnlyAShellKnows) {
    for (const char* command : {
             "/bin/a && /bin/b",
             "/bin/a || /bin/b",
             "/bin/a | /bin/b",
             "/bin/a > /tmp/x",
             "/bin/a >/tmp/x",
             "/bin/a >>/tmp/x",
             "/bin/a 2>/dev/null",
             "/bin/a 2>&1",
             "/bin/a &",
             "/bin/a < /tmp/x",
             "[/bin/a, ;, /bin/b]",
             "[/bin/a, \"&&\", /bin/b]",
             "/bin/a --host=$(hostname)",
             "[/bin/a, \"`hostname`\"]",
             "/bin/a ~/x",
             "/bin/ls /etc/*.conf",
             "[/bin/ls, /dev/sd*]",
             "FOO=bar /bin/a",
             "cd /srv",
             "[cd, /srv]",
             "export X=1",
             "exec /bin/a",
         }) {
        EXPECT_THAT(told_of(command), AllOf(HasSubstr(":2:14: warning: ExecStart: '"))) << command;
    }
    EXPECT_THAT(told_of("/bin/a && /bin/b"),
                HasSubstr("'&&' goes to the program as an argument; there is no shell here: write "
                          "[/bin/sh, -c, \"…\"]"));
    EXPECT_THAT(told_of("cd /srv"), HasSubstr("WorkingDirectory says where it runs"));
}

TEST(CommandLints, AreSilentWhereTheWordIsMeant) {
    for (const char* command : {
             "/bin/sh -c 'a && b | c > /tmp/x'",
             "[/bin/sh, -c, \"a && b $(c)\"]",
             "/bin/echo \">\" '&&'",
             "/bin/ls '/etc/*.conf' *.conf",
             "/usr/bin/find / -path /proc/* -prune",
             "/usr/bin/find /x -exec rm {} \\;",
             "[/usr/bin/find, /x, -exec, rm, \"{}\", ;]",
             "/usr/bin/test 1 -gt 0",
             "/usr/bin/expr 1 \\> 0",
             "/bin/a --filter=>5 <name> a&b",
             "/bin/a --url=http://x/?a=1&b=2",
             "cdrecord x",
         }) {
        EXPECT_EQ(told_of(command), "") << command;
    }
}

TEST(CommandVariables, ThatWouldBeLostAreErrors) {
    struct Case {
        const char* command;
        const char* message;
    };
    for (const Case& each :
         {Case{"[/bin/sh, -c, \"$HOME/bin/x --y\"]",
               "'HOME/bin/x --y' is no name of one; write '$$HOME/bin/x --y' where the '$' is for "
               "the program, '${HOME}/bin/x --y' for the value of HOME"},
          Case{"/bin/a $HOME/bin", "write '$$HOME/bin'"}, Case{"/bin/a $1", "write '$$1'"},
          Case{"/bin/a $", "there is no name; write '$$'"}, Case{"/bin/a $@", "write '$$@'"},
          Case{"/bin/a $FOO-x", "'${FOO}-x' for the value of FOO"}}) {
        EXPECT_THAT(told_of(each.command),
                    AllOf(HasSubstr(":2:14: ExecStart: "), HasSubstr(each.message)))
            << each.command;
    }
}

TEST(CommandVariables, InBracesThatBecomeNothingAreWarnedOf) {
    struct Case {
        const char* command;
        const char* message;
    };
    for (const Case& each :
         {Case{"/bin/a x${1}",
               "'${1}' becomes nothing, for no variable can be called so; write "
               "'$${1}' where it is for the program"},
          Case{"[/bin/sh, -c, \"for i in ${LIST[@]}; do\"]", "'${LIST[@]}' becomes nothing"},
          Case{"/bin/a ${}", "'${}' becomes nothing"},
          Case{"/bin/a ${A-b}", "'${A-b}' becomes nothing"},
          Case{"$JAVA -jar x", "'$JAVA' is taken for the program, which can't be a variable"}}) {
        EXPECT_THAT(told_of(each.command),
                    AllOf(HasSubstr(":2:14: warning: ExecStart: "), HasSubstr(each.message)))
            << each.command;
    }
}

TEST(ListItems, ThatBelongToTheOneAboveAreWarnedOf) {
    const auto told = [](const char* text) {
        const LoadReport report = load_with_drop_in(text);
        return report.diagnostics.empty() ? std::string{} : headline(report.diagnostics.front());
    };
    EXPECT_THAT(told("Service:\n  ExecStart:\n  - /bin/true\n   - x\n"),
                HasSubstr(":4:1: warning: this '- ' begins no item"));
    for (const char* sound :
         {"Service:\n  ExecStart:\n    - /bin/true\n    - x\n",
          "Service:\n  Type: oneshot\n  ExecStart:\n    - - /bin/true\n      - x\n    - [/bin/a]\n",
          "Unit:\n  Description: |\n    - a\n      - b\nService: {ExecStart: /bin/true}\n"}) {
        EXPECT_EQ(told(sound), "") << sound;
    }
}

TEST(CommandVariables, ThatAreNamesOrMeantForTheProgramAreNone) {
    for (const char* command : {
             "/bin/a $FOO ${FOO} x${FOO_1}y $$HOME/x $$ a$ a$b",
             "[/bin/sh, -c, \"echo $HOME/x $1\"]",
             "[/bin/sh, -c, \"x=${A:-b}; echo $${x%%/*}\"]",
             ":/bin/a $HOME/x $1 ${1}",
             "[/bin/a, \"${open\"]",
         }) {
        EXPECT_EQ(told_of(command), "") << command;
    }
}

}  // namespace
}  // namespace svcd
