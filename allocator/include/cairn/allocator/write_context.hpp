// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "cairn/free_list_allocator.hpp"
#include "cairn/mapping/mark_memory.hpp"
#include "cairn/mapping/working_view.hpp"

namespace cairn {

/// One store's working view together with the heap in it: what containers need of the write
/// transaction that they are used in.
///
/// A thread's active contexts form a stack (usually of one). Containers find theirs by their own
/// address, so that several stores can be written in one thread.
class WriteContext : public WorkingView {
 public:
  WriteContext(const File& file, std::uint64_t reach_bytes, HeapSpace& space,
               Mapped when = Mapped::at_once)
      : WorkingView(file, reach_bytes, when), heap_(*this, space) {}

  FreeListAllocator& heap() noexcept { return heap_; }
  const FreeListAllocator& heap() const noexcept { return heap_; }

  /// Whether this thread writes another store as well, in a transaction around this one.
  bool is_within_another() const noexcept { return outer_ != nullptr; }

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

/// Says of an object outside all stores, while it is made, which one it will be part of: what it
/// owns has to come from there. Needed where one thread writes several stores, else of no cost.
class MadeFor {
 public:
  /// The `bytes` at `object` will belong to the container at `home`.
  MadeFor(const void* object, std::size_t bytes, const void* home) {
    if (current_write != nullptr && current_write->is_within_another()) [[unlikely]]
      declare(object, bytes, home);
  }
  MadeFor(const MadeFor&) = delete;
  MadeFor& operator=(const MadeFor&) = delete;
  ~MadeFor() {
    if (store_ != nullptr) [[unlikely]]
      innermost = outer_;
  }

  /// The store that the object around `p` is made for, nullptr where it is for none.
  static WriteContext* find(const void* p) noexcept;

 private:
  void declare(const void* object, std::size_t bytes, const void* home);

  static constinit thread_local const MadeFor* innermost;

  const std::byte* begin_ = nullptr;
  std::size_t bytes_ = 0;
  WriteContext* store_ = nullptr;
  const MadeFor* outer_ = nullptr;
};

/// The store that what a container at `self` owns has to come from: the one that it stands in or is
/// made for. nullptr for a temporary, which may own what comes from any.
WriteContext* home_of(const void* self) noexcept;

/// Views that are not this thread's to write: asked to explain a mark that no active context takes.
/// The store installs it; it throws errc::write_inside_read for an address in a read view,
/// errc::no_transaction for one in a working view, and returns where the address is in no store.
using ForeignAddressCheck = void (*)(const void* p);
void set_foreign_address_check(ForeignAddressCheck check) noexcept;

/// A read view of a store, and how far from it the same bytes can be written.
struct SharedImage {
  std::uintptr_t begin = 0;
  std::uint64_t bytes = 0;
  std::ptrdiff_t to_window = 0;
  std::uint64_t generation = 0;  ///< of the set of open stores, 0 none
  bool read_only = false;        ///< nothing in it may be changed
};

/// The shared image around `p`; one of no bytes where `p` is in no read view. The store installs
/// it.
using SharedImageLookup = SharedImage (*)(const void* p);
void set_shared_image_lookup(SharedImageLookup lookup) noexcept;
/// Raised whenever a store is opened or closed: views found before may be gone.
inline constinit std::atomic<std::uint64_t> shared_image_generation{1};

/// Where the line at `p`, which changes outside of transactions, is to be read and written: in the
/// shared image, or where it stands if that is no store's or if this thread's transaction made it.
///
/// Throws:     errc::no_transaction for a line in another thread's working view; errc::read_only
///             where it is to be changed and its store was opened for reading only.
/// Complexity: a few loads and comparisons.
inline std::byte* live_line(const void* p, bool to_change = true);

namespace detail {
/// The shared image that this thread used last.
inline constinit thread_local SharedImage hot_image{};
/// The slow half of `live_line`: another store, or none.
std::byte* live_line_elsewhere(const void* p, bool to_change);
/// The slow half of `mark`: nothing that this thread remembers. True where an active store holds
/// it.
[[gnu::cold]] bool mark_anew(const void* p, std::size_t bytes);
/// The slow half of `mark_again`.
[[gnu::cold]] void mark_object_anew(const void* object, std::size_t bytes, std::size_t place);

/// Whether a T lies in one line wherever it stands.
template <class T>
inline constexpr bool stays_in_a_line = sizeof(T) <= line_bytes&& std::has_single_bit(sizeof(T)) &&
                                        alignof(T) == sizeof(T);

/// Whether this thread remembers that the line of `p` may be written.
[[gnu::always_inline]] inline bool is_remembered(const void* p) noexcept {
  const auto distance =
      static_cast<std::uint64_t>(static_cast<const std::byte*>(p) - mark_memory.begin);
  return distance < static_cast<std::uint64_t>(mark_memory.bytes);
}
/// Whether `object` is what mark_again() marked last in this place.
template <std::size_t place>
[[gnu::always_inline]] inline bool is_remembered_object(const void* object) noexcept {
  return mark_memory.objects[place] == object;
}
}  // namespace detail

/// Declares that [p, p + bytes) is about to be written, in whichever active store it lies.
/// Objects outside all stores (temporaries on the stack) need no mark and are left alone.
///
/// Requires:   `bytes` at least 1; the range within one object.
/// Throws:     errc::write_inside_read or errc::no_transaction where `p` lies in a store that this
///             thread may not write; errc::too_large past the transaction's memory budget.
/// Complexity: two comparisons within the lines that this thread marked last, or in pages that its
///             transaction gained; else a call, a bounds test and an OR.
[[gnu::always_inline]] inline void mark(const void* p, std::size_t bytes) {
  const auto* const at = static_cast<const std::byte*>(p);
  if (at >= mark_memory.begin && at + bytes <= mark_memory.end) [[likely]]
    return;
  detail::mark_anew(p, bytes);
}

/// The same for one object.
template <class T>
[[gnu::always_inline]] inline void mark_object(const T& object) {
  if constexpr (detail::stays_in_a_line<T>) {
    if (detail::is_remembered(std::addressof(object))) [[likely]]
      return;
    detail::mark_anew(std::addressof(object), sizeof(T));
  } else {
    mark(std::addressof(object), sizeof(T));
  }
}

/// The same for what is declared again and again while other marks come between, such as the head
/// of a container: one comparison where it was the last of its size, or of those that are
/// remembered in this place.
template <class T, std::size_t place = sizeof(T) / MarkMemory::word>
[[gnu::always_inline]] inline void mark_again(const T& object) {
  static_assert(sizeof(T) % MarkMemory::word == 0 && sizeof(T) <= MarkMemory::largest_object);
  if (detail::is_remembered_object<place>(&object)) [[likely]]
    return;
  detail::mark_object_anew(&object, sizeof(T), place);
}

/// As `mark`, for what lies here now and anywhere else next, as in hash tables: what is not
/// remembered is asked of the write set's page at once. For objects that lie in one line.
inline void mark_scattered(const void* in_a_line) {
  if (detail::is_remembered(in_a_line)) return;
  WriteContext* const context = current_write;
  if (context != nullptr && context->mark_near(in_a_line)) [[likely]]
    return;
  mark(in_a_line, 1);
}

/// The same for an object that often shares its page with another, which lies in one line.
/// `object_in_a_line` says that it does so itself.
template <bool object_in_a_line, class T>
void mark_scattered(const void* in_a_line, const T* object) {
  const auto* const bytes = reinterpret_cast<const std::byte*>(object);
  if (detail::is_remembered(in_a_line) && detail::is_remembered(bytes) &&
      (object_in_a_line || detail::is_remembered(bytes + sizeof(T) - 1))) {
    return;
  }
  WriteContext* const context = current_write;
  if constexpr (object_in_a_line) {
    if (context != nullptr && context->mark_near(in_a_line, bytes)) [[likely]]
      return;
  } else if constexpr (sizeof(T) <= line_bytes) {
    if (context != nullptr && context->mark_near(in_a_line, bytes, bytes + sizeof(T) - 1))
        [[likely]]
      return;
  }
  mark(in_a_line, 1);
  mark(object, sizeof(T));
}

/// The same for a run of bytes, which may be none, of an object whose head, in one line, changes
/// with it, as in nodes of trees.
inline void mark_scattered_run(const void* head_in_a_line, const void* run, std::size_t bytes) {
  WriteContext* const context = current_write;
  if (context != nullptr && context->mark_run_near(head_in_a_line, run, bytes)) [[likely]]
    return;
  mark(head_in_a_line, 1);
  if (bytes != 0) mark(run, bytes);
}

inline std::byte* live_line(const void* p, bool to_change) {
  void* const writable = const_cast<void*>(p);
  if (current_write != nullptr) {
    if (const WriteContext* const context = ActiveWrite::find(p)) {
      return context->live_line(writable);
    }
  }
  const SharedImage& image = detail::hot_image;
  // Acquire pairs with the release that closes a store: what was found before it is looked up anew.
  if (reinterpret_cast<std::uintptr_t>(p) - image.begin < image.bytes &&
      image.generation == shared_image_generation.load(std::memory_order_acquire)) [[likely]] {
    return static_cast<std::byte*>(writable) + image.to_window;
  }
  return detail::live_line_elsewhere(p, to_change);
}

/// The heap that a container at `self` allocates from: that of its home, or, for a temporary that
/// has none, that of this thread's innermost write transaction. Throws errc::no_transaction where
/// there is none.
FreeListAllocator& heap_for(const void* self);

}  // namespace cairn
