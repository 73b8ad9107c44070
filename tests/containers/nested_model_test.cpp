// SPDX-License-Identifier: BSL-1.0
// Random programs over containers within containers, with commits and rollbacks in between, against
// the same programs over the standard library's. Every commit checks that each change was declared.
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "cairn/box.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/string.hpp"
#include "cairn/vec.hpp"
#include "container_test.hpp"

namespace cairn::test {
namespace {

struct Person {
  String name;
  std::uint32_t age = 0;
  Vec<std::uint64_t> visits;
  Box<Person> friend_of;
  HashMap<std::uint16_t, String> notes;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age, visits, friend_of, notes))

struct PersonModel {
  std::string name;
  std::uint32_t age = 0;
  std::vector<std::uint64_t> visits;
  std::vector<PersonModel> friend_of;
  std::map<std::uint16_t, std::string> notes;
};

using Stored = HashMap<String, Person>;
using Model = std::unordered_map<std::string, PersonModel>;

bool same(const Person& person, const PersonModel& model) {
  if (person.name != model.name || person.age != model.age ||
      !std::equal(person.visits.begin(), person.visits.end(), model.visits.begin(),
                  model.visits.end()) ||
      bool(person.friend_of) == model.friend_of.empty() ||
      person.notes.size() != model.notes.size()) {
    return false;
  }
  for (const auto& [key, note] : model.notes) {
    const auto found = person.notes.find(key);
    if (found == person.notes.end() || found->second != note) return false;
  }
  return model.friend_of.empty() || same(*person.friend_of, model.friend_of.front());
}

bool same(const Stored& stored, const Model& model) {
  if (stored.size() != model.size()) return false;
  for (const auto& [name, person] : stored) {
    const auto found = model.find(name.str());
    if (found == model.end() || !same(person, found->second)) return false;
  }
  return true;
}

struct Command {
  int kind;
  std::uint16_t key;
  std::uint32_t number;
};

std::ostream& operator<<(std::ostream& out, const Command& command) {
  return out << "{" << command.kind << ", " << command.key << ", " << command.number << "}";
}

std::vector<Command> program() {
  return *rc::gen::container<std::vector<Command>>(rc::gen::build<Command>(
      rc::gen::set(&Command::kind, rc::gen::inRange(0, 13)),
      rc::gen::set(&Command::key,
                   rc::gen::map(rc::gen::inRange(0, 40),
                                [](int k) { return static_cast<std::uint16_t>(k); })),
      rc::gen::set(&Command::number, rc::gen::inRange<std::uint32_t>(0, 5000))));
}

/// Texts of all lengths, around the inline buffer and beyond.
std::string text_of(std::uint32_t number) {
  return std::string(number % 70, static_cast<char>('a' + number % 26));
}
std::string name_of(std::uint16_t key) {
  return "person " + std::to_string(key) + std::string(key % 3 * 15, '.');
}

void change(const Command& command, Person& person, PersonModel& model) {
  const std::uint32_t number = command.number;
  const auto note = static_cast<std::uint16_t>(number % 30);
  switch (command.kind) {
    case 0:
      person.name = text_of(number);
      model.name = text_of(number);
      break;
    case 1:
      person.visits.push_back(number);
      model.visits.push_back(number);
      break;
    case 2: {
      const std::size_t at = number % (model.visits.size() + 1);
      person.visits.insert(std::as_const(person.visits).begin() + at, number % 50, number);
      model.visits.insert(model.visits.begin() + static_cast<std::ptrdiff_t>(at), number % 50,
                          number);
      break;
    }
    case 3:
      if (model.visits.empty()) break;
      person.visits.erase(std::as_const(person.visits).begin() + number % model.visits.size());
      model.visits.erase(model.visits.begin() +
                         static_cast<std::ptrdiff_t>(number % model.visits.size()));
      break;
    case 4:
      person.notes[note] = text_of(number);
      model.notes[note] = text_of(number);
      break;
    case 5:
      person.notes.erase(note);
      model.notes.erase(note);
      break;
    case 6:
      person.name.append(text_of(number));
      model.name.append(text_of(number));
      break;
    case 7: person.age = model.age = number; break;
    default: break;
  }
}

void link(const Command& command, Stored& stored, Model& model) {
  const std::string name = name_of(command.key);
  const std::string other = name_of(static_cast<std::uint16_t>(command.number % 40));
  if (!model.contains(other) || name == other) return;
  if (command.number % 2 == 0) {
    Person copy = std::as_const(stored).at(other);
    stored[name].friend_of = make_box<Person>(std::move(copy));
    PersonModel model_copy = model.at(other);
    model[name].friend_of.assign(1, model_copy);
  } else {
    Person moved = std::move(stored.at(other));
    stored.insert_or_assign(name, std::move(moved));
    stored.erase(other);
    PersonModel model_moved = std::move(model.at(other));
    model.insert_or_assign(name, std::move(model_moved));
    model.erase(other);
  }
}

class NestedModel : public ContainerTest {};

RC_GTEST_FIXTURE_PROP(NestedModel, agrees_with_the_standard_library, ()) {
  Stored& stored = make<Stored>();
  Model model;
  Model committed;
  commit();
  for (const Command& command : program()) {
    const std::string name = name_of(command.key);
    switch (command.kind) {
      case 8: RC_ASSERT(stored.erase(name) == model.erase(name)); break;
      case 9: link(command, stored, model); break;
      case 10:
        commit();
        committed = model;
        break;
      case 11:
        rollback();
        model = committed;
        break;
      case 12:
        stored.shrink_to_fit();
        for (auto& [key, person] : stored) person.visits.shrink_to_fit();
        break;
      default: change(command, stored[name], model[name]);
    }
  }
  RC_ASSERT(same(stored, model));
  RC_ASSERT(problems() == std::vector<std::string>{});
  {
    const Stored copy(stored);
    RC_ASSERT(same(copy, model));
  }
  rollback();
  RC_ASSERT(same(stored, committed));
  RC_ASSERT(problems() == std::vector<std::string>{});
}

RC_GTEST_FIXTURE_PROP(NestedModel, lists_of_lists_agree_with_the_standard_library,
                      (const std::vector<std::vector<std::string>>& lists)) {
  auto& stored = make<Vec<Vec<String>>>();
  for (const auto& list : lists) {
    stored.emplace_back(list.begin(), list.end());
    stored.insert(std::as_const(stored).begin(), std::as_const(stored).back());
    commit();
  }
  stored.erase(std::as_const(stored).begin(), std::as_const(stored).begin() + lists.size());
  RC_ASSERT(stored.size() == lists.size());
  for (std::size_t i = 0; i < lists.size(); ++i) {
    RC_ASSERT(std::equal(stored[i].begin(), stored[i].end(), lists[i].begin(), lists[i].end()));
  }
}

}  // namespace
}  // namespace cairn::test
