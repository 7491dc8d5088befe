// The memory that a child of a spawn uses until its execve, besides its plan: the strings that the
// plan points to, and its stack.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace svcd {

/// Strings as the kernel takes them, in one piece of memory that is used again.
class StringBlock {
public:
    void clear() {
        bytes_.clear();
        offsets_.clear();
    }
    /// Gives back what an unusually long command line took.
    void trim() {
        constexpr std::size_t kKept = 16 * 1024;
        if (bytes_.capacity() > kKept) {
            *this = StringBlock{};
        }
    }
    std::size_t add(std::string_view text) {
        const std::size_t offset = bytes_.size();
        // Up to the first NUL, like everything that goes through execve.
        bytes_.append(text.substr(0, text.find('\0')));
        bytes_.push_back('\0');
        return offset;
    }
    template <typename Strings>
    std::size_t add_list(const Strings& strings) {
        const std::size_t index = offsets_.size();
        for (const auto& text : strings) {
            offsets_.push_back(add(text));
        }
        offsets_.push_back(kEnd);
        return index;
    }
    /// After the last add: makes pointers of the offsets.
    void finish() {
        pointers_.clear();
        pointers_.reserve(offsets_.size());
        for (const std::size_t offset : offsets_) {
            pointers_.push_back(offset == kEnd ? nullptr : bytes_.data() + offset);
        }
    }
    char* text(std::size_t offset) { return bytes_.data() + offset; }
    char* const* list(std::size_t index) const { return pointers_.data() + index; }

private:
    static constexpr std::size_t kEnd = ~std::size_t{0};
    std::string bytes_;
    std::vector<std::size_t> offsets_;
    std::vector<char*> pointers_;
};

/// A child's stack, with a page below it that may not be touched.
class Stack {
public:
    static constexpr std::size_t kSize = 16 * 1024;

    Stack() = default;
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    ~Stack() { release(); }

    bool allocate() {
        if (memory_ != nullptr) {
            return true;
        }
        void* memory = ::mmap(nullptr, kGuardSize + kSize, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            return false;
        }
        ::mprotect(memory, kGuardSize, PROT_NONE);
        memory_ = memory;
        return true;
    }
    void release() {
        if (memory_ != nullptr) {
            ::munmap(std::exchange(memory_, nullptr), kGuardSize + kSize);
        }
    }
    void* low() const { return static_cast<char*>(memory_) + kGuardSize; }

private:
    static constexpr std::size_t kGuardSize = 4096;
    void* memory_ = nullptr;
};

}  // namespace svcd
