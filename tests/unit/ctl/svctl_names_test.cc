// What svctl makes of the names that are typed: globs, names that are none, names that are
// mistyped.
#include "svctl_fixture.h"

namespace svcd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(Svctl, AGlobOfARestartStartsNothingThatWasDown) {
    for (const char* verb : {"stop", "restart", "try-restart", "reload", "reload-or-restart",
                             "try-reload-or-restart", "kill"}) {
        const Outcome outcome = run({verb, "worker@*"});
        EXPECT_EQ(outcome.status, 0) << verb << outcome.err;
        EXPECT_THAT(outcome.out, HasSubstr("there is nothing to do")) << verb;
    }
    EXPECT_THAT(daemon_.requests(), IsEmpty());
    EXPECT_THAT(daemon_.calls(), IsEmpty());
    EXPECT_EQ(run({"restart", "w*"}).status, 0);
    ASSERT_EQ(daemon_.requests().size(), 1U);
    EXPECT_EQ(daemon_.requests()[0].unit, "web.service");
    EXPECT_EQ(run({"restart", "nothing*", "web"}).status, 4);
    EXPECT_EQ(daemon_.requests().size(), 2U);
}

TEST_F(Svctl, AGlobOfAStartIsForUnitsThatHaveAFile) {
    make_file("db.service");
    EXPECT_EQ(run({"start", "*"}).status, 0);
    ASSERT_EQ(daemon_.requests().size(), 1U);
    EXPECT_EQ(daemon_.requests()[0].unit, "db.service");
}

TEST_F(Svctl, AMistypedUnitIsAnsweredWithTheNearest) {
    make_file("nginx.service");
    make_file("worker@.service");
    for (const char* verb : {"start", "stop", "status", "kill", "cat", "explain", "list-units"}) {
        const Outcome outcome = run({verb, "nignx"});
        EXPECT_EQ(outcome.status, 4) << verb;
        EXPECT_THAT(outcome.err, HasSubstr("did you mean nginx.service?")) << verb;
    }
    EXPECT_THAT(run({"start", "wroker@5"}).err, HasSubstr("did you mean worker@5.service?"));
    const Outcome of_template = run({"start", "worker@"});
    EXPECT_EQ(of_template.status, 4);
    EXPECT_THAT(of_template.err, AllOf(HasSubstr("worker@.service is a template"),
                                       HasSubstr("'svctl start worker@NAME'")));
}

TEST_F(Svctl, ANameThatOnlyATemplateHasIsAnsweredWithTheCommandForAnInstance) {
    make_file("worker@.service");
    make_file("nginx.service");
    for (const char* verb : {"start", "stop", "restart", "status", "show", "cat", "kill", "explain",
                             "doctor", "list-dependencies", "list-units"}) {
        const Outcome outcome = run({verb, "worker"});
        EXPECT_EQ(outcome.status, 4) << verb;
        EXPECT_THAT(outcome.err, AllOf(HasSubstr("worker@.service is a template"),
                                       HasSubstr("'svctl " + std::string{verb} + " worker@NAME'")));
    }
    const Outcome asked = run({"is-active", "worker"});
    EXPECT_EQ(asked.status, 4);
    EXPECT_EQ(asked.out, "inactive\n");
    EXPECT_THAT(asked.err, HasSubstr("'svctl is-active worker@NAME'"));
    EXPECT_EQ(run({"is-active", "-q", "worker"}).err, "");
    EXPECT_EQ(run({"is-active", "nothing-like-it"}).err, "");
}

TEST_F(Svctl, AMistypedTypeIsAnsweredWithTheUnitOfTheRightOne) {
    make_file("nginx.service");
    for (const char* typed : {"nginx.servce", "nginx.serv", "nignx.servcie"}) {
        for (const char* verb : {"stop", "status", "is-active", "show", "explain"}) {
            EXPECT_THAT(run({verb, typed}).err, HasSubstr("did you mean nginx.service?"))
                << verb << " " << typed;
        }
    }
}

TEST_F(Svctl, ANameThatHadToBeEscapedIsSaid) {
    const Outcome outcome = run({"start", "foo@/bar/baz-foo"});
    EXPECT_EQ(outcome.status, 4);
    EXPECT_THAT(outcome.err, HasSubstr("is taken as foo@-bar-baz\\x2dfoo.service"));
}

TEST_F(Svctl, APropertyThatNothingHasIsNamedOnce) {
    const Outcome outcome = run({"show", "-p", "Id,mainpid,Foo", "web", "db"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "Id=web.service\n\nId=db.service\n");
    EXPECT_EQ(outcome.err,
              "warning: there is no property 'mainpid'; did you mean 'MainPID'?\n"
              "warning: there is no property 'Foo'\n");
    EXPECT_EQ(run({"show", "-p", "MainPID", "loop.target"}).err, "");
}

}  // namespace
}  // namespace svcd
