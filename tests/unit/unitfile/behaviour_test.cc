// Every value as systemd 252 reads it, from tables that were read back from a running systemd
// (data/*.tsv). What systemd ignores with a warning is an error here.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "exec/argument_expansion.h"
#include "unit_folder.h"
#include "unitfile/command_line.h"
#include "unitfile/signal_names.h"
#include "unitfile/specifier.h"
#include "unitfile/values.h"

namespace svcd {
namespace {

using Row = std::vector<std::string>;

std::vector<Row> rows_of(const std::string& table) {
    std::ifstream file{std::string(SVCD_TEST_DATA) + "/" + table};
    EXPECT_TRUE(file.is_open()) << table;
    std::vector<Row> rows;
    bool header = true;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (std::exchange(header, false)) {
            continue;
        }
        Row row;
        std::istringstream cells{line};
        for (std::string cell; std::getline(cells, cell, '\t');) {
            row.push_back(cell);
        }
        row.resize(std::max<std::size_t>(row.size(), 4));
        rows.push_back(std::move(row));
    }
    EXPECT_GT(rows.size(), 10U) << table;
    return rows;
}

std::string unquote(const std::string& json) {
    return nlohmann::json::parse(json).get<std::string>();
}

TEST(SystemdTimeSpan, IsReadAsSystemdReadsIt) {
    for (const Row& row : rows_of("timespans.tsv")) {
        if (row[1] == "key") {
            continue;
        }
        const std::string text = unquote(row[0]);
        const auto duration = parse_duration(text);
        if (row[1] == "error") {
            EXPECT_FALSE(duration.has_value()) << row[0];
            continue;
        }
        ASSERT_TRUE(duration.has_value()) << row[0] << ": " << duration.error();
        if (row[1] == "infinity") {
            EXPECT_EQ(*duration, kInfinity) << row[0];
        } else {
            EXPECT_EQ(std::to_string(duration->count()), row[1]) << row[0];
        }
    }
}

/// A service with `before`, and a drop-in that says `after` of the same key.
struct ReadBack {
    LoadReport report;
    std::string shown(std::string_view property) const {
        return shown_text(report.units.front().definition, property);
    }
    /// systemd keeps the value that stood there before, with a warning; here the drop-in has a
    /// fault, is left out and that is said.
    bool is_refused() const { return !report.diagnostics.empty(); }
};

ReadBack read_after(const std::string& key, const std::string& before, const std::string& value) {
    const bool is_of_unit = key.starts_with("StartLimit") || key.starts_with("JobTimeout");
    const std::string section = is_of_unit ? "Unit:\n  " : "Service:\n  ";
    std::string fragment = section + key + ": " + before + "\n";
    fragment += is_of_unit ? "Service: {ExecStart: /bin/true}\n" : "  ExecStart: /bin/true\n";
    ReadBack reading{
        load_with_drop_in(fragment, section + key + ": " + nlohmann::json(value).dump() + "\n")};
    EXPECT_EQ(reading.report.units.front().state, LoadState::loaded) << key << value;
    return reading;
}

/// "1min 30s" as a property has it: microseconds.
std::string usec_of(const std::string& text) {
    const auto duration = parse_duration(text);
    EXPECT_TRUE(duration.has_value()) << text;
    return *duration == kInfinity ? "infinity" : std::to_string(duration->count());
}

TEST(SystemdTimeSpan, OfAKeyIsReadAsSystemdReadsIt) {
    const std::map<std::string, std::string> properties{
        {"TimeoutStopSec", "TimeoutStopUSec"},
        {"TimeoutStartSec", "TimeoutStartUSec"},
        {"TimeoutAbortSec", "TimeoutAbortUSec"},
        {"RuntimeMaxSec", "RuntimeMaxUSec"},
        {"RestartSec", "RestartUSec"},
        {"WatchdogSec", "WatchdogUSec"},
        {"TimeoutSec", "TimeoutStopUSec"},
        {"StartLimitIntervalSec", "StartLimitIntervalUSec"},
        {"StartLimitBurst", "StartLimitBurst"},
        {"JobTimeoutSec", "JobTimeoutUSec"}};
    int checked = 0;
    for (const Row& row : rows_of("timespans.tsv")) {
        if (row[1] != "key") {
            continue;
        }
        ++checked;
        const std::string text = unquote(row[0]);
        const std::string key = text.substr(0, text.find('='));
        const std::string value = text.substr(key.size() + 1);
        const std::string& property = properties.at(key);
        const ReadBack reading = read_after(key, "33", value);
        EXPECT_EQ(reading.is_refused(), row[2] == "ignored" && !value.empty()) << text;
        std::string expected = key == "StartLimitBurst" ? row[2] : std::string{};
        if (value.empty()) {
            // docs/differences-from-systemd.md: an empty value resets, in every setting.
            expected = shown_text(load_service("").definition, property);
            EXPECT_TRUE(row[2] == "ignored" || usec_of(row[2]) == expected) << text;
        } else if (row[2] == "ignored") {
            expected = key == "StartLimitBurst" ? "33" : "33000000";
        } else if (key == "TimeoutSec") {
            EXPECT_EQ(row[2], "stop=infinity start=infinity");
            EXPECT_EQ(reading.shown("TimeoutStartUSec"), "infinity");
            expected = "infinity";
        } else if (expected.empty()) {
            expected = usec_of(row[2]);
        }
        EXPECT_EQ(reading.shown(property), expected) << text;
    }
    EXPECT_EQ(checked, 17);
}

/// What systemd shows for the values of sizes.tsv, in its words.
std::string in_systemds_words(const std::string& key, const ReadBack& reading) {
    if (key.starts_with("Limit")) {
        return "soft " + reading.shown(key + "Soft") + " hard " + reading.shown(key);
    }
    if (key == "UMask") {
        std::ostringstream octal;
        octal << std::setfill('0') << std::setw(4) << std::oct << std::stoul(reading.shown(key));
        return octal.str();
    }
    return reading.shown(key);
}

TEST(SystemdSize, OfAKeyIsReadAsSystemdReadsIt) {
    const std::map<std::string, std::string> before{
        {"LimitNOFILE", "77"},  {"LimitCORE", "77"},      {"LimitMEMLOCK", "77"},
        {"LimitCPU", "77"},     {"LimitRTTIME", "77"},    {"LimitNICE", "7"},
        {"LimitSTACK", "77"},   {"LimitMSGQUEUE", "77"},  {"LimitDATA", "77"},
        {"Nice", "7"},          {"OOMScoreAdjust", "77"}, {"UMask", "077"},
        {"RemainAfterExit", ""}};
    int checked = 0;
    int not_supported = 0;
    for (const Row& row : rows_of("sizes.tsv")) {
        const std::string text = unquote(row[1]);
        const auto found = before.find(row[0]);
        if (found == before.end()) {
            ++not_supported;
            EXPECT_THAT(load_service(row[0] + ": " + row[1]).error,
                        ::testing::HasSubstr("'" + row[0] + "' is not supported by this version"));
            continue;
        }
        ++checked;
        // Of a boolean the other value stands there before.
        const std::string boolean = row[2] == "yes" ? "no" : "yes";
        const std::string& value = row[0] == "RemainAfterExit" ? boolean : found->second;
        const ReadBack reading = read_after(row[0], value, text);
        EXPECT_EQ(reading.is_refused(), row[2] == "ignored") << row[0] << row[1];
        const ReadBack unchanged = read_after(row[0], value, value);
        EXPECT_EQ(in_systemds_words(row[0], reading),
                  row[2] == "ignored" ? in_systemds_words(row[0], unchanged) : row[2])
            << row[0] << row[1];
    }
    EXPECT_EQ(checked, 33);
    EXPECT_EQ(not_supported, 41);
}

/// The settings that take them are for another version; their way of writing sizes is that of
/// LimitCORE and of ConditionMemory.
TEST(SystemdSize, IsReadAsSystemdReadsIt) {
    for (const Row& row : rows_of("sizes.tsv")) {
        const std::string text = unquote(row[1]);
        const bool is_not_only_a_size =
            text == "0" || text == "infinity" || (text.ends_with('%') && row[2] != "ignored");
        if (row[0] != "MemoryMax" || is_not_only_a_size) {
            continue;  // 0, shares and infinity are MemoryMax's own
        }
        const auto size = parse_size(text);
        ASSERT_EQ(size.has_value(), row[2] != "ignored") << row[1];
        if (size) {
            EXPECT_EQ(std::to_string(*size), row[2]) << row[1];
        }
    }
}

TEST(SystemdSignal, IsReadAsSystemdReadsIt) {
    for (const Row& row : rows_of("signals.tsv")) {
        const auto signal = parse_signal(unquote(row[0]));
        EXPECT_EQ(signal ? std::to_string(*signal) : "ignored", row[1]) << row[0];
        if (signal && !row[2].empty()) {
            EXPECT_EQ(signal_name(*signal), row[2]);
        }
        for (const char* key :
             {"KillSignal", "RestartKillSignal", "FinalKillSignal", "WatchdogSignal"}) {
            const ReadBack reading = read_after(key, "SIGUSR1", unquote(row[0]));
            EXPECT_EQ(reading.is_refused(), row[1] == "ignored") << key << row[0];
            EXPECT_EQ(reading.shown(key), row[1] == "ignored" ? "10" : row[1]) << key << row[0];
        }
    }
}

TEST(SystemdExitStatus, NamesAreSystemds) {
    for (const Row& row : rows_of("exit-status.tsv")) {
        ExitStatusSet set;
        ASSERT_TRUE(add_exit_status(row[1], set)) << row[1];
        EXPECT_TRUE(set.statuses.test(std::stoul(row[2]))) << row[1];
        EXPECT_EQ(set.statuses.count(), 1U);
    }
}

/// Of the units that exec-quoting.tsv was made with.
const std::vector<std::string> kEnvironment{"ONE=one",
                                            "TWO=two two",
                                            "EMPTY=",
                                            "QUO=\"q1 q2\" q3",
                                            "SPC=  lead  trail ",
                                            "STAR=*",
                                            "DOL=$ONE",
                                            "SEMI=a ; b",
                                            "NUM1=n",
                                            "_U=u",
                                            "ARGD=/usr/bin/argdump"};

/// What /bin/sh makes of the script of `sh -c`, which executes a program that shows its argv.
std::vector<std::string> argv_of_script(std::string script) {
    const std::string program = "exec /usr/bin/argdump";
    EXPECT_TRUE(script.starts_with(program)) << script;
    script.replace(0, program.size(), "printf '%s\\n' /usr/bin/argdump");
    std::vector<std::string> argv;
    std::FILE* output = ::popen(script.c_str(), "r");
    std::string word;
    for (int c = std::fgetc(output); c != EOF; c = std::fgetc(output)) {
        if (c == '\n') {
            argv.push_back(std::exchange(word, {}));
        } else {
            word += static_cast<char>(c);
        }
    }
    ::pclose(output);
    return argv;
}

/// The argument vector that is executed.
std::vector<std::string> argv_of(const Command& command) {
    std::vector<std::string> argv =
        command.no_expansion ? command.argv : expand_arguments(command.argv, kEnvironment);
    return command.path == "/bin/sh" ? argv_of_script(argv.at(2)) : argv;
}

TEST(SystemdCommandLine, IsTakenApartAsSystemdDoes) {
    const Specifiers specifiers{false};
    for (const Row& row : rows_of("exec-quoting.tsv")) {
        const auto name = parse_unit_name("q" + row[0] + "@foo-bar\\x2dbaz.service");
        ASSERT_TRUE(name.has_value());
        const bool is_about_root =
            row[1].find("%h") != std::string::npos || row[1].find("%U") != std::string::npos;
        if (is_about_root && ::getuid() != 0) {
            continue;  // the table was made by root
        }
        const auto commands = parse_command_string(
            CommandRole::start, unquote(row[1]),
            [&](std::string_view word) { return specifiers.expand(word, *name); });
        // $ONE/y, $1, $*: systemd loses the word, svcd refuses it.
        const bool loses_a_word = row[0] == "130" || row[0] == "154" || row[0] == "172";
        if (row[2] == "error:load" || loses_a_word) {
            EXPECT_TRUE(!commands || commands->empty()) << row[1];
            continue;
        }
        ASSERT_TRUE(commands.has_value()) << row[1] << ": " << commands.error();
        if (row[2] == "error:exit-code/203") {
            ASSERT_EQ(commands->size(), 1U) << row[1];
            EXPECT_EQ(commands->front().command.path, "${ARGD}") << "it is not expanded, nor found";
            continue;
        }
        nlohmann::json argvs = nlohmann::json::array();
        for (const ReadCommand& read : *commands) {
            argvs.push_back(argv_of(read.command));
        }
        EXPECT_EQ(argvs, nlohmann::json::parse(row[2])) << row[1];
    }
}

}  // namespace
}  // namespace svcd
