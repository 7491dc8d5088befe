// Every value as systemd 252 reads it, from tables that were read back from a running systemd
// (data/*.tsv). What systemd ignores with a warning is an error here.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

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

TEST(SystemdTimeSpan, OfAKeyIsReadAsSystemdReadsIt) {
    const std::map<std::string, Duration ServiceSettings::*> keys{
        {"TimeoutStopSec", &ServiceSettings::timeout_stop},
        {"TimeoutStartSec", &ServiceSettings::timeout_start},
        {"RestartSec", &ServiceSettings::restart_delay},
        {"WatchdogSec", &ServiceSettings::watchdog}};
    int checked = 0;
    for (const Row& row : rows_of("timespans.tsv")) {
        const std::string text = unquote(row[0]);
        const std::string key = text.substr(0, text.find('='));
        if (row[1] != "key" || !keys.contains(key)) {
            continue;
        }
        ++checked;
        const std::string value = text.substr(key.size() + 1);
        const LoadedUnit unit = load_service(key + ": " + value);
        if (value.empty()) {  // resets, where systemd keeps what was set before
            EXPECT_EQ((*unit.definition.service).*keys.at(key), ServiceSettings{}.*keys.at(key));
        } else if (row[2] == "ignored") {
            EXPECT_EQ(unit.state, LoadState::bad_setting) << text;
        } else {
            ASSERT_EQ(unit.state, LoadState::loaded) << text << unit.error;
            EXPECT_EQ((*unit.definition.service).*keys.at(key), *parse_duration(row[2])) << text;
        }
    }
    EXPECT_GE(checked, 7);
}

TEST(SystemdSize, IsReadAsSystemdReadsIt) {
    for (const Row& row : rows_of("sizes.tsv")) {
        const std::string text = unquote(row[1]);
        if (row[0] != "MemoryMax" || text.find('%') != std::string::npos || text == "0" ||
            text == "infinity") {
            continue;  // 0, shares and infinity are the setting's business
        }
        const auto size = parse_size(text);
        ASSERT_EQ(size.has_value(), row[2] != "ignored") << row[1];
        if (size) {
            EXPECT_EQ(std::to_string(*size), row[2]) << row[1];
        }
    }
}

std::string shown(std::uint64_t limit) {
    return limit == UINT64_MAX ? "infinity" : std::to_string(limit);
}

TEST(SystemdLimit, IsReadAsSystemdReadsIt) {
    const std::map<std::string, int> resources{
        {"LimitNOFILE", RLIMIT_NOFILE},   {"LimitCORE", RLIMIT_CORE},
        {"LimitMEMLOCK", RLIMIT_MEMLOCK}, {"LimitCPU", RLIMIT_CPU},
        {"LimitRTTIME", RLIMIT_RTTIME},   {"LimitNICE", RLIMIT_NICE},
        {"LimitSTACK", RLIMIT_STACK},     {"LimitMSGQUEUE", RLIMIT_MSGQUEUE},
        {"LimitDATA", RLIMIT_DATA}};
    int checked = 0;
    for (const Row& row : rows_of("sizes.tsv")) {
        if (!row[0].starts_with("Limit")) {
            continue;
        }
        ++checked;
        const auto limit = parse_resource_limit(resources.at(row[0]), unquote(row[1]));
        ASSERT_EQ(limit.has_value(), row[2] != "ignored") << row[0] << row[1];
        if (limit) {
            EXPECT_EQ("soft " + shown(limit->soft) + " hard " + shown(limit->hard), row[2]);
        }
    }
    EXPECT_GE(checked, 15);
}

TEST(SystemdNumbers, OfKeysAreReadAsSystemdReadsThem) {
    int checked = 0;
    for (const Row& row : rows_of("sizes.tsv")) {
        const std::string text = unquote(row[1]);
        std::string result = "ignored";
        if (row[0] == "OOMScoreAdjust") {
            const auto value = parse_oom_score_adjust(text.empty() ? "0" : text);
            result = value ? std::to_string(*value) : result;
        } else if (row[0] == "Nice") {
            const auto value = parse_nice(text);
            result = value ? std::to_string(*value) : result;
        } else if (row[0] == "UMask") {
            if (const auto value = parse_octal_mode(text)) {
                std::ostringstream octal;
                octal.fill('0');
                octal.width(4);
                octal << std::oct << *value;
                result = octal.str();
            }
        } else if (row[0] == "RemainAfterExit") {
            const auto value = parse_boolean(text);
            result = value ? (*value ? "yes" : "no") : result;
        } else {
            continue;
        }
        ++checked;
        EXPECT_EQ(result, row[2]) << row[0] << row[1];
    }
    EXPECT_GE(checked, 17);
}

TEST(SystemdSignal, IsReadAsSystemdReadsIt) {
    for (const Row& row : rows_of("signals.tsv")) {
        const auto signal = parse_signal(unquote(row[0]));
        EXPECT_EQ(signal ? std::to_string(*signal) : "ignored", row[1]) << row[0];
        if (signal && !row[2].empty() && *signal < 32) {
            EXPECT_EQ(signal_name(*signal), row[2]);
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

TEST(SystemdCommandLine, IsTakenApartAsSystemdDoes) {
    const Specifiers specifiers{false};
    for (const Row& row : rows_of("exec-quoting.tsv")) {
        const auto name = parse_unit_name("q" + row[0] + "@foo-bar\\x2dbaz.service");
        ASSERT_TRUE(name.has_value());
        if (row[1].find("%d") != std::string::npos) {
            continue;  // credentials have their own time
        }
        const bool is_about_root =
            row[1].find("%h") != std::string::npos || row[1].find("%U") != std::string::npos;
        if (is_about_root && ::getuid() != 0) {
            continue;  // the table was made by root
        }
        const auto commands = parse_command_string(
            CommandRole::start, unquote(row[1]),
            [&](std::string_view word) { return specifiers.expand(word, *name); });
        if (row[2] == "error:load") {
            EXPECT_TRUE(!commands || commands->empty()) << row[1];
            continue;
        }
        ASSERT_TRUE(commands.has_value()) << row[1] << ": " << commands.error();
        nlohmann::json argvs = nlohmann::json::array();
        bool varies = false;
        for (const Command& command : *commands) {
            argvs.push_back(command.argv);
            // Variables are replaced, and shells do their own work, when it is executed.
            varies = varies || command.path == "/bin/sh";
            for (const std::string& word : command.argv) {
                varies = varies || (word.find('$') != std::string::npos && !command.no_expansion);
            }
        }
        if (!varies) {
            EXPECT_EQ(argvs, nlohmann::json::parse(row[2])) << row[1];
        }
    }
}

TEST(SystemdCommandLine, KeepsAShellsArgumentWhole) {
    const auto commands = parse_command_string(
        CommandRole::start, "/bin/sh -c \"exec /usr/bin/argdump 'a b' \\\"c\\\"\"",
        [](std::string_view word) -> Parsed<std::string> { return std::string(word); });
    ASSERT_TRUE(commands.has_value());
    EXPECT_EQ(commands->front().argv,
              (std::vector<std::string>{"/bin/sh", "-c", "exec /usr/bin/argdump 'a b' \"c\""}));
}

}  // namespace
}  // namespace svcd
