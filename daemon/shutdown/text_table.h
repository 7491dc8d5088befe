// Tables that the kernel gives as text: /proc/self/mountinfo, /proc/swaps. One line an entry,
// fields between spaces, and in a field an octal escape for each space, tab, newline and backslash.
#pragma once

#include <cstddef>

namespace svcd {

/// Bytes of a table that are read; what is beyond is not seen. Some 2,000 mounts.
inline constexpr std::size_t kTextMax = 262144;
/// A path, with its NUL; the kernel takes none that is longer.
inline constexpr std::size_t kPathMax = 4096;

/// Copies field `index` (from 0) of a line into `into`, NUL-terminated, its escapes undone. False:
/// there is no such field, or it doesn't fit. Reads up to a newline or NUL.
bool read_field(const char* line, int index, char* into, std::size_t size);

/// Names of processes and mount points may be chosen by anybody: no control character of theirs
/// (C0, DEL, and C1 in UTF-8) is to reach the terminal, or forge a line of the log.
void mask_controls(char* text);

/// The lines of one such table, the last first: what was mounted last is unmounted first. There is
/// one buffer: a second object takes the first one's text away.
class LinesBackwards {
public:
    /// Of a table that can't be read there are none.
    explicit LinesBackwards(const char* path);
    /// The next line, NUL-terminated; null after the first of the table.
    const char* next();

private:
    std::size_t end_ = 0;  ///< of what has not been given out
    static char text_[kTextMax];
};

}  // namespace svcd
