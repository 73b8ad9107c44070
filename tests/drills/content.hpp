// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cairn/cairn.hpp"

namespace cairn::drills {

/// A link of the list of boxes that the drills keep.
struct Link {
  std::uint64_t value = 0;
  Box<Link> next;
};
BOOST_DESCRIBE_STRUCT(Link, (), (value, next))

// The store's roots.
using Numbers = HashMap<std::uint64_t, std::uint64_t>;
using Lists = HashMap<String, Vec<std::uint64_t>>;
using Chain = Box<Link>;
using Bulk = Vec<std::uint64_t>;
using Ordered = BTreeMap<std::uint64_t, String>;
using Tags = BTreeSet<String>;
using Words = HashSet<String>;
using Queue = Deque<std::uint64_t>;

enum class EditKind {
  put,     ///< numbers[key] = value
  drop,    ///< numbers.erase(key)
  append,  ///< lists["list <key>"].push_back(value)
  forget,  ///< lists.erase("list <key>")
  push,    ///< a link with `value` in front of the chain
  pop,     ///< the first link away
  fill,    ///< bulk = `key` elements that depend on `value`
  plant,   ///< ordered[key + i] = value + i, for 20 keys: a node is split where it fills up
  prune,   ///< ordered loses the keys from `key` to `value`: nodes are merged
  tag,     ///< tags.insert("tag <key>"), and the same of `words`
  untag,   ///< the tag and the word away again
  queue,   ///< `key` elements at the queue's end: the ring turns, grows and is made anew
  serve,   ///< as many away at its front
};

struct Edit {
  EditKind kind;
  std::uint64_t key;
  std::uint64_t value;
};

/// What a drill's store holds, on the ordinary heap: the model that the store must equal.
struct Content {
  std::uint64_t steps = 0;  ///< transactions that led here
  std::map<std::uint64_t, std::uint64_t> numbers;
  std::map<std::string, std::vector<std::uint64_t>> lists;
  std::vector<std::uint64_t> chain;  ///< first link first
  std::vector<std::uint64_t> bulk;
  std::map<std::uint64_t, std::string> ordered;
  std::set<std::string> tags;   ///< of a BTreeSet
  std::set<std::string> words;  ///< of a HashSet
  std::deque<std::uint64_t> queue;

  friend bool operator==(const Content&, const Content&) = default;
};

/// One transaction's edits, on the model and on the store.
void apply_edits(std::span<const Edit> edits, Content& content);
void apply_edits(std::span<const Edit> edits, WriteTransaction& tx);

Content read_content(const ReadTransaction& tx);
Content read_content(const Store& store);

/// Of the transaction by which a recovered store proves that it works: nothing that workloads
/// touch.
std::span<const Edit> proving_edits();

/// Where two contents differ, for people; empty where they do not.
std::string difference(const Content& found, const Content& expected);

}  // namespace cairn::drills
