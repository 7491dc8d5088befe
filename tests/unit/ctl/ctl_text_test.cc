// Text out of data, names, options: everything of svctl that needs no daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

#include "core/types/states.h"
#include "exit_status.h"
#include "harmless_json.h"
#include "job_ledger.h"
#include "messages.h"
#include "options.h"
#include "phase_text.h"
#include "print_lists.h"
#include "print_show.h"
#include "print_status.h"
#include "reasons.h"
#include "remote.h"
#include "screen.h"
#include "trouble.h"
#include "unit_names.h"

namespace svcd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Options parsed(const std::vector<std::string>& arguments) {
    const auto result = parse_options(arguments);
    EXPECT_TRUE(std::holds_alternative<Options>(result));
    return std::holds_alternative<Options>(result) ? std::get<Options>(result) : Options{};
}

EarlyEnd ended(const std::vector<std::string>& arguments) {
    const auto result = parse_options(arguments);
    EXPECT_TRUE(std::holds_alternative<EarlyEnd>(result));
    return std::holds_alternative<EarlyEnd>(result) ? std::get<EarlyEnd>(result) : EarlyEnd{};
}

TEST(UnitNames, AreCompletedAndEscaped) {
    EXPECT_EQ(complete_unit_name("web"), "web.service");
    EXPECT_EQ(complete_unit_name("web.target"), "web.target");
    EXPECT_EQ(complete_unit_name("data.mount"), "data.mount");
    EXPECT_EQ(complete_unit_name("worker@1"), "worker@1.service");
    EXPECT_EQ(complete_unit_name("a b/c"), "a\\x20b-c.service");
    EXPECT_EQ(complete_unit_name("worker@*"), "worker@*");
    EXPECT_EQ(complete_unit_name("foo@/bar/baz-foo"), "foo@-bar-baz\\x2dfoo.service");
    EXPECT_EQ(complete_unit_name("foo@a-b"), "foo@a-b.service");
    EXPECT_EQ(complete_unit_name("foo@-bar-baz\\x2dfoo.service"), "foo@-bar-baz\\x2dfoo.service");
    EXPECT_EQ(complete_unit_name("/srv/my data"), "srv-my\\x20data.mount");
    EXPECT_EQ(complete_unit_name("/dev/sda-1"), "dev-sda\\x2d1.device");
    EXPECT_EQ(complete_unit_name("backup@a/b.timer"), "backup@a-b.timer");
    EXPECT_TRUE(is_escaped("foo@/bar"));
    EXPECT_FALSE(is_escaped("foo@bar"));
    EXPECT_FALSE(is_escaped("foo@*/x"));
}

TEST(UnitNames, AreEscapedAsSystemdEscapeDoes) {
    EXPECT_EQ(escape_name("Hall\xc3\xb6"
                          "chen, Meister"),
              "Hall\\xc3\\xb6chen\\x2c\\x20Meister");
    EXPECT_EQ(escape_name(".a-b/c\\d@e:f_g.h"), "\\x2ea\\x2db-c\\x5cd\\x40e:f_g.h");
    EXPECT_EQ(escape_path("//srv/./my-data/"), "srv-my\\x2ddata");
    EXPECT_EQ(escape_path("/"), "-");
    EXPECT_EQ(escape_path("/srv/../etc"), std::nullopt);
    EXPECT_EQ(unescape_name("srv-my\\x2ddata"), "srv/my-data");
    EXPECT_EQ(unescape_name("a\\x2"), std::nullopt);
    EXPECT_EQ(unescape_name("a\\x00"), std::nullopt);
    EXPECT_EQ(unescape_name("a\\n"), std::nullopt);
}

TEST(UnitNames, TheNearestUnitIsNear) {
    const std::vector<std::string> units{"db.service", "nginx.service", "worker@1.service",
                                         "shop.target"};
    EXPECT_EQ(nearest_unit("nignx.service", units), "nginx.service");
    EXPECT_EQ(nearest_unit("shop.service", units), "shop.target");
    EXPECT_EQ(nearest_unit("wroker@1.service", units), "worker@1.service");
    EXPECT_EQ(nearest_unit("web.service", units), std::nullopt);
    EXPECT_EQ(nearest_of_any_case("mainpid", {"MainPID", "Id"}), "MainPID");
}

TEST(UnitNames, AMistypedTypeIsMended) {
    EXPECT_EQ(with_mended_type("web.servce"), "web.service");
    EXPECT_EQ(with_mended_type("web.servce.service"), "web.service");
    EXPECT_EQ(with_mended_type("shop.traget.service"), "shop.target");
    EXPECT_EQ(with_mended_type("web.service"), std::nullopt);
    EXPECT_EQ(with_mended_type("web.timer.service"), std::nullopt);
    EXPECT_EQ(with_mended_type("example.com.service"), std::nullopt);
    EXPECT_EQ(with_mended_type(".servce"), std::nullopt);
}

TEST(UnitNames, BecomeBusPathsAndBack) {
    EXPECT_EQ(unit_path("web.service"), "/org/svcd1/unit/web_2eservice");
    EXPECT_EQ(unit_path("9@a-b.service"), "/org/svcd1/unit/_39_40a_2db_2eservice");
    EXPECT_EQ(unit_of_path(unit_path("9@a_b.service")), "9@a_b.service");
    EXPECT_EQ(unit_of_path("/org/svcd1/job/3"), std::nullopt);
    EXPECT_EQ(unit_of_path("/org/svcd1/unit/x_2"), std::nullopt);
}

TEST(UnitNames, GlobsMatchWithAndWithoutTheType) {
    EXPECT_TRUE(glob_matches("worker@*", "worker@1.service"));
    EXPECT_TRUE(glob_matches("worker@?", "worker@1.service"));
    EXPECT_FALSE(glob_matches("worker@?", "worker@12.service"));
}

TEST(UnitNames, TheNearestIsSuggestedOnlyWhenNear) {
    EXPECT_EQ(nearest("statsu", {"start", "status", "stop"}), "status");
    EXPECT_EQ(nearest("daemon-r", {"daemon-reload", "status"}), "daemon-reload");
    EXPECT_EQ(nearest("xyzzy", {"start", "stop"}), std::nullopt);
}

TEST(TimeText, SpansAreSystemds) {
    EXPECT_EQ(timespan(90'000'000), "1min 30s");
    EXPECT_EQ(timespan(100'000), "100ms");
    EXPECT_EQ(timespan(0), "0");
    EXPECT_EQ(timespan(1), "1us");
    EXPECT_EQ(timespan(kUsecInfinity), "infinity");
    EXPECT_EQ(rough_timespan(90'061'000'000), "1d 1h");
    EXPECT_EQ(rough_timespan(1'500'000), "1s");
    EXPECT_EQ(seconds(213'000), "0.21 s");
    EXPECT_EQ(timestamp(0), "");
}

TEST(Messages, EndsOfProcessesInWords) {
    EXPECT_EQ(describe_end(1, 203),
              "exited with status 203 (its own; or svcd's, which then means: the executable could "
              "not be run)");
    EXPECT_EQ(describe_end(1, 203, true),
              "exited with status 203 (its own: the program was executed)");
    EXPECT_EQ(describe_end(1, 137), "exited with status 137 (that is 128 + SIGKILL)");
    EXPECT_EQ(describe_end(2, 9), "was killed by SIGKILL");
    EXPECT_EQ(describe_end(3, 6), "dumped core on SIGABRT");
    EXPECT_EQ(describe_end(0, 0), "");
    EXPECT_EQ(parse_signal("HUP"), 1);
    EXPECT_EQ(parse_signal("SIGKILL"), 9);
    EXPECT_EQ(parse_signal("15"), 15);
    EXPECT_EQ(parse_signal("FOO"), std::nullopt);
    EXPECT_EQ(parse_signal("0"), std::nullopt);
    EXPECT_EQ(parse_signal("sigkill"), 9);
    EXPECT_EQ(parse_signal("RTMIN+1"), SIGRTMIN + 1);
    EXPECT_EQ(parse_signal("SIGRTMAX-2"), SIGRTMAX - 2);
}

TEST(Parsing, FindsTheVerbBehindOptionsWithValues) {
    const Options options = parsed({"--bus", "/x/bus", "-q", "stop", "web", "--reason", "a b"});
    EXPECT_EQ(options.verb, Verb::stop);
    EXPECT_EQ(options.bus, "/x/bus");
    EXPECT_TRUE(options.quiet);
    EXPECT_EQ(options.reason, "a b");
    EXPECT_THAT(options.arguments, ElementsAre("web"));
    EXPECT_EQ(parsed({}).verb, Verb::list_units);
    EXPECT_THAT(parsed({"show", "-p", "A,B", "-p", "C", "web"}).properties,
                ElementsAre("A", "B", "C"));
    EXPECT_TRUE(parsed({"show", "-P", "Id", "web"}).value);
    EXPECT_EQ(parsed({"stop", "web", "--timeout=1.5"}).timeout, 1'500'000U);
}

TEST(Parsing, KillTakesASignalAsTheShellsKillDoes) {
    EXPECT_EQ(parsed({"kill", "-9", "web"}).signal, 9);
    EXPECT_EQ(parsed({"kill", "web", "-HUP"}).signal, 1);
    EXPECT_EQ(parsed({"kill", "-SIGUSR1", "web"}).signal, 10);
    EXPECT_EQ(parsed({"kill", "-s", "HUP", "web"}).signal, 1);
    EXPECT_EQ(parsed({"kill", "--signal", "HUP", "web"}).signal, 1);
    EXPECT_EQ(parsed({"kill", "-sHUP", "-q", "web"}).signal, 1);
    EXPECT_THAT(parsed({"kill", "-KILL", "web"}).arguments, ElementsAre("web"));
    EXPECT_EQ(parsed({"-H", "box", "kill", "-HUP", "web"}).host, "box");
    EXPECT_EQ(parsed({"-H", "box", "kill", "-HUP", "web"}).signal, 1);
    EXPECT_EQ(parsed({"kill", "-HUP", "--", "-9"}).arguments, std::vector<std::string>{"-9"});
    const Options queued = parsed({"kill", "--signal=RTMIN+1", "--value=-42", "web"});
    EXPECT_EQ(queued.signal, SIGRTMIN + 1);
    EXPECT_EQ(queued.signal_value, -42);
    EXPECT_EQ(parsed({"kill", "--signal=RTMIN+1", "--value", "42", "web"}).signal_value, 42);
}

TEST(Parsing, AWordWithADashThatIsNoOptionIsNeverAName) {
    for (const char* verb : {"start", "stop", "kill", "restart", "status", "show", "plan"}) {
        for (const char* word : {"-0", "-77", "-", "-XYZ", "-\xc3\xa9", "--no-such"}) {
            const EarlyEnd end = ended({verb, word, "web"});
            EXPECT_EQ(end.status, ExitStatus::usage) << verb << word;
            EXPECT_THAT(end.text, HasSubstr("nothing was done")) << verb << word;
        }
    }
    EXPECT_EQ(ended({"stop", "-9", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"-9", "kill", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"stop", "-HUP", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"-9", "kill", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"-HUP", "kill", "web"}).status, ExitStatus::usage);  // not the host "UP"
    EXPECT_THAT(ended({"-HUP", "kill", "web"}).text, HasSubstr("svctl kill -HUP UNIT"));
    EXPECT_THAT(ended({"stop", "-H", "box", "web"}).text, HasSubstr("stands before the verb"));
    EXPECT_EQ(ended({"kill", "-H", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"kill", "-9", "-HUP", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"kill", "-9", "--signal=HUP", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"kill", "--value=1", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"kill", "--signal=RTMIN+1", "--value=x", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"kill", "--signal=", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"kill", "--signal", "", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(parsed({"status", "--", "-.slice"}).arguments, std::vector<std::string>{"-.slice"});
}

TEST(Parsing, AVerbThatStopsOrEndsSomethingIsNeverSuggested) {
    for (const char* word : {"stopp", "sotp", "restrat", "exti", "haltt", "rebot", "poweroof",
                             "isolat", "kil", "emergncy", "rescu", "kexc", "defualt"}) {
        const EarlyEnd end = ended({word, "web"});
        EXPECT_EQ(end.status, ExitStatus::usage) << word;
        EXPECT_EQ(end.text.find("did you mean"), std::string::npos) << end.text;
    }
}

TEST(Parsing, VerbsOfSystemctlThatAreNotThereYetAreKnown) {
    for (const char* word : {"edit", "top", "enable", "set-property", "suspend", "list-timers",
                             "get-default", "freeze", "log-level", "logs", "import"}) {
        const EarlyEnd end = ended({word, "web"});
        EXPECT_EQ(end.status, ExitStatus::usage) << word;
        EXPECT_THAT(end.text, HasSubstr("svctl has no verb '" + std::string{word} + "' yet"));
        EXPECT_EQ(end.text.find("did you mean"), std::string::npos) << end.text;
    }
    EXPECT_EQ(parsed({"condrestart", "web"}).verb, Verb::try_restart);
    EXPECT_EQ(parsed({"force-reload", "web"}).verb_name, "try-reload-or-restart");
}

TEST(Parsing, AValueThatIsNoneOfThoseIsAFaultThatNamesTheNearest) {
    const auto text = [](const std::vector<std::string>& arguments) {
        const EarlyEnd end = ended(arguments);
        EXPECT_EQ(end.status, ExitStatus::usage);
        return end.text;
    };
    EXPECT_THAT(text({"list-units", "--state=foo"}), HasSubstr("unknown state in --state: 'foo'"));
    EXPECT_THAT(text({"list-units", "--state=runing"}), HasSubstr("did you mean 'running'?"));
    EXPECT_THAT(text({"list-units", "-t", "servic"}), HasSubstr("did you mean 'service'?"));
    EXPECT_THAT(text({"start", "--job-mode=repalce", "web"}), HasSubstr("did you mean 'replace'?"));
    EXPECT_THAT(text({"kill", "--kill-whom=mian", "web"}), HasSubstr("did you mean 'main'?"));
    EXPECT_THAT(text({"kill", "--signal=HPU", "web"}), HasSubstr("did you mean 'HUP'?"));
    EXPECT_THAT(text({"wait", "--for=actve", "web"}), HasSubstr("did you mean 'active'?"));
    EXPECT_THAT(text({"start", "--job-mod=fail", "web"}), HasSubstr("did you mean '--job-mode'?"));
    EXPECT_THAT(parsed({"list-units", "-t", "timer"}).warnings,
                ElementsAre(HasSubstr("svcd has no timer units")));
}

TEST(Parsing, EveryStateOfTheDaemonIsAState) {
    const auto is_taken = [](std::string_view name) {
        return std::holds_alternative<Options>(
            parse_options({"list-units", "--state=" + std::string{name}}));
    };
    const auto all_taken = [&](auto last) {
        using State = decltype(last);
        for (int i = 0; i <= static_cast<int>(last); ++i) {
            const std::string_view name = name_of(static_cast<State>(i));
            EXPECT_TRUE(is_taken(name)) << name;
        }
        EXPECT_EQ(name_of(static_cast<State>(static_cast<int>(last) + 1)), "invalid");
    };
    all_taken(LoadState::masked);
    all_taken(ActiveState::failed);
    all_taken(SubState::active);
}

TEST(Parsing, SpansAreThoseOfUnitFiles) {
    EXPECT_EQ(parse_timeout("1min 30s"), 90'000'000U);
    EXPECT_EQ(parse_timeout("2h30min"), 9'000'000'000U);
    EXPECT_EQ(parse_timeout("1.5"), 1'500'000U);
    EXPECT_EQ(parse_timeout("infinity"), kUsecInfinity);
    EXPECT_EQ(parse_timeout("200000years"), 200'000U * 31'557'600'000'000U);
    EXPECT_EQ(parse_timeout("500000years"), kUsecInfinity);
    for (const char* none : {"999999999999h", "-1", "soon", "", "1x", "1e9", "0x10", "1..5"}) {
        EXPECT_EQ(parse_timeout(none), std::nullopt) << none;
    }
}

TEST(Parsing, UsageErrorsAreTwoAndSayWhat) {
    EXPECT_EQ(ended({"stopp"}).status, ExitStatus::usage);
    EXPECT_THAT(ended({"statsu"}).text, HasSubstr("did you mean 'svctl status'?"));
    EXPECT_THAT(ended({"start"}).text, HasSubstr("start needs a unit"));
    EXPECT_EQ(ended({"is-active", "web", "--reverse"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"stop", "web", "--timeout=soon"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"kill", "web", "-s", "NIX"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"stop", "web", "--job-mode=never"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"cancel", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"version", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"--user", "--system"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"start", "--no-block", "--wait", "web"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"help", "kill"}).status, ExitStatus::done);
    EXPECT_EQ(ended({"help", "statsu"}).status, ExitStatus::usage);
    EXPECT_EQ(ended({"--help"}).status, ExitStatus::done);
    const std::string start = ended({"start", "--help"}).text;
    for (const char* part : {"--wait", "--job-mode", "--reason", "--strict", "--each", "--dry-run",
                             "a start left something out"}) {
        EXPECT_THAT(start, HasSubstr(part));
    }
}

TEST(ExitStatuses, TheWorseOfTwoCounts) {
    EXPECT_EQ(worse(ExitStatus::done, ExitStatus::not_active), ExitStatus::not_active);
    EXPECT_EQ(worse(ExitStatus::no_such_unit, ExitStatus::failed), ExitStatus::no_such_unit);
    EXPECT_EQ(worse(ExitStatus::sigkill_used, ExitStatus::failed), ExitStatus::failed);
}

TEST(Show, ValuesReadAsSystemctlPrintsThem) {
    EXPECT_EQ(property_text("TimeoutStopUSec", 90'000'000U), "1min 30s");
    EXPECT_EQ(property_text("TimeoutStartUSec", UINT64_MAX), "infinity");
    EXPECT_EQ(property_text("ActiveEnterTimestampMonotonic", 12345U), "12345");
    EXPECT_EQ(property_text("MemoryCurrent", UINT64_MAX), "[not set]");
    EXPECT_EQ(property_text("CanStart", true), "yes");
    EXPECT_EQ(property_text("UMask", 18U), "0022");
    EXPECT_EQ(property_text("Requires", Json{"a.service", "b.service"}), "a.service b.service");
    EXPECT_EQ(property_text("Job", Json::array({0, "/"})), "");
    const Json command = Json::array(
        {Json::array({"/bin/x", Json::array({"x", "-a"}), false, 0, 0, 0, 0, 0, 0, 0})});
    EXPECT_EQ(property_text("ExecStart", command),
              "{ path=/bin/x ; argv[]=x -a ; ignore_errors=no ; start_time=[n/a] ; "
              "stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }");
}

TEST(Lists, ArePlainInAPipe) {
    const std::vector<UnitRow> units{
        {"web.service", "Web", "loaded", "active", "running", "success", 0, "", 1, UINT64_MAX},
        {"a.service", "A long one", "loaded", "failed", "failed", "exit-code", 0, "", 0,
         UINT64_MAX}};
    EXPECT_EQ(units_text(units, 3, {}),
              "web.service loaded active running Web\n"
              "a.service   loaded failed failed  A long one\n");
}

TEST(Lists, HaveALegendAndFitATerminal) {
    ListLook look;
    look.legend = true;
    look.screen.terminal = true;
    look.screen.width = 40;
    const std::vector<UnitRow> units{{"web.service", "A description that is far too long", "loaded",
                                      "active", "running", "success", 4, "restart", 1, UINT64_MAX}};
    EXPECT_EQ(units_text(units, 2, look),
              "  UNIT        LOAD   ACTIVE SUB     JOB     DESCRIPTION\n"
              "● web.service loaded active running restart A description that is far too long\n"
              "\n1 unit; 2 inactive, shown with --all.\n");
    look.screen.width = 60;
    EXPECT_THAT(units_text(units, 2, look), HasSubstr("restart A description t…\n"));
}

TEST(Status, TellsThePhaseAndTheTimeLeft) {
    const Json properties = {{"ActiveState", "deactivating"},
                             {"SubState", "stop-sigterm"},
                             {"StopDeadlineUSec", 5'000'000},
                             {"StateDeadlineUSec", 9'000'000}};
    EXPECT_EQ(phase_text(properties, {}, 3'000'000),
              "stop-sigterm: SIGTERM was sent; 2.00 s until SIGKILL");
    EXPECT_EQ(
        phase_text(properties, {{"/", 7, "/usr/bin/web -p 80"}, {"/", 8, "sleep 3"}}, 3'000'000),
        "stop-sigterm: SIGTERM was sent, PID 7 (web) and 1 more are left; 2.00 s until "
        "SIGKILL");
}

TEST(Status, AReasonIsWhatSvcdWroteDownWhenItHappened) {
    Json properties = {{"Result", "timeout"},
                       {"ExecMainCode", 2},
                       {"ExecMainStatus", 15},
                       {"Failure", {"runtime-max", "it ran for RuntimeMaxSec (1 s)"}}};
    EXPECT_EQ(reason_text(properties), "it ran for RuntimeMaxSec (1 s)");
    properties["Result"] = "exit-code";
    properties["Failure"] = {"not-executed", ""};
    properties["ExecErrorText"] = "ExecStart: /opt/web can't be executed";
    EXPECT_EQ(reason_text(properties), "ExecStart: /opt/web can't be executed");
}

TEST(Status, WhereNothingIsWrittenDownTheExitStatusOfTheMainProcessIsTheReason) {
    Json properties = {{"Result", "exit-code"},
                       {"ExecMainCode", 1},
                       {"ExecMainStatus", 3},
                       {"Failure", {"main-ended", ""}},
                       // Of another command than the one that failed the unit.
                       {"ExecErrorText", "ExecStop: /opt/x can't be executed"}};
    EXPECT_EQ(reason_text(properties), "its main process exited with status 3");
    properties["Result"] = "success";
    EXPECT_EQ(reason_text(properties), "");
}

TEST(Status, ControlCharactersOfALogAreMadeVisible) {
    StatusFacts facts;
    facts.properties = {{"Id", "a.service"}, {"ActiveState", "active"}, {"SubState", "running"}};
    facts.log = {"\x1b[2Jevil"};
    EXPECT_THAT(status_text(facts, {}), HasSubstr("^[[2Jevil\n"));
}

TEST(Screen, ASingleValueCanNeitherBeginALineNorSteerTheTerminal) {
    EXPECT_EQ(harmless("x\n× web fail\r\tü\x7f"), "x^J× web fail^M^Iü^?");
    EXPECT_EQ(harmless("a\xc2\x9b"
                       "2J\xc2\x80\xc2\xa0"),
              "a<U+009B>2J<U+0080>\xc2\xa0");
    EXPECT_EQ(harmless("\xc2"), "<0xC2>");
    EXPECT_EQ(harmless("a\xff\xe2\x80\xae"
                       "b\xe2\x81\xa9\xed\xa0\x80"),
              "a<0xFF><U+202E>b<U+2069><0xED><0xA0><0x80>");
    Screen colours;
    colours.colour = true;
    const std::string red = coloured(colours, Colour::bad, "failed");
    EXPECT_EQ(harmless_page(red + "\x1b[2J\r\n", colours), red + "^[[2J^M\n");
    EXPECT_EQ(harmless_page(red, Screen{}), "^[[1;31mfailed^[[0m");
    EXPECT_EQ(harmless_lines("a\n\tb\x1b\xc2\x9b"), "a\n\tb^[<U+009B>");
}

TEST(Screen, JsonSaysTheSameWithoutACharacterThatSteersATerminal) {
    const Json object{{"status", "a\xc2\x9b[2J\x7f\x1b\xe2\x80\xae \xc3\xbc"}};
    const std::string text = harmless_json(json_text(object));
    EXPECT_EQ(text, "{\"status\":\"a\\u009b[2J\\u007f\\u001b\\u202e \xc3\xbc\"}\n");
    EXPECT_EQ(Json::parse(text), object);
}

TEST(Troubles, HaveALocationWhenTheMessageBeginsWithOne) {
    Trouble trouble{ExitStatus::bad_config, "n", "/x.yaml:3:1: bad", "a.service", "", ""};
    const Json object = Json::parse(trouble_text(trouble, true, {}));
    EXPECT_EQ(object["error"]["location"], "/x.yaml:3:1");
    EXPECT_EQ(object["error"]["unit"], "a.service");
    EXPECT_EQ(trouble_text(trouble, false, {}), "error: a.service: /x.yaml:3:1: bad\n");
}

TEST(JobLedger, AJobMayEndBeforeItIsExpected) {
    JobLedger ledger;
    ledger.removed("/org/svcd1/job/1", "done", 5);
    ledger.expect("a.service", "start", "/org/svcd1/job/1", "r1", 6);
    ledger.expect("b.service", "start", "/org/svcd1/job/2", "r2", 6);
    EXPECT_EQ(ledger.pending(), 1U);
    EXPECT_EQ(ledger.first_pending()->number(), 2U);
    ledger.removed("/org/svcd1/job/2", "failed", 9);
    EXPECT_TRUE(ledger.all_ended());
    EXPECT_EQ(ledger.jobs()[1].ended, 9U);
}

TEST(Remote, QuotesForTheOtherShellAndDropsTheHost) {
    EXPECT_THAT(ssh_command("box", {"-H", "box", "stop", "it's"}),
                ElementsAre("ssh", "--", "box", "svctl 'stop' 'it'\\''s'"));
    EXPECT_EQ(ssh_command("box", {"-qH", "box", "kill", "-HUP", "web"}).back(),
              "svctl '-q' 'kill' '-HUP' 'web'");
    EXPECT_EQ(ssh_command("box", {"-Hbox", "--host", "box", "kill", "--", "-H"}).back(),
              "svctl 'kill' '--' '-H'");
}

}  // namespace
}  // namespace svcd
