// SPDX-License-Identifier: BSL-1.0
#include "opening.hpp"

#include "cairn/error.hpp"

namespace cairn {
namespace {

/// Byte of the data file that whoever opens or closes the store holds.
constexpr std::uint64_t opening_lock_offset = 0;

/// For messages: who holds the byte of openers, where it has got as far as to note that.
std::string describe_opener(const File& data) {
  const Reservation header = copy_of_header(data);
  // Relaxed: a copy of this process's own.
  const std::uint32_t token =
      at_offset<LiveWords>(header, live_words_offset)->opener.load(std::memory_order_relaxed);
  const ProcessTable table(data, at_offset<ProcessSlot>(header, process_table_offset));
  // Of one that died, or of garbage, there is nothing to be said.
  if (token == 0 || !table.is_token_alive(token)) return {};
  return table.describe(ProcessTable::slot_of(token));
}

}  // namespace

Reservation copy_of_header(const File& data) {
  Reservation copy = Reservation::anonymous(heap_begin);
  if (data.read_at(0, {copy.data(), heap_begin}) < heap_begin) {
    throw Error(errc::truncated, data.path(), "the header is cut short");
  }
  return copy;
}

ByteLock take_opening_lock(const File& file, const Options& options, ByteLock::Kind kind) {
  return ByteLock::acquire(file, opening_lock_offset, options.lock_timeout,
                           "opening or closing the store", kind,
                           [&file] { return describe_opener(file); });
}

}  // namespace cairn
