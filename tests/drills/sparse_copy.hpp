// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <sys/types.h>

namespace cairn::drills {

/// Copies what lies in the file `from` from byte `at` on, to the same place in `to`. What holds no
/// data takes no room in the copy either.
///
/// Throws: std::system_error where either file fails; only ENXIO of lseek is the end of the data.
void copy_data(int from, int to, off_t at = 0);

}  // namespace cairn::drills
