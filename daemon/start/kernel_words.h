// The kernel's command line, as PID 1 of a machine reads it: which unit is to be started. Words
// that mean nothing to svcd are the kernel's, a boot loader's or another program's.
#pragma once

namespace svcd {

/// The longest that is read; the kernel's own limit on x86.
inline constexpr int kKernelLineMax = 4096;
/// A unit's name, with its NUL.
inline constexpr int kUnitMax = 256;

struct KernelWords {
    char unit[kUnitMax] = {};  ///< what was asked for last; empty: nothing was
    char line[kKernelLineMax] =
        {};  ///< the words, each ended by a NUL, and an empty one at the end
};

/// Reads /proc/cmdline. A word that is meant for svcd and is wrong is said.
/// Whether a unit may have this name: letters, digits and a few signs. It may lack the type.
bool is_unit_name(const char* name);

void read_kernel_words(const char* path, KernelWords& words);

/// The same for one word, that came as an argument: the kernel hands to PID 1 what it doesn't know
/// itself. False: it is none of svcd's.
bool take_kernel_word(const char* word, KernelWords& words);

/// The word is one of the kernel's command line.
bool is_kernel_word(const char* word, const KernelWords& words);

}  // namespace svcd
