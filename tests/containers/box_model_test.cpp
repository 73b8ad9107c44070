// SPDX-License-Identifier: BSL-1.0
// Box beside what std::unique_ptr would own: an object or nothing.
#include <algorithm>
#include <list>
#include <map>

#include "model_test.hpp"

namespace cairn::test {
namespace {

class BoxModel : public ModelTest {};

RC_GTEST_FIXTURE_PROP(BoxModel, holds_the_object_it_was_given_last, ()) {
  follow<Box<String>>({[](auto& stored, auto& model, const Step& step) {
                         stored.emplace(step.text());
                         model.emplace(step.text());
                       },
                       [](auto& stored, auto& model, const Step& step) {
                         stored = make_box<String>(step.text());
                         model = step.text();
                       },
                       [](auto& stored, auto& model, const Step&) {
                         stored.reset();
                         model.reset();
                       },
                       [](auto& stored, auto& model, const Step&) {
                         stored = nullptr;
                         model.reset();
                       }});
}

RC_GTEST_FIXTURE_PROP(BoxModel, every_way_to_its_object_marks_it, ()) {
  using Object = std::pair<std::uint64_t, std::array<std::uint64_t, 40>>;
  const auto with_object = [](auto edit) {
    return [=](Box<Object>& stored, ModelOf<Box<Object>>& model, const Step& step) {
      if (!model) {
        stored.emplace();
        model.emplace();
      }
      edit(stored, model, step);
    };
  };
  follow<Box<Object>>({with_object([](auto& stored, auto& model, const Step& step) {
                         stored->first = model->first = step.b;
                       }),
                       with_object([](auto& stored, auto& model, const Step& step) {
                         (*stored).second[step.a % 40] = model->second[step.a % 40] = step.b;
                       }),
                       with_object([](auto& stored, auto& model, const Step& step) {
                         stored.get()->second.fill(step.a);
                         model->second.fill(step.a);
                       })});
}

RC_GTEST_FIXTURE_PROP(BoxModel, copies_are_objects_of_their_own, ()) {
  using Two = std::array<Box<String>, 2>;
  follow<Two>({[](auto& stored, auto& model, const Step& step) {
                 stored[step.a % 2] = Box<String>(std::in_place, step.text());
                 model[step.a % 2] = step.text();
               },
               [](auto& stored, auto& model, const Step& step) {
                 stored[step.a % 2] = std::as_const(stored)[1 - step.a % 2];
                 model[step.a % 2] = model[1 - step.a % 2];
               },
               [](auto& stored, auto& model, const Step& step) {
                 if (!model[step.a % 2]) return;
                 stored[step.a % 2]->append("!");
                 model[step.a % 2]->append("!");
               }});
}

RC_GTEST_FIXTURE_PROP(BoxModel, moving_and_swapping_leave_the_object_where_it_is, ()) {
  using Three = std::array<Box<String>, 3>;
  follow<Three>({[](auto& stored, auto& model, const Step& step) {
                   stored[step.a % 3].emplace(step.text());
                   model[step.a % 3].emplace(step.text());
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const auto from = step.a % 3;
                   const auto to = step.b % 3;
                   if (from == to) return;
                   const String* const object = std::as_const(stored)[from].get();
                   stored[to] = std::move(stored[from]);
                   RC_ASSERT(std::as_const(stored)[to].get() == object);
                   RC_ASSERT(stored[from] == nullptr);
                   model[to] = std::exchange(model[from], std::nullopt);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const String* const object = std::as_const(stored)[step.a % 3].get();
                   swap(stored[step.a % 3], stored[step.b % 3]);
                   swap(model[step.a % 3], model[step.b % 3]);
                   RC_ASSERT(std::as_const(stored)[step.b % 3].get() == object);
                 }});
}

RC_GTEST_FIXTURE_PROP(BoxModel, boxes_in_a_vec_go_where_the_vec_puts_them, ()) {
  using Boxes = Vec<Box<std::uint32_t>>;
  follow<Boxes>({[](auto& stored, auto& model, const Step& step) {
                   stored.push_back(make_box<std::uint32_t>(step.b));
                   model.emplace_back(step.b);
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const auto at = step.place(model.size());
                   stored.emplace(std::as_const(stored).begin() + at);
                   model.emplace(model.begin() + at);
                 },
                 [](auto& stored, auto& model, const Step&) {
                   std::sort(stored.begin(), stored.end());
                   std::sort(model.begin(), model.end());
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const auto at = step.place(model.size());
                   std::rotate(stored.begin(), stored.begin() + at, stored.end());
                   std::rotate(model.begin(), model.begin() + at, model.end());
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   const auto from = step.place(model.size());
                   stored.erase(std::as_const(stored).begin() + from, std::as_const(stored).end());
                   model.erase(model.begin() + from, model.end());
                 }});
}

RC_GTEST_FIXTURE_PROP(BoxModel, boxes_in_a_map_belong_to_their_keys, ()) {
  using Boxes = HashMap<std::uint32_t, Box<String>>;
  follow<Boxes>({[](auto& stored, auto& model, const Step& step) {
                   stored[step.a % 50] = make_box<String>(step.text());
                   model[step.a % 50] = step.text();
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   RC_ASSERT(stored.erase(step.a % 50) == model.erase(step.a % 50));
                 },
                 [](auto& stored, auto& model, const Step& step) {
                   // In two steps: a key that is new may move the box that a reference names.
                   Box<String> taken = std::move(stored[step.b % 50]);
                   stored[step.a % 50] = std::move(taken);
                   auto moved = std::exchange(model[step.b % 50], std::nullopt);
                   model[step.a % 50] = std::move(moved);
                   if (step.a % 50 == step.b % 50) {
                     stored.erase(step.a % 50);
                     model.erase(step.a % 50);
                   }
                 }});
}

struct Link {
  String text;
  Box<Link> next;
};
BOOST_DESCRIBE_STRUCT(Link, (), (text, next))

struct Chain {
  Box<Link> head;
};
BOOST_DESCRIBE_STRUCT(Chain, (), (head))

std::vector<std::string> as_model(const Chain& chain) {
  std::vector<std::string> texts;
  for (const Link* at = chain.head.get(); at != nullptr; at = at->next.get()) {
    texts.push_back(at->text.str());
  }
  return texts;
}

RC_GTEST_FIXTURE_PROP(BoxModel, a_list_of_boxes_is_changed_at_any_link, ()) {
  const auto place = [](Chain& chain, std::ptrdiff_t at) {
    Box<Link>* box = &chain.head;
    for (; at > 0; --at) box = &(*box)->next;
    return box;
  };
  follow<Chain>({[=](Chain& stored, auto& model, const Step& step) {
                   const auto at = step.place(model.size());
                   Box<Link>& box = *place(stored, at);
                   Box<Link> made = make_box<Link>();
                   made->text = step.text();
                   made->next = std::move(box);
                   box = std::move(made);
                   model.insert(model.begin() + at, step.text());
                 },
                 [=](Chain& stored, auto& model, const Step& step) {
                   if (model.empty()) return;
                   const auto at = static_cast<std::ptrdiff_t>(step.index(model.size()));
                   Box<Link>& box = *place(stored, at);
                   box = std::move(box->next);
                   model.erase(model.begin() + at);
                 },
                 [=](Chain& stored, auto& model, const Step& step) {
                   const auto at = step.place(model.size());
                   *place(stored, at) = nullptr;
                   model.erase(model.begin() + at, model.end());
                 }});
}

struct Branch {
  std::uint32_t key = 0;
  std::uint32_t value = 0;
  Box<Branch> left;
  Box<Branch> right;
};
BOOST_DESCRIBE_STRUCT(Branch, (), (key, value, left, right))

struct Tree {
  Box<Branch> root;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (root))

std::map<std::uint32_t, std::uint32_t> as_model(const Tree& tree) {
  std::map<std::uint32_t, std::uint32_t> pairs;
  std::vector<const Branch*> left{tree.root.get()};
  while (!left.empty()) {
    const Branch* const branch = left.back();
    left.pop_back();
    if (branch == nullptr) continue;
    pairs.emplace(branch->key, branch->value);
    left.push_back(branch->left.get());
    left.push_back(branch->right.get());
  }
  return pairs;
}

RC_GTEST_FIXTURE_PROP(BoxModel, a_tree_of_boxes_is_a_map, ()) {
  follow<Tree>({[](Tree& stored, auto& model, const Step& step) {
                  Box<Branch>* box = &stored.root;
                  const std::uint32_t key = step.a * 7919 % 1009;
                  while (*box && std::as_const(*box)->key != key) {
                    box = key < std::as_const(*box)->key ? &(*box)->left : &(*box)->right;
                  }
                  if (!*box) box->emplace();
                  (*box)->key = key;
                  (*box)->value = step.b;
                  model[key] = step.b;
                },
                [](Tree& stored, auto& model, const Step& step) {
                  if (step.a % 8 != 0) return;
                  Tree copy(stored);
                  stored.root = nullptr;
                  stored = std::move(copy);
                  RC_ASSERT(as_model(stored) == model);
                }});
}

RC_GTEST_PROP(BoxModelOrder, compares_as_optionals_of_its_objects,
              (const std::vector<int>& a, const std::vector<int>& b)) {
  TestHeap heap;
  const auto box_of = [](const std::vector<int>& v) {
    return v.empty() ? Box<int>() : make_box<int>(v.front());
  };
  const auto model_of = [](const std::vector<int>& v) {
    return v.empty() ? std::optional<int>() : std::optional<int>(v.front());
  };
  const Box<int> x = box_of(a);
  const Box<int> y = box_of(b);
  RC_ASSERT((x == y) == (model_of(a) == model_of(b)));
  RC_ASSERT((x <=> y) == (model_of(a) <=> model_of(b)));
  RC_ASSERT(x == Box<int>(x));
}

}  // namespace
}  // namespace cairn::test
