// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

#include "cairn/free_list_allocator.hpp"
#include "cairn/mapping/working_view.hpp"

namespace cairn {

/// One store's working view together with the heap in it: what containers need of the write
/// transaction that they are used in.
///
/// A thread's active contexts form a stack (usually of one). Containers find theirs by their own
/// address, so that several stores can be written in one thread.
class WriteContext : public WorkingView {
 public:
  WriteContext(const File& file, std::uint64_t reach_bytes, HeapSpace& space)
      : WorkingView(file, reach_bytes), heap_(*this, space) {}

  FreeListAllocator& heap() noexcept { return heap_; }

 private:
  friend class ActiveWrite;
  FreeListAllocator heap_;
  WriteContext* outer_ = nullptr;
};

/// The innermost write transaction of this thread, nullptr where there is none.
inline constinit thread_local WriteContext* current_write = nullptr;

/// Makes `context` the current one of this thread while it is active.
class ActiveWrite {
 public:
  static void push(WriteContext& context) noexcept;
  /// `context` may be anywhere on this thread's stack.
  static void pop(WriteContext& context) noexcept;
  /// The active context whose view holds `p`, nullptr where there is none.
  static WriteContext* find(const void* p) noexcept;
};

/// Views that are not this thread's to write: asked to explain a mark that no active context takes.
/// The store installs it; it throws errc::write_inside_read for an address in a read view,
/// errc::no_transaction for one in a working view, and returns where the address is in no store.
using ForeignAddressCheck = void (*)(const void* p);
void set_foreign_address_check(ForeignAddressCheck check) noexcept;

namespace detail {
/// The slow half of `mark`: another active store, or an object that is not in any store.
void mark_elsewhere(const void* p, std::size_t bytes);
}  // namespace detail

/// Declares that [p, p + bytes) is about to be written, in whichever active store it lies.
/// Objects outside all stores (temporaries on the stack) need no mark and are left alone.
///
/// Requires:   `bytes` at least 1; the range within one object.
/// Throws:     errc::write_inside_read or errc::no_transaction where `p` lies in a store that this
///             thread may not write; errc::too_large past the transaction's memory budget.
/// Complexity: a thread-local load, a bounds test and an OR (1-2 ns).
inline void mark(const void* p, std::size_t bytes) {
  WriteContext* context = current_write;
  if (context != nullptr && context->mark(p, bytes)) [[likely]]
    return;
  detail::mark_elsewhere(p, bytes);
}

template <class T>
void mark_object(const T& object) {
  mark(&object, sizeof(T));
}

/// The heap that a container at `self` allocates from: that of the store it stands in, or, for a
/// temporary outside all stores, that of this thread's innermost write transaction.
/// Throws errc::no_transaction where there is none.
FreeListAllocator& heap_for(const void* self);

}  // namespace cairn
