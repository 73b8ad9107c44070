// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <absl/container/btree_map.h>

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/managed_mapped_file.hpp>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../workload.hpp"
#include "cairn/cairn.hpp"

namespace cairn::bench {

/// A key, u64 or text, and the value to store under it.
template <class Key>
struct Entry {
  Key key;
  std::uint64_t value;
};

/// The work on an ordered map, however it stands: what every contestant runs.
template <class Map, class Key>
struct OrderedWork {
  static void insert(Map& map, std::span<const Entry<Key>> entries) {
    for (const auto& [key, value] : entries) map.try_emplace(key, value);
  }
  static std::uint64_t sum_of_found(const Map& map, std::span<const Key> keys) {
    std::uint64_t sum = 0;
    for (const Key& key : keys) {
      const auto found = map.find(key);
      if (found != map.end()) sum += found->second;
    }
    return sum;
  }
  static std::uint64_t sum_of_all(const Map& map) {
    std::uint64_t sum = 0;
    for (const auto& [key, value] : map) sum += value;
    return sum;
  }
  static std::uint64_t erase(Map& map, std::span<const Key> keys) {
    std::uint64_t erased = 0;
    for (const Key& key : keys) erased += map.erase(key);
    return erased;
  }
};

/// In a store. `run` works on it in one transaction, `read` in one read section.
template <class Key>
class OrderedCairnMap {
 public:
  using Map =
      BTreeMap<std::conditional_t<std::is_same_v<Key, std::string>, String, Key>, std::uint64_t>;

  explicit OrderedCairnMap(const std::filesystem::path& file)
      : store_(Store::open(file, kill_safe())), map_(store_.write([](WriteTransaction& tx) {
          return tx.ref(tx.find_or_construct<Map>("map"));
        })) {}

  template <class Work>
  void run(Work work) {
    store_.write([&](WriteTransaction& tx) { work(tx[map_]); });
  }
  template <class Work>
  void read(Work work) {
    store_.read([&](const ReadTransaction& tx) { work(tx[map_]); });
  }
  Store& store() noexcept { return store_; }

 private:
  static Options kill_safe() {
    Options options;
    options.durability = Durability::process;
    return options;
  }

  Store store_;
  Ref<Map> map_;
};

/// On the heap.
template <class Key>
class OrderedHeapMap {
 public:
  using Map = absl::btree_map<Key, std::uint64_t>;

  explicit OrderedHeapMap(const std::filesystem::path&) {}

  template <class Work>
  void run(Work work) {
    work(map_);
  }
  template <class Work>
  void read(Work work) {
    work(std::as_const(map_));
  }

 private:
  Map map_;
};

/// In a mapped file, made large enough once, and without locks.
template <class Key>
class OrderedInterprocessMap {
  using Segment = boost::interprocess::basic_managed_mapped_file<
      char, boost::interprocess::rbtree_best_fit<boost::interprocess::null_mutex_family>,
      boost::interprocess::iset_index>;
  template <class T>
  using Allocator = boost::interprocess::allocator<T, typename Segment::segment_manager>;
  using Text = boost::interprocess::basic_string<char, std::char_traits<char>, Allocator<char>>;
  static constexpr bool is_text = std::is_same_v<Key, std::string>;
  using StoredKey = std::conditional_t<is_text, Text, Key>;

  struct Less {
    using is_transparent = void;
    static decltype(auto) plain(const auto& key) {
      if constexpr (is_text) {
        return std::string_view(key.data(), key.size());
      } else {
        return (key);
      }
    }
    bool operator()(const auto& a, const auto& b) const { return plain(a) < plain(b); }
  };
  using Stored = boost::interprocess::map<StoredKey, std::uint64_t, Less,
                                          Allocator<std::pair<const StoredKey, std::uint64_t>>>;

 public:
  /// Takes texts as the others do: its own strings need to be told where to allocate.
  class Map {
   public:
    explicit Map(Segment& segment)
        : segment_(segment),
          stored_(*segment.template construct<Stored>("map")(segment.get_segment_manager())) {}

    template <class Q>
    void try_emplace(const Q& key, std::uint64_t value) {
      if constexpr (is_text) {
        stored_.emplace(Text(key.data(), key.size(), segment_.get_segment_manager()), value);
      } else {
        stored_.emplace(key, value);
      }
    }
    auto find(const auto& key) const { return std::as_const(stored_).find(key); }
    std::uint64_t erase(const auto& key) {
      const auto found = stored_.find(key);
      if (found == stored_.end()) return 0;
      stored_.erase(found);
      return 1;
    }
    auto begin() const { return std::as_const(stored_).begin(); }
    auto end() const { return std::as_const(stored_).end(); }

   private:
    Segment& segment_;
    Stored& stored_;
  };

  explicit OrderedInterprocessMap(const std::filesystem::path& file)
      : segment_(boost::interprocess::create_only, file.c_str(), segment_bytes), map_(segment_) {}

  template <class Work>
  void run(Work work) {
    work(map_);
  }
  template <class Work>
  void read(Work work) {
    work(std::as_const(map_));
  }

 private:
  static constexpr std::size_t segment_bytes = 1ULL << 28;

  Segment segment_;
  Map map_;
};

}  // namespace cairn::bench
