// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "cairn/cairn.hpp"

namespace cairn::fuzz {

struct Link {
  std::uint64_t value = 0;
  Box<Link> next;
};
BOOST_DESCRIBE_STRUCT(Link, (), (value, next))

struct Person {
  String name;
  std::uint32_t age = 0;
  Vec<std::uint64_t> visits;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, age, visits))

using Numbers = HashMap<std::uint64_t, std::uint64_t>;
using People = HashMap<String, Person>;
using Chain = Box<Link>;
using Bulk = Vec<std::uint64_t>;

/// The bytes of both files of a store.
struct StoreBytes {
  std::string data;
  std::string log;
};

/// Valid stores to begin with: closed and in mid-life, of either level, with records in the log.
const std::vector<StoreBytes>& seed_stores();

/// Where the process keeps the files of one store; the directory goes away at exit.
const std::string& store_path();
void write_store(const StoreBytes& bytes);

}  // namespace cairn::fuzz
