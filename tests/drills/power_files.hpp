// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cairn/mapping/drill_hooks.hpp"
#include "power_image.hpp"
#include "power_mappings.hpp"

namespace cairn::drills {

/// A store's two files, to be filled with one crash image after the other and opened.
///
/// The files stay the same ones and stay mapped, and of each sector it is known whether it may
/// differ from the base that images share: an image costs the copy of what sets it apart from the
/// one before.
///
/// One at a time: the hooks of the library are the process's.
class ImageFiles {
 public:
  explicit ImageFiles(std::string path);
  ImageFiles(const ImageFiles&) = delete;
  ImageFiles& operator=(const ImageFiles&) = delete;
  ~ImageFiles();

  const std::string& path() const noexcept { return path_; }
  /// Puts the image there, as another boot finds it.
  void write(const LayeredImage& image);
  void write(const CrashImage& image);
  /// Makes what is there another boot's.
  void change_boot();

  /// Until then what the library writes is known by its telling so: nobody but a recovery may be at
  /// work.
  void begin_watching();
  void end_watching() noexcept;
  /// Whether stores get the mappings that others made before them, as they do at first.
  void lend_mappings(bool lends) noexcept { mappings_.lend_from_now_on(lends); }
  /// To be called where something else was at work: nothing is known of the files.
  void forget_sectors() noexcept;

  /// Of all that the next opening goes by, where this one has recovered the store: the bytes of the
  /// heap up to its end, the file's length, and what the newest meta slot says of them. As the
  /// sectors that are known to differ from the base tell it.
  std::uint64_t recovered_hash();
  /// The same, from all bytes.
  std::uint64_t recovered_hash_of_all();

 private:
  struct Slot {
    std::string name;
    int descriptor = -1;
    std::byte* bytes = nullptr;
    std::uint64_t inode = 0;
    /// None: it may have changed, or the file's name may be gone.
    std::optional<std::uint64_t> length = std::nullopt;
    const SyncedFile* base = nullptr;      ///< good while base_number is its number
    std::uint64_t base_number = 0;         ///< 0: nothing is known
    std::vector<std::uint32_t> changed;    ///< sectors that may differ from the base
    std::vector<std::uint8_t> is_changed;  ///< the same, by sector
  };
  static int on_operation(const drill::IoOperation& operation);
  void observe(const drill::IoOperation& operation);
  Slot* slot_of(int descriptor);
  static void note(Slot& slot, std::uint64_t offset, std::uint64_t bytes);
  static void forget(Slot& slot) noexcept;
  static std::optional<std::uint64_t> length_of(Slot& slot);
  void write(Slot& slot, const LayeredImage::File& layers);
  static void verify(Slot& slot, const LayeredImage::File& layers);
  static void write_patches(const Slot& slot, const LayeredImage::File& layers,
                            std::uint64_t before);
  static void restore(Slot& slot, std::uint64_t begin, std::uint64_t end, std::uint64_t before);
  static void restore_cut_off(const Slot& slot, std::uint64_t begin, std::uint64_t end);
  std::uint64_t make_room(Slot& slot, std::uint64_t length);
  void create(Slot& slot);
  void drop(Slot& slot) noexcept;
  std::uint64_t hash_around(std::uint64_t heap_sum, std::uint64_t heap_end);
  Slot& data() noexcept { return slots_[static_cast<std::size_t>(StoreName::data)]; }
  const Slot& data() const noexcept { return slots_[static_cast<std::size_t>(StoreName::data)]; }
  std::uint64_t heap_end() const noexcept;

  std::string path_;
  std::array<Slot, 2> slots_;
  std::uint64_t written_ = 0;  ///< images
  KeptMappings mappings_;
};

}  // namespace cairn::drills
