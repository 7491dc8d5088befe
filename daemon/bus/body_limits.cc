#include "bus/body_limits.h"

#include <cstring>

namespace svcd {
namespace {

enum class Verdict : unsigned char { fits, too_many_elements, too_many_values, too_much_text };

/// Walks through the values of a message, nested ones too. What can't be read is not its business:
/// it ends the walk, and is refused where the arguments are read.
class BodyWalk {
public:
    BodyWalk(sd_bus_message* call, std::size_t text_max) : call_(call), text_left_(text_max) {}

    Verdict walk() { return walk_values(SIZE_MAX); }

private:
    Verdict walk_values(std::size_t count_max) {
        char type = 0;
        const char* contents = nullptr;
        for (std::size_t count = 0; sd_bus_message_peek_type(call_, &type, &contents) > 0;
             ++count) {
            if (count == count_max) {
                return Verdict::too_many_elements;
            }
            if (values_left_-- == 0) {
                return Verdict::too_many_values;
            }
            const Verdict verdict = is_container(type) ? walk_into(type, contents) : step(type);
            if (verdict != Verdict::fits || is_broken_) {
                return verdict;
            }
        }
        return Verdict::fits;
    }

    Verdict walk_into(char type, const char* contents) {
        if (sd_bus_message_enter_container(call_, type, contents) <= 0) {
            is_broken_ = true;
            return Verdict::fits;
        }
        const Verdict verdict = walk_values(type == SD_BUS_TYPE_ARRAY ? kElementsMax : SIZE_MAX);
        if (verdict == Verdict::fits && !is_broken_) {
            is_broken_ = sd_bus_message_exit_container(call_) < 0;
        }
        return verdict;
    }

    Verdict step(char type) {
        if (!is_text(type)) {
            is_broken_ = sd_bus_message_skip(call_, std::string(1, type).c_str()) < 0;
            return Verdict::fits;
        }
        const char* text = nullptr;
        if (sd_bus_message_read_basic(call_, type, &text) <= 0) {
            is_broken_ = true;
            return Verdict::fits;
        }
        const std::size_t size = std::strlen(text);
        if (size > text_left_) {
            return Verdict::too_much_text;
        }
        text_left_ -= size;
        return Verdict::fits;
    }

    static bool is_container(char type) {
        return type == SD_BUS_TYPE_ARRAY || type == SD_BUS_TYPE_VARIANT ||
               type == SD_BUS_TYPE_STRUCT || type == SD_BUS_TYPE_DICT_ENTRY;
    }

    static bool is_text(char type) {
        return type == SD_BUS_TYPE_STRING || type == SD_BUS_TYPE_OBJECT_PATH ||
               type == SD_BUS_TYPE_SIGNATURE;
    }

    sd_bus_message* call_;
    std::size_t text_left_;
    std::size_t values_left_ = kValuesMax;
    bool is_broken_ = false;
};

}  // namespace

std::optional<std::string> broken_limit(sd_bus_message* call, std::size_t text_max) {
    const Verdict verdict = BodyWalk{call, text_max}.walk();
    sd_bus_message_rewind(call, 1);
    switch (verdict) {
        case Verdict::fits:
            return std::nullopt;
        case Verdict::too_many_elements:
            return "a list in a call has at most " + std::to_string(kElementsMax) +
                   " elements; ask in several calls.";
        case Verdict::too_many_values:
            return "a call has at most " + std::to_string(kValuesMax) +
                   " values; ask in several calls.";
        case Verdict::too_much_text:
            break;
    }
    return "the texts of a call have at most " + std::to_string(text_max) +
           " bytes together; ask in several calls.";
}

}  // namespace svcd
