#include "linux/resident_memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace svcd {
namespace {

/// Only segments that were never writable: what the loader has relocated is private and would be
/// lost.
int drop_read_only_segments(dl_phdr_info* object, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int index = 0; index < object->dlpi_phnum; ++index) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[index];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
            continue;
        }
        const std::uintptr_t start = object->dlpi_addr + segment.p_vaddr;
        const std::uintptr_t first = start & ~(page - 1);
        const std::uintptr_t last = (start + segment.p_memsz + page - 1) & ~(page - 1);
        void* address = nullptr;
        static_assert(sizeof(address) == sizeof(first));
        __builtin_memcpy(&address, &first, sizeof(address));
        ::madvise(address, last - first,
                  MADV_DONTNEED);  // advice: if it isn't taken, nothing is lost
    }
    return 0;
}

}  // namespace

void release_start_up_memory() {
    ::malloc_trim(0);
    ::dl_iterate_phdr(drop_read_only_segments, nullptr);
}

}  // namespace svcd
