// SPDX-License-Identifier: BSL-1.0
#include "cairn/store/checker.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "cairn/error.hpp"
#include "cairn/object_walker.hpp"
#include "cairn/store/catalog.hpp"
#include "cairn/store/engine.hpp"

namespace cairn {
namespace {

constexpr std::size_t most_problems = 100;

struct Block {
  std::uint64_t offset;
  std::uint64_t bytes;
};

/// Collects what the objects of a store own and point to.
class Ownership final : public ObjectVisitor {
 public:
  void block(std::uint64_t offset, std::uint64_t bytes) override {
    blocks_.push_back({offset, bytes});
  }
  void pointer(std::uint64_t at, std::uint64_t target, const TypeNode& type) override {
    if (target != 0 && type.kind == TypeKind::ptr) pointers_.push_back({at, target});
  }

  /// Holds what was collected against what the allocator has handed out.
  void compare(const HeapReader& heap, CheckReport& report);

 private:
  struct Pointer {
    std::uint64_t at;
    std::uint64_t target;
  };

  void compare_pointers(CheckReport& report) const;

  std::vector<Block> blocks_;
  std::vector<Pointer> pointers_;
};

void note(CheckReport& report, std::string problem) {
  if (report.problems.size() < most_problems) report.problems.push_back(std::move(problem));
}

std::string at(std::uint64_t offset, std::uint64_t bytes) {
  return std::to_string(bytes) + " bytes at offset " + std::to_string(offset);
}

void Ownership::compare(const HeapReader& heap, CheckReport& report) {
  std::sort(blocks_.begin(), blocks_.end(),
            [](const Block& a, const Block& b) { return a.offset < b.offset; });
  for (std::size_t i = 1; i < blocks_.size(); ++i) {
    const Block& before = blocks_[i - 1];
    if (before.offset + before.bytes <= blocks_[i].offset) continue;
    note(report, "two owners: " + at(before.offset, before.bytes) + " and " +
                     at(blocks_[i].offset, blocks_[i].bytes));
  }
  auto owned = blocks_.begin();
  heap.for_each_block([&](const HeapBlock& piece) {
    if (piece.use != BlockUse::live) return;
    for (; owned != blocks_.end() && owned->offset < piece.offset; ++owned) {
      note(report,
           "an object's block is not one of the heap's: " + at(owned->offset, owned->bytes));
    }
    if (owned == blocks_.end() || owned->offset != piece.offset) {
      report.unowned_bytes += piece.bytes;
      return;
    }
    if (owned->bytes > piece.bytes) {
      note(report,
           "an object's block is longer than the heap's: " + at(owned->offset, owned->bytes));
    }
    ++owned;
  });
  for (; owned != blocks_.end(); ++owned) {
    note(report, "an object's block is not one of the heap's: " + at(owned->offset, owned->bytes));
  }
  report.blocks = blocks_.size();
  compare_pointers(report);
}

void Ownership::compare_pointers(CheckReport& report) const {
  for (const Pointer& pointer : pointers_) {
    const auto behind =
        std::upper_bound(blocks_.begin(), blocks_.end(), pointer.target,
                         [](std::uint64_t target, const Block& b) { return target < b.offset; });
    const bool inside = behind != blocks_.begin() &&
                        pointer.target < std::prev(behind)->offset + std::prev(behind)->bytes;
    if (inside) continue;
    note(report, "the pointer at offset " + std::to_string(pointer.at) +
                     " leads to no object, to offset " + std::to_string(pointer.target));
  }
}

/// Runs one part of the examination; what it throws is a problem of that part.
template <class Part>
void examine(CheckReport& report, Part part) {
  try {
    part();
  } catch (const Error& error) {
    note(report, error.what());
  }
}

}  // namespace

CheckReport check_store(const Engine& engine) {
  CheckReport report;
  const std::byte* const base = engine.read_base();
  const std::uint64_t heap_end = engine.published_heap_end();
  const HeapReader heap(base, heap_end, engine.path());
  examine(report, [&] { engine.newest_meta(); });
  examine(report, [&] { heap.verify(report.problems); });

  Ownership ownership;
  ObjectWalker walker({base, heap_end, heap_begin}, ownership, report.problems);
  const CatalogReader catalog(base, heap_end, engine.path());
  examine(report, [&] {
    catalog.for_each([&](const RootInfo& root) {
      ++report.roots;
      examine(report, [&] {
        const TypeTree type = TypeTree::parse(root.type);
        if (type.root().size != root.bytes || type.root().align != root.align) {
          note(report, "root \"" + std::string(root.name) + "\" has " + std::to_string(root.bytes) +
                           " bytes, its type " + std::to_string(type.root().size));
          return;
        }
        walker.walk(type, root.offset, root.name);
      });
    });
    catalog.for_each_block(
        [&](std::uint64_t offset, std::uint64_t bytes) { ownership.block(offset, bytes); });
  });
  if (!report.ok()) return report;
  examine(report, [&] {
    report.used_bytes = heap.used();
    ownership.compare(heap, report);
  });
  return report;
}

}  // namespace cairn
