// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "all_the_room.hpp"
#include "cairn/object_walker.hpp"
#include "cairn/string.hpp"
#include "cairn/type_description.hpp"
#include "test_heap.hpp"

namespace cairn::test {

/// Collects the blocks that objects own.
class BlockCollector : public ObjectVisitor {
 public:
  void block(std::uint64_t offset, std::uint64_t bytes) override { blocks.emplace(offset, bytes); }
  void pointer(std::uint64_t, std::uint64_t target, const TypeNode&) override {
    targets.push_back(target);
  }

  std::map<std::uint64_t, std::uint64_t> blocks;
  std::vector<std::uint64_t> targets;
};

/// A heap whose objects are walked by their descriptions after each test: each live block must be
/// owned exactly once, so a leak, a double owner or a broken layout fails the test.
class ContainerTest : public ::testing::Test {
 protected:
  /// A root: an object in a block of its own.
  template <class T, class... Args>
  T& make(Args&&... args) {
    void* const block = heap_.heap().allocate(sizeof(T), alignof(T));
    if (sizeof(T) > FreeListAllocator::max_small) mark(block, sizeof(T));
    T* const object = ::new (block) T(std::forward<Args>(args)...);
    const std::uint64_t offset = heap_.context().offset_of(object);
    roots_[offset] = {describe_type<T>(), [this, object] {
                        object->~T();
                        heap_.heap().deallocate(object, sizeof(T));
                      }};
    return *object;
  }

  /// Publishes; a change that nobody marked fails the test.
  void commit() { heap_.commit(); }
  void rollback() { heap_.rollback(); }

  void verify() {
    for (const std::string& problem : problems()) ADD_FAILURE() << problem;
  }
  /// Walks everything and compares what is owned with what is allocated.
  std::vector<std::string> problems() {
    std::vector<std::string> problems = heap_.problems();
    BlockCollector owned;
    ObjectWalker walker({heap_.base(), heap_.heap_end(), heap_begin_bytes}, owned, problems);
    for (const auto& [offset, root] : roots_) {
      walker.walk(TypeTree::parse(root.first), offset, "root");
    }
    heap_.heap().reader().for_each_block([&](const HeapBlock& block) {
      if (block.use != BlockUse::live) return;
      const auto found = owned.blocks.find(block.offset);
      if (found == owned.blocks.end()) {
        problems.push_back("nobody owns the block at " + std::to_string(block.offset) + " of " +
                           std::to_string(block.bytes) + " bytes");
      } else {
        if (found->second > block.bytes) problems.push_back("a block is owned beyond its end");
        owned.blocks.erase(found);
      }
    });
    for (const auto& [offset, bytes] : owned.blocks) {
      problems.push_back("the block at " + std::to_string(offset) + " is owned but not live");
    }
    return problems;
  }

  void TearDown() override {
    verify();
    for (auto& [offset, root] : roots_) root.second();
    roots_.clear();
    verify();
    commit();
  }

  /// Runs `change` again and again, allowed one more touched page each time, until it succeeds.
  /// What `is_unchanged` looks at must be as before after each failure, and everything after the
  /// rollback that has to follow when a transaction is over its budget. Returns the number of
  /// failures.
  template <class Change, class IsUnchanged>
  int fail_at_every_page(Change change, IsUnchanged is_unchanged) {
    commit();
    for (int failures = 0;; ++failures) {
      heap_.context().write_set().set_touch_limit(static_cast<std::uint64_t>(failures));
      bool thrown = false;
      try {
        change();
      } catch (const Error& error) {
        thrown = true;
        EXPECT_EQ(error.code(), errc::too_large) << error.what();
      }
      heap_.context().write_set().set_touch_limit(~std::uint64_t{0});
      if (!thrown && !heap_.context().write_set().is_over_limit()) {
        verify();
        return failures;
      }
      // Where a destructor met the limit, which must not throw, the commit says so.
      EXPECT_TRUE(!thrown || is_unchanged()) << "after failing at page " << failures;
      rollback();
      verify();
    }
  }

  /// Runs `change` on a disk that has no room left until it fails, then once with room: nothing
  /// that `is_unchanged` looks at has changed in between, and nothing has leaked.
  template <class Change, class IsUnchanged>
  void fail_on_a_full_disk(Change change, IsUnchanged is_unchanged) {
    heap_.set_disk_bytes(heap_.heap_end());
    {
      const AllTheRoom taken(heap_.heap());
      try {
        change();
        ADD_FAILURE() << "the disk was not full";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), errc::no_space) << error.what();
      }
      EXPECT_TRUE(is_unchanged());
    }
    verify();
    heap_.set_disk_bytes(~std::uint64_t{0});
    change();
    verify();
  }

  TestHeap heap_{std::uint64_t{1} << 30};

 private:
  std::map<std::uint64_t, std::pair<std::string, std::function<void()>>> roots_;
};

/// Throws from the n-th construction, copy or move on.
struct Fuse {
  static inline int left = -1;

  static void burn() {
    if (left >= 0 && left-- == 0) {
      left = -1;
      throw std::runtime_error("fuse");
    }
  }
};

/// A described class whose copies may throw and which containers relocate field by field.
class Fussy {
 public:
  Fussy() { Fuse::burn(); }
  Fussy(int v) : value(v) { Fuse::burn(); }
  Fussy(const Fussy& other) : value(other.value), text(other.text) { Fuse::burn(); }
  Fussy(Fussy&& other) : value(other.value), text(std::move(other.text)) { Fuse::burn(); }
  Fussy& operator=(const Fussy&) = default;
  Fussy& operator=(Fussy&&) = default;
  ~Fussy() = default;
  bool operator==(const Fussy&) const = default;

  int value = 0;
  String text = "a text that is too long to stand in the object itself";
  BOOST_DESCRIBE_CLASS(Fussy, (), (value, text), (), ())
};

/// The same, but only to be moved by its move constructor.
class Loud : public Fussy {
 public:
  using Fussy::Fussy;
  BOOST_DESCRIBE_CLASS(Loud, (Fussy), (), (), ())
};

}  // namespace cairn::test

template <>
inline constexpr bool cairn::moves_by_fields<cairn::test::Loud> = false;
