#include "shutdown/text_table.h"

#include <fcntl.h>
#include <unistd.h>

namespace svcd {
namespace {

constexpr bool is_blank(char letter) {
    return letter == ' ' || letter == '\t';
}

constexpr bool is_end(char letter) {
    return letter == '\0' || letter == '\n';
}

constexpr bool is_octal(char letter) {
    return letter >= '0' && letter <= '7';
}

}  // namespace

bool read_field(const char* line, int index, char* into, std::size_t size) {
    for (; index > 0; --index) {
        while (!is_blank(*line) && !is_end(*line)) {
            ++line;
        }
        while (is_blank(*line)) {
            ++line;
        }
    }
    std::size_t length = 0;
    while (!is_blank(*line) && !is_end(*line)) {
        if (length + 1 >= size) {
            return false;
        }
        if (line[0] == '\\' && is_octal(line[1]) && is_octal(line[2]) && is_octal(line[3])) {
            const int code = (line[1] - '0') * 64 + (line[2] - '0') * 8 + (line[3] - '0');
            into[length++] = static_cast<char>(code);
            line += 4;
        } else {
            into[length++] = *line++;
        }
    }
    into[length] = '\0';
    return length > 0;
}

void mask_controls(char* text) {
    for (; *text != '\0'; ++text) {
        const auto byte = static_cast<unsigned char>(text[0]);
        const auto next = static_cast<unsigned char>(text[1]);  // the NUL at the last
        if (byte < 0x20 || byte == 0x7f) {
            text[0] = '?';
        } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
            text[0] = text[1] = '?';
        }
    }
}

char LinesBackwards::text_[kTextMax];

LinesBackwards::LinesBackwards(const char* path) {
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t size = 1; fd >= 0 && size > 0 && end_ < kTextMax;
         end_ += static_cast<std::size_t>(size)) {
        size = ::read(fd, text_ + end_, kTextMax - end_);
        size = size > 0 ? size : 0;
    }
    ::close(fd);
    // Not what was cut off in the middle of a line.
    while (end_ > 0 && text_[end_ - 1] != '\n') {
        --end_;
    }
}

const char* LinesBackwards::next() {
    if (end_ == 0) {
        return nullptr;
    }
    text_[--end_] = '\0';  // was the newline
    while (end_ > 0 && text_[end_ - 1] != '\n') {
        --end_;
    }
    return text_ + end_;
}

}  // namespace svcd
