// SPDX-License-Identifier: BSL-1.0
// A child runs random programs over all containers at once, a transaction after the other, and is
// killed in the middle of one. Whoever opens the store then finds what was committed, and no more
// than the one transaction whose commit was under way.
#include <sys/mman.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "forked_child.hpp"
#include "model_test.hpp"

namespace cairn::test {
namespace {

using Grid = NdArray<std::uint64_t, 2>;
constexpr std::size_t grid_side = 12;

struct Everything {
  Vec<String> vec;
  Deque<std::uint64_t> deque;
  HashMap<String, Vec<std::uint64_t>> map;
  HashSet<std::uint64_t> set;
  BTreeMap<std::uint64_t, String> ordered_map;
  BTreeSet<String> ordered_set;
  Segmented<String> segmented;
  Grid grid;
  Box<String> box;
  String text;
  /// The number of the last transaction that was committed: outside of all of them.
  Atomic<std::uint64_t> committed;
};
BOOST_DESCRIBE_STRUCT(Everything, (),
                      (vec, deque, map, set, ordered_map, ordered_set, segmented, grid, box, text,
                       committed))

struct EverythingModel {
  std::vector<std::string> vec;
  std::deque<std::uint64_t> deque;
  std::unordered_map<std::string, std::vector<std::uint64_t>> map;
  std::unordered_set<std::uint64_t> set;
  std::map<std::uint64_t, std::string> ordered_map;
  std::set<std::string> ordered_set;
  std::deque<std::string> segmented;
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> grid;
  std::optional<std::string> box;
  std::string text;
  bool operator==(const EverythingModel&) const = default;
};

EverythingModel as_model(const Everything& stored) {
  EverythingModel model{test::as_model(stored.vec),         test::as_model(stored.deque),
                        test::as_model(stored.map),         test::as_model(stored.set),
                        test::as_model(stored.ordered_map), test::as_model(stored.ordered_set),
                        test::as_model(stored.segmented),   {},
                        test::as_model(stored.box),         test::as_model(stored.text)};
  detail::for_each_nd_index(stored.grid.extents(), [&](const Grid::Index& index) {
    if (stored.grid[index] != 0) model.grid[{index[0], index[1]}] = stored.grid[index];
  });
  return model;
}

/// A bit for each member that holds something.
unsigned filled_members(const EverythingModel& model) {
  const bool filled[] = {!model.vec.empty(),         !model.deque.empty(),
                         !model.map.empty(),         !model.set.empty(),
                         !model.ordered_map.empty(), !model.ordered_set.empty(),
                         !model.segmented.empty(),   !model.grid.empty(),
                         model.box.has_value(),      !model.text.empty()};
  unsigned members = 0;
  for (std::size_t i = 0; i < std::size(filled); ++i) members |= unsigned{filled[i]} << i;
  return members;
}
constexpr unsigned all_members = (1U << 10) - 1;

void put(Grid& grid, std::size_t row, std::size_t column, std::uint64_t value) {
  const Grid::Index wanted{std::max(grid.extent(0), row + 1), std::max(grid.extent(1), column + 1)};
  if (wanted != grid.extents()) grid.resize(wanted);
  grid(row, column) = value;
}
void put(decltype(EverythingModel::grid)& grid, std::size_t row, std::size_t column,
         std::uint64_t value) {
  grid[{row, column}] = value;
}

/// The same change of the store and of the model: both have the members that it uses.
template <class Root>
void change(Root& root, std::mt19937_64& random) {
  const std::uint64_t number = random() % 500;
  const std::string text(number % 60, static_cast<char>('a' + number % 26));
  switch (random() % 18) {
    case 0: root.vec.emplace_back(text); break;
    case 1:
      root.vec.insert(root.vec.begin() +
                          static_cast<std::ptrdiff_t>(number % (root.vec.size() + 1)),
                      typename std::decay_t<decltype(root.vec)>::value_type(text));
      break;
    case 2:
      if (root.vec.size() > 40) root.vec.erase(root.vec.begin(), root.vec.begin() + 20);
      break;
    case 3: root.deque.push_back(number); break;
    case 4: root.deque.push_front(number); break;
    case 5:
      if (!root.deque.empty()) root.deque.pop_front();
      break;
    case 6: root.map["key " + std::to_string(number % 40)].push_back(number); break;
    case 7: root.map.erase("key " + std::to_string(number % 40)); break;
    case 8:
      number % 3 == 0 ? void(root.set.erase(number / 3)) : void(root.set.insert(number));
      break;
    case 9:
      // Enough to turn the ring and to make it grow.
      for (std::uint64_t i = 0; i < number % 70; ++i) root.deque.push_front(i);
      while (root.deque.size() > 300) root.deque.pop_back();
      break;
    case 10:
    case 11:
      // Whole nodes at a time: splits, and merges where they go again.
      for (std::uint64_t i = 0; i < number % 60; ++i) {
        root.ordered_map.insert_or_assign((number * 7 + i * (1 + number % 3)) % 900, text);
      }
      break;
    case 12:
      root.ordered_map.erase(root.ordered_map.lower_bound(number),
                             root.ordered_map.upper_bound(number + number % 90));
      break;
    case 13:
      for (std::uint64_t i = 0; i < number % 40; ++i) {
        root.ordered_set.emplace(text + std::to_string(number * i % 300));
      }
      break;
    case 14:
      for (std::uint64_t i = 0; i < number % 80 && !root.ordered_set.empty(); ++i) {
        root.ordered_set.erase(number % 2 == 0 ? root.ordered_set.begin()
                                               : std::prev(root.ordered_set.end()));
      }
      break;
    case 15:
      root.segmented.emplace_back(text);
      if (root.segmented.size() > 100) root.segmented.resize(number % 100);
      break;
    case 16: put(root.grid, number % grid_side, number / grid_side % grid_side, 1 + number); break;
    case 17:
      root.box.emplace(text);
      root.text.append(text);
      if (root.text.size() > 900) root.text.erase(0, 800);
  }
}

/// Transaction `number` of a run: some changes, the same whenever it is asked for.
template <class Root>
void transact(Root& root, std::uint64_t seed, std::uint64_t number) {
  std::mt19937_64 random(seed * 1000003 + number);
  for (std::uint64_t left = 1 + random() % 12; left != 0; --left) change(root, random);
}

/// A number that parent and child see at once.
class SharedNumber {
 public:
  SharedNumber() {
    void* const memory =
        ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    number_ = ::new (memory) std::atomic<std::uint64_t>(0);
  }
  SharedNumber(const SharedNumber&) = delete;
  SharedNumber& operator=(const SharedNumber&) = delete;
  ~SharedNumber() { ::munmap(number_, page_bytes); }
  std::atomic<std::uint64_t>& operator*() const noexcept { return *number_; }

 private:
  std::atomic<std::uint64_t>* number_;
};

class EverythingModelTest : public ModelTest {};

class KilledChild : public StoreTest {
 protected:
  static Options child_options() {
    Options fast = options();
    // Comparing all of the working view would leave most kills to fall into the comparison.
    fast.verify_writes = false;
    return fast;
  }
  /// And the number that the Atomic holds.
  std::pair<EverythingModel, std::uint64_t> content() const {
    const Store store = Store::open(path(), options());
    expect_sound(store);
    return store.read([](const ReadTransaction& tx) {
      const auto* const root = tx.find<Everything>("root");
      return root == nullptr ? std::pair(EverythingModel{}, std::uint64_t{0})
                             : std::pair(as_model(*root), root->committed.load());
    });
  }
};

TEST_F(KilledChild, leaves_what_it_committed_and_at_most_the_transaction_under_way) {
  constexpr int kills = 40;
  constexpr std::uint64_t seed = 20;
  EverythingModel model;
  std::uint64_t done = 0;
  std::uint64_t unacknowledged = 0;
  unsigned filled = 0;
  unsigned within = 0;
  std::mt19937_64 random(seed);
  const SharedNumber begun;
  const SharedNumber acknowledged;
  for (int kill = 0; kill < kills; ++kill) {
    const std::uint64_t first = done;
    (*acknowledged).store(first);
    ForkedChild child([&] {
      Store store = Store::open(path(), child_options());
      for (std::uint64_t number = first;; ++number) {
        (*begun).store(number + 1);
        store.write([&](WriteTransaction& tx) {
          transact(tx.find_or_construct<Everything>("root"), seed, number);
        });
        store.read([&](const ReadTransaction& tx) {
          tx.find<Everything>("root")->committed.store(number + 1);
        });
        (*acknowledged).store(number + 1);
      }
      return true;
    });
    // Some transactions, however long they take here, and then a part of the next.
    for (const std::uint64_t last = first + 1 + random() % 5; (*acknowledged).load() < last;) {
      ASSERT_TRUE(child.is_running());
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 1000));
    child.kill_now();
    within += (*begun).load() != (*acknowledged).load() ? 1U : 0U;
    const auto [found, told] = content();
    ASSERT_GE(told, (*acknowledged).load());
    for (; done < (*acknowledged).load(); ++done) transact(model, seed, done);
    // By the number as well: there are transactions that change nothing.
    if (found != model || told > done) {
      transact(model, seed, done++);
      ++unacknowledged;
    }
    ASSERT_EQ(found, model) << "after kill " << kill << ", transaction " << done;
    ASSERT_LE(told, done);
    filled |= filled_members(found);
  }
  EXPECT_EQ(filled, all_members) << "a member stayed empty in all of the stores that were opened";
  EXPECT_GT(done, std::uint64_t{kills} * 2);
  EXPECT_GT(within, 0U) << "no kill came within a transaction";
  RecordProperty("transactions", static_cast<int>(done));
  RecordProperty("committed_unacknowledged", static_cast<int>(unacknowledged));
}

/// The same changes in an order that can be shrunk, with kills at the ends of transactions.
RC_GTEST_FIXTURE_PROP(EverythingModelTest, containers_of_all_kinds_share_their_transactions, ()) {
  const auto some = [](Everything& stored, EverythingModel& model, const Step& step) {
    transact(stored, step.a, step.b);
    transact(model, step.a, step.b);
  };
  follow<Everything>({some, some, some});
}

}  // namespace
}  // namespace cairn::test
