// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <vector>

#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/mapping/drill_hooks.hpp"
#include "cairn/nd_array.hpp"
#include "cairn/segmented.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {

/// Hash, equality and order that may throw.
struct FusedHash {
  static constexpr std::string_view hash_name = "test.fused";
  std::uint64_t operator()(const Fussy& key) const {
    Fuse::burn();
    return hash_number(static_cast<std::uint64_t>(key.value % 7));
  }
};
struct FusedEqual {
  bool operator()(const Fussy& a, const Fussy& b) const {
    Fuse::burn();
    return a.value == b.value;
  }
};
struct FusedLess {
  static constexpr std::string_view order_name = "test.fused";
  bool operator()(const Fussy& a, const Fussy& b) const {
    Fuse::burn();
    return a.value < b.value;
  }
};

/// Refuses the n-th block that is asked for from now on.
struct Refusal {
  static inline int left = -1;

  static bool refuse(std::size_t) noexcept { return left >= 0 && left-- == 0; }
};

template <class T>
class FailureSweepTest : public ContainerTest {
 protected:
  FailureSweepTest() { drill::set_allocation_observer(Refusal::refuse); }

  using Set = HashSet<T, FusedHash, FusedEqual>;
  using Map = HashMap<T, T, FusedHash, FusedEqual>;
  using OrderedSet = BTreeSet<T, FusedLess>;
  using OrderedMap = BTreeMap<T, T, FusedLess>;

  void TearDown() override {
    Fuse::left = -1;
    Refusal::left = -1;
    ContainerTest::TearDown();
  }

  template <class Container, class Change>
  void sweep(Container& sut, Change change) {
    sweep_throws(sut, change);
    sweep_pages(sut, change);
    sweep_refusals(sut, change);
  }

  /// Fails at the n-th construction, copy, move, hash or comparison.
  template <class Container, class Change>
  void sweep_throws(Container& sut, Change change) {
    this->commit();
    const std::vector<int> before = content(sut);
    const int failures =
        burn_in_turn([&] { change(sut); }, [&] { ASSERT_EQ(content(sut), before); });
    EXPECT_GT(failures, 0);
    EXPECT_NE(content(sut), before);
    this->rollback();
  }
  /// Fails where the n-th block is asked for, which the transaction survives.
  template <class Container, class Change>
  void sweep_refusals(Container& sut, Change change) {
    this->commit();
    const std::vector<int> before = content(sut);
    const int failures =
        refuse_in_turn([&] { change(sut); }, [&] { ASSERT_EQ(content(sut), before); });
    EXPECT_GT(failures, 0);
    EXPECT_NE(content(sut), before);
    this->rollback();
  }
  /// Fails `change` at the n-th construction, copy, move, hash or comparison, n = 0, 1, ..., until
  /// it goes through. After each failure nothing has leaked, and `check_failed` holds. Returns the
  /// number of failures.
  template <class Change, class Check>
  int burn_in_turn(Change change, Check check_failed) {
    return fail_in_turn<std::runtime_error>(Fuse::left, change, check_failed);
  }
  /// The same at the n-th block.
  template <class Change, class Check>
  int refuse_in_turn(Change change, Check check_failed) {
    return fail_in_turn<Error>(Refusal::left, change, check_failed);
  }

  /// Fails where the n-th page is touched, so at each mark.
  template <class Container, class Change>
  void sweep_pages(Container& sut, Change change) {
    const std::vector<int> before = content(sut);
    const int failures =
        this->fail_at_every_page([&] { change(sut); }, [&] { return content(sut) == before; });
    EXPECT_GT(failures, 0);
    EXPECT_NE(content(sut), before);
    this->rollback();
  }

  /// Fails a change of the capacity wherever it can fail: at blocks and pages, and where elements
  /// are asked to move or have to be hashed anew. What is in the container stays what it was.
  template <class Container, class Change>
  void sweep_capacity(Container& sut, Change change) {
    constexpr bool asks = !detail::relocates_quietly<T>() || requires {
      sut.hash_function();
    };
    // A new table may hold its elements in another order.
    const auto sorted = [&] {
      std::vector<int> numbers = content(sut);
      std::sort(numbers.begin(), numbers.end());
      return numbers;
    };
    const auto sweep_by = [&](auto fail) {
      this->commit();
      const std::vector<int> before = sorted();
      const std::size_t capacity = sut.capacity();
      const int failures = fail([&] { change(sut); }, [&] { return sorted() == before; });
      EXPECT_GT(failures, 0);
      EXPECT_EQ(sorted(), before);
      EXPECT_NE(sut.capacity(), capacity);
      this->rollback();
    };
    sweep_by([&](auto attempt, auto is_unchanged) {
      return this->fail_at_every_page(attempt, is_unchanged);
    });
    sweep_by([&](auto attempt, auto is_unchanged) {
      return refuse_in_turn(attempt, [&] { ASSERT_TRUE(is_unchanged()); });
    });
    if constexpr (asks) {
      sweep_by([&](auto attempt, auto is_unchanged) {
        return burn_in_turn(attempt, [&] { ASSERT_TRUE(is_unchanged()); });
      });
    }
  }

  /// The numbers that the elements hold, without copies that would own blocks of the heap.
  template <class Container>
  static std::vector<int> content(const Container& container) {
    std::vector<int> numbers;
    if constexpr (requires { container.c_str(); }) {
      for (const char c : container.view()) numbers.push_back(c);
    } else if constexpr (requires { container.get(); }) {
      if (container) numbers.push_back(container->value);
    } else {
      for (const auto& element : container) {
        if constexpr (requires { element.first; }) {
          numbers.push_back(element.first.value);
          numbers.push_back(element.second.value);
        } else {
          numbers.push_back(element.value);
        }
      }
    }
    return numbers;
  }

  template <class Container>
  Container& filled(int count) {
    auto& sut = this->template make<Container>();
    for (int i = 0; i < count; ++i) {
      if constexpr (requires { sut.emplace_back(i); }) {
        sut.emplace_back(i);
      } else if constexpr (requires { sut.try_emplace(T(i), T(i)); }) {
        sut.try_emplace(T(i), T(i));
      } else {
        sut.insert(T(i));
      }
    }
    return sut;
  }

 private:
  template <class Exception, class Change, class Check>
  int fail_in_turn(int& left, Change& change, Check& check_failed) {
    constexpr int limit = 2000;
    for (int failures = 0; failures < limit; ++failures) {
      left = failures;
      bool completed = false;
      try {
        change();
        completed = true;
      } catch (const Exception& error) {
        EXPECT_EQ(left, -1) << error.what();
      }
      left = -1;
      this->verify();
      if (completed) return failures;
      check_failed();
    }
    ADD_FAILURE() << "still failing after " << limit << " attempts";
    return limit;
  }
};

/// The same in pages of its own, so that making it, and giving it up, may meet the memory budget.
class Paged : public Fussy {
 public:
  Paged() { text.assign(page_bytes, 'x'); }
  Paged(int v) : Fussy(v) { text.assign(page_bytes, 'x'); }
  BOOST_DESCRIBE_CLASS(Paged, (Fussy), (), (), ())
};

using ThrowingTypes = ::testing::Types<Fussy, Loud>;
using FailingTypes = ::testing::Types<Fussy, Loud, Paged>;

}  // namespace cairn::test
