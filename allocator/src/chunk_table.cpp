// SPDX-License-Identifier: BSL-1.0
#include "cairn/allocator/chunk_table.hpp"

#include <algorithm>
#include <string>

#include "cairn/error.hpp"

namespace cairn {

void ChunkTable::forget() noexcept {
  whole_chunks_ = 1;
  checked_leaf_.fill(0);
}

ChunkDescriptor& ChunkTable::span_at(std::uint64_t chunk) {
  if (!is_whole(chunk)) {
    throw Error(errc::corrupt, space_.path(),
                "span in chunk " + std::to_string(chunk) + " of a heap that ends at byte " +
                    std::to_string(space_.heap_end()));
  }
  ChunkDescriptor& descriptor = at(chunk);
  if (descriptor.kind() != ChunkKind::span) {
    throw Error(errc::corrupt, space_.path(),
                "chunk " + std::to_string(chunk) + " is listed as a span and is none");
  }
  return descriptor;
}

std::uint32_t ChunkTable::leaf_count() const noexcept {
  const std::uint64_t* const leaf = header().leaf;
  std::uint32_t count = 1;
  while (count < leaf_count_max && leaf[count] != 0) ++count;
  return count;
}

void ChunkTable::check_leaf(std::uint64_t chunk) {
  const std::uint32_t k = leaf_of_chunk(chunk);
  const std::uint64_t offset = k < leaf_count_max ? header().leaf[k] : 0;
  const std::uint64_t end = space_.heap_end();
  if (!is_multiple(offset, page_bytes) || offset < first_run_page * page_bytes || offset > end ||
      end - offset < leaf_pages(k) * page_bytes) {
    throw Error(errc::corrupt, space_.path(),
                "leaf " + std::to_string(k) + " of the chunk table, for chunk " +
                    std::to_string(chunk) + ", at byte " + std::to_string(offset) +
                    " of a heap that ends at byte " + std::to_string(end));
  }
  checked_leaf_[k] = offset | 1;
}

bool ChunkTable::is_whole_now(std::uint64_t chunk) noexcept {
  whole_chunks_ = std::max<std::uint64_t>(space_.heap_end() / chunk_bytes, 1);
  return chunk - 1 < whole_chunks_ - 1;
}

}  // namespace cairn
