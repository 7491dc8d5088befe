#include "exec/environment_file.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace svcd {
namespace {

constexpr std::string_view kWhitespace = " \t\n\r";

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
    void take(char c) {
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
                break;
        }
    }

    std::vector<std::string> finish() {
        switch (state_) {
            case State::before_value:
            case State::value:
            case State::value_escape:
            case State::single_quotes:
            case State::double_quotes:
            case State::double_quotes_escape:
                end_assignment();
                break;
            case State::before_name:
            case State::name:
            case State::comment:
            case State::comment_escape:
                break;
        }
        return std::move(assignments_);
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

    void before_name(char c) {
        if (c == '#' || c == ';') {
            state_ = State::comment;
        } else if (!is_blank(c)) {
            state_ = State::name;
            name_ = c;
        }
    }
    void name(char c) {
        if (is_newline(c)) {
            state_ = State::before_name;  // a line without '=' says nothing
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
            assignments_.push_back(name_ + "=" + value_);
        }
        state_ = State::before_name;
    }

    State state_ = State::before_name;
    std::string name_;
    std::string value_;
    std::size_t keep_ = 0;  ///< what was quoted or escaped keeps its blanks
    std::vector<std::string> assignments_;
};

Result<std::string> read_bounded(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return failure(errno, "read environment file", path);
    }
    struct stat facts {};
    std::string text;
    int error = 0;
    if (::fstat(fd, &facts) < 0) {
        error = errno;
    } else if (!S_ISREG(facts.st_mode)) {
        error = S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    }
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
        return failure(error, "read environment file", path);
    }
    if (text.size() > kEnvironmentFileMax) {
        return failure(EFBIG, "read environment file", path, "more than 1 MiB");
    }
    return text;
}

}  // namespace

Result<std::vector<std::string>> parse_environment_file(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        return failure(EINVAL, "read environment file", {}, "it holds a NUL byte");
    }
    Parser parser;
    for (const char c : text) {
        parser.take(c);
    }
    return parser.finish();
}

Result<std::vector<std::string>> read_environment_files(const std::string& path) {
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
            return failure(ENOENT, "read environment file", path);
        }
    }
    std::vector<std::string> assignments;
    for (const std::string& file : files) {
        Result<std::string> text = read_bounded(file);
        if (!text) {
            return Failure{text.error()};
        }
        Result<std::vector<std::string>> parsed = parse_environment_file(*text);
        if (!parsed) {
            parsed.error().subject = file;
            return parsed;
        }
        assignments.insert(assignments.end(), parsed->begin(), parsed->end());
    }
    return assignments;
}

}  // namespace svcd
