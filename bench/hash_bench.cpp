// SPDX-License-Identifier: BSL-1.0
#include <malloc.h>
#include <tsl/robin_map.h>
#include <tsl/robin_set.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "peers/hash_sides.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string robin_name = "tsl::robin";
const std::string boost_name = "boost::unordered_flat";
constexpr double mark_times = 1.3;

/// cairn's hash functions for all: the rows compare tables. They are good enough for Boost to take
/// them as they are.
template <class Key>
struct PeerHash {
  using is_avalanching = void;  // NOLINT(readability-identifier-naming): Boost's name
  std::size_t operator()(const Key& key) const { return Hash<Key>{}(key); }
};
template <>
struct PeerHash<std::string> : StringHash {
  using is_avalanching = void;  // NOLINT(readability-identifier-naming): Boost's name
};

template <class Key>
using StoredKey = std::conditional_t<std::is_same_v<Key, std::string>, String, Key>;

/// The peers with what is best for each: robin keeps the hashes of strings.
template <class Key>
struct Maps {
  using Cairn = InAStore<HashMap<StoredKey<Key>, std::uint64_t>>;
  using Robin = OnTheHeap<tsl::robin_map<Key, std::uint64_t, PeerHash<Key>, std::equal_to<>,
                                         std::allocator<std::pair<Key, std::uint64_t>>,
                                         std::is_same_v<Key, std::string>>>;
  using Boost =
      OnTheHeap<boost::unordered_flat_map<Key, std::uint64_t, PeerHash<Key>, std::equal_to<Key>>>;
};
template <class Key>
struct Sets {
  using Cairn = InAStore<HashSet<StoredKey<Key>>>;
  using Robin = OnTheHeap<tsl::robin_set<Key, PeerHash<Key>, std::equal_to<>, std::allocator<Key>,
                                         std::is_same_v<Key, std::string>>>;
  using Boost = OnTheHeap<boost::unordered_flat_set<Key, PeerHash<Key>, std::equal_to<Key>>>;
};

template <class Key>
std::vector<Key> keys_of(const std::vector<std::uint64_t>& numbers) {
  if constexpr (std::is_same_v<Key, std::string>) {
    std::vector<std::string> texts;
    texts.reserve(numbers.size());
    // 9 to 32 characters: some fit into the objects, some do not.
    for (const std::uint64_t number : numbers) {
      texts.push_back(fmt::format("{:x}", number).append(number % 17, '.'));
    }
    return texts;
  } else {
    return numbers;
  }
}

struct HashWork {
  std::uint64_t keys;
  /// How often all is done in a repetition, so that it takes long enough to be timed.
  unsigned rounds;
};

/// The keys of one round, in the orders in which they are used. Rounds have other keys, so that no
/// contestant lives on branches that were learnt by heart.
template <class Key>
struct HashKeys {
  HashKeys(std::uint64_t count, std::uint64_t round) {
    std::vector<std::uint64_t> numbers = distinct_keys(count);
    for (std::uint64_t& number : numbers) number = mix(number ^ mix(round));
    inserted = keys_of<Key>(numbers);
    found = keys_of<Key>(shuffled(numbers, 2 * round));
    erased = keys_of<Key>(shuffled(numbers, 2 * round + 1));
    for (std::uint64_t& number : numbers) number = mix(~number);
    absent = keys_of<Key>(numbers);
  }

  std::vector<Key> inserted;
  std::vector<Key> found;
  std::vector<Key> erased;
  std::vector<Key> absent;
};

template <class Side, class Key>
Samples run_hash_work(const std::string& who, Side& side, const HashWork& work,
                      unsigned repetition) {
  Samples seconds(5, 0);
  for (unsigned round = 0; round < work.rounds; ++round) {
    const HashKeys<Key> keys(work.keys, std::uint64_t{repetition} * work.rounds + round);
    std::uint64_t expected = 0;
    for (const Key& key : keys.inserted) expected += Side::has_values ? value_under(key) : 1;
    std::uint64_t sum = 0;
    side.begin();
    seconds[0] += side.template insert<Key>(keys.inserted);
    side.commit();
    seconds[1] += side.template find<Key>(keys.found, sum);
    require_answer(who, "sum of what was found", sum, expected);
    seconds[2] += side.template find<Key>(keys.absent, sum);
    require_answer(who, "sum of what is not there", sum, 0);
    side.begin();
    seconds[4] += side.template erase<Key>(keys.erased, sum);
    require_answer(who, "number of elements erased", sum, work.keys);
    side.renew();
    side.template insert<Key>(keys.inserted);
    seconds[3] += side.template erase<Key>(keys.erased, sum);
    require_answer(who, "number of elements erased", sum, work.keys);
    side.renew();
    side.commit();
  }
  for (double& sample : seconds) sample = ns_each(sample, work.keys * work.rounds);
  return seconds;
}

template <class Side, class Key>
Contestant hash_contestant(const std::string& name, const HashWork& full) {
  return {name, [=](const Setting& setting) -> Trial {
            HashWork work = full;
            work.keys = setting.amount(full.keys, std::min<std::uint64_t>(full.keys, 20'000));
            work.rounds = static_cast<unsigned>(setting.amount(full.rounds, 1));
            return [=](unsigned repetition) {
              const TrialDirectory directory(setting.directory);
              Side side(directory.file("table"));
              return run_hash_work<Side, Key>(name, side, work, repetition);
            };
          }};
}

template <class Sides, class Key>
Row hash_row(const std::string& name, const std::string& what, const HashWork& work) {
  Row row{name,
          fmt::format("{}, {} elements, in one transaction or read section; each operation", what,
                      work.keys),
          {{"insert", Unit::nanoseconds},
           {"find", Unit::nanoseconds},
           {"find absent", Unit::nanoseconds},
           {"erase what is new", Unit::nanoseconds},
           {"erase what was committed", Unit::nanoseconds}},
          {hash_contestant<typename Sides::Cairn, Key>(cairn_name, work),
           hash_contestant<typename Sides::Robin, Key>(robin_name, work),
           hash_contestant<typename Sides::Boost, Key>(boost_name, work)}};
  // Not judged is the erasure of what was committed: the first touch of each page makes a private
  // copy of it, for which tables on the heap, that cannot be rolled back, have no counterpart.
  for (const char* const measure : {"insert", "find", "erase what is new"}) {
    for (const std::string& peer : {robin_name, boost_name}) {
      row.marks.push_back({measure, Mark::Kind::at_most_times_the_time, mark_times, peer});
    }
  }
  return row;
}

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

/// Of the data file, trailing free pages given back: all of it, and what is in live blocks.
Samples measure_stored_bytes(const Setting& setting, bool reserves) {
  const TrialDirectory directory(setting.directory);
  InAStore<HashMap<std::uint64_t, std::uint64_t>> side(directory.file("table"));
  const std::uint64_t count = setting.amount(1'000'000, 50'000);
  if (reserves) side.reserve(count);
  const std::vector<std::uint64_t> keys = distinct_keys(count);
  side.begin();
  side.insert<std::uint64_t>(keys);
  side.commit();
  side.shrink();
  return {mebibytes(side.file_bytes()), mebibytes(side.used_bytes())};
}

template <class Map>
Samples measure_heap_bytes(const Setting& setting, bool reserves) {
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::uint64_t count = setting.amount(1'000'000, 50'000);
  const std::vector<std::uint64_t> keys = distinct_keys(count);
  const std::uint64_t before = in_use();
  Map map;
  if (reserves) map.reserve(count);
  insert_into<Map, std::uint64_t>(map, keys);
  const double bytes = mebibytes(in_use() - before);
  return {bytes, bytes};
}

Row memory_row(bool reserves) {
  using Robin = tsl::robin_map<std::uint64_t, std::uint64_t, PeerHash<std::uint64_t>>;
  using Boost = boost::unordered_flat_map<std::uint64_t, std::uint64_t, PeerHash<std::uint64_t>>;
  Row row{reserves ? "hash_memory_reserved" : "hash_memory",
          fmt::format("memory for 1 000 000 pairs of u64, {}; the store's file against bytes from "
                      "malloc",
                      reserves ? "reserved" : "one by one"),
          {{"all bytes", Unit::mebibytes}, {"bytes in use", Unit::mebibytes}},
          {{cairn_name,
            [=](const Setting& setting) -> Trial {
              return [=](unsigned) { return measure_stored_bytes(setting, reserves); };
            }},
           {robin_name,
            [=](const Setting& setting) -> Trial {
              return [=](unsigned) { return measure_heap_bytes<Robin>(setting, reserves); };
            }},
           {boost_name, [=](const Setting& setting) -> Trial {
              return [=](unsigned) { return measure_heap_bytes<Boost>(setting, reserves); };
            }}}};
  // The better of the two is what counts: boost's, whose groups are as full as cairn's chunks.
  for (const char* const measure : {"all bytes", "bytes in use"}) {
    for (const std::string& peer : {robin_name, boost_name}) {
      row.marks.push_back({measure, Mark::Kind::at_most_times_the_time, 1, peer});
    }
  }
  return row;
}

}  // namespace

std::vector<Row> hash_rows() {
  const HashWork small{1'000, 200};
  const HashWork large{1'000'000, 1};
  using Number = std::uint64_t;
  return {hash_row<Maps<Number>, Number>("hash_map_u64_1k", "map of u64 to u64", small),
          hash_row<Maps<Number>, Number>("hash_map_u64_1m", "map of u64 to u64", large),
          hash_row<Maps<std::string>, std::string>("hash_map_string_1k", "map of strings to u64",
                                                   small),
          hash_row<Maps<std::string>, std::string>("hash_map_string_1m", "map of strings to u64",
                                                   large),
          hash_row<Sets<Number>, Number>("hash_set_u64_1k", "set of u64", small),
          hash_row<Sets<Number>, Number>("hash_set_u64_1m", "set of u64", large),
          hash_row<Sets<std::string>, std::string>("hash_set_string_1k", "set of strings", small),
          hash_row<Sets<std::string>, std::string>("hash_set_string_1m", "set of strings", large),
          memory_row(false),
          memory_row(true)};
}

}  // namespace cairn::bench
