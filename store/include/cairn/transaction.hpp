// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cairn/allocator/heap_reader.hpp"
#include "cairn/allocator/write_context.hpp"
#include "cairn/heap_bytes.hpp"
#include "cairn/options.hpp"
#include "cairn/ref.hpp"
#include "cairn/storable.hpp"
#include "cairn/store/catalog.hpp"
#include "cairn/store/reader_lanes.hpp"
#include "cairn/type_description.hpp"
#include "cairn/types/mark_handed_out.hpp"

namespace cairn {

class Engine;

namespace detail {

/// What a transaction knows of a root's type when it looks for it.
struct RootType {
  const std::string& text;
  std::uint64_t fingerprint;
  std::uint64_t bytes;
  std::uint32_t align;
};

template <class T>
RootType root_type() {
  require_storable<T>();
  return {describe_type<T>(), type_fingerprint<T>(), sizeof(T), alignof(T)};
}

}  // namespace detail

/// A read section: the newest state as of its begin, unchanging while it is open.
///
/// A section that stays delays nobody, but what is committed meanwhile has to wait in the log and
/// in private memory, so keep sections short. Sections of one thread may be nested; all see what
/// the outermost sees.
///
/// Threads: belongs to the thread that began it. Ends before the last handle of its store goes.
class ReadTransaction {
 public:
  ReadTransaction(Engine& engine, ReaderLanes& lanes) : engine_(&engine), lane_(&lanes.enter()) {}
  ReadTransaction(ReadTransaction&& other) noexcept
      : engine_(std::exchange(other.engine_, nullptr)), lane_(other.lane_) {}
  ReadTransaction& operator=(ReadTransaction&& other) noexcept {
    std::swap(engine_, other.engine_);
    std::swap(lane_, other.lane_);
    return *this;
  }
  ~ReadTransaction() {
    if (engine_ != nullptr) ReaderLanes::leave(*lane_);
  }

  /// The root of that name, nullptr where there is none.
  ///
  /// Throws:      errc::type_mismatch where it was made with another type; what() shows both and
  ///              where they begin to differ.
  /// Complexity:  O(length of the name) expected.
  /// Invalidates: the pointer is good until the section ends.
  template <class T>
  const T* find(std::string_view name) const {
    return static_cast<const T*>(find_root(name, detail::root_type<T>()));
  }
  template <class T>
  const T& operator[](Ref<T> ref) const {
    return *static_cast<const T*>(resolve(ref.offset(), sizeof(T), alignof(T)));
  }
  template <class T>
  Ref<T> ref(const T& object) const {
    return Ref<T>(offset_of(&object, sizeof(T)));
  }
  std::vector<std::string> names() const;
  /// The catalog as this section sees it.
  CatalogReader catalog() const;
  /// The bytes that the section sees, for what reads objects by their descriptions, and the
  /// allocator's account of them.
  HeapBytes bytes() const;
  HeapReader heap() const;
  /// Sequence number of the commit whose state is seen.
  std::uint64_t sequence() const noexcept { return lane_->sequence; }

 private:
  const void* find_root(std::string_view name, const detail::RootType& type) const;
  const void* resolve(std::uint64_t offset, std::uint64_t bytes, std::uint64_t align) const;
  std::uint64_t offset_of(const void* object, std::uint64_t bytes) const;

  Engine* engine_;
  ThreadLane* lane_;
};

/// A write transaction: all of its changes, or none. There is one at a time in all processes.
///
/// Objects are changed in place through references from `find` and `construct`; cairn's containers
/// declare their own writes, plain fields of a struct must be declared with `mark` before they are
/// written in a later transaction than the one that created the struct.
///
/// Threads: belongs to the thread that began it. Ends before the last handle of its store goes.
class WriteTransaction {
 public:
  explicit WriteTransaction(Engine& engine);
  WriteTransaction(WriteTransaction&& other) noexcept
      : engine_(std::exchange(other.engine_, nullptr)) {}
  WriteTransaction& operator=(WriteTransaction&& other) noexcept;
  /// Rolls back unless committed.
  ~WriteTransaction();

  /// Makes every change of this transaction durable and visible, or none of them.
  ///
  /// Requires:    active().
  /// Returns:     the commit's sequence number; the current one where nothing was changed.
  /// Throws:      errc::no_space, too_large, unmarked_write, write_inside_read: rolled back.
  ///              std::bad_alloc: rolled back. errc::fenced: rolled back, another process has the
  ///              lock. errc::io: where the log could not be written, rolled back; where a sync
  ///              failed, which the next transaction to begin throws as well, the outcome is known
  ///              after reopening, and writes are refused until then. errc::timeout: committed,
  ///              and seen once a read section has left that may use the memory of an Atomic which
  ///              this transaction made.
  /// Durability:  as the store's, or the given level where the store provides it. In a store of
  ///              level power, Durability::process waits for its sync as power does.
  /// Complexity:  O(bytes marked), and one sync at Durability::power.
  /// Invalidates: every reference that this transaction handed out.
  std::uint64_t commit();
  std::uint64_t commit(Durability durability);
  /// Takes every change back. Does nothing where the transaction has ended.
  void rollback() noexcept;
  bool active() const noexcept { return engine_ != nullptr; }

  /// The root of that name for reading and writing, nullptr where there is none. Marks nothing.
  /// Throws errc::type_mismatch where it was made with another type; what() shows both.
  template <class T>
  T* find(std::string_view name) {
    return static_cast<T*>(find_root(name, detail::root_type<T>()));
  }
  /// Makes a new root. Throws errc::already_exists where the name is taken, errc::no_space, and
  /// what the constructor throws; nothing changed then.
  template <class T, class... Args>
  T& construct(std::string_view name, Args&&... args) {
    const detail::RootType type = detail::root_type<T>();
    require_free_name(name);
    return construct_new<T>(name, type, std::forward<Args>(args)...);
  }
  /// The root of that name, made from `args` where there is none.
  template <class T, class... Args>
  T& find_or_construct(std::string_view name, Args&&... args) {
    const detail::RootType type = detail::root_type<T>();
    if (void* const found = find_root(name, type)) return *static_cast<T*>(found);
    return construct_new<T>(name, type, std::forward<Args>(args)...);
  }
  /// Destroys a root and takes its name away. False where there is none of that name.
  template <class T>
  bool destroy(std::string_view name) {
    const detail::RootType type = detail::root_type<T>();
    auto* const object = static_cast<T*>(find_root(name, type));
    if (object == nullptr) return false;
    erase_name(name);
    // A destructor may write to the object.
    if constexpr (!std::is_trivially_destructible_v<T>) mark(object, sizeof(T));
    object->~T();
    heap().deallocate(object, sizeof(T));
    return true;
  }
  std::vector<std::string> names() const;

  /// Names an object of this store beyond this transaction.
  /// Throws errc::invalid_argument where the object stands elsewhere.
  template <class T>
  Ref<T> ref(const T& object) const {
    return Ref<T>(offset_of(&object, sizeof(T)));
  }
  /// Throws errc::invalid_argument where the reference names nothing in this store's heap.
  template <class T>
  T& operator[](Ref<T> ref) {
    return *static_cast<T*>(resolve(ref.offset(), sizeof(T), alignof(T)));
  }

  /// The heap itself, for structures of your own; declare their writes with `mark`.
  FreeListAllocator& heap();
  /// Declares that [p, p + bytes) is about to be written.
  ///
  /// Requires: no living Atomic in the range that an earlier transaction made: its line would be
  ///           published as this transaction sees it. `modify` leaves those out.
  /// Throws:   errc::no_transaction where it lies outside this store.
  void mark(const void* p, std::size_t bytes);
  /// Declares a whole object, less the Atomics in it, and returns it for writing.
  template <class T>
  T& modify(T& object) {
    require_own(&object);
    detail::mark_handed_out(&object);
    return object;
  }
  /// Sequence number of the last commit before this transaction.
  std::uint64_t sequence() const;

 private:
  friend class Store;

  /// Where it throws, rolling back takes back whatever was done.
  template <class Old, class New, class Migrate>
  bool migrate(std::string_view name, Migrate&& make) {
    const detail::RootType type = detail::root_type<New>();
    auto* const old = static_cast<Old*>(find_to_migrate(name, detail::root_type<Old>(), type));
    if (old == nullptr) return false;
    detail::mark_handed_out(old);
    void* const block = heap().allocate(sizeof(New), alignof(New));
    mark(block, sizeof(New));
    New* made = nullptr;
    if constexpr (std::is_invocable_v<Migrate&, Old&>) {
      made = ::new (block) New(make(*old));
    } else {
      made = ::new (block) New();
      make(*old, *made);
    }
    erase_name(name);
    insert_name(name, type, made);
    if constexpr (!std::is_trivially_destructible_v<Old>) mark(old, sizeof(Old));
    old->~Old();
    heap().deallocate(old, sizeof(Old));
    return true;
  }
  template <class T, class... Args>
  T& construct_new(std::string_view name, const detail::RootType& type, Args&&... args) {
    FreeListAllocator& space = heap();
    void* const block = space.allocate(sizeof(T), alignof(T));
    T* object = nullptr;
    try {
      mark(block, sizeof(T));
      object = ::new (block) T(std::forward<Args>(args)...);
      insert_name(name, type, object);
    } catch (...) {
      if (object != nullptr) object->~T();
      space.deallocate(block, sizeof(T));
      throw;
    }
    return *object;
  }
  Engine& engine() const;
  void require_own(const void* p, std::size_t bytes = 1) const;
  Catalog catalog() const;
  void* find_root(std::string_view name, const detail::RootType& type) const;
  void* find_to_migrate(std::string_view name, const detail::RootType& from,
                        const detail::RootType& to) const;
  void require_free_name(std::string_view name) const;
  void insert_name(std::string_view name, const detail::RootType& type, const void* object);
  void erase_name(std::string_view name);
  void* resolve(std::uint64_t offset, std::uint64_t bytes, std::uint64_t align) const;
  std::uint64_t offset_of(const void* object, std::uint64_t bytes) const;

  Engine* engine_;
};

}  // namespace cairn
