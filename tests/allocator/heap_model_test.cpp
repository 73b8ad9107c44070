// SPDX-License-Identifier: BSL-1.0
// The heap against a map of what it handed out, over random histories.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "test_heap.hpp"

namespace cairn {
namespace {

using test::TestHeap;

struct Block {
  std::size_t bytes;   ///< as asked for, at first or by the last try_expand
  std::size_t usable;  ///< as the enumeration should say
  unsigned char fill;
};

class HeapModel {
 public:
  void allocate(std::size_t bytes, std::size_t align, unsigned char fill) {
    void* const p = sut_.heap().try_allocate(bytes, align);
    if (p == nullptr) {
      refused_++;
      return;
    }
    const std::uint64_t offset = sut_.context().offset_of(p);
    const std::size_t usable = FreeListAllocator::usable_bytes(bytes, align);
    RC_ASSERT(offset % std::max<std::size_t>(align, 16) == 0U);
    RC_ASSERT(offset + usable <= sut_.heap_end());
    const auto next = blocks_.lower_bound(offset);
    if (next != blocks_.end()) RC_ASSERT(offset + usable <= next->first);
    if (next != blocks_.begin()) {
      const auto& [before, block] = *std::prev(next);
      RC_ASSERT(before + block.usable <= offset);
    }
    blocks_[offset] = {bytes, usable, fill};
    write(offset, 0);
  }

  void deallocate(std::size_t pick) {
    if (blocks_.empty()) return;
    const auto at = picked(pick);
    check_content(at->first, at->second);
    sut_.heap().deallocate(sut_.base() + at->first, at->second.bytes);
    blocks_.erase(at);
  }

  void expand(std::size_t pick, std::size_t more) {
    if (blocks_.empty()) return;
    const auto at = picked(pick);
    Block& block = at->second;
    const std::size_t bytes = block.bytes + more;
    if (!sut_.heap().try_expand(sut_.base() + at->first, block.bytes, bytes)) return;
    const std::size_t old_usable = block.usable;
    block.bytes = bytes;
    if (bytes > FreeListAllocator::max_small) block.usable = round_up(bytes, page_bytes);
    RC_ASSERT(block.usable >= bytes);
    const auto next = std::next(at);
    if (next != blocks_.end()) RC_ASSERT(at->first + block.usable <= next->first);
    write(at->first, old_usable);
  }

  void commit() {
    sut_.commit();
    committed_ = blocks_;
  }
  void rollback() {
    sut_.rollback();
    blocks_ = committed_;
  }
  void trim() {
    const std::uint64_t before = sut_.heap_end();
    const std::uint64_t cut = sut_.heap().trim();
    RC_ASSERT(before - cut == sut_.heap_end());
  }
  void resize(std::size_t bytes) {
    try {
      sut_.heap().resize_file(bytes);
    } catch (const Error& error) {
      RC_ASSERT(error == errc::no_space);
    }
  }

  /// Everything that must hold after each step.
  void check() {
    const std::vector<std::string> problems = sut_.problems();
    if (!problems.empty()) RC_FAIL(problems.front());
    std::map<std::uint64_t, std::uint64_t> live;
    std::uint64_t at = heap_begin_bytes;
    sut_.heap().reader().for_each_block([&](const HeapBlock& block) {
      RC_ASSERT(block.offset == at);
      at += block.bytes;
      if (block.use == BlockUse::live) live[block.offset] = block.bytes;
    });
    RC_ASSERT(at == sut_.heap_end());
    std::map<std::uint64_t, std::uint64_t> wanted;
    std::uint64_t used = 0;
    for (const auto& [offset, block] : blocks_) {
      wanted[offset] = block.usable;
      used += block.usable;
    }
    RC_ASSERT(live == wanted);
    RC_ASSERT(sut_.heap().used() == used);
    // Comparing all of both views takes longest; commit does it too.
    if (++steps_ % 8 != 0) return;
    const std::vector<std::string> unmarked = sut_.unmarked_changes();
    if (!unmarked.empty()) RC_FAIL(unmarked.front());
  }
  void check_all_content() {
    for (const auto& [offset, block] : blocks_) check_content(offset, block);
  }
  /// Gives everything back; the heap must be the empty one again.
  void finish() {
    while (!blocks_.empty()) deallocate(blocks_.size() * 7 + 3);
    sut_.heap().trim();
    check();
    RC_ASSERT(sut_.heap().size() == heap_minimum_bytes);
  }
  void set_disk_bytes(std::uint64_t bytes) { sut_.set_disk_bytes(bytes); }

 private:
  std::map<std::uint64_t, Block>::iterator picked(std::size_t pick) {
    return std::next(blocks_.begin(), static_cast<std::ptrdiff_t>(pick % blocks_.size()));
  }
  /// Fills the block from byte `from` on, marking only what the contract leaves to the user.
  void write(std::uint64_t offset, std::size_t from) {
    const Block& block = blocks_[offset];
    if (from == block.usable) return;
    if (block.usable > FreeListAllocator::max_small) {
      sut_.context().mark(sut_.base() + offset + from, block.usable - from);
    }
    std::memset(sut_.base() + offset + from, block.fill, block.usable - from);
  }
  void check_content(std::uint64_t offset, const Block& block) const {
    const auto* const begin = reinterpret_cast<const unsigned char*>(sut_.base() + offset);
    RC_ASSERT(begin[0] == block.fill);
    RC_ASSERT(std::memcmp(begin, begin + 1, block.usable - 1) == 0);
  }

  TestHeap sut_{std::uint64_t{32} << 20};
  int steps_ = 0;
  std::map<std::uint64_t, Block> blocks_;
  std::map<std::uint64_t, Block> committed_;
  int refused_ = 0;
};

/// Mostly small sizes, some large ones, so that spans and runs come to lie side by side.
std::size_t size_from(unsigned kind, unsigned value) {
  if (kind < 5) return value % 600;
  if (kind < 7) return value % 8300;
  if (kind < 9) return 8193 + value % 60000;
  // Enough now and then for the chunk table to need leaves, and for them to give way.
  return value % (value % 5 == 0 ? 6'000'000 : 300'000);
}

RC_GTEST_PROP(HeapModel, random_histories_keep_every_block_apart_and_the_tiling_exact, ()) {
  HeapModel model;
  model.commit();
  // A full disk now and then: what fails must leave no trace.
  model.set_disk_bytes(*rc::gen::element<std::uint64_t>(1 << 20, 3 << 20, 32 << 20));
  const int steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    const auto [op, kind, value, align] =
        *rc::gen::tuple(rc::gen::inRange(0U, 20U), rc::gen::inRange(0U, 10U),
                        rc::gen::inRange(0U, 1U << 30), rc::gen::inRange(0U, 13U));
    if (op < 8) {
      const std::size_t bytes = size_from(kind, value);
      // Several of a kind, so that spans fill up and lists get longer than one.
      const unsigned count = kind < 5 ? 1 + value / 600 % 60 : 1;
      for (unsigned k = 0; k < count; ++k) {
        model.allocate(bytes, std::size_t{1} << (value % 3 == 0 ? align : 4),
                       static_cast<unsigned char>(value + k));
      }
    } else if (op < 14) {
      for (unsigned k = 0; k < 1 + value % 50; ++k) model.deallocate(value / 50 * (k + 1));
    } else if (op < 16) {
      model.expand(value, size_from(kind, value / 3));
    } else if (op == 16) {
      model.trim();
    } else if (op == 17) {
      model.commit();
    } else if (op == 18) {
      model.rollback();
    } else {
      model.resize(value % (2U << 20));
    }
    model.check();
  }
  model.check_all_content();
  model.finish();
}

}  // namespace
}  // namespace cairn
