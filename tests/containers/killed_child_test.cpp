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

struct Everything {
  Vec<String> vec;
  Deque<std::uint64_t> deque;
  HashMap<String, Vec<std::uint64_t>> map;
  HashSet<std::uint64_t> set;
  Box<String> box;
  String text;
};
BOOST_DESCRIBE_STRUCT(Everything, (), (vec, deque, map, set, box, text))

struct EverythingModel {
  std::vector<std::string> vec;
  std::deque<std::uint64_t> deque;
  std::unordered_map<std::string, std::vector<std::uint64_t>> map;
  std::unordered_set<std::uint64_t> set;
  std::optional<std::string> box;
  std::string text;
  bool operator==(const EverythingModel&) const = default;
};

EverythingModel as_model(const Everything& stored) {
  return {test::as_model(stored.vec), test::as_model(stored.deque), test::as_model(stored.map),
          test::as_model(stored.set), test::as_model(stored.box),   test::as_model(stored.text)};
}

/// The same change of the store and of the model: both have the members that it uses.
template <class Root>
void change(Root& root, std::mt19937_64& random) {
  const std::uint64_t number = random() % 500;
  const std::string text(number % 60, static_cast<char>('a' + number % 26));
  switch (random() % 10) {
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
    default:
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

class KilledChild : public StoreTest {
 protected:
  static Options child_options() {
    Options fast = options();
    // Comparing all of the working view would leave most kills to fall into the comparison.
    fast.verify_writes = false;
    return fast;
  }
  EverythingModel content() const {
    const Store store = Store::open(path(), options());
    expect_sound(store);
    return store.read([](const ReadTransaction& tx) {
      const auto* const root = tx.find<Everything>("root");
      return root == nullptr ? EverythingModel{} : as_model(*root);
    });
  }
};

TEST_F(KilledChild, leaves_what_it_committed_and_at_most_the_transaction_under_way) {
  constexpr int kills = 40;
  constexpr std::uint64_t seed = 20;
  EverythingModel model;
  std::uint64_t done = 0;
  std::uint64_t unacknowledged = 0;
  std::mt19937_64 random(seed);
  const SharedNumber acknowledged;
  for (int kill = 0; kill < kills; ++kill) {
    const std::uint64_t first = done;
    (*acknowledged).store(first);
    ForkedChild child([&] {
      Store store = Store::open(path(), child_options());
      for (std::uint64_t number = first;; ++number) {
        store.write([&](WriteTransaction& tx) {
          transact(tx.find_or_construct<Everything>("root"), seed, number);
        });
        (*acknowledged).store(number + 1);
      }
      return true;
    });
    while ((*acknowledged).load() == first) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    child.kill_now();
    const EverythingModel found = content();
    for (; done < (*acknowledged).load(); ++done) transact(model, seed, done);
    if (found != model) {
      transact(model, seed, done++);
      ++unacknowledged;
    }
    ASSERT_EQ(found, model) << "after kill " << kill << ", transaction " << done;
  }
  EXPECT_GT(done, std::uint64_t{kills} * 2);
  RecordProperty("transactions", static_cast<int>(done));
  RecordProperty("committed_unacknowledged", static_cast<int>(unacknowledged));
}

}  // namespace
}  // namespace cairn::test
