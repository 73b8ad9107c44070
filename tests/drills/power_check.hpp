// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "power_files.hpp"
#include "workload.hpp"

namespace cairn::drills {

/// What came of opening a crash image.
struct Verdict {
  /// How many transactions of the workload the store holds; none where it does not open.
  std::optional<std::uint64_t> holds;
  /// The first of the lines of models that has this content.
  std::uint64_t line = 0;
  std::string refusal = {};  ///< why it does not
  std::optional<errc> code = std::nullopt;
};

/// Opens crash images of one history and says what they hold.
///
/// Content and soundness depend on what recovery comes to (ImageFiles::recovered_hash), which few
/// images differ in, so each is looked at once: its content against the models, check(), a second
/// recovery, one more transaction, closing. Every 64th image goes through all of that anyway. Of
/// those that say errc::power_lost every eighth is opened all the same, as a program may ask for.
class ImageChecker {
 public:
  /// `lines` of models that a history may have gone along, numbered by transactions alike.
  ImageChecker(ImageFiles& files, const Workload& workload, Durability durability,
               std::vector<std::vector<Content>> lines);

  /// Throws DrillFailure where the store opens and is no state of the workload, or is not sound.
  Verdict check();
  /// How many images went through all of that.
  std::uint64_t examined() const noexcept { return examined_; }
  /// How many were refused at level process, opened with Options::accept_power_loss then, and
  /// refused as damaged or found sound.
  std::uint64_t damaged() const noexcept { return damaged_; }
  std::uint64_t accepted() const noexcept { return accepted_; }
  /// Recovers what is there and does no more.
  void open() const { Store::open_existing(files_.path(), options_); }

 private:
  std::optional<Store> recover(Verdict& verdict);
  Verdict examine(std::optional<Store>& store);
  Verdict find(const Content& content) const;
  void accept_loss();

  ImageFiles& files_;
  Options options_;
  std::vector<std::vector<Content>> lines_;
  std::unordered_map<std::uint64_t, Verdict> known_;  ///< by what recovery came to
  std::uint64_t checked_ = 0;
  std::uint64_t examined_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t accepted_ = 0;
};

}  // namespace cairn::drills
