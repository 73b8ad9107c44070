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

/// What one-element transactions append to the log, in bytes on average.
class LogMeter {
 public:
  LogMeter(Store& store, const std::filesystem::path& file)
      : store_(store), file_(File::open(file.string(), File::Access::read_only)) {}

  template <class T, class Change>
  double bytes_of(Ref<T> object, unsigned times, Change change) {
    const std::uint64_t before = tail();
    for (unsigned i = 0; i < times; ++i) {
      store_.write([&](WriteTransaction& tx) { change(tx[object], i); });
    }
    return static_cast<double>(tail() - before) / times;
  }

 private:
  std::uint64_t tail() const {
    std::uint64_t position = 0;
    file_.read_at(live_words_offset + offsetof(LiveWords, log_tail),
                  std::as_writable_bytes(std::span(&position, 1)));
    return position;
  }

  Store& store_;
  File file_;
};

template <class T, class Fill, class Update, class Insert, class Erase>
Contestant log_contestant(const std::string& name, Fill fill, Update update, Insert insert,
                          Erase erase) {
  return {name, [=](const Setting& setting) -> Trial {
            const std::uint64_t size = setting.amount(1'000'000, 20'000);
            return [=](unsigned) -> Samples {
              const TrialDirectory directory(setting.directory);
              Store store = Store::open(directory.file("object"), kill_safe());
              const Ref<T> object = store.write([&](WriteTransaction& tx) {
                T& made = tx.find_or_construct<T>("object");
                for (std::uint64_t i = 0; i < size; ++i) fill(made, mix(i));
                return tx.ref(made);
              });
              LogMeter meter(store, directory.file("object"));
              constexpr unsigned times = 2000;
              const auto key = [&](unsigned i) { return mix(mix(i) % size); };
              const double updating =
                  meter.bytes_of(object, times, [&](T& it, unsigned i) { update(it, key(i)); });
              const double inserting = meter.bytes_of(
                  object, times, [&](T& it, unsigned i) { insert(it, mix(size + i)); });
              const double erasing = meter.bytes_of(
                  object, times, [&](T& it, unsigned i) { erase(it, mix(size + i)); });
              return {updating, inserting, erasing};
            };
          }};
}

/// A container without a way to update an element in place is given nothing to do.
constexpr auto nothing = [](auto&, std::uint64_t) {};

Row log_row() {
  using Number = std::uint64_t;
  const auto at = [](auto& sequence, Number key) -> Number& {
    return sequence[key % sequence.size()];
  };
  Row row{
      "log_bytes",
      "bytes that a transaction of one change appends to the log, containers of 1 000 000 u64 "
      "(pairs); sequences insert and erase at the end",
      {{"update", Unit::bytes}, {"insert", Unit::bytes}, {"erase", Unit::bytes}},
      {log_contestant<HashMap<Number, Number>>(
           cairn_name, [](auto& map, Number key) { map.try_emplace(key, key); },
           [](auto& map, Number key) { map.at(key) += 1; },
           [](auto& map, Number key) { map.try_emplace(key, key); },
           [](auto& map, Number key) { map.erase(key); }),
       log_contestant<HashSet<Number>>(
           "HashSet", [](auto& set, Number key) { set.insert(key); }, nothing,
           [](auto& set, Number key) { set.insert(key); },
           [](auto& set, Number key) { set.erase(key); }),
       log_contestant<Vec<Number>>(
           "Vec", [](auto& vec, Number key) { vec.push_back(key); },
           [=](auto& vec, Number key) { at(vec, key) += 1; },
           [](auto& vec, Number key) { vec.push_back(key); },
           [](auto& vec, Number) { vec.pop_back(); }),
       log_contestant<Deque<Number>>(
           "Deque", [](auto& deque, Number key) { deque.push_back(key); },
           [=](auto& deque, Number key) { at(deque, key) += 1; },
           [](auto& deque, Number key) { deque.push_front(key); },
           [](auto& deque, Number) { deque.pop_front(); }),
       log_contestant<String>(
           "String", [](auto& text, Number key) { text.push_back(static_cast<char>(key)); },
           [](auto& text, Number key) { text[key % text.size()] ^= 1; },
           [](auto& text, Number key) { text.push_back(static_cast<char>(key)); },
           [](auto& text, Number) { text.pop_back(); }),
       log_contestant<Box<Number>>(
           "Box", [](auto& box, Number key) { box.emplace(key); },
           [](auto& box, Number) { *box += 1; }, [](auto& box, Number key) { box.emplace(key); },
           [](auto& box, Number key) {
             box.reset();
             box.emplace(key);
           })}};
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
