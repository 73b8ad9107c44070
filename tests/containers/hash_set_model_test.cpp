// SPDX-License-Identifier: BSL-1.0
// HashSet beside std::unordered_set.
#include <algorithm>
#include <ranges>
#include <set>

#include "model_test.hpp"

namespace cairn::test {
namespace {

using Ints = HashSet<std::uint32_t>;
using Texts = HashSet<String>;

struct PoorHash {
  static constexpr std::string_view hash_name = "test.poor";
  std::uint64_t operator()(std::uint32_t key) const noexcept { return hash_number(key % 3); }
};

class HashSetModel : public ModelTest {
 protected:
  static constexpr auto add = [](auto& stored, auto& model, const Step& step) {
    RC_ASSERT(stored.insert(step.a % 300).second == model.insert(step.a % 300).second);
  };
  static constexpr auto add_many = [](auto& stored, auto& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 64; ++i) add(stored, model, {0, step.a + 7 * i, i});
  };
  static constexpr auto erase_value = [](auto& stored, auto& model, const Step& step) {
    RC_ASSERT(stored.erase(step.a % 300) == model.erase(step.a % 300));
  };
  static std::string text_of(const Step& step) {
    return "text " + std::to_string(step.a % 60) + std::string(step.a % 3 * 15, '.');
  }
  static constexpr auto add_text = [](auto& stored, auto& model, const Step& step) {
    RC_ASSERT(stored.insert(text_of(step)).second == model.insert(text_of(step)).second);
  };
};

RC_GTEST_FIXTURE_PROP(HashSetModel, inserts_as_the_standard, ()) {
  follow<Ints>({add,
                [](auto& stored, auto& model, const Step& step) {
                  const auto made = stored.emplace(step.a % 300);
                  const auto model_made = model.emplace(step.a % 300);
                  RC_ASSERT(made.second == model_made.second);
                  RC_ASSERT(*made.first == *model_made.first);
                },
                [](auto& stored, auto& model, const Step& step) {
                  RC_ASSERT(*stored.emplace_hint(stored.end(), step.b) == step.b);
                  RC_ASSERT(*stored.insert(stored.begin(), step.a) == step.a);
                  model.insert({step.a, step.b});
                },
                [](auto& stored, auto& model, const Step& step) {
                  const std::vector<std::uint32_t> more{step.a, step.b, step.a + step.b};
                  if (step.a % 2 == 0) {
                    stored.insert(more.begin(), more.end());
                  } else {
                    stored.insert_range(more);
                  }
                  model.insert(more.begin(), more.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.b % 4 != 0) return;
                  stored = {step.a, step.b};
                  model = {step.a, step.b};
                }});
}

RC_GTEST_FIXTURE_PROP(HashSetModel, erases_as_the_standard, ()) {
  follow<Ints>({add_many, erase_value,
                [](auto& stored, auto& model, const Step& step) {
                  const auto found = stored.find(step.a % 300);
                  if (found == stored.end()) return;
                  stored.erase(found);
                  model.erase(step.a % 300);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto condition = [&](std::uint32_t n) { return n % 7 == step.a % 7; };
                  RC_ASSERT(erase_if(stored, condition) == std::erase_if(model, condition));
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.a % 5 == 0) stored.clear(), model.clear();
                }});
}

RC_GTEST_FIXTURE_PROP(HashSetModel, looks_up_as_the_standard, ()) {
  follow<Ints>({add_many, erase_value, [](auto& stored, auto& model, const Step& step) {
                  const auto& read = std::as_const(stored);
                  RC_ASSERT(read.contains(step.a) == model.contains(step.a));
                  RC_ASSERT(read.count(step.a) == model.count(step.a));
                  const auto [first, last] = read.equal_range(step.a);
                  RC_ASSERT(std::distance(first, last) ==
                            static_cast<std::ptrdiff_t>(model.count(step.a)));
                  RC_ASSERT((stored.find(step.a) == stored.end()) == !model.contains(step.a));
                }});
}

RC_GTEST_FIXTURE_PROP(HashSetModel, capacity_is_what_was_asked_for, ()) {
  follow<Ints>({add_many, erase_value,
                [](auto& stored, auto&, const Step& step) {
                  stored.reserve(step.b);
                  RC_ASSERT(stored.capacity() >= step.b);
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored.rehash(step.b);
                  const std::size_t least = std::max<std::size_t>(step.b, model.size());
                  RC_ASSERT(stored.capacity() >= least);
                  RC_ASSERT(stored.capacity() <= 2 * least + 15);
                },
                [](auto& stored, auto& model, const Step&) {
                  stored.shrink_to_fit();
                  RC_ASSERT(stored.capacity() <= 2 * model.size() + 15);
                }});
}

RC_GTEST_FIXTURE_PROP(HashSetModel, elements_of_few_different_hashes_are_all_kept, ()) {
  follow<HashSet<std::uint32_t, PoorHash>>(
      {add, add_many, erase_value,
       [](auto& stored, auto&, const Step& step) { stored.rehash(step.b); }});
}

RC_GTEST_FIXTURE_PROP(HashSetModel, strings_are_found_by_any_text, ()) {
  follow<Texts>({add_text, add_text,
                 [](auto& stored, auto& model, const Step& step) {
                   RC_ASSERT(stored.erase(std::string_view(text_of(step))) ==
                             model.erase(text_of(step)));
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const bool there = model.contains(text_of(step));
                   RC_ASSERT(stored.contains(text_of(step)) == there);
                   RC_ASSERT(stored.contains(text_of(step).c_str()) == there);
                   RC_ASSERT(stored.contains(String(text_of(step))) == there);
                   RC_ASSERT((stored.find(text_of(step)) != stored.end()) == there);
                 },
                 [](auto& stored, auto&, const Step& step) { stored.rehash(step.b % 200); }});
}

RC_GTEST_FIXTURE_PROP(HashSetModel, arguments_may_be_elements_of_another_set, ()) {
  using Two = std::pair<Texts, Texts>;
  follow<Two>(
      {[](auto& stored, auto& model, const Step& step) {
         add_text(stored.first, model.first, step);
       },
       [](auto& stored, auto& model, const Step&) {
         stored.second.insert_range(std::as_const(stored).first);
         model.second.insert(model.first.begin(), model.first.end());
       },
       [](auto& stored, auto& model, const Step& step) {
         const auto in_second = [&](const auto& text) { return text.size() % 3 == step.a % 3; };
         RC_ASSERT(erase_if(stored.first, in_second) == std::erase_if(model.first, in_second));
       }});
}

RC_GTEST_FIXTURE_PROP(HashSetModel, several_of_one_store_trade_and_merge, ()) {
  trade<Texts>(add_text);
}

RC_GTEST_FIXTURE_PROP(HashSetModel, sets_within_maps_keep_what_is_theirs, ()) {
  using Nested = HashMap<std::uint32_t, HashSet<String>>;
  follow<Nested>({[](auto& stored, auto& model, const Step& step) {
                    stored[step.b % 9].insert(text_of(step));
                    model[step.b % 9].insert(text_of(step));
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    RC_ASSERT(stored[step.b % 9].erase(text_of(step)) ==
                              model[step.b % 9].erase(text_of(step)));
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    RC_ASSERT(stored.erase(step.b % 9) == model.erase(step.b % 9));
                  }});
}

RC_GTEST_PROP(HashSetModelAlgebra, ranges_of_it_meet_as_sets_do,
              (const std::set<int>& a, const std::set<int>& b)) {
  TestHeap heap;
  const HashSet<int> x(a.begin(), a.end());
  const HashSet<int> y(b.begin(), b.end());
  std::set<int> both;
  std::ranges::copy_if(x, std::inserter(both, both.end()),
                       [&](int value) { return y.contains(value); });
  std::set<int> expected;
  std::ranges::set_intersection(a, b, std::inserter(expected, expected.end()));
  RC_ASSERT(both == expected);
  RC_ASSERT((x == y) == (a == b));
  RC_ASSERT(std::ranges::is_permutation(x, a));
}

}  // namespace
}  // namespace cairn::test
