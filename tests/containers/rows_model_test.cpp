// SPDX-License-Identifier: BSL-1.0
// Segmented, NdArray and Atomic in a store, beside std::deque, a vector with extents and a number
// that no rollback touches.
#include <algorithm>

#include "model_test.hpp"

namespace cairn::test {
namespace {

using Rows = Segmented<std::uint32_t>;
using Texts = Segmented<String>;

class RowsModel : public ModelTest {
 protected:
  static constexpr auto push = [](auto& stored, auto& model, const Step& step) {
    for (std::uint32_t i = 0; i < step.b % 64; ++i) {
      stored.push_back(step.a + i);
      model.push_back(step.a + i);
    }
  };
  static constexpr auto push_text = [](auto& stored, auto& model, const Step& step) {
    stored.emplace_back(step.text());
    model.push_back(step.text());
  };
};

RC_GTEST_FIXTURE_PROP(RowsModel, segmented_grows_and_shrinks_as_the_standards_deque, ()) {
  follow<Rows>({push,
                [](auto& stored, auto& model, const Step&) {
                  if (model.empty()) return;
                  stored.pop_back();
                  model.pop_back();
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored.resize(step.b % 300, step.a);
                  model.resize(step.b % 300, step.a);
                },
                [](auto& stored, auto& model, const Step& step) {
                  const std::vector<std::uint32_t> more(step.b % 70, step.a);
                  stored.append(more.begin(), more.end());
                  model.insert(model.end(), more.begin(), more.end());
                },
                [](auto& stored, auto& model, const Step& step) {
                  stored.assign(step.a % 99, step.b);
                  model.assign(step.a % 99, step.b);
                },
                [](auto& stored, auto& model, const Step& step) {
                  if (step.a % 4 == 0) stored.clear(), model.clear();
                }});
}

RC_GTEST_FIXTURE_PROP(RowsModel, every_way_to_an_element_of_segmented_marks_it, ()) {
  const auto with_element = [](auto edit) {
    return [=](Rows& stored, ModelOf<Rows>& model, const Step& step) {
      if (!model.empty()) edit(stored, model, step, step.index(model.size()));
    };
  };
  follow<Rows>({push, with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  stored[i] = model[i] = step.b;
                  RC_ASSERT_THROWS_AS(stored.at(model.size()), std::out_of_range);
                }),
                with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  stored.at(i) = model.at(i) = step.b;
                }),
                with_element([](auto& stored, auto& model, const Step& step, std::size_t i) {
                  *(stored.begin() + static_cast<std::ptrdiff_t>(i)) = model[i] = step.b;
                }),
                with_element([](auto& stored, auto& model, const Step&, std::size_t) {
                  std::ranges::sort(stored);
                  std::ranges::sort(model);
                })});
}

RC_GTEST_FIXTURE_PROP(RowsModel, strings_in_segmented_stay_where_they_were_put, ()) {
  follow<Texts>({push_text, push_text,
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::size_t at = step.index(model.size());
                   const String* const place = &std::as_const(stored)[at];
                   for (std::uint32_t i = 0; i < step.b % 90; ++i) {
                     push_text(stored, model, {0, i, step.b + i});
                   }
                   stored.shrink_to_fit();
                   RC_ASSERT(&std::as_const(stored)[at] == place);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const std::size_t size = step.index(model.size() + 1);
                   stored.resize(size);
                   model.resize(size);
                 }});
}

RC_GTEST_FIXTURE_PROP(RowsModel, trees_in_segmented_keep_what_is_theirs, ()) {
  using Trees = Segmented<BTreeMap<std::uint32_t, String>>;
  follow<Trees>({[](auto& stored, auto& model, const Step&) {
                   stored.emplace_back();
                   model.emplace_back();
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::size_t at = step.index(model.size());
                   for (std::uint32_t i = 0; i < step.b % 60; ++i) {
                     stored[at][i] = step.text();
                     model[at][i] = step.text();
                   }
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const std::size_t at = step.index(model.size());
                   stored[at].erase(stored[at].lower_bound(step.b % 60), stored[at].end());
                   model[at].erase(model[at].lower_bound(step.b % 60), model[at].end());
                 },
                 [](auto& stored, auto& model, const Step&) {
                   if (model.empty()) return;
                   stored.back() = std::as_const(stored).front();
                   model.back() = model.front();
                 }});
}

/// The same for elements that own blocks and for such that do not.
template <class Table, class Value>
std::vector<Edit<Table>> table_edits(Value value) {
  return {[=](auto& stored, auto& model, const Step& step) {
            stored.resize({step.a % 12, step.b % 12}, value(step));
            model.resize(step.a % 12, step.b % 12, as_model(value(step)));
          },
          [=](auto& stored, auto& model, const Step& step) {
            if (model.elements.empty()) return;
            const std::size_t row = step.a % model.extents[0];
            const std::size_t column = step.b % model.extents[1];
            stored(row, column) = value(step);
            model.at(row, column) = as_model(value(step));
            RC_ASSERT_THROWS_AS(stored.at(row, model.extents[1]), std::out_of_range);
          },
          [](auto& stored, auto& model, const Step&) {
            stored.reshape({model.extents[1], model.extents[0]});
            std::swap(model.extents[0], model.extents[1]);
          },
          [=](auto& stored, auto& model, const Step& step) {
            if (model.elements.empty()) return;
            const std::size_t column = step.b % model.extents[1];
            stored.slice(1, column).fill(value(step));
            for (std::size_t row = 0; row < model.extents[0]; ++row) {
              model.at(row, column) = as_model(value(step));
            }
          },
          [](auto& stored, auto& model, const Step&) {
            std::ranges::reverse(stored);
            std::ranges::reverse(model.elements);
          }};
}

RC_GTEST_FIXTURE_PROP(RowsModel, tables_of_numbers_are_what_a_vector_with_extents_is, ()) {
  follow<NdArray<std::uint32_t, 2>>(table_edits<NdArray<std::uint32_t, 2>>(
      [](const Step& step) { return step.a * 1000 + step.b; }));
}

RC_GTEST_FIXTURE_PROP(RowsModel, tables_of_texts_are_what_a_vector_with_extents_is, ()) {
  follow<NdArray<String, 2>>(
      table_edits<NdArray<String, 2>>([](const Step& step) { return String(step.text()); }));
}

struct Counted {
  std::uint64_t plain = 0;
  Atomic<std::uint64_t> atomic;
};
BOOST_DESCRIBE_STRUCT(Counted, (), (plain, atomic))

/// Numbers beside each other: one goes with the transaction, one with nothing.
RC_GTEST_FIXTURE_PROP(RowsModel, an_atomic_keeps_what_rollbacks_kills_and_reopenings_take, ()) {
  std::optional<Store> store(open());
  store->write([](WriteTransaction& tx) { tx.construct<Counted>("root"); });
  std::uint64_t plain = 0;
  std::uint64_t atomic = 0;
  const auto add = [](WriteTransaction& tx, std::uint64_t number) {
    Counted& counted = tx.modify(*tx.find<Counted>("root"));
    counted.plain += number;
    counted.atomic += number;
  };
  for (const Step& step : random_program(5)) {
    atomic += step.a;
    switch (step.kind) {
      case 0:
        store->write([&](WriteTransaction& tx) { add(tx, step.a); });
        plain += step.a;
        break;
      case 1: {
        WriteTransaction tx = store->begin_write();
        add(tx, step.a);
        tx.rollback();
        break;
      }
      case 2:
        store->read([&](const ReadTransaction& tx) {
          RC_ASSERT(tx.find<Counted>("root")->atomic.fetch_add(step.a) == atomic - step.a);
        });
        break;
      case 3:
        store->write([&](WriteTransaction& tx) { add(tx, step.a); });
        plain += step.a;
        store.reset();
        store.emplace(open());
        break;
      default:
        store.reset();
        RC_ASSERT(ForkedChild([&] {
                    Store mine = open();
                    WriteTransaction tx = mine.begin_write();
                    add(tx, step.a);
                    ::raise(SIGKILL);
                    return true;
                  }).was_killed());
        store.emplace(open());
    }
    store->read([&](const ReadTransaction& tx) {
      RC_ASSERT(tx.find<Counted>("root")->plain == plain);
      RC_ASSERT(tx.find<Counted>("root")->atomic == atomic);
    });
  }
  RC_ASSERT(faults(*store) == std::vector<std::string>{});
}

}  // namespace
}  // namespace cairn::test
