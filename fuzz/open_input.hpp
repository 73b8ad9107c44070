// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cairn::fuzz {

// An input:
//
//   byte 0   what follows: even: the files themselves, odd: edits of a valid store
//
//   the files     1  length of the data file, 4 bytes    5  data file, then log file to the end
//
//   edits         1  which valid store
//                 2  which checksums to make right afterwards (Repair)
//                 3  edits of 12 bytes each
//
//   an edit       0  what (EditKind)    1  offset, 3 bytes    4  value, 8 bytes
//
// Numbers are little endian. What is left over at the end is ignored.

inline constexpr std::size_t edits_offset = 3;
inline constexpr std::size_t edit_bytes = 12;

enum class EditKind : std::uint8_t {
  data_8,
  data_16,
  data_32,
  data_64,
  log_8,
  log_16,
  log_32,
  log_64,
  cut_data,  ///< to `offset` bytes
  cut_log,
  copy_data_line,  ///< the 64 bytes at `offset` to `value`
  copy_log_line,
  count,
};

enum Repair : std::uint8_t {
  repair_identities = 1,
  repair_meta = 2,
  repair_records = 4,
  other_boot = 8,  ///< makes the live words those of another boot
};

/// Makes the files of the input, opens them, checks the store and, where the check finds nothing
/// wrong, reads every root, commits a transaction and opens it again. Ends the process where a
/// store that was found whole breaks. Bounded in time and memory whatever the input.
void open_input(std::span<const std::uint8_t> input);

}  // namespace cairn::fuzz
