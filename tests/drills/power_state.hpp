// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "power_image.hpp"

namespace cairn::drills {

/// What a disk makes of an atom that was not synced before the power went.
enum class Fate : std::uint8_t {
  missing,  ///< as it was at the last sync
  written,  ///< as it was last written
  earlier,  ///< as it was written before that
  zeros,    ///< zeros where it was written
  garbage,  ///< anything where it was written
  torn,     ///< every second eight bytes as they were last written
  front,    ///< the first half of it
  back,     ///< the second half of it
};
inline constexpr std::uint32_t fates = 8;

/// The least that reaches the disk wholly or not at all: one block of a file, its length, or a
/// name.
struct Atom {
  PowerStep::Kind kind;
  std::uint32_t file;    ///< for a name, which one
  std::uint64_t offset;  ///< of the block
  /// What a block held at the last sync and after each write since.
  std::vector<FileBytes> blocks = {};
  std::vector<bool> touched = {};  ///< its bytes that were written since
  /// The same of a length, or of the file that a name leads to.
  std::vector<std::uint64_t> values = {};
  /// What each fate makes of a block, and of its file's sum; made when they are first asked for.
  struct Made {
    bool valid = false;
    FileBytes block = {};
    std::uint64_t sum_change = 0;
  };
  mutable std::array<Made, fates> made = {};
};

/// Which of the transactions must be there after a cut, and which may be.
struct Promise {
  std::uint64_t acknowledged = 0;
  std::uint64_t begun = 0;
  /// Nothing that a dead process had begun may be there but what its heir has found.
  bool is_settled = false;
};

/// Walks through a history and knows after each step what may be on the disk: everything synced,
/// and of what was not any part.
///
/// A sync ends what is open of its own file and of no other. A file's length and each name are
/// atoms of their own. Bytes that were stored into a mapping may have been written back at any time
/// since.
class PowerState {
 public:
  /// Writes are split at multiples of `block_bytes`.
  PowerState(const PowerHistory& history, std::uint32_t block_bytes);

  /// Takes the next step. False where there is none.
  bool advance();
  const PowerStep& last_step() const { return history_->steps[next_ - 1]; }
  /// False where the next step only writes more: what may be left now may be left then as well.
  bool is_turning_point() const {
    return next_ == history_->steps.size() || history_->steps[next_].kind != PowerStep::Kind::bytes;
  }
  std::uint64_t steps_taken() const noexcept { return next_; }
  const Promise& promise() const noexcept { return promise_; }
  /// In the order in which they were first written.
  const std::vector<Atom>& atoms() const noexcept { return atoms_; }

  /// The image with a fate for each atom, in the memory of another one. Good until the next step.
  void lay(const std::vector<Fate>& fate_of, LayeredImage& image) const;
  /// Equal for images whose names lead to the same bytes, whatever walk they are of, and different
  /// for others.
  std::uint64_t hash(const std::vector<Fate>& fate_of) const;

 private:
  struct Disk {
    SyncedFile synced;
    FileBytes now;
    std::uint64_t seed = 0;  ///< see seed_of
  };
  /// What an image makes of names and lengths.
  struct Shape {
    std::array<std::uint32_t, 2> names = {no_file, no_file};
    std::vector<std::uint64_t> lengths = {};
  };
  Atom& atom(PowerStep::Kind kind, std::uint32_t file, std::uint64_t offset);
  void write(const PowerStep& step);
  void cut_or_lengthen(const PowerStep& step);
  void sync(const PowerStep& step);
  template <class IsSynced>
  void drop_atoms(IsSynced is_synced);
  void forget_made(std::uint32_t file);
  void shape(const std::vector<Fate>& fate_of) const;
  std::uint64_t sum_of(std::uint32_t file, const std::vector<Fate>& fate_of) const;
  void lay_file(std::uint32_t file, const std::vector<Fate>& fate_of,
                LayeredImage::File& layers) const;
  FileBytes block_of(const FileBytes& file, std::uint64_t offset) const;
  const Atom::Made& made(const Atom& atom, Fate fate) const;
  static FileBytes block_with(const Atom& atom, Fate fate);
  static std::uint64_t value_with(const Atom& atom, Fate fate);

  const PowerHistory* history_;
  std::uint64_t block_bytes_;
  std::size_t next_ = 0;
  Promise promise_;
  std::vector<Disk> disks_;
  std::array<std::uint32_t, 2> synced_names_;
  std::vector<Atom> atoms_;
  std::map<std::tuple<PowerStep::Kind, std::uint32_t, std::uint64_t>, std::size_t> places_;
  // of the image that is asked for, kept for their memory
  mutable Shape shape_;
  mutable LayeredImage::File layers_;
};

}  // namespace cairn::drills
