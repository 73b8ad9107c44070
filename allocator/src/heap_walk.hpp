// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cairn/allocator/heap_format.hpp"
#include "cairn/allocator/heap_reader.hpp"
#include "cairn/allocator/page_runs.hpp"
#include "cairn/allocator/size_classes.hpp"

namespace cairn {

/// One pass over a heap whose bytes may be anything.
///
/// Leaves are checked first, so that descriptors can be read; then the tiling, counting what the
/// lists should hold; then the lists, each by its back links: a node whose back link names the node
/// that led to it can be met only once, so equal counts mean equal sets.
class HeapWalk {
 public:
  using Visitor = std::function<void(const HeapBlock&)>;

  HeapWalk(const std::byte* base, std::uint64_t heap_end, std::vector<std::string>& problems)
      : base_(base), heap_end_(heap_end), problems_(problems) {}

  /// False where header or leaves are such that nothing else can be read.
  bool open();
  /// Walks the tiling; `visit` may be empty. `deep` looks at all bitmaps too.
  void tile(bool deep, const Visitor& visit);
  /// Needs `tile` before.
  void lists();
  /// Descriptors behind the heap end.
  void behind();

  std::uint64_t live_bytes() const noexcept { return live_bytes_; }
  const HeapHeader& header() const noexcept {
    return *reinterpret_cast<const HeapHeader*>(base_ + heap_begin_bytes);
  }

 private:
  /// A stop after the first problem keeps for_each_block from calling out on damaged ground.
  bool stopped() const noexcept { return stop_at_problem_ && !problems_.empty(); }
  void problem(std::string text);
  void check_header();
  const std::byte* in_leaf(std::uint64_t chunk, bool wide) const noexcept;
  const ChunkDescriptor& at(std::uint64_t chunk) const noexcept;
  bool is_free_start(std::uint64_t page) const noexcept;

  void tile_span(std::uint64_t chunk, const SpanDescriptor& span, bool deep, const Visitor& visit);
  bool check_span(std::uint64_t chunk, const SpanDescriptor& span);
  const std::uint64_t* blocks_at(std::uint64_t chunk, bool wide) const noexcept;
  void check_no_blocks(std::uint64_t chunk, bool narrow, bool wide);
  bool check_blocks(std::uint64_t chunk, const SpanDescriptor& span);
  void emit_span(std::uint64_t chunk, const SpanDescriptor& span, const Visitor& visit) const;
  void tile_pages(std::uint64_t chunk, const PagesDescriptor& pages, bool deep,
                  const Visitor& visit);
  void finish_run(std::uint64_t end, const Visitor& visit);
  void finish_free_run(std::uint64_t first, std::uint64_t end);
  void check_class_list(std::uint32_t size_class);
  void check_bin(std::uint32_t bin, std::uint64_t& found);

  static constexpr std::uint64_t no_page = ~std::uint64_t{0};

  const std::byte* base_;
  std::uint64_t heap_end_;
  std::vector<std::string>& problems_;
  bool stop_at_problem_ = false;

  std::uint32_t leaves_ = 1;
  std::uint32_t leaves_met_ = 1;
  bool quarantine_met_ = false;
  std::uint64_t run_first_ = no_page;      ///< the run that the walk is in
  std::uint64_t last_free_end_ = no_page;  ///< where the last free run ended
  std::uint64_t free_runs_ = 0;
  std::uint64_t edges_wanted_ = 0;
  std::uint64_t edges_met_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::array<std::uint64_t, class_count> spans_with_room_{};
};

}  // namespace cairn
