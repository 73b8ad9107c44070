// SPDX-License-Identifier: BSL-1.0
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "peers/cairn_heap.hpp"
#include "peers/interprocess_heap.hpp"
#include "peers/malloc_heap.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string malloc_name = "glibc malloc";
const std::string interprocess_name = "rbtree_best_fit";

/// Allocates and writes one word, as whoever allocates does. (A small block comes marked.)
template <class Heap>
std::uint64_t* allocate_tagged(Heap& heap, std::size_t bytes, std::uint64_t tag) {
  auto* p = static_cast<std::uint64_t*>(heap.allocate(bytes));
  *p = tag;
  return p;
}

/// Allocating `count` blocks of 64 bytes from a heap that holds nothing, and freeing them in the
/// same order in another transaction.
template <class Heap, bool with_commit>
Samples fresh_blocks(const std::string& who, Heap& heap, std::uint64_t count) {
  constexpr std::size_t bytes = 64;
  std::vector<std::uint64_t*> blocks(count);
  heap.begin();
  double allocating = seconds_of([&] {
    for (std::uint64_t i = 0; i < count; ++i) blocks[i] = allocate_tagged(heap, bytes, i);
  });
  const double first_commit = seconds_of([&] { heap.commit(); });

  std::uint64_t sum = 0;
  for (const std::uint64_t* block : blocks) sum += *block;
  require_answer(who, "sum of block tags", sum, count * (count - 1) / 2);

  heap.begin();
  double freeing = seconds_of([&] {
    for (std::uint64_t* block : blocks) heap.deallocate(block, bytes);
  });
  const double second_commit = seconds_of([&] { heap.commit(); });
  if (with_commit) {
    allocating += first_commit;
    freeing += second_commit;
  }
  return {ns_each(allocating + freeing, count), ns_each(allocating, count),
          ns_each(freeing, count)};
}

/// A heap with `live` blocks of random sizes, each of which can be replaced by one of another size.
template <class Heap>
class SettledHeap {
 public:
  SettledHeap(std::string who, Heap& heap, std::uint64_t live, std::uint64_t seed)
      : who_(std::move(who)), heap_(heap), random_(seed), blocks_(live) {
    heap_.begin();
    for (std::uint64_t i = 0; i < live; ++i) blocks_[i] = new_block(i);
    heap_.commit();
  }

  /// Replaces `count` random blocks; returns the seconds that took and those of the commit.
  std::pair<double, double> replace(std::uint64_t count) {
    std::uint64_t wrong = 0;
    heap_.begin();
    const double replacing = seconds_of([&] {
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t victim = random_.below(blocks_.size());
        wrong += static_cast<std::uint64_t>(*blocks_[victim].p != victim);
        heap_.deallocate(blocks_[victim].p, blocks_[victim].bytes);
        blocks_[victim] = new_block(victim);
      }
    });
    const double committing = seconds_of([&] { heap_.commit(); });
    require_answer(who_, "number of overwritten blocks", wrong, 0);
    return {replacing, committing};
  }

 private:
  struct Block {
    std::uint64_t* p;
    std::size_t bytes;
  };

  Block new_block(std::uint64_t tag) {
    const std::size_t bytes = 16 + random_.below(500);
    return {allocate_tagged(heap_, bytes, tag), bytes};
  }

  std::string who_;
  Heap& heap_;
  Random random_;
  std::vector<Block> blocks_;
};

/// Replacements are committed in portions, as a program would.
constexpr std::uint64_t replacements_each = 100'000;

template <class Heap, bool with_commit>
Samples settled_blocks(const std::string& who, Heap& heap, std::uint64_t live, unsigned seed) {
  SettledHeap<Heap> settled(who, heap, live, seed);
  const std::uint64_t portion = std::min(replacements_each, live);
  for (std::uint64_t done = 0; done < 2 * live; done += portion) settled.replace(portion);

  double seconds = 0;
  std::uint64_t count = 0;
  for (; count < live; count += portion) {
    const auto [replacing, committing] = settled.replace(portion);
    seconds += with_commit ? replacing + committing : replacing;
  }
  return {ns_each(seconds, count)};
}

/// The same block again and again: what a heap does at its best.
template <class Heap>
Samples hot_pair(const std::string& who, Heap& heap, std::uint64_t times) {
  std::uintptr_t seen = 0;
  heap.begin();
  const double seconds = seconds_of([&] {
    for (std::uint64_t i = 0; i < times; ++i) {
      void* p = heap.allocate(64);
      benchmark::DoNotOptimize(p);
      seen |= reinterpret_cast<std::uintptr_t>(p);
      heap.deallocate(p, 64);
    }
  });
  heap.commit();
  require_answer(who, "misalignment", seen % alignof(std::uint64_t), 0);
  return {ns_each(seconds, times)};
}

/// A contestant whose every repetition runs `work` on a new heap.
template <class Heap, class Work>
Contestant heap_contestant(const std::string& name, Work work) {
  return {name, [=](const Setting& setting) -> Trial {
            return [=](unsigned repetition) {
              const TrialDirectory directory(setting.directory);
              Heap heap(directory.file("heap"));
              return work(name, heap, setting, repetition);
            };
          }};
}

template <class Heap, bool with_commit = false>
Contestant fresh_contestant(const std::string& name) {
  return heap_contestant<Heap>(
      name, [](const std::string& who, Heap& heap, const Setting& setting, unsigned) {
        return fresh_blocks<Heap, with_commit>(who, heap, setting.amount(1'000'000, 50'000));
      });
}

template <class Heap, bool with_commit = false>
Contestant settled_contestant(const std::string& name) {
  return heap_contestant<Heap>(
      name, [](const std::string& who, Heap& heap, const Setting& setting, unsigned repetition) {
        const std::uint64_t live = setting.amount(1'000'000, 50'000);
        return settled_blocks<Heap, with_commit>(who, heap, live, repetition);
      });
}

template <class Heap>
Contestant hot_contestant(const std::string& name) {
  return heap_contestant<Heap>(
      name, [](const std::string& who, Heap& heap, const Setting& setting, unsigned) {
        return hot_pair(who, heap, setting.amount(10'000'000, 500'000));
      });
}

const std::string unlocked_name = interprocess_name + ", no mutex";
const std::string with_commit_name = cairn_name + ", with commit";

/// The marks that every measure of the allocator rows has.
std::vector<Mark> heap_marks(const std::vector<Measure>& measures) {
  std::vector<Mark> marks;
  for (const Measure& measure : measures) {
    marks.push_back({measure.name, Mark::Kind::at_most_times_the_time, 1, malloc_name});
    marks.push_back({measure.name, Mark::Kind::at_least_times_as_fast, 5, interprocess_name});
  }
  return marks;
}

Row fresh_row() {
  Row row{
      "allocate_fresh",
      "1 000 000 blocks of 64 bytes allocated and written to, later freed; each block",
      {{"both", Unit::nanoseconds}, {"allocate", Unit::nanoseconds}, {"free", Unit::nanoseconds}},
      {fresh_contestant<CairnHeap>(cairn_name), fresh_contestant<MallocHeap>(malloc_name),
       fresh_contestant<LockedInterprocessHeap>(interprocess_name),
       fresh_contestant<UnlockedInterprocessHeap>(unlocked_name),
       fresh_contestant<CairnHeap, true>(with_commit_name)}};
  // The halves are shown beside: what a heap saves in one it may pay in the other.
  row.marks = heap_marks({row.measures.front()});
  return row;
}

Row settled_row() {
  Row row{"allocate_settled",
          "a random one of 1 000 000 live blocks of 16 to 515 bytes freed and replaced by one of "
          "another size; each replacement",
          {{"replace", Unit::nanoseconds}},
          {settled_contestant<CairnHeap>(cairn_name), settled_contestant<MallocHeap>(malloc_name),
           settled_contestant<LockedInterprocessHeap>(interprocess_name),
           settled_contestant<UnlockedInterprocessHeap>(unlocked_name),
           settled_contestant<CairnHeap, true>(with_commit_name)}};
  row.marks = heap_marks(row.measures);
  return row;
}

Row hot_row() {
  Row row{"allocate_hot",
          "one block of 64 bytes allocated and freed at once; each pair",
          {{"pair", Unit::nanoseconds}},
          {hot_contestant<CairnHeap>(cairn_name), hot_contestant<MallocHeap>(malloc_name),
           hot_contestant<LockedInterprocessHeap>(interprocess_name),
           hot_contestant<UnlockedInterprocessHeap>(unlocked_name)}};
  // glibc answers a pair from a list that belongs to the thread; cairn's has a bound of its own.
  row.marks = {{"pair", Mark::Kind::at_most, 15},
               {"pair", Mark::Kind::at_least_times_as_fast, 5, interprocess_name}};
  return row;
}

}  // namespace

std::vector<Row> allocator_rows() {
  return {fresh_row(), settled_row(), hot_row()};
}

}  // namespace cairn::bench
