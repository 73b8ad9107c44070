// SPDX-License-Identifier: BSL-1.0
// Deque beside std::deque.
#include <algorithm>
#include <iterator>
#include <sstream>
#include <vector>

#include "model_test.hpp"

namespace cairn::test {
namespace {

using Ints = Deque<std::uint32_t>;
using Texts = Deque<String>;
using IntModel = ModelOf<Ints>;
using TextModel = ModelOf<Texts>;

class DequeModel : public ModelTest {
 protected:
  static void push_back(Ints& stored, IntModel& model, const Step& step) {
    stored.push_back(step.b);
    model.push_back(step.b);
  }
  static void push_front(Ints& stored, IntModel& model, const Step& step) {
    stored.push_front(step.b);
    model.push_front(step.b);
  }
  static void pop_back(Ints& stored, IntModel& model, const Step&) {
    if (model.empty()) return;
    stored.pop_back();
    model.pop_back();
  }
  static void pop_front(Ints& stored, IntModel& model, const Step&) {
    if (model.empty()) return;
    stored.pop_front();
    model.pop_front();
  }
  /// Leaves the ring turned by any number of slots.
  static void push_many(Ints& stored, IntModel& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 64; ++i) {
      const Step each{0, 0, i * 7 % 31};
      step.a % 2 == 0 ? push_back(stored, model, each) : push_front(stored, model, each);
    }
  }
  static void push_text(Texts& stored, TextModel& model, const Step& step) {
    if (step.a % 2 == 0) {
      stored.emplace_back(step.text());
      model.push_back(step.text());
    } else {
      stored.emplace_front(step.text());
      model.push_front(step.text());
    }
  }
};

RC_GTEST_FIXTURE_PROP(DequeModel, both_ends_grow_and_shrink_as_the_standard, ()) {
  follow<Ints>({push_back, push_front, pop_back, pop_front, push_many,
                [](auto& stored, auto& model, const Step& step) {
                  stored.resize(step.b % 200);
                  model.resize(step.b % 200);
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored.resize(step.b % 200, step.a);
                  model.resize(step.b % 200, step.a);
                },
                [](auto& stored, auto& model, const Step& step) {
                  RC_ASSERT(stored.emplace_front(step.a) == model.emplace_front(step.a));
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.a % 4 == 0) stored.clear(), model.clear();
                }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, a_queue_that_stays_short_keeps_its_ring, ()) {
  follow<Ints>({[](auto& stored, auto& model, const Step& step) {
    stored.reserve(64);
    const std::size_t capacity = stored.capacity();
    for (std::uint32_t i = 0; i < step.b; ++i) {
      push_back(stored, model, {0, 0, i});
      if (model.size() > step.a % 64) pop_front(stored, model, step);
      if (model.size() > step.a % 64) pop_front(stored, model, step);
    }
    RC_ASSERT(stored.capacity() == capacity);
  }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, capacity_is_what_was_reserved_and_goes_when_told, ()) {
  follow<Ints>({push_many, pop_front,
                [](auto& stored, auto&, const Step& step) {
                  stored.reserve(step.b);
                  RC_ASSERT(stored.capacity() >= step.b);
                },
                [](auto& stored, auto& model, const Step&) {
                  stored.shrink_to_fit();
                  RC_ASSERT(stored.capacity() - model.size() < 32U + model.size() / 2);
                }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, inserts_at_any_place_as_the_standard, ()) {
  follow<Ints>({push_many,
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  const auto made = stored.insert(stored.cbegin() + at, step.b);
                  RC_ASSERT(made - stored.begin() == at);
                  model.insert(model.begin() + at, step.b);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  stored.insert(stored.cbegin() + at, step.b % 40, step.a);
                  model.insert(model.begin() + at, step.b % 40, step.a);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  const std::vector<std::uint32_t> more(step.b % 30, step.b);
                  stored.insert(stored.cbegin() + at, more.begin(), more.end());
                  model.insert(model.begin() + at, more.begin(), more.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto at = step.place(model.size());
                  stored.emplace(stored.cbegin() + at, step.b);
                  model.emplace(model.begin() + at, step.b);
                }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, takes_ranges_of_every_kind, ()) {
  follow<Ints>({[](auto& stored, auto& model, const Step& step) {
                  CountedFrom range{step.a, step.b % 20};
                  const auto at = step.place(model.size());
                  stored.insert_range(stored.cbegin() + at, range);
                  const std::vector<std::uint32_t> values = range.values();
                  model.insert(model.begin() + at, values.begin(), values.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  const std::vector<std::uint32_t> values{step.a, step.b, 3};
                  stored.append_range(values);
                  model.insert(model.end(), values.begin(), values.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  const std::vector<std::uint32_t> values{step.a, step.b, 4};
                  stored.prepend_range(values);
                  model.insert(model.begin(), values.begin(), values.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  std::istringstream words(std::to_string(step.a) + " " + std::to_string(step.b));
                  using Words = std::istream_iterator<std::uint32_t>;
                  const auto at = step.place(model.size());
                  stored.insert(stored.cbegin() + at, Words(words), Words());
                  model.insert(model.begin() + at, {step.a, step.b});
                }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, erases_from_the_nearer_end_as_the_standard, ()) {
  follow<Ints>({push_many,
                [](auto& stored, auto& model, const Step& step) {
                  if (model.empty()) return;
                  const auto at = static_cast<std::ptrdiff_t>(step.index(model.size()));
                  const auto next = stored.erase(stored.cbegin() + at);
                  model.erase(model.begin() + at);
                  RC_ASSERT(next - stored.begin() == at);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const auto from = step.place(model.size());
                  const auto to = step.place_from(from, model.size());
                  stored.erase(stored.cbegin() + from, stored.cbegin() + to);
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

RC_GTEST_FIXTURE_PROP(DequeModel, is_assigned_as_the_standard, ()) {
  follow<Ints>({push_back, push_front,
                [](auto& stored, auto& model, const Step& step) {
                  stored.assign(step.a % 99, step.b);
                  model.assign(step.a % 99, step.b);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const std::vector<std::uint32_t> values(step.a % 99, step.b);
                  stored.assign_range(values);
                  model.assign(values.begin(), values.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored = {step.a, step.b};
                  model = {step.a, step.b};
                },
                [](auto& stored, auto& model, const Step&) {
                  stored = Ints(stored.crbegin(), stored.crend());
                  std::reverse(model.begin(), model.end());
                }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, every_way_to_an_element_marks_it, ()) {
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
                })});
}

RC_GTEST_FIXTURE_PROP(DequeModel, algorithms_of_the_standard_work_on_it, ()) {
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
                  std::ranges::replace(stored, step.a % 31, step.b);
                  std::ranges::replace(model, step.a % 31, step.b);
                }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, strings_in_it_live_as_in_a_std_deque, ()) {
  follow<Texts>({push_text, push_text,
                 [](auto& stored, auto& model, const Step& step) {
                   const auto at = step.place(model.size());
                   // At least one: libstdc++'s deque moves elements onto themselves for none.
                   stored.insert(stored.cbegin() + at, 1 + step.b % 5, String(step.text()));
                   model.insert(model.begin() + at, 1 + step.b % 5, step.text());
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const auto from = step.place(model.size());
                   const auto to = step.place_from(from, model.size());
                   stored.erase(stored.cbegin() + from, stored.cbegin() + to);
                   model.erase(model.begin() + from, model.begin() + to);
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

RC_GTEST_FIXTURE_PROP(DequeModel, arguments_may_be_elements_of_the_deque_itself, ()) {
  follow<Texts>({push_text,
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string copy = model[step.index(model.size())];
                   stored.push_front(std::as_const(stored)[step.index(model.size())]);
                   model.push_front(copy);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string moved = std::exchange(model[step.index(model.size())], "");
                   stored.push_back(std::move(stored[step.index(model.size())]));
                   // What was moved from is valid; say what it holds.
                   stored[step.index(model.size())].clear();
                   model.push_back(moved);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::string copy = model[step.b % model.size()];
                   const auto at = step.place(model.size());
                   stored.insert(stored.cbegin() + at, 3,
                                 std::as_const(stored)[step.b % model.size()]);
                   model.insert(model.begin() + at, 3, copy);
                 }});
}

RC_GTEST_FIXTURE_PROP(DequeModel, several_of_one_store_trade_their_content, ()) {
  trade<Texts>(push_text);
}

RC_GTEST_FIXTURE_PROP(DequeModel, deques_of_vecs_and_maps_keep_what_is_theirs, ()) {
  using Lists = Deque<std::pair<Vec<String>, HashMap<std::uint32_t, String>>>;
  follow<Lists>({[](auto& stored, auto& model, const Step& step) {
                   if (step.a % 2 == 0) {
                     stored.emplace_back();
                     model.emplace_back();
                   } else {
                     stored.emplace_front();
                     model.emplace_front();
                   }
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::size_t i = step.index(model.size());
                   stored[i].first.emplace_back(step.text());
                   model[i].first.push_back(step.text());
                   stored[i].second[step.b % 20] = step.text();
                   model[i].second[step.b % 20] = step.text();
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::size_t from = step.index(model.size());
                   auto copy = model[from];
                   const auto at = step.place(model.size());
                   stored.insert(stored.cbegin() + at, std::as_const(stored)[from]);
                   model.insert(model.begin() + at, copy);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const auto at = static_cast<std::ptrdiff_t>(step.index(model.size()));
                   stored.erase(stored.cbegin() + at);
                   model.erase(model.begin() + at);
                 }});
}

RC_GTEST_PROP(DequeModelOrder, compares_as_std_deque,
              (const std::deque<std::string>& a, const std::deque<std::string>& b)) {
  TestHeap heap;
  const Texts x(a.begin(), a.end());
  Texts y(b.begin(), b.end());
  RC_ASSERT((x == y) == (a == b));
  RC_ASSERT((x <=> y) == (a <=> b));
  // The same content in a ring that is turned otherwise.
  for (std::size_t i = 0; i < a.size(); ++i) y.push_front(x[a.size() - 1 - i]);
  y.resize(a.size());
  RC_ASSERT(x == y);
}

}  // namespace
}  // namespace cairn::test
