// SPDX-License-Identifier: BSL-1.0
#include "cairn/allocator/heap_reader.hpp"

#include <algorithm>
#include <iterator>

#include "cairn/error.hpp"
#include "heap_walk.hpp"

namespace cairn {
namespace {

void throw_first(const std::vector<std::string>& problems, std::string_view path) {
  if (!problems.empty()) throw Error(errc::corrupt, std::string(path), problems.front());
}

}  // namespace

void HeapReader::verify(std::vector<std::string>& problems) const {
  std::vector<std::string> found;
  HeapWalk walk(base_, heap_end_, found);
  if (walk.open()) {
    walk.tile(true, {});
    walk.lists();
    walk.behind();
  }
  std::move(found.begin(), found.end(), std::back_inserter(problems));
}

void HeapReader::for_each_block(const std::function<void(const HeapBlock&)>& visit) const {
  std::vector<std::string> problems;
  HeapWalk walk(base_, heap_end_, problems);
  if (walk.open()) walk.tile(true, visit);
  throw_first(problems, path_);
}

std::uint64_t HeapReader::used() const {
  std::vector<std::string> problems;
  HeapWalk walk(base_, heap_end_, problems);
  if (walk.open()) walk.tile(false, {});
  throw_first(problems, path_);
  return walk.live_bytes();
}

std::uint64_t HeapReader::quarantined() const {
  if (heap_end_ >= heap_begin_bytes + heap_minimum_bytes) {
    return reinterpret_cast<const HeapHeader*>(base_ + heap_begin_bytes)->quarantined_pages *
           page_bytes;
  }
  throw Error(errc::corrupt, std::string(path_),
              "a heap cannot end at byte " + std::to_string(heap_end_));
}

std::uint64_t HeapReader::catalog_offset() const {
  // Asked for at every look-up of a root: nothing but what the answer depends on is checked.
  std::uint64_t offset = 0;
  if (heap_end_ >= heap_begin_bytes + heap_minimum_bytes) {
    offset = reinterpret_cast<const HeapHeader*>(base_ + heap_begin_bytes)->catalog_offset;
    if (offset == 0 || (offset >= first_run_page * page_bytes && offset < heap_end_)) {
      return offset;
    }
  }
  throw Error(errc::corrupt, std::string(path_),
              "catalog at byte " + std::to_string(offset) + " of a heap that ends at byte " +
                  std::to_string(heap_end_));
}

}  // namespace cairn
