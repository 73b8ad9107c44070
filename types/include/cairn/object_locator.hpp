// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cairn/object_walker.hpp"

namespace cairn {

/// The innermost object that covers an offset, or the owner of the block that it lies in.
struct ObjectPlace {
  std::string path;  ///< "users[1].name"; empty where no object that was walked has to do with it
  std::string type;  ///< its label
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
  bool in_block = false;  ///< not the object itself: its block, such as a string's characters

  bool found() const noexcept { return !path.empty(); }
};

/// Finds what lies at some offsets while the objects that may lie there are walked.
///
///     ObjectLocator locator({offset});
///     ObjectWalker walker(heap, locator, problems);
///     locator.follow(walker);
///     walker.walk(...);
///
/// Complexity: a binary search among the offsets for each object.
class ObjectLocator final : public ObjectVisitor {
 public:
  explicit ObjectLocator(std::vector<std::uint64_t> offsets);

  void follow(const ObjectWalker& walker) noexcept { walker_ = &walker; }
  const ObjectPlace& place_of(std::uint64_t offset) const;

  void block(std::uint64_t offset, std::uint64_t bytes) override;
  void pointer(std::uint64_t at, std::uint64_t target, const TypeNode& type) override;
  void begin(std::uint64_t at, const TypeNode& type, std::uint64_t elements) override;
  void value(std::uint64_t at, const TypeNode& type) override;
  void empty(std::uint64_t at, const TypeNode& type) override;
  void damaged(std::uint64_t at, const TypeNode& type) override;
  bool wants_values() const override { return true; }

 private:
  void cover(std::uint64_t at, std::uint64_t bytes, const TypeNode& type, bool in_block);

  const ObjectWalker* walker_ = nullptr;
  std::vector<std::uint64_t> offsets_;  ///< ascending, each once
  std::vector<ObjectPlace> places_;     ///< of each
};

}  // namespace cairn
