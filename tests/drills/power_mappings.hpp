// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cairn/mapping/drill_hooks.hpp"

namespace cairn::drills {

/// The shared mappings that stores of the same files have made, kept from one to the next.
///
/// One at a time: the hooks of the library are the process's.
class KeptMappings final : public drill::MappingKeeper {
 public:
  KeptMappings() { drill::set_mapping_keeper(this); }
  KeptMappings(const KeptMappings&) = delete;
  KeptMappings& operator=(const KeptMappings&) = delete;
  ~KeptMappings();

  /// Whether stores that are opened from now on get what is kept. What they got they give back in
  /// any case.
  void lend_from_now_on(bool lends) noexcept { lends_ = lends; }
  /// Unmaps what is kept of a file. Requires: no store has it open.
  void drop(std::uint64_t inode) noexcept;
  /// Which file a descriptor is of, as its last mapping told; 0 for none.
  std::uint64_t inode_of(int descriptor) const noexcept;
  void forget_descriptors() noexcept { descriptors_.clear(); }

 private:
  struct Kept {
    drill::SharedMapping mapping;
    std::byte* at;
    bool is_lent;
  };
  struct Descriptor {
    int descriptor;
    std::uint64_t inode;
  };
  std::byte* lend(const drill::SharedMapping& wanted) noexcept override;
  void note(const drill::SharedMapping& made, std::byte* at) noexcept override;
  void forget(const std::byte* at) noexcept override;
  bool keep(const std::byte* at) noexcept override;

  std::vector<Kept> kept_;
  std::vector<Descriptor> descriptors_;
  bool lends_ = true;
};

}  // namespace cairn::drills
