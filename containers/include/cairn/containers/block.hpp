// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cairn/allocator/write_context.hpp"
#include "cairn/error.hpp"

/// \file
/// The blocks that containers own. Two rules of the heap show here: a block of at most
/// FreeListAllocator::max_small bytes is handed out marked, a larger one is marked by its user;
/// and a block is freed with the size that it was allocated with.
namespace cairn::detail {

/// A new block for the container at `self`, marked in its first `used_bytes` at least.
/// Throws errc::no_transaction, errc::no_space, errc::too_large: nothing changed then.
inline std::byte* new_block(const void* self, std::size_t bytes, std::size_t align,
                            std::size_t used_bytes) {
  FreeListAllocator& heap = heap_for(self);
  auto* block = static_cast<std::byte*>(heap.allocate(bytes, align));
  if (!FreeListAllocator::marked_on_allocate(bytes) && used_bytes != 0) {
    try {
      mark(block, used_bytes);
    } catch (...) {
      heap.deallocate(block, bytes);
      throw;
    }
  }
  return block;
}

/// Frees a block; its store's write transaction must be active on this thread.
inline void free_block(void* block, std::size_t bytes) {
  WriteContext* context = ActiveWrite::find(block);
  if (context == nullptr) {
    mark(block, 1);  // names what is wrong: no transaction, or a read section
    throw Error(errc::no_transaction, "", "a block is freed outside of a write transaction");
  }
  context->heap().deallocate(block, bytes);
}

/// Whether the destructor of a container may touch and free its block: not where this thread writes
/// that store no longer, as when a temporary ends after its transaction.
///
/// This is no proof that the block is the container's. A temporary that lives on into the next
/// transaction of its store passes, although a rollback may have given its block to another object:
/// a container knows its block by the distance alone, and has no room to note whose transaction it
/// is. Temporaries must not outlive their transaction; that is up to the program.
inline bool block_is_writable(const void* block) noexcept {
  return ActiveWrite::find(block) != nullptr;
}

/// Frees a block from a destructor, which must not throw: where the heap refuses (it is damaged, or
/// the transaction is over its budget) the block stays allocated, and check() reports it.
inline void drop_block(void* block, std::size_t bytes) noexcept {
  WriteContext* context = ActiveWrite::find(block);
  if (context == nullptr) return;
  try {
    context->heap().deallocate(block, bytes);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the block is left allocated, as said above
  }
}

/// Frees a block that was never put to use unless told that it was.
class NewBlock {
 public:
  NewBlock(const void* self, std::size_t bytes, std::size_t align, std::size_t used_bytes)
      : data_(new_block(self, bytes, align, used_bytes)), bytes_(bytes) {}
  NewBlock(const NewBlock&) = delete;
  NewBlock& operator=(const NewBlock&) = delete;
  ~NewBlock() {
    if (data_ != nullptr) drop_block(data_, bytes_);
  }

  std::byte* data() const noexcept { return data_; }
  std::byte* release() noexcept {
    std::byte* data = data_;
    data_ = nullptr;
    return data;
  }

 private:
  std::byte* data_;
  std::size_t bytes_;
};

/// Whether a container at `self` may take over `block`: one in a store, or made for one, takes only
/// blocks of that store, a temporary any.
inline bool may_own(const void* self, const void* block) noexcept {
  const WriteContext* const home = home_of(self);
  return home == nullptr || home->contains(block);
}

/// For elements that can neither be copied nor moved, of a container that is moved to another
/// store.
[[noreturn]] inline void throw_immovable(const char* container) {
  throw Error(errc::invalid_argument, "",
              std::string(container) + ": its elements cannot be moved to another store");
}

}  // namespace cairn::detail
