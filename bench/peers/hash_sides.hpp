// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "../workload.hpp"
#include "cairn/cairn.hpp"

/// \file
/// Hash maps and sets with the same calls, on the heap and in a store. A side holds one container
/// that is filled, searched and emptied again and again; it times the operations alone, without
/// beginning or committing the transaction that they stand in.
namespace cairn::bench {

/// What is stored under a key: sets store nothing.
inline std::uint64_t value_under(std::uint64_t key) {
  return mix(key);
}
inline std::uint64_t value_under(const std::string& key) {
  return key.size();
}

template <class Container>
concept HasValues = requires {
  typename Container::mapped_type;
};

template <class Container, class Key>
void insert_into(Container& container, std::span<const Key> keys) {
  for (const Key& key : keys) {
    if constexpr (HasValues<Container>) {
      container.try_emplace(key, value_under(key));
    } else {
      container.emplace(key);
    }
  }
}

/// The sum of the values found, or their number in a set.
template <class Container, class Key>
std::uint64_t sum_found_in(const Container& container, std::span<const Key> keys) {
  std::uint64_t sum = 0;
  for (const Key& key : keys) {
    const auto found = container.find(key);
    if (found == container.end()) continue;
    if constexpr (HasValues<Container>) {
      sum += found->second;
    } else {
      ++sum;
    }
  }
  return sum;
}

template <class Container, class Key>
std::uint64_t erase_from(Container& container, std::span<const Key> keys) {
  std::uint64_t erased = 0;
  for (const Key& key : keys) erased += container.erase(key);
  return erased;
}

template <class Container>
class OnTheHeap {
 public:
  static constexpr bool has_values = HasValues<Container>;

  explicit OnTheHeap(const std::filesystem::path&) {}

  template <class Key>
  double insert(std::span<const Key> keys) {
    return seconds_of([&] { insert_into(*container_, keys); });
  }
  template <class Key>
  double find(std::span<const Key> keys, std::uint64_t& sum) {
    return seconds_of([&] { sum = sum_found_in(std::as_const(*container_), keys); });
  }
  template <class Key>
  double erase(std::span<const Key> keys, std::uint64_t& erased) {
    return seconds_of([&] { erased = erase_from(*container_, keys); });
  }
  void begin() {}
  void commit() {}
  /// Makes it new again, without its memory.
  void renew() { container_ = std::make_unique<Container>(); }

 private:
  std::unique_ptr<Container> container_ = std::make_unique<Container>();
};

template <class Container>
class InAStore {
 public:
  static constexpr bool has_values = HasValues<Container>;

  explicit InAStore(const std::filesystem::path& file)
      : store_(Store::open(file, kill_safe())), container_(store_.write([](WriteTransaction& tx) {
          return tx.ref(tx.find_or_construct<Container>("container"));
        })) {}

  /// Inserting and erasing need a transaction, which they all share.
  void begin() { tx_.emplace(store_.begin_write()); }
  void commit() {
    tx_->commit();
    tx_.reset();
  }
  template <class Key>
  double insert(std::span<const Key> keys) {
    return seconds_of([&] { insert_into((*tx_)[container_], keys); });
  }
  /// In a read section.
  template <class Key>
  double find(std::span<const Key> keys, std::uint64_t& sum) {
    return store_.read([&](const ReadTransaction& tx) {
      const Container& container = tx[container_];
      return seconds_of([&] { sum = sum_found_in(container, keys); });
    });
  }
  template <class Key>
  double erase(std::span<const Key> keys, std::uint64_t& erased) {
    return seconds_of([&] { erased = erase_from((*tx_)[container_], keys); });
  }
  void renew() { (*tx_)[container_].clear(); }

  /// Makes room for `size` elements in a transaction of its own.
  void reserve(std::uint64_t size) {
    store_.write([&](WriteTransaction& tx) { tx[container_].reserve(size); });
  }
  /// Gives trailing free pages back.
  void shrink() { store_.shrink_to_usage(); }
  /// Of the data file, and in live blocks of it.
  std::uint64_t file_bytes() const { return store_.size(); }
  std::uint64_t used_bytes() const { return store_.used(); }

 private:
  static Options kill_safe() {
    Options options;
    options.durability = Durability::process;
    return options;
  }

  Store store_;
  Ref<Container> container_;
  std::optional<WriteTransaction> tx_;
};

}  // namespace cairn::bench
