// SPDX-License-Identifier: BSL-1.0
// Vec beside std::vector.
#include <algorithm>
#include <iterator>
#include <list>
#include <numeric>
#include <sstream>
#include <vector>

#include "model_test.hpp"

namespace cairn::test {
namespace {

using Ints = Vec<std::uint32_t>;
using Texts = Vec<String>;
using IntModel = ModelOf<Ints>;
using TextModel = ModelOf<Texts>;

class VecModel : public ModelTest {
 protected:
  /// For properties of edits other than growth: something to edit.
  static void push(Ints& stored, IntModel& model, const Step& step) {
    stored.push_back(step.b);
    model.push_back(step.b);
  }
  static void push_many(Ints& stored, IntModel& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 64; ++i) push(stored, model, {0, 0, i * 7 % 31});
  }
  static void push_text(Texts& stored, TextModel& model, const Step& step) {
    stored.emplace_back(step.text());
    model.push_back(step.text());
  }
};

RC_GTEST_FIXTURE_PROP(VecModel, grows_and_shrinks_at_its_end_as_the_standard, ()) {
  follow<Ints>({push, push_many,
                [](auto& stored, auto& model, const Step&) {
                  if (model.empty()) return;
                  stored.pop_back();
                  model.pop_back();
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored.resize(step.b % 200);
                  model.resize(step.b % 200);
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored.resize(step.b % 200, step.a);
                  model.resize(step.b % 200, step.a);
                },
                [](auto& stored, auto& model, const Step& step) {
                  RC_ASSERT(stored.emplace_back(step.a) == model.emplace_back(step.a));
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.a % 4 == 0) stored.clear(), model.clear();
                }});
}

RC_GTEST_FIXTURE_PROP(VecModel, capacity_is_what_was_reserved_and_goes_when_told, ()) {
  follow<Ints>({push_many,
                [](auto& stored, auto&, const Step& step) {
                  stored.reserve(step.b);
                  RC_ASSERT(stored.capacity() >= step.b);
                },
                [](auto& stored, auto& model, const Step&) {
                  stored.shrink_to_fit();
                  RC_ASSERT(stored.capacity() - model.size() < 32U + model.size() / 2);
                },
                [](auto& stored, auto& model, const Step&) { stored.clear(), model.clear(); }});
}

RC_GTEST_FIXTURE_PROP(VecModel, inserts_at_any_place_as_the_standard, ()) {
  follow<Ints>({push_many,
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  const auto made = stored.insert(std::as_const(stored).begin() + at, step.b);
                  RC_ASSERT(made - stored.begin() == at);
                  model.insert(model.begin() + at, step.b);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  stored.insert(std::as_const(stored).begin() + at, step.b % 40, step.a);
                  model.insert(model.begin() + at, step.b % 40, step.a);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  const std::vector<std::uint32_t> more(step.b % 30, step.b);
                  stored.insert(std::as_const(stored).begin() + at, more.begin(), more.end());
                  model.insert(model.begin() + at, more.begin(), more.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  stored.insert(std::as_const(stored).begin() + at, {step.a, step.b, 7U});
                  model.insert(model.begin() + at, {step.a, step.b, 7U});
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  stored.emplace(std::as_const(stored).begin() + at, step.b);
                  model.emplace(model.begin() + at, step.b);
                }});
}

RC_GTEST_FIXTURE_PROP(VecModel, takes_ranges_of_every_kind, ()) {
  const auto odd = [](std::uint32_t n) { return n % 2 == 1; };
  follow<Ints>({[=](auto& stored, auto& model, const Step& step) {
                  // No common range: begin and end are of different types.
                  CountedFrom range{step.a, step.b % 20};
                  const auto at = step.place(model.size());
                  stored.insert_range(std::as_const(stored).begin() + at, range);
                  const std::vector<std::uint32_t> values = range.values();
                  model.insert(model.begin() + at, values.begin(), values.end());
                },
                [=](auto& stored, auto& model, const Step& step) {
                  std::list<std::uint32_t> values{step.a, step.b, step.a + step.b, 4, 5, 6};
                  values.remove_if(odd);
                  stored.append_range(values);
                  model.insert(model.end(), values.begin(), values.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.b % 3 != 0) return;
                  stored.assign_range(std::deque<std::uint32_t>(step.a % 30, step.b));
                  model.assign(step.a % 30, step.b);
                },
                [](auto& stored, auto& model, const Step& step) {
                  std::istringstream words(std::to_string(step.a) + " " + std::to_string(step.b));
                  using Words = std::istream_iterator<std::uint32_t>;
                  const auto at = step.place(model.size());
                  stored.insert(std::as_const(stored).begin() + at, Words(words), Words());
                  model.insert(model.begin() + at, {step.a, step.b});
                }});
}

RC_GTEST_FIXTURE_PROP(VecModel, erases_as_the_standard, ()) {
  follow<Ints>({push_many,
                [](auto& stored, auto& model, const Step& step) {
                  if (model.empty()) return;
                  const auto at = static_cast<std::ptrdiff_t>(step.index(model.size()));
                  const auto next = stored.erase(std::as_const(stored).begin() + at);
                  model.erase(model.begin() + at);
                  RC_ASSERT(next - stored.begin() == at);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto from = step.place(model.size());
                  const auto to = step.place_from(from, model.size());
                  stored.erase(std::as_const(stored).begin() + from,
                               std::as_const(stored).begin() + to);
                  model.erase(model.begin() + from, model.begin() + to);
                },
                [](auto& stored, auto& model, const Step& step) {
                  RC_ASSERT(erase(stored, step.b % 31) == std::erase(model, step.b % 31));
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto condition = [&](std::uint32_t n) { return n % 5 == step.a % 5; };
                  RC_ASSERT(erase_if(stored, condition) == std::erase_if(model, condition));
                }});
}

RC_GTEST_FIXTURE_PROP(VecModel, is_assigned_as_the_standard, ()) {
  follow<Ints>({push,
                [](auto& stored, auto& model, const Step& step) {
                  stored.assign(step.a % 99, step.b);
                  model.assign(step.a % 99, step.b);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const std::vector<std::uint32_t> values(step.a % 99, step.b);
                  stored.assign(values.begin(), values.end());
                  model = values;
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored = {step.a, step.b};
                  model = {step.a, step.b};
                },
                [](auto& stored, auto& model, const Step&) {
                  stored = Ints(std::as_const(stored).rbegin(), std::as_const(stored).rend());
                  std::reverse(model.begin(), model.end());
                }});
}

RC_GTEST_FIXTURE_PROP(VecModel, every_way_to_an_element_marks_it, ()) {
  const auto with_element = [](auto edit) {
    return [=](Ints& stored, IntModel& model, const Step& step) {
      if (!model.empty()) edit(stored, model, step, step.index(model.size()));
    };
  };
  follow<Ints>({push_many,
                with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  stored[i] = model[i] = step.b;
                }),
                with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  stored.at(i) = model.at(i) = step.b;
                }),
                with_element([](auto& stored, auto& model, const Step& step, std::size_t) {
                  stored.front() = model.front() = step.a;
                  stored.back() = model.back() = step.b;
                }),
                with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  *(stored.begin() + static_cast<std::ptrdiff_t>(i)) = model[i] = step.b;
                }),
                with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  stored.rbegin()[static_cast<std::ptrdiff_t>(i)] = step.b;
                  model.rbegin()[static_cast<std::ptrdiff_t>(i)] = step.b;
                }),
                with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  stored.data()[i] = model.data()[i] = step.b;
                })});
}

RC_GTEST_FIXTURE_PROP(VecModel, algorithms_of_the_standard_work_on_it, ()) {
  follow<Ints>({push_many,
                [](auto& stored, auto& model, const Step&) {
                  std::ranges::sort(stored);
                  std::ranges::sort(model);
                },
                [](auto& stored, auto& model, const Step&) {
                  std::ranges::reverse(stored);
                  std::ranges::reverse(model);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  std::rotate(stored.begin(), stored.begin() + at, stored.end());
                  std::rotate(model.begin(), model.begin() + at, model.end());
                },
                [](auto& stored, auto& model, const Step&) {
                  stored.erase(std::unique(stored.begin(), stored.end()), stored.end());
                  model.erase(std::unique(model.begin(), model.end()), model.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto low = [&](std::uint32_t n) { return n < step.b % 31; };
                  std::stable_partition(stored.begin(), stored.end(), low);
                  std::stable_partition(model.begin(), model.end(), low);
                },
                [](auto& stored, auto& model, const Step& step) {
                  std::ranges::for_each(stored, [&](std::uint32_t& n) { n += step.a; });
                  std::ranges::for_each(model, [&](std::uint32_t& n) { n += step.a; });
                }});
}

RC_GTEST_FIXTURE_PROP(VecModel, strings_in_it_live_as_in_a_std_vector, ()) {
  follow<Texts>({push_text, push_text,
                 [](auto& stored, auto& model, const Step& step) {
                   const auto at = step.place(model.size());
                   stored.insert(std::as_const(stored).begin() + at, step.b % 5,
                                 String(step.text()));
                   model.insert(model.begin() + at, step.b % 5, step.text());
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const auto from = step.place(model.size());
                   stored.erase(std::as_const(stored).begin() + from, std::as_const(stored).end());
                   model.erase(model.begin() + from, model.end());
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   stored[step.index(model.size())].append(step.text());
                   model[step.index(model.size())].append(step.text());
                 },
                 [](auto& stored, auto& model, const Step&) {
                   std::sort(stored.begin(), stored.end());
                   std::sort(model.begin(), model.end());
                 },
                 [](auto& stored, auto&, const Step&) { stored.shrink_to_fit(); }});
}

RC_GTEST_FIXTURE_PROP(VecModel, arguments_may_be_elements_of_the_vec_itself, ()) {
  follow<Texts>({push_text,
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string copy = model[step.index(model.size())];
                   stored.push_back(std::as_const(stored)[step.index(model.size())]);
                   model.push_back(copy);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string copy = model[step.b % model.size()];
                   const auto at = step.place(model.size());
                   stored.insert(std::as_const(stored).begin() + at,
                                 std::as_const(stored)[step.b % model.size()]);
                   model.insert(model.begin() + at, copy);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string copy = model[step.b % model.size()];
                   const auto at = step.place(model.size());
                   stored.insert(std::as_const(stored).begin() + at, 3,
                                 std::as_const(stored)[step.b % model.size()]);
                   model.insert(model.begin() + at, 3, copy);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty() || model.size() > 60) return;
                   const auto count = static_cast<std::ptrdiff_t>(step.a % (model.size() + 1));
                   const TextModel copy(model.begin(), model.begin() + count);
                   stored.append(std::as_const(stored).begin(),
                                 std::as_const(stored).begin() + count);
                   model.insert(model.end(), copy.begin(), copy.end());
                 }});
}

RC_GTEST_FIXTURE_PROP(VecModel, several_of_one_store_trade_their_content, ()) {
  trade<Texts>(push_text);
}

RC_GTEST_FIXTURE_PROP(VecModel, vecs_of_vecs_of_strings_keep_what_is_theirs, ()) {
  using Lists = Vec<Texts>;
  follow<Lists>({[](auto& stored, auto& model, const Step&) {
                   stored.emplace_back();
                   model.emplace_back();
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::size_t i = step.index(model.size());
                   push_text(stored[i], model[i], step);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::size_t at = step.index(model.size());
                   stored.insert(std::as_const(stored).begin(), std::as_const(stored)[at]);
                   model.insert(model.begin(), std::vector<std::string>(model[at]));
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const auto at = static_cast<std::ptrdiff_t>(step.index(model.size()));
                   stored.erase(std::as_const(stored).begin() + at);
                   model.erase(model.begin() + at);
                 }});
}

RC_GTEST_PROP(VecModelOrder, compares_as_std_vector,
              (const std::vector<std::string>& a, const std::vector<std::string>& b)) {
  TestHeap heap;
  const Texts x(a.begin(), a.end());
  const Texts y(b.begin(), b.end());
  RC_ASSERT((x == y) == (a == b));
  RC_ASSERT((x <=> y) == (a <=> b));
  RC_ASSERT(x == Texts(x));
}

}  // namespace
}  // namespace cairn::test
