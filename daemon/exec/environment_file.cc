#include "exec/environment_file.h"

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <tl/expected.hpp>
#include <utility>

#include "core/types/text_scan.h"
#include "exec/trusted_path.h"

namespace svcd {
namespace {

bool is_newline(char c) {
    return c == '\n' || c == '\r';
}
bool is_blank(char c) {
    return kWhitespace.find(c) != std::string_view::npos;
}

bool is_variable_name(std::string_view name) {
    constexpr std::string_view kAllowed =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return !name.empty() && (name[0] < '0' || name[0] > '9') &&
           name.find_first_not_of(kAllowed) == std::string_view::npos;
}

void strip_end(std::string& text, std::size_t keep = 0) {
    while (text.size() > keep && is_blank(text.back())) {
        text.pop_back();
    }
}

/// The file as a machine of characters. A newline ends an assignment, but not within quotes or
/// after a backslash.
class Parser {
public:
    explicit Parser(std::string_view file) : file_(file) {}

    void take(char c) {
        step(c);
        line_ += c == '\n' ? 1 : 0;
    }

    EnvironmentLines finish() {
        switch (state_) {
            case State::single_quotes:
            case State::double_quotes:
            case State::double_quotes_escape:
                warn(
                    "a quote that is opened in this assignment is not closed: all that follows "
                    "belongs to the value");
                end_assignment();
                break;
            case State::before_value:
            case State::value:
            case State::value_escape:
                end_assignment();
                break;
            case State::name:
                warn_of_line();
                break;
            case State::before_name:
            case State::comment:
            case State::comment_escape:
                break;
        }
        return std::move(lines_);
    }

    void warn_at(std::size_t line, std::string_view text) {
        if (lines_.warnings.size() > kEnvironmentWarningsMax) {
            return;
        }
        lines_.warnings.push_back(lines_.warnings.size() == kEnvironmentWarningsMax
                                      ? std::string{file_} + ": there are more such lines"
                                      : std::string{file_} + ":" + std::to_string(line) + ": " +
                                            std::string{text});
    }

private:
    enum class State {
        before_name,
        name,
        before_value,
        value,
        value_escape,
        single_quotes,
        double_quotes,
        double_quotes_escape,
        comment,
        comment_escape,
    };

    void warn(std::string_view text) { warn_at(begin_, text); }
    void warn_of_line() {
        if (name_.starts_with('=')) {
            warn("a line without a name before '=' is left out: write NAME=VALUE");
            return;
        }
        warn("a line without '=' is left out: write NAME=VALUE, or '#' before a comment");
    }
    /// The name itself is shown only where it is one: else it may be a part of a secret.
    void warn_of_name() {
        for (const std::string_view word : {"export", "set", "setenv", "declare", "local"}) {
            if (name_.size() > word.size() && name_.starts_with(word) &&
                is_blank(name_[word.size()])) {
                std::string_view rest = std::string_view{name_}.substr(word.size());
                rest.remove_prefix(std::min(rest.find_first_not_of(kWhitespace), rest.size()));
                warn("'" + std::string{word} +
                     "' is a shell's, and this is no shell script: the "
                     "line is left out; write " +
                     (is_variable_name(rest) ? std::string{rest} : std::string{"NAME"}) +
                     "=... alone");
                return;
            }
        }
        warn(
            "what stands before '=' is no name of a variable (letters, digits and '_', no digit "
            "first): the line is left out");
    }

    void step(char c) {
        switch (state_) {
            case State::before_name:
                before_name(c);
                break;
            case State::name:
                name(c);
                break;
            case State::before_value:
                before_value(c);
                break;
            case State::value:
                value(c);
                break;
            case State::value_escape:
                state_ = State::value;
                if (!is_newline(c)) {
                    value_ += c;
                    keep_ = value_.size();
                }
                break;
            case State::single_quotes:
                quoted(c, '\'');
                break;
            case State::double_quotes:
                if (c == '\\') {
                    state_ = State::double_quotes_escape;
                } else {
                    quoted(c, '"');
                }
                break;
            case State::double_quotes_escape:
                double_quotes_escape(c);
                break;
            case State::comment:
                if (c == '\\') {
                    state_ = State::comment_escape;
                } else if (is_newline(c)) {
                    state_ = State::before_name;
                }
                break;
            case State::comment_escape:
                state_ = State::comment;  // a comment goes on after a backslash
                if (is_newline(c)) {
                    warn_at(line_, "this comment ends with '\\', so the next line belongs to it");
                }
                break;
        }
    }

    void before_name(char c) {
        if (c == '#' || c == ';') {
            state_ = State::comment;
        } else if (!is_blank(c)) {
            state_ = State::name;
            name_ = c;
            begin_ = line_;
        }
    }
    void name(char c) {
        if (is_newline(c)) {
            warn_of_line();
            state_ = State::before_name;
        } else if (c == '=') {
            state_ = State::before_value;
            value_.clear();
            keep_ = 0;
        } else {
            name_ += c;
        }
    }
    void before_value(char c) {
        if (is_newline(c)) {
            end_assignment();
        } else if (c == '\'') {
            state_ = State::single_quotes;
        } else if (c == '"') {
            state_ = State::double_quotes;
        } else if (c == '\\') {
            state_ = State::value_escape;
        } else if (!is_blank(c)) {
            state_ = State::value;
            value_ += c;
        }
    }
    void value(char c) {
        if (is_newline(c)) {
            end_assignment();
        } else if (c == '\\') {
            state_ = State::value_escape;
            keep_ = value_.size();
        } else {
            value_ += c;
        }
    }
    void quoted(char c, char quote) {
        if (c == quote) {
            state_ = State::before_value;  // more may follow, quoted or not
            keep_ = value_.size();
        } else {
            value_ += c;
        }
    }
    void double_quotes_escape(char c) {
        state_ = State::double_quotes;
        if (std::string_view{"\"\\`$"}.find(c) != std::string_view::npos) {
            value_ += c;
        } else if (c != '\n') {
            value_ += '\\';
            value_ += c;
        }
    }
    void end_assignment() {
        strip_end(name_);
        if (state_ == State::value) {
            strip_end(value_, keep_);
        }
        if (is_variable_name(name_)) {
            lines_.assignments.push_back(name_ + "=" + value_);
        } else {
            warn_of_name();
        }
        state_ = State::before_name;
    }

    State state_ = State::before_name;
    std::string name_;
    std::string value_;
    std::size_t keep_ = 0;  ///< what was quoted or escaped keeps its blanks
    std::string_view file_;
    std::size_t line_ = 1;
    std::size_t begin_ = 1;  ///< the line in which the name began
    EnvironmentLines lines_;
};

ExecError unreadable(int error_number, const std::string& path, ExecProblem problem) {
    ExecError error;
    error.step = ExecStep::environment_file;
    error.problem = problem;
    error.error_number = error_number;
    error.object = path;
    return error;
}

/// Its text, or why there is none.
tl::expected<std::string, ExecError> read_bounded(const std::string& path) {
    PathRefusal refusal;
    const long opened = open_trusted(path.c_str(), O_RDONLY, 0, FileKinds::regular, refusal);
    const auto fd = static_cast<int>(opened);
    if (opened < 0) {
        const auto problem = opened == -EISDIR ? ExecProblem::not_a_regular_file : refusal.problem;
        ExecError error = unreadable(-fd, path, problem);
        error.detail = refusal.link.data();
        return tl::unexpected(std::move(error));
    }
    std::string text;
    int error = 0;
    while (error == 0 && text.size() <= kEnvironmentFileMax) {
        char buffer[16 * 1024];
        const ssize_t size = ::read(fd, buffer, sizeof(buffer));
        if (size < 0) {
            error = errno;
        }
        if (size <= 0) {
            break;
        }
        text.append(buffer, static_cast<std::size_t>(size));
    }
    ::close(fd);
    if (error != 0) {
        return tl::unexpected(unreadable(error, path, ExecProblem::none));
    }
    if (text.size() > kEnvironmentFileMax) {
        return tl::unexpected(unreadable(EFBIG, path, ExecProblem::too_large));
    }
    return text;
}

void append(std::vector<std::string>& all, std::vector<std::string> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

}  // namespace

EnvironmentLines parse_environment_file(std::string_view text, std::string_view file) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    Parser parser{file};
    if (text.starts_with(kByteOrderMark)) {
        parser.warn_at(1, "the file begins with a byte order mark (BOM), which is left out");
        text.remove_prefix(kByteOrderMark.size());
    }
    for (const char c : text) {
        parser.take(c);
    }
    return parser.finish();
}

EnvironmentRead read_environment_files(const std::string& path) {
    EnvironmentRead read;
    std::vector<std::string> files;
    if (path.find_first_of("*?[") == std::string::npos) {
        files.push_back(path);
    } else {
        glob_t found{};
        if (::glob(path.c_str(), 0, nullptr, &found) == 0) {
            files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
        }
        ::globfree(&found);
        if (files.empty()) {
            read.error = unreadable(ENOENT, path, ExecProblem::none);
        }
    }
    for (const std::string& file : files) {
        const auto text = read_bounded(file);
        if (!text) {
            read.error = text.error();
            return read;
        }
        if (text->find('\0') != std::string::npos) {
            read.error = unreadable(EINVAL, file, ExecProblem::nul_byte);
            return read;
        }
        EnvironmentLines lines = parse_environment_file(*text, file);
        append(read.lines.assignments, std::move(lines.assignments));
        append(read.lines.warnings, std::move(lines.warnings));
    }
    return read;
}

}  // namespace svcd
