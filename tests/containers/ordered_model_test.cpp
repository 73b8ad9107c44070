// SPDX-License-Identifier: BSL-1.0
// BTreeMap and BTreeSet in a store, beside std::map and std::set.
#include <algorithm>
#include <sstream>

#include "model_test.hpp"

namespace cairn::test {
namespace {

using Ints = BTreeSet<std::uint32_t>;
using Texts = BTreeSet<String>;
using NumberMap = BTreeMap<std::uint64_t, std::uint64_t>;

/// Whether `at` is where `in_model` is.
template <class It, class Stored, class ModelIt, class Model>
bool same_place(It at, const Stored& stored, ModelIt in_model, const Model& model) {
  if (at == stored.end() || in_model == model.end()) {
    return (at == stored.end()) == (in_model == model.end());
  }
  return as_model(*at) == *in_model;
}

class OrderedModel : public ModelTest {
 protected:
  static constexpr auto add = [](auto& stored, auto& model, const Step& step) {
    RC_ASSERT(stored.insert(step.a).second == model.insert(step.a).second);
  };
  /// Enough for trees of three levels: nodes are split where they come, in order or at random.
  static constexpr auto add_many = [](auto& stored, auto& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 200; ++i) {
      add(stored, model, {0, step.a % 2 == 0 ? step.a + i : (step.a + i * 37) % 1009, i});
    }
  };
  static constexpr auto erase_many = [](auto& stored, auto& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 200; ++i) {
      const std::uint32_t key = (step.a + i * (step.b % 2 == 0 ? 1 : 41)) % 1009;
      RC_ASSERT(stored.erase(key) == model.erase(key));
    }
  };
  static constexpr auto put_many = [](auto& stored, auto& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 200; ++i) {
      stored[(step.a + i * 37) % 1009] = i;
      model[(step.a + i * 37) % 1009] = i;
    }
  };
  static std::string text_of(const Step& step) {
    return std::string(step.a % 3 * 15, '.') + "text " + std::to_string(step.a % 90);
  }
  static constexpr auto add_text = [](auto& stored, auto& model, const Step& step) {
    RC_ASSERT(stored.insert(text_of(step)).second == model.insert(text_of(step)).second);
  };
};

RC_GTEST_FIXTURE_PROP(OrderedModel, a_set_inserts_as_the_standard, ()) {
  follow<Ints>({add, add_many,
                [](auto& stored, auto& model, const Step& step) {
                  const auto made = stored.emplace(step.a);
                  RC_ASSERT(made.second == model.emplace(step.a).second);
                  RC_ASSERT(*made.first == step.a);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto hint = std::as_const(stored).lower_bound(step.b);
                  RC_ASSERT(*stored.emplace_hint(hint, step.a) == step.a);
                  model.insert(step.a);
                },
                [](auto& stored, auto& model, const Step& step) {
                  std::istringstream words(std::to_string(step.a) + " " + std::to_string(step.b));
                  using Words = std::istream_iterator<std::uint32_t>;
                  stored.insert(Words(words), Words());
                  model.insert({step.a, step.b});
                },
                [](auto& stored, auto& model, const Step& step) {
                  CountedFrom range{step.a, step.b % 40};
                  stored.insert_range(range);
                  for (const std::uint32_t value : range.values()) model.insert(value);
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.b % 4 != 0) return;
                  stored = {step.a, step.b};
                  model = {step.a, step.b};
                }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, a_set_erases_as_the_standard, ()) {
  follow<Ints>({add_many, add_many, erase_many,
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = stored.lower_bound(step.a);
                  if (at == stored.end()) return;
                  const auto next = stored.erase(at);
                  const auto model_next = model.erase(model.lower_bound(step.a));
                  RC_ASSERT(same_place(next, stored, model_next, model));
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto [low, high] = std::minmax(step.a, step.b);
                  const auto next = stored.erase(stored.lower_bound(low), stored.upper_bound(high));
                  const auto model_next =
                      model.erase(model.lower_bound(low), model.upper_bound(high));
                  RC_ASSERT(same_place(next, stored, model_next, model));
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto condition = [&](std::uint32_t n) { return n % 7 == step.a % 7; };
                  RC_ASSERT(erase_if(stored, condition) == std::erase_if(model, condition));
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.a % 5 == 0) stored.clear(), model.clear();
                }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, a_set_looks_up_as_the_standard_and_walks_in_order, ()) {
  follow<Ints>({add_many, erase_many, [](auto& stored, auto& model, const Step& step) {
                  const auto& read = std::as_const(stored);
                  RC_ASSERT(read.contains(step.a) == model.contains(step.a));
                  RC_ASSERT(read.count(step.a) == model.count(step.a));
                  RC_ASSERT(same_place(read.find(step.a), read, model.find(step.a), model));
                  RC_ASSERT(same_place(read.lower_bound(step.a), read,
                                       std::as_const(model).lower_bound(step.a), model));
                  RC_ASSERT(same_place(stored.upper_bound(step.b), read,
                                       std::as_const(model).upper_bound(step.b), model));
                  const auto [first, last] = read.equal_range(step.a);
                  RC_ASSERT(std::distance(first, last) ==
                            static_cast<std::ptrdiff_t>(model.count(step.a)));
                  RC_ASSERT(std::ranges::equal(read, model));
                  RC_ASSERT(std::equal(read.rbegin(), read.rend(), model.rbegin(), model.rend()));
                }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, every_insert_into_a_map_says_what_the_standard_says, ()) {
  const auto same = [](const auto& made, const auto& model_made) {
    RC_ASSERT(made.second == model_made.second);
    RC_ASSERT(*made.first == *model_made.first);
  };
  follow<NumberMap>(
      {put_many,
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.insert({step.a, step.b}), model.insert({step.a, step.b}));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.emplace(step.a, step.b), model.emplace(step.a, step.b));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.try_emplace(step.a, step.b), model.try_emplace(step.a, step.b));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.insert_or_assign(step.a, step.b), model.insert_or_assign(step.a, step.b));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.emplace(std::piecewise_construct, std::forward_as_tuple(step.a),
                             std::forward_as_tuple(step.b)),
              model.emplace(std::piecewise_construct, std::forward_as_tuple(step.a),
                            std::forward_as_tuple(step.b)));
       },
       [](auto& stored, auto& model, const Step& step) {
         const auto hint = std::as_const(stored).find(step.b);
         RC_ASSERT(stored.insert(hint, {step.a, step.b})->first == step.a);
         model.insert({step.a, step.b});
         stored.insert_or_assign(hint == stored.cend() ? stored.cend() : stored.cbegin(),
                                 std::uint64_t{step.b}, step.a);
         model.insert_or_assign(step.b, step.a);
       },
       [](auto& stored, auto& model, const Step& step) {
         std::map<std::uint64_t, std::uint64_t> more;
         for (std::uint32_t i = 0; i < step.b % 50; ++i) more[step.a + i] = i;
         stored.insert_range(more);
         model.insert(more.begin(), more.end());
       }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, every_way_to_a_value_marks_it, ()) {
  follow<NumberMap>(
      {put_many,
       [](auto& stored, auto& model, const Step& step) { stored[step.a] = model[step.a] = step.b; },
       [](auto& stored, auto& model, const Step& step) {
         if (model.contains(step.a)) stored.at(step.a) = model.at(step.a) = step.b;
         if (!model.contains(step.b)) {
           RC_ASSERT_THROWS_AS(stored.at(step.b), std::out_of_range);
         }
       },
       [](auto& stored, auto& model, const Step& step) {
         if (const auto at = stored.lower_bound(step.a); at != stored.end()) {
           at->second = model.lower_bound(step.a)->second = step.b;
         }
       },
       [](auto& stored, auto& model, const Step& step) {
         if (model.empty()) return;
         stored.rbegin()->second = model.rbegin()->second = step.b;
       },
       [](auto& stored, auto& model, const Step& step) {
         for (auto& [key, value] : stored) value += step.a;
         for (auto& [key, value] : model) value += step.a;
       }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, a_sorted_range_replaces_everything, ()) {
  follow<NumberMap>({put_many, [](auto& stored, auto& model, const Step& step) {
                       std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs;
                       for (std::uint32_t i = 0; i < step.b % 300; ++i) {
                         pairs.emplace_back(step.a + 3 * i, i);
                       }
                       stored.assign_sorted(pairs.begin(), pairs.end());
                       model = {pairs.begin(), pairs.end()};
                       if (pairs.size() < 2) return;
                       std::swap(pairs.front(), pairs.back());
                       RC_ASSERT_THROWS_AS(stored.assign_sorted(pairs.begin(), pairs.end()),
                                           std::invalid_argument);
                     }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, strings_are_found_by_any_text, ()) {
  follow<Texts>({add_text, add_text, add_text,
                 [](auto& stored, auto& model, const Step& step) {
                   RC_ASSERT(stored.erase(std::string_view(text_of(step))) ==
                             model.erase(text_of(step)));
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const std::string text = text_of(step);
                   const bool there = model.contains(text);
                   RC_ASSERT(stored.contains(text) == there);
                   RC_ASSERT(stored.contains(text.c_str()) == there);
                   RC_ASSERT(stored.contains(String(text)) == there);
                   RC_ASSERT(same_place(std::as_const(stored).upper_bound(text.c_str()), stored,
                                        std::as_const(model).upper_bound(text), model));
                 }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, several_of_one_store_trade_and_merge, ()) {
  trade<Texts>([](auto& stored, auto& model, const Step& step) {
    for (std::uint32_t k = 0; k < step.b % 30; ++k) add_text(stored, model, {0, step.a + k * 7, 0});
  });
}

RC_GTEST_FIXTURE_PROP(OrderedModel, maps_of_maps_of_sets_keep_what_is_theirs, ()) {
  using Nested = BTreeMap<String, BTreeMap<std::uint32_t, BTreeSet<String>>>;
  follow<Nested>({[](auto& stored, auto& model, const Step& step) {
                    stored[text_of(step)][step.b % 9].insert(step.text());
                    model[text_of(step)][step.b % 9].insert(step.text());
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    for (std::uint32_t i = 0; i < step.b % 60; ++i) {
                      stored[text_of(step)][i].insert(step.text());
                      model[text_of(step)][i].insert(step.text());
                    }
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    RC_ASSERT(stored[text_of(step)].erase(step.b % 9) ==
                              model[text_of(step)].erase(step.b % 9));
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    RC_ASSERT(stored.erase(text_of(step)) == model.erase(text_of(step)));
                  }});
}

RC_GTEST_FIXTURE_PROP(OrderedModel, elements_in_blocks_of_their_own_keep_their_place, ()) {
  using Boxed = BTreeMap<std::uint32_t, std::optional<String>>;
  follow<Boxed>({[](auto& stored, auto& model, const Step& step) {
                   stored[step.a % 200] = String(step.text());
                   model[step.a % 200] = step.text();
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const auto* const place =
                       &std::as_const(stored).find(stored.try_emplace(step.b).first->first)->second;
                   model.try_emplace(step.b);
                   for (std::uint32_t i = 0; i < step.a % 40; ++i) {
                     stored.try_emplace(1000 + i), model.try_emplace(1000 + i);
                   }
                   RC_ASSERT(&std::as_const(stored).at(step.b) == place);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   RC_ASSERT(stored.erase(step.a % 200) == model.erase(step.a % 200));
                 }});
}

}  // namespace
}  // namespace cairn::test
