// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/allocator/heap_reader.hpp"
#include "cairn/object_walker.hpp"
#include "cairn/reports.hpp"
#include "cairn/store/catalog.hpp"

namespace cairn {

/// The proof that each live block has exactly one owner, and that each Ptr and Ref leads to an
/// object of its type.
///
/// A walk over all roots sets a bit for each unit of a block and one for where a block begins; held
/// against the allocator's tiling they show blocks that no owner reaches, and owned ones that are
/// not the heap's or reach beyond it. Two owners of one unit are found while walking. Pointers are
/// resolved by walking again with what they should lead to at hand, a bounded number at a time, so
/// that memory does not depend on how many there are.
///
/// Complexity: one pass over the heap, one walk over all objects, and one more for each
///             `pointers_at_once` pointers; memory of two bits for each 16 bytes of heap.
class Reachability {
 public:
  static constexpr std::size_t pointers_at_once = std::size_t{1} << 20;

  Reachability(HeapBytes heap, const HeapReader& allocator, const CatalogReader& catalog,
               const std::string& path, CheckReport& report)
      : heap_(heap),
        allocator_(allocator),
        catalog_(catalog),
        path_(path),
        report_(report),
        starts_(heap.end) {}

  /// Walks everything and adds what it finds to the report. Where objects themselves are damaged
  /// the rest cannot be told and is left out.
  void prove();

 private:
  /// A Ptr or Ref and what should be at its target.
  struct Pointer {
    std::uint64_t at;
    std::uint64_t target;
    std::uint64_t bytes;
    TypeKind kind;
  };
  /// What is wrong at an offset, to be told once it is known what lies there.
  struct Finding {
    std::uint64_t offset;
    std::string what;
    std::optional<std::uint64_t> target;
  };
  class Walk;

  void compare_blocks(const UnitBits& claimed);
  void check_piece(const HeapBlock& piece, const UnitBits& claimed);
  void resolve_pointers(std::vector<Pointer> pointers);
  void judge_unresolved(std::vector<Pointer> pointers);
  void find(std::uint64_t offset, std::string what, std::optional<std::uint64_t> target = {});
  void tell_findings();

  HeapBytes heap_;
  const HeapReader& allocator_;
  const CatalogReader& catalog_;
  const std::string& path_;
  CheckReport& report_;

  UnitBits starts_;  ///< where an owned block begins
  std::vector<Finding> findings_;
};

}  // namespace cairn
