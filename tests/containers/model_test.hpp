// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <ostream>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "forked_child.hpp"
#include "model_program.hpp"
#include "temp_store.hpp"
#include "test_heap.hpp"

/// \file
/// Random programs over a stored container and, beside it, over its standard counterpart: with
/// commits, rollbacks, reopenings and kills in between. Every commit compares the store with the
/// marks, and each program ends with a check of the whole store.
namespace cairn::test {

/// Numbers from `first` on: a range whose begin and end are of different types.
struct CountedFrom {
  class Iterator {
   public:
    using value_type = std::uint32_t;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Iterator(std::uint32_t at, std::uint32_t left) : at_(at), left_(left) {}
    std::uint32_t operator*() const { return at_; }
    Iterator& operator++() {
      ++at_;
      --left_;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;
    bool operator==(std::default_sentinel_t) const { return left_ == 0; }

   private:
    std::uint32_t at_ = 0;
    std::uint32_t left_ = 0;
  };

  Iterator begin() const { return {first, count}; }
  static std::default_sentinel_t end() { return {}; }
  std::vector<std::uint32_t> values() const {
    std::vector<std::uint32_t> values(count);
    std::iota(values.begin(), values.end(), first);
    return values;
  }

  std::uint32_t first;
  std::uint32_t count;
};
static_assert(std::ranges::forward_range<CountedFrom> && !std::ranges::common_range<CountedFrom>);

/// What an NdArray of two dimensions is: its extents, and the elements in row-major order.
template <class T>
struct TableModel {
  std::array<std::size_t, 2> extents{};
  std::vector<T> elements;

  bool operator==(const TableModel&) const = default;
  T& at(std::size_t row, std::size_t column) { return elements[row * extents[1] + column]; }
  void resize(std::size_t rows, std::size_t columns, const T& value) {
    TableModel after{{rows, columns}, std::vector<T>(rows * columns, value)};
    for (std::size_t i = 0; i < std::min(rows, extents[0]); ++i) {
      for (std::size_t j = 0; j < std::min(columns, extents[1]); ++j) after.at(i, j) = at(i, j);
    }
    *this = std::move(after);
  }
};
template <class T>
std::ostream& operator<<(std::ostream& out, const TableModel<T>& table) {
  return out << table.extents[0] << " x " << table.extents[1];
}

// What a stored object is as an object of the standard library.

template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
T as_model(const T& value) {
  return value;
}
inline std::string as_model(const String& text) {
  return text.str();
}
template <class T>
auto as_model(const Vec<T>& vec);
template <class T>
auto as_model(const Deque<T>& deque);
template <class T>
auto as_model(const Box<T>& box);
template <class T, class H, class E>
auto as_model(const HashSet<T, H, E>& set);
template <class K, class V, class H, class E>
auto as_model(const HashMap<K, V, H, E>& map);
template <class T, class C>
auto as_model(const BTreeSet<T, C>& set);
template <class K, class V, class C>
auto as_model(const BTreeMap<K, V, C>& map);
template <class T>
auto as_model(const Segmented<T>& segmented);
template <class T>
auto as_model(const NdArray<T, 2>& table);
template <class T>
auto as_model(const std::optional<T>& optional);
template <class T, std::size_t N>
auto as_model(const std::array<T, N>& array);
template <class A, class B>
auto as_model(const std::pair<A, B>& pair);

template <class A, class B>
auto as_model(const std::pair<A, B>& pair) {
  return std::make_pair(as_model(pair.first), as_model(pair.second));
}
template <class T, std::size_t N>
auto as_model(const std::array<T, N>& array) {
  std::array<decltype(as_model(array[0])), N> model;
  for (std::size_t i = 0; i < N; ++i) model[i] = as_model(array[i]);
  return model;
}
template <class T>
auto as_model(const Vec<T>& vec) {
  std::vector<decltype(as_model(vec[0]))> model;
  for (const T& element : vec) model.push_back(as_model(element));
  return model;
}
template <class T>
auto as_model(const Deque<T>& deque) {
  std::deque<decltype(as_model(deque[0]))> model;
  for (const T& element : deque) model.push_back(as_model(element));
  return model;
}
template <class T>
auto as_model(const Box<T>& box) {
  std::optional<decltype(as_model(*box))> model;
  if (box) model = as_model(*box);
  return model;
}
template <class T, class H, class E>
auto as_model(const HashSet<T, H, E>& set) {
  std::unordered_set<decltype(as_model(*set.begin()))> model;
  for (const T& element : set) model.insert(as_model(element));
  return model;
}
template <class K, class V, class H, class E>
auto as_model(const HashMap<K, V, H, E>& map) {
  std::unordered_map<decltype(as_model(map.begin()->first)),
                     decltype(as_model(map.begin()->second))>
      model;
  for (const auto& [key, value] : map) model.emplace(as_model(key), as_model(value));
  return model;
}

template <class T, class C>
auto as_model(const BTreeSet<T, C>& set) {
  std::set<decltype(as_model(*set.begin()))> model;
  for (const T& element : set) model.insert(model.end(), as_model(element));
  return model;
}
template <class K, class V, class C>
auto as_model(const BTreeMap<K, V, C>& map) {
  std::map<decltype(as_model(map.begin()->first)), decltype(as_model(map.begin()->second))> model;
  for (const auto& [key, value] : map) {
    model.emplace_hint(model.end(), as_model(key), as_model(value));
  }
  return model;
}
template <class T>
auto as_model(const Segmented<T>& segmented) {
  std::deque<decltype(as_model(segmented[0]))> model;
  for (const T& element : segmented) model.push_back(as_model(element));
  return model;
}
template <class T>
auto as_model(const NdArray<T, 2>& table) {
  TableModel<decltype(as_model(*table.begin()))> model{table.extents(), {}};
  for (const T& element : table) model.elements.push_back(as_model(element));
  return model;
}
template <class T>
auto as_model(const std::optional<T>& optional) {
  std::optional<decltype(as_model(*optional))> model;
  if (optional) model = as_model(*optional);
  return model;
}

/// Thrown out of a transaction to roll it back.
struct RollBack : std::exception {};

template <class Stored>
using ModelOf = decltype(as_model(std::declval<const Stored&>()));

/// A change of a stored object and the same change of its model.
template <class Stored>
using Edit = std::function<void(Stored&, ModelOf<Stored>&, const Step&)>;

class ModelTest : public StoreTest {
 protected:
  void TestBody() override {}

  /// Runs one random program made of these edits, commits, rollbacks, reopenings and kills.
  template <class Stored>
  void follow(const std::vector<Edit<Stored>>& edits) {
    const auto count = static_cast<unsigned>(edits.size());
    // A step in eight ends the transaction.
    const std::vector<Step> program = random_program(count, ends);
    ModelOf<Stored> committed{};
    std::optional<Store> store(open());
    for (auto next = program.begin(); next != program.end();) {
      const auto last =
          std::find_if(next, program.end(), [&](const Step& step) { return step.kind >= count; });
      const std::span<const Step> steps(next, last);
      const End end = last == program.end() ? End::commit : End{last->kind - count};
      next = last == program.end() ? last : last + 1;
      const bool kills = end == End::kill || end == End::kill_after_commit;
      const bool reopens = kills || end == End::reopening;
      const bool commits = end != End::rollback && end != End::kill;
      ModelOf<Stored> model = committed;
      try {
        store->write([&](WriteTransaction& tx) {
          apply(edits, steps, tx, model);
          if (kills || !commits) throw RollBack();
        });
      } catch (const RollBack&) {
      }
      if (reopens) store.reset();
      if (kills) RC_ASSERT(killed_after(edits, steps, committed, commits));
      if (reopens) store.emplace(open());
      if (commits) committed = std::move(model);
      expect_content<Stored>(*store, committed);
    }
    RC_ASSERT(faults(*store) == std::vector<std::string>{});
  }

  /// The same over three containers in one store that get what `add` puts into them, are assigned
  /// to each other, moved, exchanged and, where they can be, merged.
  template <class C, class Add>
  void trade(Add add) {
    using Three = std::array<C, 3>;
    using Models = ModelOf<Three>;
    std::vector<Edit<Three>> edits = {[=](Three& stored, Models& model, const Step& step) {
                                        add(stored[step.a % 3], model[step.a % 3], step);
                                      },
                                      [](Three& stored, Models& model, const Step& step) {
                                        stored[step.a % 3] = std::as_const(stored)[step.b % 3];
                                        model[step.a % 3] = std::as_const(model)[step.b % 3];
                                      },
                                      [](Three& stored, Models& model, const Step& step) {
                                        if (step.a % 3 == step.b % 3) return;
                                        stored[step.a % 3] = std::move(stored[step.b % 3]);
                                        // A short one is copied.
                                        if constexpr (std::is_same_v<C, String>)
                                          stored[step.b % 3].clear();
                                        model[step.a % 3] = std::exchange(model[step.b % 3], {});
                                      },
                                      [](Three& stored, Models& model, const Step& step) {
                                        swap(stored[step.a % 3], stored[step.b % 3]);
                                        swap(model[step.a % 3], model[step.b % 3]);
                                      }};
    if constexpr (requires(C & a, C & b) { a.merge(b); }) {
      edits.push_back([](Three& stored, Models& model, const Step& step) {
        stored[step.a % 3].merge(stored[step.b % 3]);
        if (step.a % 3 != step.b % 3) model[step.a % 3].merge(model[step.b % 3]);
      });
    }
    follow<Three>(edits);
  }

 private:
  /// How a transaction ends, and the store with it.
  enum class End : unsigned { commit, rollback, reopening, kill, kill_after_commit };
  static constexpr unsigned ends = 5;

  template <class Stored>
  static void apply(const std::vector<Edit<Stored>>& edits, std::span<const Step> steps,
                    WriteTransaction& tx, ModelOf<Stored>& model) {
    Stored& stored = tx.find_or_construct<Stored>("root");
    for (const Step& step : steps) edits[step.kind](stored, model, step);
    RC_ASSERT(as_model(std::as_const(stored)) == model);
  }
  /// Whether a child could do all of it until it was killed, before its commit or right after that.
  template <class Stored>
  bool killed_after(const std::vector<Edit<Stored>>& edits, std::span<const Step> steps,
                    ModelOf<Stored> model, bool commits) {
    ForkedChild child([&] {
      Store store = open();
      WriteTransaction tx = store.begin_write();
      apply(edits, steps, tx, model);
      if (commits) tx.commit();
      ::raise(SIGKILL);
      return true;
    });
    return child.was_killed();
  }
  template <class Stored>
  static void expect_content(const Store& store, const ModelOf<Stored>& model) {
    store.read([&](const ReadTransaction& tx) {
      const auto* const stored = tx.find<Stored>("root");
      RC_ASSERT(stored != nullptr || model == ModelOf<Stored>{});
      if (stored != nullptr) RC_ASSERT(as_model(*stored) == model);
    });
  }
};

}  // namespace cairn::test
