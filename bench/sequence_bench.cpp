// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cairn/cairn.hpp"
#include "cairn/mapping/file.hpp"
#include "cairn/recovery/header_format.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

const std::string std_name = "standard library";
constexpr double mark_times = 1.2;

Options kill_safe() {
  Options options;
  options.durability = Durability::process;
  return options;
}

/// One object of type T in a store, in a transaction from begin to commit.
template <class T>
class StoredObject {
 public:
  explicit StoredObject(const std::filesystem::path& file)
      : store_(Store::open(file, kill_safe())) {}

  T& begin() {
    tx_.emplace(store_.begin_write());
    return tx_->find_or_construct<T>("object");
  }
  void commit() {
    tx_->commit();
    tx_.reset();
  }

 private:
  Store store_;
  std::optional<WriteTransaction> tx_;
};

/// The same on the heap.
template <class T>
class HeapObject {
 public:
  explicit HeapObject(const std::filesystem::path&) {}
  T& begin() { return object_; }
  void commit() {}

 private:
  T object_;
};

struct SequenceWork {
  std::uint64_t elements;
  unsigned rounds;
};

/// `body(object, elements, round)` returns the seconds of each measure; it is run in one
/// transaction a repetition, after one unmeasured round that makes pages and memory warm.
template <class Object, class Body>
Contestant sequence_contestant(const std::string& name, const SequenceWork& full, Body body) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t elements =
                setting.amount(full.elements, std::min<std::uint64_t>(full.elements, 20'000));
            return [=](unsigned repetition) -> Samples {
              const TrialDirectory directory(setting.directory);
              Object held(directory.file("object"));
              auto& object = held.begin();
              body(object, elements, repetition);
              Samples sum;
              for (unsigned round = 0; round < full.rounds; ++round) {
                const Samples seconds = body(object, elements, repetition + round);
                sum.resize(seconds.size());
                for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += seconds[i];
              }
              held.commit();
              for (double& sample : sum) sample = ns_each(sample, elements * full.rounds);
              return sum;
            };
          }};
}

template <template <class> class Sequence>
Samples deque_work(Sequence<std::uint64_t>& deque, std::uint64_t elements, unsigned round) {
  std::uint64_t sum = 0;
  Samples seconds;
  seconds.push_back(seconds_of([&] {
    for (std::uint64_t i = 0; i < elements; ++i) deque.push_back(i ^ round);
  }));
  seconds.push_back(seconds_of([&] {
    for (std::uint64_t i = 0; i < elements; ++i) {
      sum += std::as_const(deque).front();
      deque.pop_front();
    }
  }));
  seconds.push_back(seconds_of([&] {
    for (std::uint64_t i = 0; i < elements; ++i) deque.push_front(i ^ round);
  }));
  seconds.push_back(seconds_of([&] {
    for (std::uint64_t i = 0; i < elements; ++i) {
      sum -= std::as_const(deque).back();
      deque.pop_back();
    }
  }));
  // A queue of a thousand that goes round and round.
  for (std::uint64_t i = 0; i < 1000; ++i) deque.push_back(i);
  seconds.push_back(seconds_of([&] {
    for (std::uint64_t i = 0; i < elements; ++i) {
      deque.push_back(std::as_const(deque).front() + 1);
      deque.pop_front();
    }
  }));
  require_answer("a deque", "what came out", sum, 0);
  require_answer("a deque", "size of the queue", deque.size(), 1000);
  deque.clear();
  return seconds;
}

template <class T>
using StdDeque = std::deque<T>;

Row deque_row(const std::string& name, const SequenceWork& work) {
  Row row{
      name,
      fmt::format("{} u64 into and out of a deque, in one transaction; each", work.elements),
      {{"push_back", Unit::nanoseconds},
       {"pop_front", Unit::nanoseconds},
       {"push_front", Unit::nanoseconds},
       {"pop_back", Unit::nanoseconds},
       {"push and pop of a queue", Unit::nanoseconds}},
      {sequence_contestant<StoredObject<Deque<std::uint64_t>>>(cairn_name, work, deque_work<Deque>),
       sequence_contestant<HeapObject<std::deque<std::uint64_t>>>(std_name, work,
                                                                  deque_work<StdDeque>)}};
  for (const Measure& measure : row.measures) {
    row.marks.push_back({measure.name, Mark::Kind::at_most_times_the_time, mark_times, std_name});
  }
  return row;
}

/// Texts of 16 characters to one string, and single characters to another.
template <class Text>
Samples append_work(Text& text, std::uint64_t elements, unsigned round) {
  const std::string part = fmt::format("{:016x}", mix(round));
  Samples seconds;
  text.clear();
  text.shrink_to_fit();
  seconds.push_back(seconds_of([&] {
    for (std::uint64_t i = 0; i < elements; ++i) text.append(part);
  }));
  require_answer("a string", "length", text.size(), 16 * elements);
  text.clear();
  text.shrink_to_fit();
  seconds.push_back(seconds_of([&] {
    for (std::uint64_t i = 0; i < elements; ++i) text.push_back(static_cast<char>('a' + i % 26));
  }));
  require_answer("a string", "length", text.size(), elements);
  return seconds;
}

Row append_row(const std::string& name, const SequenceWork& work) {
  Row row{name,
          fmt::format("{} appends to a string that begins empty, in one transaction; each",
                      work.elements),
          {{"16 characters", Unit::nanoseconds}, {"one character", Unit::nanoseconds}},
          {sequence_contestant<StoredObject<String>>(cairn_name, work, append_work<String>),
           sequence_contestant<HeapObject<std::string>>(std_name, work, append_work<std::string>)}};
  for (const Measure& measure : row.measures) {
    row.marks.push_back({measure.name, Mark::Kind::at_most_times_the_time, mark_times, std_name});
  }
  return row;
}

/// By the iterators, each of which marks what it hands out, and by the pointers that data() gives.
template <class Numbers>
Samples sort_work(Numbers& numbers, std::uint64_t elements, unsigned round) {
  Samples seconds;
  for (const bool by_iterator : {true, false}) {
    numbers.clear();
    for (std::uint64_t i = 0; i < elements; ++i) numbers.push_back(mix(i + 977 * round));
    seconds.push_back(seconds_of([&] {
      if (by_iterator) {
        std::sort(numbers.begin(), numbers.end());
      } else {
        auto* const data = numbers.data();
        std::sort(data, data + numbers.size());
      }
    }));
    const auto& sorted = std::as_const(numbers);
    require_answer("a vector", "order", std::is_sorted(sorted.begin(), sorted.end()) ? 1 : 0, 1);
  }
  return seconds;
}

Row sort_row(const std::string& name, const SequenceWork& work) {
  using Numbers = Vec<std::uint64_t>;
  using StdNumbers = std::vector<std::uint64_t>;
  Row row{
      name,
      fmt::format("std::sort of {} random u64, in one transaction; each element", work.elements),
      {{"by iterators", Unit::nanoseconds}, {"by data()", Unit::nanoseconds}},
      {sequence_contestant<StoredObject<Numbers>>(cairn_name, work, sort_work<Numbers>),
       sequence_contestant<HeapObject<StdNumbers>>(std_name, work, sort_work<StdNumbers>)}};
  for (const Measure& measure : row.measures) {
    row.marks.push_back({measure.name, Mark::Kind::at_most_times_the_time, mark_times, std_name});
  }
  return row;
}

using Number = std::uint64_t;

// The changes of one element that a container has. Those that it has not are not measured.

template <class Map>
struct MapChanges {
  static void insert(Map& map, Number key) { map.try_emplace(key, key); }
  static void update(Map& map, Number key) { map.at(key) += 1; }
  static void erase(Map& map, Number key) { map.erase(key); }
};
/// Keys cannot be updated.
template <class Set>
struct SetChanges {
  static void insert(Set& set, Number key) { set.insert(key); }
  static void erase(Set& set, Number key) { set.erase(key); }
};
template <class Sequence>
struct EndChanges {
  using Element = typename Sequence::value_type;
  static void insert(Sequence& sequence, Number key) {
    sequence.push_back(static_cast<Element>(key));
  }
  static void update(Sequence& sequence, Number key) { sequence[key % sequence.size()] ^= 1; }
  static void erase(Sequence& sequence, Number) { sequence.pop_back(); }
};
template <class Sequence>
struct FrontChanges : EndChanges<Sequence> {
  static void insert(Sequence& sequence, Number key) { sequence.push_front(key); }
  static void erase(Sequence& sequence, Number) { sequence.pop_front(); }
};
/// Holds one: what is inserted has to be erased first, and the other way round.
struct BoxChanges {
  using Numbers = Box<Number>;
  static void before_insert(Numbers& box) { box.reset(); }
  static void insert(Numbers& box, Number key) { box.emplace(key); }
  static void update(Numbers& box, Number) { *box += 1; }
  static void before_erase(Numbers& box) { box.emplace(1U); }
  static void erase(Numbers& box, Number) { box.reset(); }
};
/// Gets and loses rows, not elements.
struct ArrayChanges {
  using Array = NdArray<Number, 1>;
  static void fill(Array& array, std::uint64_t size) { array.resize({size}); }
  static void update(Array& array, Number key) { array(key % array.size()) ^= 1; }
};
struct AtomicChanges {
  static void fill(Atomic<Number>&, std::uint64_t) {}
  static void update(Atomic<Number>& atomic, Number) { atomic += 1; }
};

/// What one-element transactions append to the log, in bytes on average.
template <class T, class Changes>
class LogMeter {
 public:
  LogMeter(const std::filesystem::path& file, std::uint64_t size)
      : store_(Store::open(file, kill_safe())),
        file_(File::open(file.string(), File::Access::read_only)),
        object_(store_.write([&](WriteTransaction& tx) {
          T& made = tx.find_or_construct<T>("object");
          if constexpr (requires { Changes::fill(made, size); }) {
            Changes::fill(made, size);
          } else {
            for (std::uint64_t i = 0; i < size; ++i) Changes::insert(made, mix(i));
          }
          return tx.ref(made);
        })),
        size_(size) {}

  double of_updates() {
    if constexpr (requires(T & it) { Changes::update(it, 1U); }) {
      return bytes_of([&](T& it, unsigned i) { Changes::update(it, mix(mix(i) % size_)); });
    } else {
      return not_measured;
    }
  }
  double of_inserts() {
    if constexpr (requires(T & it) { Changes::insert(it, 1U); }) {
      return bytes_of([&](T& it, unsigned i) { Changes::insert(it, mix(size_ + i)); },
                      [](T& it) {
                        if constexpr (requires { Changes::before_insert(it); }) {
                          Changes::before_insert(it);
                        }
                      });
    } else {
      return not_measured;
    }
  }
  /// Of what of_inserts() inserted.
  double of_erasures() {
    if constexpr (requires(T & it) { Changes::erase(it, 1U); }) {
      return bytes_of([&](T& it, unsigned i) { Changes::erase(it, mix(size_ + i)); },
                      [](T& it) {
                        if constexpr (requires { Changes::before_erase(it); }) {
                          Changes::before_erase(it);
                        }
                      });
    } else {
      return not_measured;
    }
  }

 private:
  static constexpr unsigned times = 2000;

  /// `prepare` has a transaction of its own before each change, which is not counted.
  template <class Change, class Prepare>
  double bytes_of(Change change, Prepare prepare) {
    std::uint64_t bytes = 0;
    for (unsigned i = 0; i < times; ++i) {
      store_.write([&](WriteTransaction& tx) { prepare(tx[object_]); });
      const std::uint64_t before = tail();
      store_.write([&](WriteTransaction& tx) { change(tx[object_], i); });
      bytes += tail() - before;
    }
    return static_cast<double>(bytes) / times;
  }
  template <class Change>
  double bytes_of(Change change) {
    return bytes_of(change, [](T&) {});
  }
  std::uint64_t tail() const {
    std::uint64_t position = 0;
    file_.read_at(live_words_offset + offsetof(LiveWords, log_tail),
                  std::as_writable_bytes(std::span(&position, 1)));
    return position;
  }

  Store store_;
  File file_;
  Ref<T> object_;
  std::uint64_t size_;
};

template <class T, class Changes>
Contestant log_contestant(const std::string& name) {
  return {name, [](const Setting& setting) -> Trial {
            return [=](unsigned) -> Samples {
              const TrialDirectory directory(setting.directory);
              LogMeter<T, Changes> meter(directory.file("object"),
                                         setting.amount(1'000'000, 20'000));
              const double updating = meter.of_updates();
              const double inserting = meter.of_inserts();
              return {updating, inserting, meter.of_erasures()};
            };
          }};
}

template <template <class> class Changes, class T>
Contestant log_contestant(const std::string& name) {
  return log_contestant<T, Changes<T>>(name);
}

Row log_row() {
  Row row{
      "log_bytes",
      "bytes that a transaction of one change appends to the log, in containers of 1 000 000 u64 "
      "(pairs; characters); \"cairn\" is the HashMap; a Deque inserts and erases at its front, "
      "other sequences at their end",
      {{"update", Unit::bytes}, {"insert", Unit::bytes}, {"erase", Unit::bytes}},
      {log_contestant<MapChanges, HashMap<Number, Number>>(cairn_name),
       log_contestant<SetChanges, HashSet<Number>>("HashSet"),
       log_contestant<MapChanges, BTreeMap<Number, Number>>("BTreeMap"),
       log_contestant<SetChanges, BTreeSet<Number>>("BTreeSet"),
       log_contestant<EndChanges, Vec<Number>>("Vec"),
       log_contestant<FrontChanges, Deque<Number>>("Deque"),
       log_contestant<EndChanges, Segmented<Number>>("Segmented"),
       log_contestant<EndChanges, String>("String"), log_contestant<Box<Number>, BoxChanges>("Box"),
       log_contestant<NdArray<Number, 1>, ArrayChanges>("NdArray"),
       log_contestant<Atomic<Number>, AtomicChanges>("Atomic")}};
  row.marks = {{"insert", Mark::Kind::at_most, 600}};
  return row;
}

}  // namespace

std::vector<Row> sequence_rows() {
  return {deque_row("deque_1k", {1'000, 300}),
          deque_row("deque_1m", {1'000'000, 1}),
          append_row("append_1k", {1'000, 300}),
          append_row("append_1m", {1'000'000, 1}),
          sort_row("sort_1k", {1'000, 200}),
          sort_row("sort_1m", {1'000'000, 1}),
          log_row()};
}

}  // namespace cairn::bench
