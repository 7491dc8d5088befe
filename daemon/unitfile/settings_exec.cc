// The rows about the process that a service starts (systemd.exec(5)).
#include <sys/resource.h>

#include <algorithm>
#include <array>

#include "unitfile/setting_reader.h"
#include "unitfile/words.h"

namespace svcd {
namespace {

bool is_absolute(std::string_view path) {
    return path.starts_with('/') && path.find('\0') == std::string_view::npos;
}

/// Takes a '-' off; true when it was there.
bool take_minus(std::string& text) {
    if (!text.starts_with('-')) {
        return false;
    }
    text.erase(0, 1);
    return true;
}

/// In YAML the bare word null is nothing at all; to a stream it is /dev/null.
bool is_reset_stream(const YamlNode& value) {
    return is_reset(value) && value.text != "null";
}

std::optional<std::string> expanded_text(Reading& reading, const YamlNode& value) {
    const std::string* text = single_text(reading, value);
    return text == nullptr ? std::nullopt : expand(reading, value, trim(*text));
}

void read_working_directory(Reading& reading, const YamlNode& value) {
    ExecSettings& exec = reading.draft.exec;
    exec.working_directory.clear();
    exec.working_directory_may_be_missing = false;
    if (is_reset(value)) {
        return;
    }
    auto path = expanded_text(reading, value);
    if (!path) {
        return;
    }
    exec.working_directory_may_be_missing = take_minus(*path);
    if (!is_absolute(*path) && *path != "~") {
        fail_value(reading, value, "'" + *path + "' is neither an absolute path nor '~'");
        return;
    }
    exec.working_directory = *std::move(path);
}

template <std::string ExecSettings::*Member>
void read_account(Reading& reading, const YamlNode& value) {
    std::string& account = reading.draft.exec.*Member;
    account.clear();
    if (is_reset(value)) {
        return;
    }
    auto name = expanded_text(reading, value);
    if (!name) {
        return;
    }
    if (name->empty() || name->size() > 255 || name->front() == '-' ||
        name->find_first_of(" \t\n\r:/\"'\\") != std::string::npos) {
        fail_value(reading, value, "'" + *name + "' is not the name of an account");
        return;
    }
    account = *std::move(name);
}

bool is_variable_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
    return !name.empty() && is_letter(name.front()) &&
           std::all_of(name.begin(), name.end(), is_part);
}

/// Adds "K=V"; a variable that is set already is replaced. No fault quotes what may be a secret:
/// the name of a variable is shown only where it is one.
void add_variable(Reading& reading, const YamlNode& node, std::string_view assignment) {
    const std::string_view written = assignment.substr(0, assignment.find('='));
    auto expanded = reading.specifiers.expand(assignment, reading.name);
    if (!expanded) {
        fail_value(reading, node,
                   (is_variable_name(written) ? std::string(written) + ": " : std::string{}) +
                       "a % in its value begins no specifier; a plain one is written %%");
        return;
    }
    const std::size_t equals = expanded->find('=');
    if (equals == std::string::npos) {
        fail_value(reading, node, "takes NAME=VALUE, and this has no =");
        return;
    }
    if (!is_variable_name(expanded->substr(0, equals))) {
        fail_value(reading, node,
                   "what stands before = is no name of a variable (letters, digits and _, no digit "
                   "first)");
        return;
    }
    reading.draft.set_variable(*std::move(expanded));
}

void read_environment_map(Reading& reading, const YamlNode& value) {
    for (const YamlEntry& entry : value.entries) {
        if (!is_variable_name(entry.key)) {
            reading.fail(entry.mark,
                         "Environment: this key is no name of a variable (letters, digits and _, "
                         "no digit first)");
            continue;
        }
        const YamlNode& node = *entry.value;
        if (node.kind == YamlNode::Kind::sequence || node.kind == YamlNode::Kind::map) {
            fail_value(reading, node, entry.key + ": the value of a variable is no list or map");
            continue;
        }
        if (node.kind == YamlNode::Kind::null && node.text == "~") {
            fail_value(reading, node,
                       entry.key + ": without quotes ~ is nothing in YAML; an empty value is ''");
            continue;
        }
        add_variable(reading, node,
                     entry.key + "=" + (node.kind == YamlNode::Kind::null ? "" : node.text));
    }
}

void read_environment(Reading& reading, const YamlNode& value) {
    if (is_reset(value)) {
        reading.draft.drop_variables();
        return;
    }
    if (value.kind == YamlNode::Kind::map) {
        read_environment_map(reading, value);
        return;
    }
    if (value.kind == YamlNode::Kind::sequence) {
        for (const YamlNodePtr& item : value.items) {
            if (item->kind == YamlNode::Kind::null) {
                reading.draft.drop_variables();
            } else if (item->kind == YamlNode::Kind::scalar) {
                add_variable(reading, *item, item->text);
            } else {
                fail_value(reading, *item, "takes a map, or a list of NAME=VALUE");
            }
        }
        return;
    }
    const auto words = split_quoted_words(value.text);
    if (!words) {
        fail_value(reading, value, words.error());
        return;
    }
    for (const std::string& word : *words) {
        add_variable(reading, value, word);
    }
}

void add_environment_file(Reading& reading, const YamlNode& node) {
    auto path = expanded_text(reading, node);
    if (!path) {
        return;
    }
    const bool may_be_missing = take_minus(*path);
    if (!is_absolute(*path)) {
        fail_value(reading, node, "'" + *path + "' is not an absolute path");
        return;
    }
    reading.draft.exec.environment_files.push_back({*std::move(path), may_be_missing});
}

void read_environment_files(Reading& reading, const YamlNode& value) {
    auto& files = reading.draft.exec.environment_files;
    if (is_reset(value)) {
        files.clear();
        return;
    }
    if (value.kind != YamlNode::Kind::sequence) {
        add_environment_file(reading, value);
        return;
    }
    for (const YamlNodePtr& item : value.items) {
        if (is_reset(*item)) {
            files.clear();
        } else {
            add_environment_file(reading, *item);
        }
    }
}

template <int resource>
void read_limit(Reading& reading, const YamlNode& value) {
    auto& limits = reading.draft.exec.limits;
    std::erase_if(limits, [](const ResourceLimit& each) { return each.resource == resource; });
    if (is_reset(value)) {
        return;
    }
    if (const std::string* text = single_text(reading, value)) {
        const auto limit = parse_resource_limit(resource, *text);
        if (!limit) {
            fail_value(reading, value, limit.error());
            return;
        }
        limits.push_back(*limit);
    }
}

constexpr auto kInputs = std::to_array<std::string_view>({"null", "inherit", "file"});
constexpr auto kOutputs =
    std::to_array<std::string_view>({"log", "null", "inherit", "file", "append", "truncate"});
constexpr auto kStreamsNotYet =
    std::to_array<std::string_view>({"tty", "tty-force", "tty-fail", "socket", "fd", "data",
                                     "journal+console", "syslog+console", "kmsg+console"});

struct Stream {
    std::size_t kind = 0;  ///< index into the words
    std::string path;
};

/// "null", "file:/path" ...: the word, and the path after the kinds that have one.
std::optional<Stream> read_stream(Reading& reading,
                                  const YamlNode& value,
                                  std::span<const std::string_view> words) {
    auto text = value.kind == YamlNode::Kind::null ? std::optional{value.text}
                                                   : expanded_text(reading, value);
    if (!text) {
        return std::nullopt;
    }
    if (*text == "journal" || *text == "syslog" || *text == "kmsg") {
        *text = "log";
    }
    const std::size_t colon = text->find(':');
    const std::string word = text->substr(0, colon);
    const auto kind = parse_choice(word, words, kStreamsNotYet);
    if (!kind) {
        fail_value(reading, value, kind.error());
        return std::nullopt;
    }
    const bool wants_path = word == "file" || word == "append" || word == "truncate";
    Stream stream{*kind, colon == std::string::npos ? std::string{} : text->substr(colon + 1)};
    if (wants_path && !is_absolute(stream.path)) {
        fail_value(reading, value, "after '" + word + ":' stands an absolute path");
        return std::nullopt;
    }
    if (!wants_path && colon != std::string::npos) {
        fail_value(reading, value, "'" + word + "' takes no path");
        return std::nullopt;
    }
    return stream;
}

void read_standard_input(Reading& reading, const YamlNode& value) {
    ExecSettings& exec = reading.draft.exec;
    exec.standard_input = InputKind::null;
    exec.standard_input_path.clear();
    if (is_reset_stream(value)) {
        return;
    }
    if (auto stream = read_stream(reading, value, kInputs)) {
        exec.standard_input = static_cast<InputKind>(stream->kind);
        exec.standard_input_path = std::move(stream->path);
    }
}

void read_standard_output(Reading& reading, const YamlNode& value) {
    Output& output = reading.draft.exec.standard_output;
    output = Output{};
    if (is_reset_stream(value)) {
        return;
    }
    if (auto stream = read_stream(reading, value, kOutputs)) {
        output = {static_cast<OutputKind>(stream->kind), std::move(stream->path)};
    }
}

void read_standard_error(Reading& reading, const YamlNode& value) {
    std::optional<Output>& output = reading.draft.exec.standard_error;
    output.reset();
    if (is_reset_stream(value)) {
        return;
    }
    auto stream = read_stream(reading, value, kOutputs);
    if (stream && static_cast<OutputKind>(stream->kind) != OutputKind::inherit) {
        output = Output{static_cast<OutputKind>(stream->kind), std::move(stream->path)};
    }
}

constexpr auto kWorkingDirectory = [](const UnitDefinition& unit) {
    const ExecSettings& exec = exec_of(unit);
    return (exec.working_directory_may_be_missing ? "!" : "") + exec.working_directory;
};
constexpr auto kEnvironmentFiles = [](const UnitDefinition& unit) {
    std::vector<std::pair<std::string, bool>> shown;
    for (const EnvironmentFile& file : exec_of(unit).environment_files) {
        shown.emplace_back(file.path, file.may_be_missing);
    }
    return shown;
};
constexpr auto kEnvironment = [](const UnitDefinition& unit) { return exec_of(unit).environment; };
constexpr auto kUMask = [](const UnitDefinition& unit) {
    return static_cast<std::uint32_t>(exec_of(unit).umask);
};
constexpr auto kIgnoreSigpipe = [](const UnitDefinition& unit) {
    return exec_of(unit).ignore_sigpipe;
};
/// As it stands in the file: with the path that systemd's property leaves out.
std::string stream_text(std::string_view word, const std::string& path) {
    return std::string{word} + (path.empty() ? "" : ":" + path);
}
std::string output_text(const Output& output) {
    return stream_text(kOutputs[static_cast<std::size_t>(output.kind)], output.path);
}

constexpr auto kStandardInput = [](const UnitDefinition& unit) {
    const ExecSettings& exec = exec_of(unit);
    return stream_text(kInputs[static_cast<std::size_t>(exec.standard_input)],
                       exec.standard_input_path);
};
constexpr auto kStandardOutput = [](const UnitDefinition& unit) {
    return output_text(exec_of(unit).standard_output);
};
constexpr auto kStandardError = [](const UnitDefinition& unit) {
    const auto& output = exec_of(unit).standard_error;
    return output ? output_text(*output) : "inherit";
};
constexpr auto kNice = [](const UnitDefinition& unit) {
    return static_cast<std::int32_t>(exec_of(unit).nice.value_or(0));
};
constexpr auto kOomScoreAdjust = [](const UnitDefinition& unit) {
    return static_cast<std::int32_t>(exec_of(unit).oom_score_adjust.value_or(0));
};
template <std::string ExecSettings::*Member>
constexpr auto text_of = [](const UnitDefinition& unit) { return exec_of(unit).*Member; };

/// What is not set is what svcd itself has, and so what the service will have.
template <int resource, bool hard>
constexpr auto limit_of = [](const UnitDefinition& unit) -> std::uint64_t {
    for (const ResourceLimit& limit : exec_of(unit).limits) {
        if (limit.resource == resource) {
            return hard ? limit.hard : limit.soft;
        }
    }
    rlimit inherited{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &inherited) != 0) {
        return RLIM_INFINITY;
    }
    return hard ? inherited.rlim_max : inherited.rlim_cur;
};

using enum SettingGroup;
using E = ExecSettings;

template <int resource>
constexpr SettingRow limit_row(std::string_view key, std::string_view soft, std::string_view doc) {
    return {exec,
            key,
            SettingKind::limit,
            read_limit<resource>,
            doc,
            {property<limit_of<resource, true>>(key), property<limit_of<resource, false>>(soft)},
            {}};
}

// clang-format off
const auto kRows = std::to_array<SettingRow>({
    {exec, "WorkingDirectory", SettingKind::text, read_working_directory,
     "Where the process starts: an absolute path, `~` for the user's home; `-` before it when it may be missing. Default `/`, of a user instance the home directory.",
     {property<kWorkingDirectory>("WorkingDirectory")}, {}},
    {exec, "User", SettingKind::text, read_account<&E::user>,
     "The user the service runs as, by name or number.",
     {property<text_of<&E::user>>("User")}, {}},
    {exec, "Group", SettingKind::text, read_account<&E::group>,
     "The group the service runs as. Default the user's group.",
     {property<text_of<&E::group>>("Group")}, {}},
    {exec, "Environment", SettingKind::environment, read_environment,
     "Environment variables: a map, a list of NAME=VALUE, or a string of them.",
     {property<kEnvironment>("Environment")}, {}},
    {exec, "EnvironmentFile", SettingKind::words, read_environment_files,
     "Files with environment variables, read when the service is started; `-` before a path when the file may be missing.",
     {property<kEnvironmentFiles>("EnvironmentFiles")}, {}},
    {exec, "UMask", SettingKind::octal, read_single<parse_octal_mode, &E::umask>,
     "The file mode creation mask, in octal. Default 0022.",
     {property<kUMask>("UMask")}, {}},
    {exec, "IgnoreSIGPIPE", SettingKind::boolean, read_single<parse_boolean, &E::ignore_sigpipe>,
     "Whether SIGPIPE is ignored when the program begins. Default yes.",
     {property<kIgnoreSigpipe>("IgnoreSIGPIPE")}, {}},
    limit_row<RLIMIT_CPU>("LimitCPU", "LimitCPUSoft", "CPU time, in seconds or as a time span."),
    limit_row<RLIMIT_FSIZE>("LimitFSIZE", "LimitFSIZESoft", "Size of a file that is written."),
    limit_row<RLIMIT_DATA>("LimitDATA", "LimitDATASoft", "Size of the data segment."),
    limit_row<RLIMIT_STACK>("LimitSTACK", "LimitSTACKSoft", "Size of the stack."),
    limit_row<RLIMIT_CORE>("LimitCORE", "LimitCORESoft", "Size of a core dump."),
    limit_row<RLIMIT_RSS>("LimitRSS", "LimitRSSSoft", "Has no effect on Linux."),
    limit_row<RLIMIT_NOFILE>("LimitNOFILE", "LimitNOFILESoft", "Open file descriptors."),
    limit_row<RLIMIT_AS>("LimitAS", "LimitASSoft", "Size of the address space."),
    limit_row<RLIMIT_NPROC>("LimitNPROC", "LimitNPROCSoft", "Processes of the user."),
    limit_row<RLIMIT_MEMLOCK>("LimitMEMLOCK", "LimitMEMLOCKSoft", "Memory that may be locked."),
    limit_row<RLIMIT_LOCKS>("LimitLOCKS", "LimitLOCKSSoft", "File locks."),
    limit_row<RLIMIT_SIGPENDING>("LimitSIGPENDING", "LimitSIGPENDINGSoft", "Signals that may be queued."),
    limit_row<RLIMIT_MSGQUEUE>("LimitMSGQUEUE", "LimitMSGQUEUESoft", "Bytes in POSIX message queues."),
    limit_row<RLIMIT_NICE>("LimitNICE", "LimitNICESoft", "The best nice level: `+N` or `-N`, or the raw limit."),
    limit_row<RLIMIT_RTPRIO>("LimitRTPRIO", "LimitRTPRIOSoft", "The highest real-time priority."),
    limit_row<RLIMIT_RTTIME>("LimitRTTIME", "LimitRTTIMESoft", "CPU time of a real-time process without a rest, in microseconds or as a time span."),
    {exec, "StandardInput", SettingKind::text, read_standard_input,
     "`null` (the default), `inherit` or `file:PATH`.",
     {property<kStandardInput>("StandardInput")}, {}},
    {exec, "StandardOutput", SettingKind::text, read_standard_output,
     "`log` (the default; `journal`, `syslog` and `kmsg` mean the same), `null`, `inherit`, `file:PATH`, `append:PATH` or `truncate:PATH`.",
     {property<kStandardOutput>("StandardOutput")}, {}},
    {exec, "StandardError", SettingKind::text, read_standard_error,
     "As StandardOutput. Default `inherit`: the same as StandardOutput.",
     {property<kStandardError>("StandardError")}, {}},
    {exec, "Nice", SettingKind::number, read_single<parse_nice, &E::nice>,
     "The nice level, from -20 to 19.",
     {property<kNice>("Nice")}, {}},
    {exec, "OOMScoreAdjust", SettingKind::number, read_single<parse_oom_score_adjust, &E::oom_score_adjust>,
     "How readily the kernel ends the service when memory runs out, from -1000 (never) to 1000.",
     {property<kOomScoreAdjust>("OOMScoreAdjust")}, {}},
    {exec, "SyslogIdentifier", SettingKind::text, read_text<&E::syslog_identifier>,
     "The name before each line in the log. Default the name of the program.",
     {property<text_of<&E::syslog_identifier>>("SyslogIdentifier")}, {}},
});
// clang-format on

}  // namespace

std::span<const SettingRow> exec_settings() {
    return kRows;
}

}  // namespace svcd
