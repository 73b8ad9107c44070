// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/catalog.hpp"

#include <cstring>

#include "cairn/allocator/write_context.hpp"
#include "cairn/error.hpp"
#include "cairn/hash.hpp"

namespace cairn {
namespace {

constexpr std::uint64_t first_bucket_count = 16;

std::uint64_t hash_of(std::string_view name) noexcept {
  return hash_bytes(name.data(), name.size());
}

std::uint64_t entry_bytes(std::uint64_t name_bytes) noexcept {
  return sizeof(CatalogEntry) + name_bytes;
}

/// A block that goes back to the heap unless it is kept.
class NewBlock {
 public:
  NewBlock(FreeListAllocator& heap, std::uint64_t bytes)
      : heap_(heap), data_(heap.allocate(bytes)), bytes_(bytes) {
    mark(data_, bytes);
  }
  NewBlock(const NewBlock&) = delete;
  NewBlock& operator=(const NewBlock&) = delete;
  ~NewBlock() {
    if (data_ != nullptr) heap_.deallocate(data_, bytes_);
  }
  void* data() const noexcept { return data_; }
  void keep() noexcept { data_ = nullptr; }

 private:
  FreeListAllocator& heap_;
  void* data_;
  std::uint64_t bytes_;
};

/// Notices a chain that leads back into itself, within a few times as many steps as it has entries
/// (Brent's algorithm).
class CircleCheck {
 public:
  bool came_back_to(std::uint64_t offset) noexcept {
    if (offset == remembered_) return true;
    if (++steps_ == steps_until_next_) {
      steps_ = 0;
      steps_until_next_ *= 2;
      remembered_ = offset;
    }
    return false;
  }

 private:
  std::uint64_t remembered_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_until_next_ = 1;
};

}  // namespace

void CatalogReader::fail(const std::string& detail) const {
  throw Error(errc::corrupt, path_, "catalog: " + detail);
}

const std::byte* CatalogReader::checked(std::uint64_t offset, std::uint64_t bytes,
                                        std::uint64_t align, const char* what) const {
  // All alignments are powers of two.
  if (offset < heap_begin_bytes || offset > heap_end_ || bytes > heap_end_ - offset ||
      (offset & (align - 1)) != 0) [[unlikely]] {
    fail(std::string(what) + " of " + std::to_string(bytes) + " bytes at offset " +
         std::to_string(offset) + " is not in the heap, which ends at " +
         std::to_string(heap_end_));
  }
  return base_ + offset;
}

const CatalogHeader* CatalogReader::header() const {
  const std::uint64_t offset = HeapReader(base_, heap_end_, path_).catalog_offset();
  if (offset == 0) return nullptr;
  const auto* found = reinterpret_cast<const CatalogHeader*>(
      checked(offset, sizeof(CatalogHeader), alignof(CatalogHeader), "the header"));
  if (found->magic != catalog_magic) fail("no header at offset " + std::to_string(offset));
  if (found->count > heap_end_ / sizeof(CatalogEntry)) {
    fail("a count of " + std::to_string(found->count) + " entries");
  }
  return found;
}

const std::uint64_t* CatalogReader::buckets(const CatalogHeader& header) const {
  const std::uint64_t count = header.bucket_count;
  if (count == 0 || (count & (count - 1)) != 0 || count > heap_end_ / sizeof(std::uint64_t)) {
    fail("a table of " + std::to_string(count) + " buckets");
  }
  return reinterpret_cast<const std::uint64_t*>(
      checked(header.buckets, count * sizeof(std::uint64_t), alignof(std::uint64_t), "the table"));
}

const CatalogEntry* CatalogReader::entry(std::uint64_t offset) const {
  const auto* found = reinterpret_cast<const CatalogEntry*>(
      checked(offset, sizeof(CatalogEntry), alignof(CatalogEntry), "an entry"));
  if (found->name_bytes > largest_name_bytes) {
    fail("a name of " + std::to_string(found->name_bytes) + " bytes");
  }
  checked(offset, entry_bytes(found->name_bytes), 1, "a name");
  return found;
}

RootInfo CatalogReader::describe(const CatalogEntry& entry, std::uint64_t offset) const {
  const std::uint64_t align = entry.object_align;
  if (align == 0 || (align & (align - 1)) != 0) {
    fail("an alignment of " + std::to_string(align));
  }
  checked(entry.object_offset, entry.object_bytes, align, "an object");
  const std::byte* type = checked(entry.type_offset, entry.type_bytes, 1, "a type");
  RootInfo root;
  root.name = {reinterpret_cast<const char*>(base_ + offset + sizeof(CatalogEntry)),
               entry.name_bytes};
  root.type = {reinterpret_cast<const char*>(type), entry.type_bytes};
  root.fingerprint = entry.type_fingerprint;
  root.offset = entry.object_offset;
  root.bytes = entry.object_bytes;
  root.align = entry.object_align;
  return root;
}

std::optional<RootInfo> CatalogReader::find(std::string_view name) const {
  const CatalogHeader* const head = header();
  if (head == nullptr) return std::nullopt;
  const std::uint64_t hash = hash_of(name);
  const std::uint64_t* const table = buckets(*head);
  std::uint64_t steps_left = head->count;
  CircleCheck chain;
  for (std::uint64_t at = table[hash & (head->bucket_count - 1)]; at != 0; --steps_left) {
    if (steps_left == 0) fail("a chain is longer than the number of entries");
    if (chain.came_back_to(at)) fail("a chain leads back into itself");
    const CatalogEntry* const candidate = entry(at);
    if (candidate->name_hash == hash) {
      const RootInfo root = describe(*candidate, at);
      if (root.name == name) return root;
    }
    at = candidate->next;
  }
  return std::nullopt;
}

std::uint64_t CatalogReader::count() const {
  const CatalogHeader* const head = header();
  return head == nullptr ? 0 : head->count;
}

void CatalogReader::for_each(const std::function<void(const RootInfo&)>& visit) const {
  const CatalogHeader* const head = header();
  if (head == nullptr) return;
  const std::uint64_t* const table = buckets(*head);
  std::uint64_t seen = 0;
  for (std::uint64_t bucket = 0; bucket < head->bucket_count; ++bucket) {
    CircleCheck chain;
    for (std::uint64_t at = table[bucket]; at != 0;) {
      if (chain.came_back_to(at)) fail("a chain leads back into itself");
      if (++seen > head->count)
        fail("more entries than its count of " + std::to_string(head->count));
      const CatalogEntry* const found = entry(at);
      // So no entry is in two chains either.
      if ((found->name_hash & (head->bucket_count - 1)) != bucket) {
        fail("the entry at offset " + std::to_string(at) + " is in a chain of another hash");
      }
      visit(describe(*found, at));
      at = found->next;
    }
  }
  if (seen != head->count) {
    fail(std::to_string(seen) + " entries, its count is " + std::to_string(head->count));
  }
}

void CatalogReader::for_each_block(const OwnedBlockVisitor& visit) const {
  const CatalogHeader* const head = header();
  if (head == nullptr) return;
  visit(offset_in(head), sizeof *head);
  visit(head->buckets, head->bucket_count * sizeof(std::uint64_t));
  for_each([&](const RootInfo& root) {
    const std::uint64_t name_offset = offset_in(root.name.data());
    visit(name_offset - sizeof(CatalogEntry), entry_bytes(root.name.size()));
    visit(offset_in(root.type.data()), root.type.size());
  });
}

template <class T>
T* Catalog::writable(const T* stored) const {
  // The view is the working view (constructor); the const is CatalogReader's.
  mark(stored, sizeof(T));
  return const_cast<T*>(stored);
}

CatalogHeader* Catalog::writable_header() {
  if (const CatalogHeader* const head = header()) return writable(head);
  NewBlock table(heap_, first_bucket_count * sizeof(std::uint64_t));
  NewBlock block(heap_, sizeof(CatalogHeader));
  std::memset(table.data(), 0, first_bucket_count * sizeof(std::uint64_t));
  auto* const head = static_cast<CatalogHeader*>(block.data());
  *head = {catalog_magic, 0, first_bucket_count, offset_in(table.data())};
  heap_.set_catalog_offset(offset_in(head));
  table.keep();
  block.keep();
  follow_heap();
  return head;
}

void Catalog::insert(const RootInfo& root) {
  if (root.name.empty() || root.name.size() > largest_name_bytes) {
    throw Error(errc::invalid_argument, path_,
                "a root's name has 1 to " + std::to_string(largest_name_bytes) +
                    " bytes, this one " + std::to_string(root.name.size()));
  }
  CatalogHeader* const head = writable_header();
  if (head->count >= head->bucket_count) grow(*head);
  NewBlock type(heap_, root.type.size());
  NewBlock block(heap_, entry_bytes(root.name.size()));
  follow_heap();
  std::memcpy(type.data(), root.type.data(), root.type.size());
  auto* const added = static_cast<CatalogEntry*>(block.data());
  const std::uint64_t hash = hash_of(root.name);
  std::uint64_t* const first = writable(buckets(*head) + (hash & (head->bucket_count - 1)));
  *added = {.next = *first,
            .name_hash = hash,
            .object_offset = root.offset,
            .object_bytes = root.bytes,
            .type_fingerprint = root.fingerprint,
            .type_offset = offset_in(type.data()),
            .type_bytes = static_cast<std::uint32_t>(root.type.size()),
            .name_bytes = static_cast<std::uint32_t>(root.name.size()),
            .object_align = root.align,
            .reserved = 0};
  std::memcpy(added + 1, root.name.data(), root.name.size());
  *first = offset_in(added);
  ++head->count;
  type.keep();
  block.keep();
}

bool Catalog::erase(std::string_view name) {
  const auto root = find(name);
  if (!root) return false;
  CatalogHeader* const head = writable_header();
  const std::uint64_t offset = offset_in(root->name.data()) - sizeof(CatalogEntry);
  const CatalogEntry* const gone = entry(offset);
  const std::uint64_t* link = buckets(*head) + (gone->name_hash & (head->bucket_count - 1));
  while (*link != offset) link = &entry(*link)->next;
  *writable(link) = gone->next;
  --head->count;
  const std::uint64_t name_bytes = gone->name_bytes;
  heap_.deallocate(const_cast<std::byte*>(base_) + gone->type_offset, gone->type_bytes);
  heap_.deallocate(const_cast<std::byte*>(base_) + offset, entry_bytes(name_bytes));
  return true;
}

void Catalog::grow(CatalogHeader& header) {
  const std::uint64_t old_count = header.bucket_count;
  const std::uint64_t new_count = 2 * old_count;
  const std::uint64_t* const old_table = buckets(header);
  const std::uint64_t old_offset = header.buckets;
  NewBlock block(heap_, new_count * sizeof(std::uint64_t));
  follow_heap();
  auto* const table = static_cast<std::uint64_t*>(block.data());
  std::memset(table, 0, new_count * sizeof(std::uint64_t));
  std::uint64_t moves_left = header.count;
  for (std::uint64_t bucket = 0; bucket < old_count; ++bucket) {
    for (std::uint64_t at = old_table[bucket]; at != 0; --moves_left) {
      if (moves_left == 0) fail("more entries than its count of " + std::to_string(header.count));
      CatalogEntry* const moved = writable(entry(at));
      const std::uint64_t next = moved->next;
      std::uint64_t& first = table[moved->name_hash & (new_count - 1)];
      moved->next = first;
      first = at;
      at = next;
    }
  }
  header.bucket_count = new_count;
  header.buckets = offset_in(table);
  block.keep();
  heap_.deallocate(const_cast<std::byte*>(base_) + old_offset, old_count * sizeof(std::uint64_t));
}

}  // namespace cairn
