// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "power_state.hpp"
#include "workload.hpp"

namespace cairn::drills {

/// What came of opening a crash image.
struct Verdict {
  /// How many transactions of the workload the store holds; none where it does not open.
  std::optional<std::uint64_t> holds;
  std::string refusal = {};  ///< why it does not
  std::optional<errc> code = std::nullopt;
};

/// A store's two files, to be filled with one crash image after the other and opened.
///
/// The files stay the same ones and stay mapped: an image costs the copy of its bytes.
class ImageFiles {
 public:
  explicit ImageFiles(std::string path);
  ImageFiles(const ImageFiles&) = delete;
  ImageFiles& operator=(const ImageFiles&) = delete;
  ~ImageFiles();

  const std::string& path() const noexcept { return path_; }
  /// Puts the image there, as another boot finds it.
  void write(const CrashImage& image);
  /// Makes what is there another boot's.
  void change_boot();
  /// What is there now, wholly on the disk.
  CrashImage read() const;
  /// Of the bytes of the heap, up to its end as the live words tell it.
  std::uint64_t heap_hash() const;

 private:
  struct Slot {
    std::string name;
    int descriptor = -1;
    std::byte* bytes = nullptr;
    std::uint64_t length = 0;
  };
  void fill(Slot& slot, const FileBytes* bytes);
  void create(Slot& slot);
  void drop(Slot& slot) noexcept;

  std::string path_;
  std::array<Slot, 2> slots_;
};

/// Opens crash images of one history and says what they hold.
///
/// Content and soundness depend on the heap that recovery comes to, which few images differ in, so
/// each is looked at once: its content against the models, check(), a second recovery, one more
/// transaction, closing. Every 16th image goes through all of that whatever its heap.
class ImageChecker {
 public:
  ImageChecker(ImageFiles& files, const Workload& workload, Durability durability);

  /// Throws DrillFailure where the store opens and is no state of the workload, or is not sound.
  Verdict check();
  /// Recovers what is there and does no more.
  void open() const { Store::open_existing(files_.path(), options_); }

 private:
  std::uint64_t examine(std::optional<Store>& store);

  ImageFiles& files_;
  Options options_;
  std::vector<Content> models_;
  std::unordered_map<std::uint64_t, std::uint64_t> known_;  ///< by the hash of the heap
  std::uint64_t checked_ = 0;
};

}  // namespace cairn::drills
