// Linked into a launcher, this shows that it never allocates.
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace {

void* refuse() {
    constexpr char kWords[] = "the launcher has asked for memory\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kWords, sizeof kWords - 1);
    std::abort();
}

}  // namespace

extern "C" {

void* malloc(std::size_t) {
    return refuse();
}

void* calloc(std::size_t, std::size_t) {
    return refuse();
}

void* realloc(void*, std::size_t) {
    return refuse();
}

void free(void*) {}
}
