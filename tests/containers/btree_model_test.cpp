// SPDX-License-Identifier: BSL-1.0
// Random programs over ordered containers, with commits, rollbacks and reopening in between,
// against the same programs over std::map and std::set. Every commit checks that each change was
// declared.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

struct Command {
  int kind;
  std::uint16_t key;
  std::uint16_t other;
};

std::ostream& operator<<(std::ostream& out, const Command& command) {
  return out << "{" << command.kind << ", " << command.key << ", " << command.other << "}";
}

constexpr int command_kinds = 16;

/// Keys below `keys`, few enough to meet each other; runs of them make trees of several levels.
std::vector<Command> program(std::uint16_t keys) {
  const auto key = rc::gen::inRange<std::uint16_t>(0, keys);
  return *rc::gen::container<std::vector<Command>>(rc::gen::build<Command>(
      rc::gen::set(&Command::kind, rc::gen::inRange(0, command_kinds)),
      rc::gen::set(&Command::key, key), rc::gen::set(&Command::other, key)));
}

std::string text_of(std::uint16_t number) {
  return "text " + std::to_string(number) + std::string(number % 4 * 11, 'x');
}

// How keys and values are made for each kind of container.

template <class T>
struct Made {
  using Model = T;
  static T of(std::uint16_t number) { return static_cast<T>(number); }
  static bool same(const T& a, const T& b) { return a == b; }
};
template <>
struct Made<String> {
  using Model = std::string;
  static std::string of(std::uint16_t number) { return text_of(number); }
  static bool same(const String& a, const std::string& b) { return a == b; }
};
template <>
struct Made<Vec<String>> {
  using Model = std::vector<std::string>;
  static Model of(std::uint16_t number) { return Model(number % 5, text_of(number)); }
  static bool same(const Vec<String>& a, const Model& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
};
template <>
struct Made<Box<std::uint32_t>> {
  using Model = std::uint32_t;
  static Model of(std::uint16_t number) { return number; }
  static bool same(const Box<std::uint32_t>& a, Model b) { return a && *a == b; }
};
template <>
struct Made<BTreeSet<String>> {
  using Model = std::set<std::string>;
  static Model of(std::uint16_t number) {
    Model made;
    for (std::uint16_t i = 0; i < number % 20; ++i) {
      made.insert(text_of(static_cast<std::uint16_t>(i * number)));
    }
    return made;
  }
  static bool same(const BTreeSet<String>& a, const Model& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
};
template <>
struct Made<std::array<std::uint64_t, 40>> {
  using Model = std::array<std::uint64_t, 40>;
  static Model of(std::uint16_t number) { return {number, 1, number}; }
  static bool same(const Model& a, const Model& b) { return a == b; }
};
template <>
struct Made<std::optional<String>> {
  using Model = std::string;
  static Model of(std::uint16_t number) { return text_of(number); }
  static bool same(const std::optional<String>& a, const Model& b) { return a && *a == b; }
};

template <class T>
T stored(const typename Made<T>::Model& model) {
  if constexpr (std::is_same_v<T, Vec<String>> || std::is_same_v<T, BTreeSet<String>>) {
    return T(model.begin(), model.end());
  } else if constexpr (std::is_same_v<T, Box<std::uint32_t>>) {
    return make_box<std::uint32_t>(model);
  } else {
    return T(model);
  }
}

template <class K, class V, class C, class MC>
bool same(const BTreeMap<K, V, C>& sut,
          const std::map<typename Made<K>::Model, typename Made<V>::Model, MC>& model) {
  const auto equal = [](const auto& a, const auto& b) {
    return Made<K>::same(a.first, b.first) && Made<V>::same(a.second, b.second);
  };
  return sut.size() == model.size() &&
         std::equal(sut.begin(), sut.end(), model.begin(), model.end(), equal) &&
         std::equal(sut.rbegin(), sut.rend(), model.rbegin(), model.rend(), equal);
}

/// Several of the same at once, so that short programs make trees of several levels.
template <class K, class Each>
void for_run(const Command& command, Each each) {
  for (std::uint16_t i = 0; i < 40; ++i) each(static_cast<std::uint16_t>(command.key + i));
}

template <class K, class V, class C, class MC>
void run_command(const Command& command, BTreeMap<K, V, C>& sut,
                 std::map<typename Made<K>::Model, typename Made<V>::Model, MC>& model) {
  const auto key = Made<K>::of(command.key);
  const auto other = Made<K>::of(command.other);
  const auto value = Made<V>::of(command.other);
  const K stored_key = stored<K>(key);
  switch (command.kind) {
    case 0:
    case 1:
      RC_ASSERT(sut.try_emplace(stored_key, stored<V>(value)).second ==
                model.try_emplace(key, value).second);
      break;
    case 2:
      sut.insert_or_assign(stored_key, stored<V>(value));
      model.insert_or_assign(key, value);
      break;
    case 3: RC_ASSERT(sut.erase(stored_key) == model.erase(key)); break;
    case 4: {
      const auto at = sut.lower_bound(stored_key);
      const auto in_model = model.lower_bound(key);
      RC_ASSERT((at == sut.end()) == (in_model == model.end()));
      if (in_model == model.end()) break;
      const auto next = sut.erase(at);
      const auto model_next = model.erase(in_model);
      RC_ASSERT((next == sut.end()) == (model_next == model.end()));
      if (model_next != model.end()) RC_ASSERT(Made<K>::same(next->first, model_next->first));
      break;
    }
    case 5: {
      const bool ordered = MC{}(key, other);
      sut.erase(sut.lower_bound(ordered ? stored_key : stored<K>(other)),
                sut.upper_bound(ordered ? stored<K>(other) : stored_key));
      model.erase(model.lower_bound(ordered ? key : other),
                  model.upper_bound(ordered ? other : key));
      break;
    }
    case 6: {
      const auto at = sut.try_emplace(std::as_const(sut).upper_bound(stored<K>(other)), stored_key,
                                      stored<V>(value));
      const auto in_model = model.try_emplace(model.upper_bound(other), key, value);
      RC_ASSERT(Made<K>::same(at->first, in_model->first));
      RC_ASSERT(Made<V>::same(std::as_const(sut).at(stored_key), in_model->second));
      break;
    }
    case 7:
    case 8:
      for_run<K>(command, [&](std::uint16_t i) {
        sut.try_emplace(std::as_const(sut).end(), stored<K>(Made<K>::of(i)),
                        stored<V>(Made<V>::of(i)));
        model.try_emplace(Made<K>::of(i), Made<V>::of(i));
      });
      break;
    case 9:
      for_run<K>(command, [&](std::uint16_t i) {
        RC_ASSERT(sut.erase(stored<K>(Made<K>::of(i))) == model.erase(Made<K>::of(i)));
      });
      break;
    case 10: {
      const auto at = std::as_const(sut).upper_bound(stored_key);
      const auto in_model = model.upper_bound(key);
      RC_ASSERT((at == sut.cend()) == (in_model == model.end()));
      if (in_model != model.begin()) {
        RC_ASSERT(Made<K>::same(std::prev(at)->first, std::prev(in_model)->first));
      }
      break;
    }
    case 11:
      if (const auto found = sut.find(stored_key); found != sut.end()) {
        found->second = stored<V>(value);
        model.at(key) = value;
      }
      break;
    case 12: {
      BTreeMap<K, V, C> taken(std::move(sut));
      RC_ASSERT(sut.empty());  // NOLINT(bugprone-use-after-move): the test
      sut = std::move(taken);
      break;
    }
    default: break;  // whoever holds the container commits, rolls back or reopens
  }
}

class BTreeModel : public ContainerTest {
 protected:
  template <class K, class V, class C = std::less<>, class MC = std::less<typename Made<K>::Model>>
  void agrees(std::uint16_t keys) {
    using Model = std::map<typename Made<K>::Model, typename Made<V>::Model, MC>;
    auto& sut = make<BTreeMap<K, V, C>>();
    Model model;
    Model committed;
    commit();
    for (const Command& command : program(keys)) {
      run_command(command, sut, model);
      if (command.kind == 13) {
        commit();
        committed = model;
      } else if (command.kind == 14) {
        rollback();
        model = committed;
      } else if (command.kind == 15 && command.key == 0) {
        sut.clear();
        model.clear();
      }
    }
    RC_ASSERT(same(sut, model));
    RC_ASSERT(problems() == std::vector<std::string>{});
    rollback();
    RC_ASSERT(same(sut, committed));
    RC_ASSERT(problems() == std::vector<std::string>{});
  }
};

using U16 = std::uint16_t;
using U64 = std::uint64_t;

RC_GTEST_FIXTURE_PROP(BTreeModel, numbers_agree_with_a_std_map, ()) {
  agrees<U64, U64>(400);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, many_numbers_agree_with_a_std_map, ()) {
  agrees<U64, U64>(9999);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, short_numbers_agree_with_a_std_map, ()) {
  agrees<U16, std::uint8_t>(300);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, floating_keys_agree_with_a_std_map, ()) {
  agrees<double, float>(300);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, the_order_turned_round_agrees_with_a_std_map, ()) {
  agrees<U64, U64, std::greater<>, std::greater<U64>>(400);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, texts_agree_with_a_std_map, ()) {
  agrees<String, U64>(300);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, texts_to_texts_agree_with_a_std_map, ()) {
  agrees<String, String>(300);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, texts_in_the_order_turned_round_agree_with_a_std_map, ()) {
  agrees<String, U16, std::greater<>, std::greater<std::string>>(300);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, values_that_are_vecs_agree_with_a_std_map, ()) {
  agrees<U64, Vec<String>>(200);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, values_that_are_boxes_agree_with_a_std_map, ()) {
  agrees<String, Box<std::uint32_t>>(200);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, values_that_are_sets_agree_with_a_std_map, ()) {
  agrees<U16, BTreeSet<String>>(100);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, large_values_agree_with_a_std_map, ()) {
  agrees<U16, std::array<U64, 40>>(200);
}
RC_GTEST_FIXTURE_PROP(BTreeModel, values_in_blocks_of_their_own_agree_with_a_std_map, ()) {
  agrees<U64, std::optional<String>>(200);
}

RC_GTEST_FIXTURE_PROP(BTreeModel, a_range_becomes_what_a_std_map_makes_of_it,
                      (const std::vector<std::pair<U16, U16>>& pairs)) {
  const auto& sut = make<BTreeMap<U16, U16>>(pairs.begin(), pairs.end());
  RC_ASSERT(same(sut, std::map<U16, U16>(pairs.begin(), pairs.end())));
  commit();
}

RC_GTEST_FIXTURE_PROP(BTreeModel, a_sorted_range_is_taken_as_it_is_and_no_other,
                      (const std::vector<std::pair<U16, U16>>& pairs)) {
  auto& sut = make<BTreeMap<U16, U16>>();
  sut[7] = 7;
  const bool strictly = std::ranges::adjacent_find(pairs, [](const auto& a, const auto& b) {
                          return !(a.first < b.first);
                        }) == pairs.end();
  bool taken = true;
  try {
    sut.assign_sorted(pairs.begin(), pairs.end());
  } catch (const std::invalid_argument&) {
    taken = false;
  }
  RC_ASSERT(taken == strictly);
  if (!taken) RC_ASSERT(same(sut, std::map<U16, U16>{{7, 7}}));
  const std::map<U16, U16> sorted(pairs.begin(), pairs.end());
  sut.assign_sorted(sorted.begin(), sorted.end());
  RC_ASSERT(same(sut, sorted));
}

RC_GTEST_FIXTURE_PROP(BTreeModel, copies_are_equal_and_independent,
                      (const std::vector<U16>& keys, U16 more)) {
  auto& sut = make<BTreeMap<String, U16>>();
  for (const U16 key : keys) sut[text_of(key)] = key;
  auto& copy = make<BTreeMap<String, U16>>(sut);
  RC_ASSERT(copy == sut);
  const bool is_new = copy.try_emplace(text_of(more), more).second;
  RC_ASSERT((copy == sut) == !is_new);
  copy = sut;
  RC_ASSERT(copy == sut);
  commit();
}

RC_GTEST_FIXTURE_PROP(BTreeModel, comparing_two_maps_is_comparing_what_they_hold,
                      (const std::vector<U16>& some, const std::vector<U16>& others)) {
  const auto pairs_of = [](const std::vector<U16>& keys) {
    std::vector<std::pair<U16, U16>> pairs;
    for (const U16 key : keys) pairs.emplace_back(key % 8, key % 3);
    return pairs;
  };
  const auto a = pairs_of(some);
  const auto b = pairs_of(others);
  const BTreeMap<U16, U16> first(a.begin(), a.end());
  const BTreeMap<U16, U16> second(b.begin(), b.end());
  const std::map<U16, U16> model_first(a.begin(), a.end());
  const std::map<U16, U16> model_second(b.begin(), b.end());
  RC_ASSERT((first == second) == (model_first == model_second));
  RC_ASSERT((first < second) == (model_first < model_second));
  RC_ASSERT((first >= second) == (model_first >= model_second));
}

RC_GTEST_FIXTURE_PROP(BTreeModel, swapping_exchanges_everything,
                      (const std::vector<U16>& some, const std::vector<U16>& others)) {
  auto& a = make<BTreeSet<U16>>(some.begin(), some.end());
  auto& b = make<BTreeSet<U16>>(others.begin(), others.end());
  commit();
  swap(a, b);
  RC_ASSERT(std::ranges::equal(a, std::set<U16>(others.begin(), others.end())));
  RC_ASSERT(std::ranges::equal(b, std::set<U16>(some.begin(), some.end())));
  commit();
}

RC_GTEST_FIXTURE_PROP(BTreeModel, erase_if_leaves_what_a_std_set_leaves,
                      (const std::vector<U16>& values)) {
  const U16 divisor = *rc::gen::inRange<U16>(1, 9);
  auto& sut = make<BTreeSet<U16>>(values.begin(), values.end());
  std::set<U16> model(values.begin(), values.end());
  for (U16 i = 0; i < 500; ++i) {
    sut.insert(i);
    model.insert(i);
  }
  const auto condition = [&](U16 value) { return value % divisor == 0; };
  RC_ASSERT(erase_if(sut, condition) == std::erase_if(model, condition));
  RC_ASSERT(std::ranges::equal(sut, model));
  RC_ASSERT(problems() == std::vector<std::string>{});
}

RC_GTEST_FIXTURE_PROP(BTreeModel, erasing_a_range_leaves_what_a_std_set_leaves, ()) {
  const U16 size = *rc::gen::inRange<U16>(0, 2000);
  const U16 a = *rc::gen::inRange<U16>(0, 2000);
  const U16 b = *rc::gen::inRange<U16>(0, 2000);
  auto& sut = make<BTreeSet<U16>>();
  for (U16 i = 0; i < size; ++i) sut.insert(sut.end(), i);
  std::set<U16> model(sut.begin(), sut.end());
  commit();
  const auto next = sut.erase(sut.lower_bound(std::min(a, b)), sut.lower_bound(std::max(a, b)));
  model.erase(model.lower_bound(std::min(a, b)), model.lower_bound(std::max(a, b)));
  RC_ASSERT(next == sut.lower_bound(std::max(a, b)));
  RC_ASSERT(std::ranges::equal(sut, model));
  RC_ASSERT(problems() == std::vector<std::string>{});
}

RC_GTEST_FIXTURE_PROP(BTreeModel, walking_from_any_element_meets_its_neighbours,
                      (const std::vector<U16>& values, U16 from)) {
  auto& sut = make<BTreeSet<U16>>(values.begin(), values.end());
  for (U16 i = 0; i < 300; ++i) sut.insert(static_cast<U16>(i * 13));
  const std::set<U16> model(sut.begin(), sut.end());
  auto at = sut.upper_bound(from);
  auto in_model = model.upper_bound(from);
  for (int i = 0; i < 40; ++i) {
    const bool forward = *rc::gen::arbitrary<bool>();
    if (forward ? in_model == model.end() : in_model == model.begin()) continue;
    forward ? ++at : --at;
    forward ? ++in_model : --in_model;
    RC_ASSERT((at == sut.end()) == (in_model == model.end()));
    if (in_model != model.end()) RC_ASSERT(*at == *in_model);
  }
}

RC_GTEST_FIXTURE_PROP(BTreeModel, several_ordered_containers_share_a_transaction,
                      (const std::vector<U16>& steps)) {
  auto& map = make<BTreeMap<U16, String>>();
  auto& set = make<BTreeSet<String>>();
  auto& index = make<HashMap<String, U16>>();
  std::map<U16, std::string> model;
  for (const U16 step : steps) {
    const auto key = static_cast<U16>(step % 60);
    if (const auto found = map.find(key); found != map.end()) {
      set.erase(std::as_const(found->second));
      index.erase(std::as_const(found->second));
      map.erase(found);
      model.erase(key);
    } else {
      const String& text = map.try_emplace(key, text_of(key)).first->second;
      set.insert(text);
      index[text] = key;
      model[key] = text_of(key);
    }
    if (step % 7 == 0) commit();
  }
  RC_ASSERT(same(map, model));
  RC_ASSERT(set.size() == model.size() && index.size() == model.size());
  for (const auto& [key, text] : model) {
    RC_ASSERT(set.contains(text));
    RC_ASSERT(std::as_const(index).at(text) == key);
  }
  RC_ASSERT(problems() == std::vector<std::string>{});
}

/// A store that is closed and opened again.
class BTreeStoreModel : public StoreTest {};

RC_GTEST_FIXTURE_PROP(BTreeStoreModel, a_store_that_is_reopened_holds_what_was_committed, ()) {
  using Stored = BTreeMap<String, BTreeMap<U16, U64>>;
  std::map<std::string, std::map<U16, U64>> model;
  Store store = open();
  store.write([](WriteTransaction& tx) { tx.find_or_construct<Stored>("map").clear(); });
  for (const Command& command : program(30)) {
    auto changed = model;
    try {
      store.write([&](WriteTransaction& tx) {
        auto& sut = *tx.find<Stored>("map");
        const std::string name = text_of(command.key % 12);
        for (U16 i = 0; i < 30; ++i) {
          const auto key = static_cast<U16>(command.other * 7 + i * command.kind);
          if (command.kind % 4 == 0) {
            sut[name].erase(key);
            changed[name].erase(key);
          } else {
            sut[name][key] = i;
            changed[name][key] = i;
          }
        }
        if (command.kind == 5) {
          sut.erase(name);
          changed.erase(name);
        }
        if (command.kind == 6) throw std::runtime_error("rolled back");
      });
      model = changed;
    } catch (const std::runtime_error& error) {
      RC_ASSERT(error.what() == std::string("rolled back"));
    }
    if (command.kind == 7) {
      store.close();
      store = open();
    }
  }
  store.read([&](const ReadTransaction& tx) {
    const auto& sut = *tx.find<Stored>("map");
    RC_ASSERT(sut.size() == model.size());
    for (const auto& [name, numbers] : model) {
      RC_ASSERT(std::ranges::equal(sut.at(name), numbers));
    }
  });
  RC_ASSERT(faults(store) == std::vector<std::string>{});
}

}  // namespace
}  // namespace cairn::test
