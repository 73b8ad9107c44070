// SPDX-License-Identifier: BSL-1.0
#include "unmarked_writes.hpp"

#include <algorithm>

#include "cairn/allocator/heap_reader.hpp"
#include "cairn/error.hpp"
#include "cairn/mapping/page.hpp"
#include "cairn/store/root_walk.hpp"

namespace cairn {
namespace {

constexpr std::size_t shown_changes = 4;
constexpr std::uint64_t shown_bytes = 16;

std::string hex(const std::byte* bytes, std::uint64_t count) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::uint64_t i = 0; i < std::min(count, shown_bytes); ++i) {
    if (i != 0) text += ' ';
    text += digits[std::to_integer<unsigned>(bytes[i]) >> 4];
    text += digits[std::to_integer<unsigned>(bytes[i]) & 15];
  }
  if (count > shown_bytes) text += " ...";
  return text;
}

/// Bytes side by side that were changed and lie in the same place.
struct Change {
  std::uint64_t offset;
  std::uint64_t bytes;
  std::string where;
  const ObjectPlace* place;
};

/// What the heap knows of an offset that no object covers.
std::string place_in_heap(std::uint64_t offset, const HeapReader& heap, const HeapBytes& bytes) {
  if (offset < heap_begin_bytes + page_bytes) return "the allocator's header";
  const auto& header = *reinterpret_cast<const HeapHeader*>(bytes.base + heap_begin_bytes);
  for (std::uint32_t k = 0; k < leaf_count_max; ++k) {
    if (header.leaf[k] == 0 || offset < header.leaf[k]) continue;
    if (offset - header.leaf[k] < leaf_pages(k) * page_bytes) return "the allocator's chunk table";
  }
  std::string found;
  heap.for_each_block([&](const HeapBlock& piece) {
    if (offset < piece.offset || offset - piece.offset >= piece.bytes) return;
    const std::string size = std::to_string(piece.bytes) + " bytes at offset ";
    switch (piece.use) {
      case BlockUse::live: found = "a block that no root owns, of "; break;
      case BlockUse::free: found = "free space of "; break;
      case BlockUse::system: found = "space that no block can use, of "; break;
    }
    found += size + std::to_string(piece.offset);
  });
  return found;
}

/// The two views of a store that a transaction is at work in, and what lies at some offsets there.
class Places {
 public:
  Places(const std::vector<std::uint64_t>& offsets, const HeapBytes& ours,
         const HeapBytes& committed, const std::string& path)
      : path_(path),
        ours_(ours),
        committed_(committed),
        now_(locate(ours, offsets)),
        before_(locate(committed, offsets)) {}

  const ObjectPlace* now(std::uint64_t offset) const {
    const ObjectPlace& place = now_.place_of(offset);
    return place.found() ? &place : nullptr;
  }

  std::string describe(std::uint64_t offset) const {
    if (const ObjectPlace* const place = now(offset)) return describe(*place);
    std::string text = outside_objects(offset);
    const ObjectPlace& before = before_.place_of(offset);
    if (before.found()) text += ", before this transaction " + describe(before);
    return text;
  }

 private:
  ObjectLocator locate(const HeapBytes& bytes, const std::vector<std::uint64_t>& offsets) const {
    return locate_in_roots({bytes.base, bytes.end, path_}, path_, bytes, offsets);
  }
  static std::string describe(const ObjectPlace& place) {
    const std::string block = "the block of " + std::to_string(place.bytes) + " bytes of ";
    return (place.in_block ? block : "") + place.path + " (" + place.type + ", " +
           (place.in_block ? "" : std::to_string(place.bytes) + " bytes ") + "at offset " +
           std::to_string(place.at) + ")";
  }
  /// In our view if it can be read: the very change may have damaged it.
  std::string outside_objects(std::uint64_t offset) const {
    for (const HeapBytes* const view : {&ours_, &committed_}) {
      try {
        if (is_in_catalog(offset, *view)) return "the catalog of roots";
        return place_in_heap(offset, {view->base, view->end, path_}, *view);
      } catch (const Error&) {
      }
    }
    return "the heap";
  }
  bool is_in_catalog(std::uint64_t offset, const HeapBytes& view) const {
    bool found = false;
    CatalogReader(view.base, view.end, path_)
        .for_each_block([&](std::uint64_t block, std::uint64_t bytes) {
          found = found || (offset >= block && offset - block < bytes);
        });
    return found;
  }

  const std::string& path_;
  const HeapBytes& ours_;
  const HeapBytes& committed_;
  ObjectLocator now_;
  ObjectLocator before_;
};

std::vector<std::uint64_t> changed_bytes(const UnmarkedLines& lines, const HeapBytes& ours,
                                         const HeapBytes& committed) {
  std::vector<std::uint64_t> offsets;
  for (const std::uint64_t line : lines.offsets) {
    for (std::uint64_t at = line; at < line + line_bytes; ++at) {
      if (ours.base[at] != committed.base[at]) offsets.push_back(at);
    }
  }
  return offsets;
}

/// One for each object, or for each stretch of bytes that belongs to none.
std::vector<Change> group(const std::vector<std::uint64_t>& offsets, const Places& places) {
  std::vector<Change> changes;
  for (const std::uint64_t offset : offsets) {
    const ObjectPlace* const place = places.now(offset);
    if (!changes.empty()) {
      Change& last = changes.back();
      const bool same_object = place != nullptr && last.place != nullptr &&
                               place->path == last.place->path && place->at == last.place->at;
      const bool side_by_side = place == nullptr && last.place == nullptr &&
                                offset - last.offset - last.bytes < line_bytes;
      if (same_object || side_by_side) {
        last.bytes = offset + 1 - last.offset;
        continue;
      }
    }
    changes.push_back({offset, 1, places.describe(offset), place});
  }
  return changes;
}

}  // namespace

std::string describe(const UnmarkedLines& lines, const HeapBytes& ours, const HeapBytes& committed,
                     const std::string& path) {
  const std::vector<std::uint64_t> offsets = changed_bytes(lines, ours, committed);
  const Places places(offsets, ours, committed, path);
  const std::vector<Change> changes = group(offsets, places);
  std::string text = "changed without a mark: ";
  for (std::size_t i = 0; i < std::min(changes.size(), shown_changes); ++i) {
    const Change& change = changes[i];
    text += (i == 0 ? "" : "; ") + change.where + ", from offset " + std::to_string(change.offset) +
            " on: " + hex(committed.base + change.offset, change.bytes) + " is committed, " +
            hex(ours.base + change.offset, change.bytes) + " was found";
  }
  if (changes.size() > shown_changes || lines.count > lines.offsets.size()) {
    text += "; and more, in all in " + std::to_string(lines.count) + " lines of 64 bytes";
  }
  return text + "; declare it by tx.modify() or tx.mark() before storing";
}

}  // namespace cairn
