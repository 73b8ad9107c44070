// SPDX-License-Identifier: BSL-1.0
// Parts of other libraries within stored objects, beside the same parts over standard texts and
// vectors: they know nothing of stores, so what declares, logs and takes back their bytes is what
// they stand in.
#include <chrono>
#include <tuple>
#include <variant>

#include "cairn/static_string.hpp"
#include "cairn/static_vector.hpp"
#include "model_test.hpp"

namespace cairn::test {
namespace {

template <class T, std::size_t N>
using Few = boost::container::static_vector<T, N>;
template <std::size_t N>
using Word = boost::static_string<N>;
using Seconds = std::chrono::sys_seconds;

template <class T, std::size_t N>
auto as_model(const Few<T, N>& few) {
  std::vector<decltype(test::as_model(few[0]))> model;
  for (const T& element : few) model.push_back(test::as_model(element));
  return model;
}
template <std::size_t N>
std::string as_model(const Word<N>& word) {
  return std::string(word.data(), word.size());
}

/// What containers move without asking.
struct Quiet {
  Word<20> word;
  Few<String, 3> names;
  std::tuple<std::uint32_t, String, Few<std::uint16_t, 5>> mixed;
  std::chrono::milliseconds age{};
  Seconds since{};
};
BOOST_DESCRIBE_STRUCT(Quiet, (), (word, names, mixed, age, since))
static_assert(detail::relocates_quietly<Quiet>());

struct QuietModel {
  std::string word;
  std::vector<std::string> names;
  std::tuple<std::uint32_t, std::string, std::vector<std::uint16_t>> mixed;
  std::chrono::milliseconds age{};
  Seconds since{};
  bool operator==(const QuietModel&) const = default;
};

QuietModel as_model(const Quiet& quiet) {
  const auto& [number, text, few] = quiet.mixed;
  return {as_model(quiet.word),
          as_model(quiet.names),
          {number, test::as_model(text), as_model(few)},
          quiet.age,
          quiet.since};
}

/// What is moved by its move constructor, since that alone knows what there is to move.
struct Parts {
  Quiet quiet;
  std::optional<Quiet> maybe;
  std::variant<std::monostate, std::uint32_t, String, Few<String, 2>> any;
};
BOOST_DESCRIBE_STRUCT(Parts, (), (quiet, maybe, any))
static_assert(!detail::relocates_quietly<Parts>());

struct PartsModel {
  QuietModel quiet;
  std::optional<QuietModel> maybe;
  std::variant<std::monostate, std::uint32_t, std::string, std::vector<std::string>> any;
  bool operator==(const PartsModel&) const = default;
};

PartsModel as_model(const Parts& parts) {
  PartsModel model{as_model(parts.quiet), {}, {}};
  if (parts.maybe) model.maybe = as_model(*parts.maybe);
  switch (parts.any.index()) {
    case 1: model.any = std::get<1>(parts.any); break;
    case 2: model.any = test::as_model(std::get<2>(parts.any)); break;
    case 3: model.any = as_model(std::get<3>(parts.any)); break;
    default: break;
  }
  return model;
}

/// The same changes of stored parts and of their model: both have the members that these use.
constexpr auto set_times = [](auto& quiet, const Step& step) {
  quiet.age = std::chrono::milliseconds(step.a) - std::chrono::seconds(1);
  quiet.since = Seconds(std::chrono::hours(step.b));
};
constexpr auto set_word = [](auto& quiet, const Step& step) {
  quiet.word.assign(step.text().substr(0, 20));
  if (step.a % 3 == 0) quiet.word.erase(0, 7);
};
constexpr auto change_names = [](auto& quiet, const Step& step) {
  if (quiet.names.size() == 3) quiet.names.erase(quiet.names.begin() + step.a % 3);
  quiet.names.emplace(quiet.names.begin() + step.place(quiet.names.size()), step.text());
};
constexpr auto change_mixed = [](auto& quiet, const Step& step) {
  auto& [number, text, few] = quiet.mixed;
  number = step.b;
  text.append(step.text());
  if (text.size() > 200) text.clear();
  few.assign(step.a % 6, static_cast<std::uint16_t>(step.b));
};
constexpr auto change_maybe = [](auto& parts, const Step& step) {
  if (step.a % 4 == 0) {
    parts.maybe.reset();
  } else if (step.a % 4 == 1 || !parts.maybe) {
    parts.maybe = std::as_const(parts.quiet);
  } else {
    change_names(*parts.maybe, step);
    change_mixed(*parts.maybe, step);
  }
};
constexpr auto change_any = [](auto& parts, const Step& step) {
  using Any = std::decay_t<decltype(parts.any)>;
  switch (step.a % 5) {
    case 0: parts.any = std::monostate(); break;
    case 1: parts.any = step.b; break;
    case 2: parts.any.template emplace<2>(step.text()); break;
    case 3: parts.any.template emplace<3>(step.b % 3, std::variant_alternative_t<2, Any>("few"));
    default: break;
  }
  if (auto* const few = std::get_if<3>(&parts.any); few != nullptr && !few->empty()) {
    few->back() = step.text();
  }
};

/// A root declares nothing of what it hands out.
template <class Change>
Edit<Parts> of_root(Change change) {
  return [=](Parts& stored, PartsModel& model, const Step& step) {
    mark(&stored, sizeof stored);
    change(stored, step);
    change(model, step);
  };
}
template <class Change>
auto of_quiet(Change change) {
  return [=](auto& parts, const Step& step) { change(parts.quiet, step); };
}

class InlinePartsModel : public ModelTest {};

RC_GTEST_FIXTURE_PROP(InlinePartsModel, a_root_of_parts_is_what_was_committed_of_it, ()) {
  follow<Parts>({of_root(of_quiet(set_times)), of_root(of_quiet(set_word)),
                 of_root(of_quiet(change_names)), of_root(of_quiet(change_mixed)),
                 of_root(change_maybe), of_root(change_any)});
}

/// Adding, removing and changing elements of a sequence.
template <class Sequence, class Change>
std::vector<Edit<Sequence>> edits_of(Change change) {
  return {[](auto& stored, auto& model, const Step&) {
            stored.emplace_back();
            model.emplace_back();
          },
          [=](auto& stored, auto& model, const Step& step) {
            if (model.empty()) return;
            change(stored[step.index(model.size())], step);
            change(model[step.index(model.size())], step);
          },
          [](auto& stored, auto& model, const Step& step) {
            if (model.empty()) return;
            const std::size_t from = step.index(model.size());
            const auto at = static_cast<std::ptrdiff_t>(step.b % (model.size() + 1));
            stored.insert(stored.cbegin() + at, std::as_const(stored)[from]);
            model.insert(model.cbegin() + at, std::as_const(model)[from]);
          },
          [](auto& stored, auto& model, const Step& step) {
            if (model.empty()) return;
            stored.erase(stored.cbegin() + step.place(model.size() - 1));
            model.erase(model.cbegin() + step.place(model.size() - 1));
          }};
}

RC_GTEST_FIXTURE_PROP(InlinePartsModel, a_vec_of_parts_grows_and_shrinks_with_them, ()) {
  follow<Vec<Parts>>(edits_of<Vec<Parts>>([](auto& parts, const Step& step) {
    set_times(parts.quiet, step);
    change_names(parts.quiet, step);
    change_maybe(parts, step);
    change_any(parts, step);
  }));
}

RC_GTEST_FIXTURE_PROP(InlinePartsModel, a_deque_of_parts_that_move_unasked_turns_with_them, ()) {
  follow<Deque<Quiet>>(edits_of<Deque<Quiet>>([](auto& quiet, const Step& step) {
    set_word(quiet, step);
    change_names(quiet, step);
    change_mixed(quiet, step);
  }));
}

RC_GTEST_FIXTURE_PROP(InlinePartsModel, a_map_of_parts_keeps_each_under_its_key, ()) {
  using Map = HashMap<std::uint32_t, Parts>;
  follow<Map>({[](Map& stored, ModelOf<Map>& model, const Step& step) {
                 change_any(stored[step.b % 40], step);
                 change_any(model[step.b % 40], step);
               },
               [](Map& stored, ModelOf<Map>& model, const Step& step) {
                 change_names(stored[step.b % 40].quiet, step);
                 change_names(model[step.b % 40].quiet, step);
               },
               [](Map& stored, ModelOf<Map>& model, const Step& step) {
                 for (std::uint32_t key = 0; key < step.a % 40; ++key) {
                   stored[key].maybe.emplace();
                   model[key].maybe.emplace();
                 }
               },
               [](Map& stored, ModelOf<Map>& model, const Step& step) {
                 RC_ASSERT(stored.erase(step.b % 40) == model.erase(step.b % 40));
               }});
}

}  // namespace
}  // namespace cairn::test
