// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
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

enum class EditKind {
  put,     ///< numbers[key] = value
  drop,    ///< numbers.erase(key)
  append,  ///< lists["list <key>"].push_back(value)
  forget,  ///< lists.erase("list <key>")
  push,    ///< a link with `value` in front of the chain
  pop,     ///< the first link away
  fill,    ///< bulk = `key` elements that depend on `value`
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

  friend bool operator==(const Content&, const Content&) = default;
};

/// One transaction's edits, on the model and on the store.
void apply_edits(std::span<const Edit> edits, Content& content);
void apply_edits(std::span<const Edit> edits, WriteTransaction& tx);

Content read_content(const ReadTransaction& tx);

/// Where two contents differ, for people; empty where they do not.
std::string difference(const Content& found, const Content& expected);

}  // namespace cairn::drills
