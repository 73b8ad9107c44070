// SPDX-License-Identifier: BSL-1.0

// The first example of the README, line by line as it stands there, columns included.
// clang-format off
#include <cairn/cairn.hpp>            // everything; each part also has its own header: <cairn/vec.hpp>, ...

struct User {                         // a stored struct: described once, checked at compile time
  cairn::String name;
  std::uint32_t age = 0;
  cairn::Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age, visits))

int main() {
  cairn::Store store = cairn::Store::open("people.cairn");   // created if absent, recovered if needed

  store.write([](cairn::WriteTransaction& tx) {             // all or nothing; throwing rolls back
    auto& users = tx.find_or_construct<cairn::HashMap<std::uint64_t, User>>("users");
    User& ada = users.try_emplace(1).first->second;
    ada.name = "Ada";
    ada.visits.push_back(1843);
  });

  const std::size_t n = store.read([](const cairn::ReadTransaction& tx) {
    const auto* users = tx.find<cairn::HashMap<std::uint64_t, User>>("users");   // nullptr if absent
    return users ? users->size() : 0;
  });

  store.close();    // a program that is killed before loses no commit; see "Closing"
  return n == 1 ? 0 : 1;
}
