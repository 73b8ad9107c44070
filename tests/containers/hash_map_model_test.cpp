// SPDX-License-Identifier: BSL-1.0
// HashMap beside std::unordered_map.
#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "model_test.hpp"

namespace cairn::test {
namespace {

using Numbers64 = HashMap<std::uint64_t, std::uint64_t>;
using Texts = HashMap<String, String>;

/// Few different hashes, so that chunks overflow and probe sequences cross.
struct PoorHash {
  static constexpr std::string_view hash_name = "test.poor";
  std::uint64_t operator()(std::uint64_t key) const noexcept { return hash_number(key % 3); }
};
using Crowded = HashMap<std::uint64_t, std::uint64_t, PoorHash>;

class HashMapModel : public ModelTest {
 protected:
  static constexpr auto put = [](auto& stored, auto& model, const Step& step) {
    stored[step.a % 300] = step.b;
    model[step.a % 300] = step.b;
  };
  static constexpr auto put_many = [](auto& stored, auto& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 64; ++i) put(stored, model, {0, step.a + 7 * i, i});
  };
  static constexpr auto erase_key = [](auto& stored, auto& model, const Step& step) {
    RC_ASSERT(stored.erase(step.a % 300) == model.erase(step.a % 300));
  };
  static std::string key_of(const Step& step) {
    return "key " + std::to_string(step.a % 60) + std::string(step.a % 3 * 15, '.');
  }
  static constexpr auto put_text = [](auto& stored, auto& model, const Step& step) {
    stored[key_of(step)] = step.text();
    model[key_of(step)] = step.text();
  };
};

RC_GTEST_FIXTURE_PROP(HashMapModel, every_insert_says_what_the_standard_says, ()) {
  const auto same = [](const auto& made, const auto& model_made) {
    RC_ASSERT(made.second == model_made.second);
    RC_ASSERT(*made.first == *model_made.first);
  };
  follow<Numbers64>(
      {put,
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.insert({step.a % 300, step.b}), model.insert({step.a % 300, step.b}));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.emplace(step.a % 300, step.b), model.emplace(step.a % 300, step.b));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.try_emplace(step.a % 300, step.b), model.try_emplace(step.a % 300, step.b));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.insert_or_assign(step.a % 300, step.b),
              model.insert_or_assign(step.a % 300, step.b));
       },
       [=](auto& stored, auto& model, const Step& step) {
         same(stored.emplace(std::piecewise_construct, std::forward_as_tuple(step.a % 300),
                             std::forward_as_tuple(step.b)),
              model.emplace(std::piecewise_construct, std::forward_as_tuple(step.a % 300),
                            std::forward_as_tuple(step.b)));
       }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, hints_and_ranges_insert_as_the_standard, ()) {
  follow<Numbers64>({put,
                     [](auto& stored, auto& model, const Step& step) {
                       const auto at = stored.emplace_hint(stored.cend(), step.a % 300, step.b);
                       RC_ASSERT(*at == *model.emplace_hint(model.cend(), step.a % 300, step.b));
                     },
                     [](auto& stored, auto& model, const Step& step) {
                       stored.try_emplace(stored.cbegin(), std::uint64_t{step.a % 300}, step.b);
                       stored.insert_or_assign(stored.cbegin(), std::uint64_t{step.b % 300},
                                               step.a);
                       model.try_emplace(step.a % 300, step.b);
                       model.insert_or_assign(step.b % 300, step.a);
                     },
                     [](auto& stored, auto& model, const Step& step) {
                       std::map<std::uint64_t, std::uint64_t> more;
                       for (std::uint64_t i = 0; i < step.b % 30; ++i) more[step.a + i * 3] = i;
                       if (step.a % 2 == 0) {
                         stored.insert(more.begin(), more.end());
                       } else {
                         stored.insert_range(more);
                       }
                       model.insert(more.begin(), more.end());
                     },
                     [](auto& stored, auto& model, const Step& step) {
                       if (step.b % 4 != 0) return;
                       stored = {{step.a, 1}, {step.b, 2}};
                       model = {{step.a, 1}, {step.b, 2}};
                     }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, erases_as_the_standard, ()) {
  follow<Numbers64>({put_many, erase_key,
                     [](auto& stored, auto& model, const Step& step) {
                       const auto found = stored.find(step.a % 300);
                       if (found == stored.end()) return;
                       stored.erase(found);
                       model.erase(step.a % 300);
                     },
                     [](auto& stored, auto& model, const Step& step) {
                       const auto condition = [&](const auto& e) {
                         return e.second % 7 == step.a % 7;
                       };
                       RC_ASSERT(erase_if(stored, condition) == std::erase_if(model, condition));
                     },
                     [](auto& stored, auto& model, const Step& step) {
                       if (step.a % 5 == 0) stored.clear(), model.clear();
                     }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, erasing_a_stretch_removes_what_lies_in_it, ()) {
  follow<Numbers64>({put_many, [](auto& stored, auto& model, const Step& step) {
                       const auto from = std::next(stored.cbegin(), step.place(model.size()));
                       const auto left = static_cast<std::size_t>(
                           std::distance(from, std::as_const(stored).end()));
                       const auto to =
                           std::next(from, static_cast<std::ptrdiff_t>(step.b % (left + 1)));
                       std::vector<std::uint64_t> keys;
                       for (auto at = from; at != to; ++at) keys.push_back(at->first);
                       stored.erase(from, to);
                       for (const std::uint64_t key : keys) model.erase(key);
                     }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, looks_up_as_the_standard, ()) {
  follow<Numbers64>({put_many, erase_key, [](auto& stored, auto& model, const Step& step) {
                       const std::uint64_t key = step.a;
                       const auto& read = std::as_const(stored);
                       const auto found = model.find(key);
                       RC_ASSERT(read.contains(key) == model.contains(key));
                       RC_ASSERT(read.count(key) == model.count(key));
                       RC_ASSERT((read.find(key) == read.end()) == (found == model.end()));
                       const auto [first, last] = read.equal_range(key);
                       RC_ASSERT(std::distance(first, last) ==
                                 static_cast<std::ptrdiff_t>(model.count(key)));
                       if (found != model.end()) {
                         RC_ASSERT(read.at(key) == found->second);
                         RC_ASSERT(*first == *found);
                       } else {
                         RC_ASSERT_THROWS_AS(read.at(key), std::out_of_range);
                       }
                     }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, every_way_to_a_value_marks_it, ()) {
  const auto with_key = [](auto edit) {
    return [=](Numbers64& stored, ModelOf<Numbers64>& model, const Step& step) {
      if (model.contains(step.a % 300)) edit(stored, model, step.a % 300, step.b);
    };
  };
  follow<Numbers64>({put_many, with_key([](auto& stored, auto& model, auto key, auto value) {
                       stored.at(key) = model.at(key) = value;
                     }),
                     with_key([](auto& stored, auto& model, auto key, auto value) {
                       stored.find(key)->second = model.find(key)->second = value;
                     }),
                     with_key([](auto& stored, auto& model, auto key, auto value) {
                       stored[key] = model[key] = value;
                     }),
                     with_key([](auto& stored, auto& model, auto key, auto value) {
                       stored.equal_range(key).first->second = model[key] = value;
                     }),
                     [](auto& stored, auto& model, const Step& step) {
                       for (auto& [key, value] : stored) value += step.b;
                       for (auto& [key, value] : model) value += step.b;
                     }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, capacity_is_what_was_asked_for, ()) {
  follow<Numbers64>({put_many, erase_key,
                     [](auto& stored, auto& model, const Step& step) {
                       stored.reserve(step.b);
                       RC_ASSERT(stored.capacity() >= step.b);
                       RC_ASSERT(stored.load_factor() <= stored.max_load_factor());
                       RC_ASSERT(stored.size() == model.size());
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

RC_GTEST_FIXTURE_PROP(HashMapModel, keys_of_few_different_hashes_lose_nothing, ()) {
  follow<Crowded>({put, put_many, erase_key,
                   [](auto& stored, auto&, const Step&) { stored.shrink_to_fit(); },
                   [](auto& stored, auto& model, const Step& step) {
                     RC_ASSERT(stored.contains(step.a % 300) == model.contains(step.a % 300));
                   }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, strings_are_keys_and_values_like_others, ()) {
  follow<Texts>(
      {put_text, put_text,
       [](auto& stored, auto& model, const Step& step) {
         RC_ASSERT(stored.erase(std::string_view(key_of(step))) == model.erase(key_of(step)));
       },
       [](auto& stored, auto& model, const Step& step) {
         const auto made = stored.try_emplace(key_of(step).c_str(), step.text());
         RC_ASSERT(made.second == model.try_emplace(key_of(step), step.text()).second);
       },
       [](auto& stored, auto& model, const Step& step) {
         RC_ASSERT(std::as_const(stored).contains(key_of(step)) == model.contains(key_of(step)));
         RC_ASSERT(std::as_const(stored).count(String(key_of(step))) == model.count(key_of(step)));
       },
       [](auto& stored, auto&, const Step& step) { stored.rehash(step.b % 200); }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, arguments_may_be_values_of_the_map_itself, ()) {
  follow<Texts>({put_text,
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string from = model.begin()->first;
                   stored.try_emplace(key_of(step), std::as_const(stored).at(from));
                   model.try_emplace(key_of(step), std::string(model.at(from)));
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string from = model.begin()->first;
                   stored.insert_or_assign(key_of(step), std::as_const(stored).at(from));
                   model.insert_or_assign(key_of(step), std::string(model.at(from)));
                 }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, several_of_one_store_trade_and_merge, ()) {
  trade<Texts>(put_text);
}

RC_GTEST_FIXTURE_PROP(HashMapModel, maps_of_maps_of_vecs_keep_what_is_theirs, ()) {
  using Nested = HashMap<String, HashMap<std::uint32_t, Vec<String>>>;
  follow<Nested>({[](auto& stored, auto& model, const Step& step) {
                    stored[key_of(step)][step.b % 9].emplace_back(step.text());
                    model[key_of(step)][step.b % 9].push_back(step.text());
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    RC_ASSERT(stored.erase(key_of(step)) == model.erase(key_of(step)));
                  },
                  [](auto& stored, auto& model, const Step& step) {
                    if (!model.contains(key_of(step))) return;
                    auto copy = std::as_const(stored).at(key_of(step));
                    stored.insert_or_assign("copy", std::move(copy));
                    model.insert_or_assign("copy", model.at(key_of(step)));
                  }});
}

RC_GTEST_FIXTURE_PROP(HashMapModel, iterating_visits_each_element_once, ()) {
  follow<Numbers64>({put_many, erase_key, [](auto& stored, auto& model, const Step& step) {
                       std::set<std::uint64_t> seen;
                       for (auto at = stored.begin(); at != stored.end();) {
                         RC_ASSERT(seen.insert(at->first).second);
                         if (at->first % 11 == step.a % 11) {
                           model.erase(at->first);
                           at = stored.erase(at);
                         } else {
                           ++at;
                         }
                       }
                       RC_ASSERT(stored.size() == model.size());
                     }});
}

RC_GTEST_PROP(HashMapModelEquality, does_not_depend_on_order_or_history,
              (const std::map<int, int>& pairs)) {
  TestHeap heap;
  HashMap<int, int> forward(pairs.begin(), pairs.end());
  HashMap<int, int> backward(pairs.rbegin(), pairs.rend());
  for (int i = 0; i < 100; ++i) backward.try_emplace(10'000'000 + i);
  for (int i = 0; i < 100; ++i) backward.erase(10'000'000 + i);
  RC_ASSERT(forward == backward);
  backward[10'000'000] = 1;
  RC_ASSERT(!(forward == backward));
}

}  // namespace
}  // namespace cairn::test
