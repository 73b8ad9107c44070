// SPDX-License-Identifier: BSL-1.0
#include "power_check.hpp"

#include <stdexcept>
#include <utility>

#include "sweep.hpp"

namespace cairn::drills {
namespace {

constexpr std::uint64_t examined_each = 64;
constexpr std::uint64_t accepted_each = 8;

/// What opening may say of files that lost whatever nobody synced.
bool is_damage(const Error& error) {
  return error == errc::corrupt || error == errc::truncated || error == errc::not_found;
}

void require_undamaged(const Store& store, const char* when) {
  const CheckReport report = store.check();
  // Blocks that nobody owns are no damage.
  if (report.ok()) return;
  throw DrillFailure(std::string("check ") + when + " finds " + report.problems.front());
}

}  // namespace

ImageChecker::ImageChecker(ImageFiles& files, const Workload& workload, Durability durability,
                           std::vector<std::vector<Content>> lines)
    : files_(files), options_(drill_options(durability, "power")), lines_(std::move(lines)) {
  options_.max_bytes = workload.options.max_bytes;
}

/// Opens the image, and tells why where that is refused.
std::optional<Store> ImageChecker::recover(Verdict& verdict) {
  std::optional<Store> store;
  files_.begin_watching();
  try {
    store.emplace(Store::open_existing(files_.path(), options_));
  } catch (const Error& error) {
    verdict = {std::nullopt, 0, error.what(), static_cast<errc>(error.code().value())};
  }
  files_.end_watching();
  return store;
}

Verdict ImageChecker::check() {
  Verdict verdict;
  std::optional<Store> store = recover(verdict);
  if (!store) {
    if (verdict.code == errc::power_lost && lost_++ % accepted_each == 0) accept_loss();
    return verdict;
  }
  const std::uint64_t hash = files_.recovered_hash();
  const auto known = known_.find(hash);
  if (known != known_.end() && ++checked_ % examined_each != 0) return known->second;
  if (files_.recovered_hash_of_all() != hash) {
    throw std::logic_error("recovery wrote to the store without telling");
  }
  ++examined_;
  verdict = examine(store);
  // Others wrote than who is watched, and asked for lengths in between.
  files_.forget_sectors();
  known_[hash] = verdict;
  return verdict;
}

/// What is there is damage by name, whenever it is asked for; or a sound store, that works and
/// needs nothing from then on.
void ImageChecker::accept_loss() {
  // From here on others write than who is watched.
  files_.forget_sectors();
  Options accepting = options_;
  accepting.accept_power_loss = true;
  std::string damage;
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      Store store = Store::open_existing(files_.path(), accepting);
      if (attempt != 0) throw DrillFailure("what was damaged is not any more: " + damage);
      if (!store.last_recovery().power_was_lost)
        throw DrillFailure("it says that nothing was lost");
      require_undamaged(store, "of what was accepted");
      read_content(store);
      store.write([](WriteTransaction& tx) { apply_edits(proving_edits(), tx); });
      require_undamaged(store, "after one more transaction");
      store.close();
      break;
    } catch (const Error& error) {
      if (!is_damage(error)) throw DrillFailure(std::string("accepted, it says ") + error.what());
      if (attempt != 0 && damage != error.what()) {
        throw DrillFailure(damage + ", and then " + error.what());
      }
      damage = error.what();
    }
  }
  ++(damage.empty() ? accepted_ : damaged_);
  if (!damage.empty()) return;
  files_.change_boot();
  const Store store = Store::open_existing(files_.path(), options_);
  require_undamaged(store, "after closing what was accepted");
}

/// Which of the models the content is.
Verdict ImageChecker::find(const Content& content) const {
  const std::uint64_t before = lines_.front().front().steps;
  const std::uint64_t holds = content.steps - before;
  const std::vector<Content>* nearest = nullptr;
  for (std::uint64_t line = 0; line < lines_.size() && content.steps >= before; ++line) {
    if (holds >= lines_[line].size()) continue;
    if (content == lines_[line][holds]) return {holds, line};
    if (nearest == nullptr) nearest = &lines_[line];
  }
  if (nearest == nullptr) {
    throw DrillFailure("it holds " + std::to_string(content.steps) + " transactions");
  }
  throw DrillFailure("the content is not the model's: " + difference(content, (*nearest)[holds]));
}

Verdict ImageChecker::examine(std::optional<Store>& store) {
  // First, since containers believe what they read: only a sound store has a content.
  require_sound(*store, "after recovery");
  Content content = read_content(*store);
  Verdict verdict = find(content);
  // The power goes once more, behind all that recovery wrote.
  store.reset();
  files_.forget_sectors();
  files_.change_boot();
  store.emplace(Store::open_existing(files_.path(), options_));
  if (read_content(*store) != content) throw DrillFailure("a second recovery changes the content");
  apply_edits(proving_edits(), content);
  store->write([](WriteTransaction& tx) { apply_edits(proving_edits(), tx); });
  store->close();
  store.reset();
  files_.forget_sectors();
  files_.change_boot();
  store.emplace(Store::open_existing(files_.path(), options_));
  if (read_content(*store) != content) {
    throw DrillFailure("one more transaction is not what the next opening finds");
  }
  require_sound(*store, "after one more transaction");
  store.reset();
  return verdict;
}

}  // namespace cairn::drills
