// Giving back memory that only the start needed.
//
// Reading options and unit files runs a lot of code once: parsers, tables, error texts. Its pages
// are clean and in the page cache, but they stay mapped and count as ours (the kernel maps sixteen
// of them at each fault). Dropped, they come back one fault at a time, and only those that an idle
// daemon uses.
#pragma once

namespace svcd {

/// Unmaps the read-only file pages of the program and its libraries until they are used again
/// (madvise(2), MADV_DONTNEED), and gives free heap back to the kernel (malloc_trim(3)). Costs well
/// under a millisecond and some page faults afterwards.
void release_start_up_memory();

}  // namespace svcd
