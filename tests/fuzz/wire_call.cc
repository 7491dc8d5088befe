#include "fuzz/wire_call.h"

#include <algorithm>
#include <array>

namespace svcd::fuzz {
namespace {

constexpr int kDepthMax = 4;
constexpr std::size_t kElementsOfInputMax = 8;

constexpr auto kWords = std::to_array<std::string_view>({
    "s0.service",
    "s1.service",
    "s2.service",
    "s3.service",
    "s4.service",
    "s5.service",
    "s6.service",
    "s7.service",
    "t.target",
    "u.slice",
    "more@1.service",
    "more@2.service",
    "none.service",
    "start",
    "stop",
    "reload",
    "restart",
    "try-restart",
    "reload-or-restart",
    "try-reload-or-restart",
    "replace",
    "fail",
    "isolate",
    "replace-irreversibly",
    "flush",
    "ignore-dependencies",
    "ignore-requirements",
    "all",
    "main",
    "control",
    "exit",
    "poweroff",
    "reboot",
    "halt",
    "kexec",
    "request_id",
    "reason",
    "force",
    "org.svcd1.Manager",
    "org.svcd1.Unit",
    "org.svcd1.Service",
    "org.svcd1.Job",
    "Id",
    "ExecStart",
    "Environment",
    "ActiveState",
    "MainPID",
    "active",
    "running",
    "failed",
    "*",
    "s[0-3]*",
    "",
});

std::size_t alignment_of(char type) {
    switch (type) {
        case 'y':
        case 'g':
        case 'v':
            return 1;
        case 'n':
        case 'q':
            return 2;
        case 'x':
        case 't':
        case 'd':
        case '(':
        case '{':
            return 8;
        default:
            return 4;
    }
}

void append_field(WireBody& header, unsigned char code, std::string_view value) {
    const bool is_signature = code == 8;
    header.align(8);
    header.number(code, 1);
    header.signature(code == 1 ? "o" : is_signature ? "g" : "s");
    if (is_signature) {
        header.signature(value);
    } else {
        header.text(value);
    }
}

}  // namespace

std::string WireCall::bytes() const {
    WireBody message;
    message.number('l', 1);
    message.number(1, 1);
    message.number(wants_answer ? 0 : 1, 1);
    message.number(1, 1);
    message.number(body.size(), 4);
    message.number(serial, 4);
    const std::size_t fields = message.open_array(8);
    append_field(message, 1, path);
    if (!interface.empty()) {
        append_field(message, 2, interface);
    }
    append_field(message, 3, member);
    if (!signature.empty()) {
        append_field(message, 8, signature);
    }
    message.close_array(fields, 8);
    message.align(8);
    return message.bytes() + body;
}

void WireBody::number(std::uint64_t value, std::size_t size) {
    align(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes_ += static_cast<char>(value >> (8 * i));
    }
}

void WireBody::text(std::string_view value) {
    number(value.size(), 4);
    bytes_ += value;
    bytes_ += '\0';
}

void WireBody::signature(std::string_view value) {
    bytes_ += static_cast<char>(value.size());
    bytes_ += value.substr(0, 255);
    bytes_ += '\0';
}

std::size_t WireBody::open_array(std::size_t element) {
    number(0, 4);
    const std::size_t opened = bytes_.size();
    align(element);
    return opened;
}

void WireBody::close_array(std::size_t opened, std::size_t element) {
    const std::size_t begin = (opened + element - 1) / element * element;
    put(opened - 4, static_cast<std::uint32_t>(bytes_.size() - begin));
}

void WireBody::put(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) {
        bytes_[at + i] = static_cast<char>(value >> (8 * i));
    }
}

std::size_t first_type(std::string_view signature) {
    std::size_t depth = 0;
    for (std::size_t at = 0; at < signature.size(); ++at) {
        const char type = signature[at];
        depth += type == '(' || type == '{' ? 1 : 0;
        depth -= depth > 0 && (type == ')' || type == '}') ? 1 : 0;
        if (depth == 0 && type != 'a') {
            return at + 1;
        }
    }
    return signature.size();
}

std::string ValuesOfInput::text() {
    const std::size_t choice = input_.byte();
    if (choice < kWords.size()) {
        return std::string{kWords[choice]};
    }
    if (choice < 0xf0) {
        return std::string{input_.until('\xff')};
    }
    // A long one.
    const std::string_view part = kWords[input_.byte() % kWords.size()];
    std::string text;
    for (std::size_t length = (choice & 0xfU) * 64; text.size() < length;) {
        text += part.empty() ? "x" : part;
    }
    return text;
}

std::string ValuesOfInput::body_of(std::string_view signature) {
    body_ = {};
    while (!signature.empty()) {
        signature = append(signature, 0);
    }
    return body_.bytes();
}

/// The first complete type. Returns what follows it.
std::string_view ValuesOfInput::append(std::string_view signature, int depth) {
    const std::size_t length = first_type(signature);
    const std::string_view type = signature.substr(0, length);
    switch (type.front()) {
        case 'a':
            append_array(type.substr(1), depth);
            break;
        case 'v':
            append_variant(depth);
            break;
        case 's':
        case 'o':
            body_.text(text());
            break;
        case 'g':
            body_.signature(text());
            break;
        case '(':
        case '{': {
            body_.align(8);
            std::string_view inner =
                type.substr(1, type.size() - std::min<std::size_t>(2, type.size()));
            while (!inner.empty() && depth < kDepthMax) {
                inner = append(inner, depth + 1);
            }
            break;
        }
        default: {
            const std::size_t size = alignment_of(type.front());
            body_.number(input_.number(static_cast<int>(input_.byte() % (size + 1))), size);
            break;
        }
    }
    return signature.substr(length);
}

void ValuesOfInput::append_array(std::string_view element, int depth) {
    if (element.empty()) {
        return;
    }
    const std::size_t alignment = alignment_of(element.front());
    const std::size_t opened = body_.open_array(alignment);
    const std::size_t count = depth < kDepthMax ? input_.byte() % kElementsOfInputMax : 0;
    for (std::size_t index = 0; index < count; ++index) {
        append(element, depth + 1);
    }
    body_.close_array(opened, alignment);
}

void ValuesOfInput::append_variant(int depth) {
    constexpr auto kTypes = std::to_array<std::string_view>(
        {"s", "b", "u", "as", "v", "a{sv}", "(sb)", "g", "ay", "aaaas"});
    const std::string_view type = depth < kDepthMax ? kTypes[input_.byte() % kTypes.size()] : "s";
    body_.signature(type);
    append(type, depth + 1);
}

}  // namespace svcd::fuzz
