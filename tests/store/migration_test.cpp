// SPDX-License-Identifier: BSL-1.0
#include <gtest/gtest.h>

#include <stdexcept>

#include "forked_child.hpp"
#include "temp_store.hpp"

namespace cairn::test {
namespace {

struct OldUser {
  String name;
  std::uint32_t age = 0;
};
BOOST_DESCRIBE_STRUCT(OldUser, (), (name, age))
struct NewUser {
  std::uint64_t age = 0;
  String name;
  Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(NewUser, (), (age, name, visits))

using OldUsers = HashMap<std::uint64_t, OldUser>;
using NewUsers = HashMap<std::uint64_t, NewUser>;

/// A graph that refers to itself: a ring of boxes, each with a pointer back and one to the root.
struct Node {
  std::uint64_t id = 0;
  Box<Node> next;
  Ptr<Node> before;
};
BOOST_DESCRIBE_STRUCT(Node, (), (id, next, before))
struct OldGraph {
  Box<Node> first;
  Ptr<Node> last;
};
BOOST_DESCRIBE_STRUCT(OldGraph, (), (first, last))
struct NewGraph {
  std::uint64_t count = 0;
  Ptr<Node> last;
  Box<Node> first;
  Ptr<NewGraph> self;
};
BOOST_DESCRIBE_STRUCT(NewGraph, (), (count, last, first, self))

class Migration : public StoreTest {
 protected:
  static constexpr std::uint64_t users = 300;

  static void make_users(Store& store) {
    store.write([](WriteTransaction& tx) {
      auto& root = tx.construct<OldUsers>("users");
      for (std::uint64_t i = 0; i < users; ++i) {
        root[i].name = "a name that does not fit into its place " + std::to_string(i);
        root[i].age = static_cast<std::uint32_t>(i);
      }
    });
  }
  static NewUsers to_new(OldUsers& old) {
    NewUsers made;
    for (auto& [id, user] : old) {
      NewUser& added = made[id];
      added.age = user.age;
      added.name = std::move(user.name);
      added.visits.push_back(id);
    }
    return made;
  }
  static void expect_old(const Store& store) {
    store.read([](const ReadTransaction& tx) {
      const auto* root = tx.find<OldUsers>("users");
      ASSERT_NE(root, nullptr);
      ASSERT_EQ(root->size(), users);
      EXPECT_EQ(root->at(77).name, "a name that does not fit into its place 77");
    });
    expect_sound(store);
  }
  static void expect_new(const Store& store) {
    store.read([](const ReadTransaction& tx) {
      const auto* root = tx.find<NewUsers>("users");
      ASSERT_NE(root, nullptr);
      ASSERT_EQ(root->size(), users);
      for (std::uint64_t i = 0; i < users; ++i) {
        ASSERT_EQ(root->at(i).age, i);
        ASSERT_EQ(root->at(i).name, "a name that does not fit into its place " + std::to_string(i));
        ASSERT_EQ(root->at(i).visits.size(), 1U);
      }
    });
    expect_sound(store);
    EXPECT_EQ(store.check().unowned_bytes, 0U);
  }
};

TEST_F(Migration, a_mismatch_points_at_the_first_difference) {
  Store store = open();
  make_users(store);
  expect_error(errc::type_mismatch, path(),
               {"is stored as", "asked for as",
                "they differ at  {}.value.field 0: stored "
                "name:String@0, asked age:u64@0"},
               [&] { store.read([](const ReadTransaction& tx) { tx.find<NewUsers>("users"); }); });
}

TEST_F(Migration, gives_a_root_a_new_layout_under_its_old_name) {
  {
    Store store = open();
    make_users(store);
    EXPECT_TRUE((store.migrate<OldUsers, NewUsers>("users", to_new)));
    expect_new(store);
    EXPECT_EQ(store.begin_read().names(), std::vector<std::string>{"users"});
  }
  Store store = open();
  expect_new(store);
  EXPECT_FALSE((store.migrate<OldUsers, NewUsers>("users", to_new))) << "asked for again";
  EXPECT_FALSE((store.migrate<OldUsers, NewUsers>("others", to_new))) << "no such root";
  expect_error(errc::type_mismatch, path(), {"is stored as"}, [&] {
    store.migrate<String, OldUsers>("users", [](String&) { return OldUsers(); });
  });
  expect_new(store);
}

TEST_F(Migration, takes_a_function_of_both_as_well_and_one_that_only_reads) {
  Store store = open();
  store.write([](WriteTransaction& tx) { tx.construct<OldUser>("one").name = "Ada"; });
  const std::uint64_t before = store.sequence();
  store.migrate<OldUser, NewUser>("one", [](const OldUser& old, NewUser& made) {
    made.name = old.name;
    made.age = old.age + 1;
  });
  EXPECT_EQ(store.sequence(), before + 1) << "one transaction";
  EXPECT_EQ(store.begin_read().find<NewUser>("one")->age, 1U);
  store.migrate<NewUser, String>("one", [](const NewUser& old) { return old.name; });
  EXPECT_EQ(*store.begin_read().find<String>("one"), "Ada");
  expect_sound(store);
}

TEST_F(Migration, that_throws_leaves_everything_as_it_was) {
  Store store = open();
  make_users(store);
  const std::uint64_t sequence = store.sequence();
  const auto attempt = [&] {
    store.migrate<OldUsers, NewUsers>("users", [](OldUsers& old) {
      NewUsers made = to_new(old);
      old.clear();
      if (!made.empty()) throw std::runtime_error("changed my mind");
      return made;
    });
  };
  EXPECT_THROW(attempt(), std::runtime_error);
  const auto late = [&] {
    store.migrate<OldUsers, NewUsers>("users", [](OldUsers& old, NewUsers& made) {
      made = to_new(old);
      throw std::runtime_error("changed my mind");
    });
  };
  EXPECT_THROW(late(), std::runtime_error);
  EXPECT_EQ(store.sequence(), sequence);
  expect_old(store);
  EXPECT_TRUE((store.migrate<OldUsers, NewUsers>("users", to_new)));
  expect_new(store);
}

TEST_F(Migration, killed_in_between_is_wholly_done_or_not_at_all) {
  {
    Store store = open(power_options());
    make_users(store);
  }
  {
    Channel channel;
    ForkedChild child([&] {
      Store store = open(power_options());
      store.migrate<OldUsers, NewUsers>("users", [&](OldUsers& old) {
        NewUsers made = to_new(old);
        channel.tell_parent();
        channel.hear_parent();
        return made;
      });
      return true;
    });
    channel.hear_child();
    child.kill_now();
    expect_old(open(power_options()));
  }
  Channel channel;
  ForkedChild child([&] {
    Store store = open(power_options());
    store.migrate<OldUsers, NewUsers>("users", to_new);
    channel.tell_parent();
    channel.hear_parent();
    return true;
  });
  channel.hear_child();
  child.kill_now();
  expect_new(open(power_options()));
}

TEST_F(Migration, graphs_that_refer_to_themselves_go_along) {
  Store store = open();
  store.write([](WriteTransaction& tx) {
    auto& root = tx.construct<OldGraph>("graph");
    Node* last = nullptr;
    for (std::uint64_t i = 0; i < 50; ++i) {
      Box<Node>& link = last == nullptr ? root.first : last->next;
      link.emplace().id = i;
      link->before = last;
      last = link.get();
    }
    root.last = last;
  });
  store.migrate<OldGraph, NewGraph>("graph", [](OldGraph& old, NewGraph& made) {
    made.first = std::move(old.first);
    made.last = old.last;
    made.count = 50;
    made.self = &made;
  });
  store.read([](const ReadTransaction& tx) {
    const auto& root = *tx.find<NewGraph>("graph");
    EXPECT_EQ(root.self.get(), &root);
    std::uint64_t id = root.count;
    for (const Node* node = root.last.get(); node != nullptr; node = node->before.get()) {
      ASSERT_EQ(node->id, --id);
    }
    EXPECT_EQ(id, 0U);
  });
  expect_sound(store);
}

}  // namespace
}  // namespace cairn::test
