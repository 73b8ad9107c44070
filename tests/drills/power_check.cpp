// SPDX-License-Identifier: BSL-1.0
#include "power_check.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"
#include "stored_structs.hpp"
#include "sweep.hpp"

namespace cairn::drills {
namespace {

/// Longer than any file of a workload becomes.
constexpr std::uint64_t mapped_bytes = 16 << 20;
constexpr std::uint64_t examined_each = 16;

[[noreturn]] void throw_image_failed(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

ImageFiles::ImageFiles(std::string path) : path_(std::move(path)) {
  slots_[static_cast<std::size_t>(StoreName::data)].name = path_;
  slots_[static_cast<std::size_t>(StoreName::log)].name = path_ + "-log";
}

ImageFiles::~ImageFiles() {
  for (Slot& slot : slots_) drop(slot);
}

void ImageFiles::create(Slot& slot) {
  slot.descriptor = ::open(slot.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (slot.descriptor < 0) throw_image_failed("create " + slot.name);
  void* const at =
      ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, slot.descriptor, 0);
  if (at == MAP_FAILED) throw_image_failed("map " + slot.name);
  slot.bytes = static_cast<std::byte*>(at);
}

void ImageFiles::drop(Slot& slot) noexcept {
  if (slot.descriptor < 0) return;
  ::munmap(slot.bytes, mapped_bytes);
  ::close(slot.descriptor);
  slot.descriptor = -1;
  ::unlink(slot.name.c_str());
}

void ImageFiles::fill(Slot& slot, const FileBytes* bytes) {
  struct stat named {};
  struct stat mapped {};
  const bool stands = ::stat(slot.name.c_str(), &named) == 0;
  // The library may have put another file there.
  const bool same = stands && slot.descriptor >= 0 && ::fstat(slot.descriptor, &mapped) == 0 &&
                    mapped.st_ino == named.st_ino;
  if (!same || bytes == nullptr) {
    drop(slot);
    if (stands) ::unlink(slot.name.c_str());
    if (bytes == nullptr) return;
    create(slot);
  }
  slot.length = same ? static_cast<std::uint64_t>(mapped.st_size) : 0;
  if (slot.length != bytes->size() &&
      ::ftruncate(slot.descriptor, static_cast<off_t>(bytes->size())) != 0) {
    throw_image_failed("ftruncate of " + slot.name);
  }
  slot.length = bytes->size();
  if (!bytes->empty()) std::memcpy(slot.bytes, bytes->data(), bytes->size());
}

void ImageFiles::write(const CrashImage& image) {
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    fill(slots_[name], image.names[name] == no_file ? nullptr : &image.files[image.names[name]]);
  }
  change_boot();
}

void ImageFiles::change_boot() {
  const Slot& data = slots_[static_cast<std::size_t>(StoreName::data)];
  struct stat status {};
  if (data.descriptor < 0 || ::fstat(data.descriptor, &status) != 0 ||
      static_cast<std::uint64_t>(status.st_size) < heap_begin) {
    return;
  }
  BootId other = current_boot_id();
  other[0] ^= std::byte{1};
  test::edit_meta_slots(data.bytes, [&](MetaSlot& meta, std::uint64_t right_checksum) {
    if (meta.checksum != right_checksum) return false;
    // It passes for the store that the image was made of.
    meta.inode = status.st_ino;
    meta.boot_id = other;
    return true;
  });
  // The live words are whatever was written back last; they are not even asked for.
  std::memset(data.bytes + live_words_offset, 0x5A, sizeof(LiveWords));
}

CrashImage ImageFiles::read() const {
  CrashImage image{{}, {no_file, no_file}};
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    const Slot& slot = slots_[name];
    struct stat status {};
    if (slot.descriptor < 0 || ::fstat(slot.descriptor, &status) != 0) continue;
    image.names[name] = static_cast<std::uint32_t>(image.files.size());
    image.files.emplace_back(slot.bytes, slot.bytes + status.st_size);
  }
  return image;
}

std::uint64_t ImageFiles::heap_hash() const {
  const Slot& data = slots_[static_cast<std::size_t>(StoreName::data)];
  const auto& live = *reinterpret_cast<const LiveWords*>(data.bytes + live_words_offset);
  const std::uint64_t end = live.heap_end.load(std::memory_order_relaxed);
  return checksum(std::span(data.bytes + heap_begin, end - heap_begin), live.visible.load());
}

ImageChecker::ImageChecker(ImageFiles& files, const Workload& workload, Durability durability)
    : files_(files), options_(drill_options(durability, "power")), models_(models_of(workload)) {}

Verdict ImageChecker::check() {
  std::optional<Store> store;
  try {
    store.emplace(Store::open_existing(files_.path(), options_));
  } catch (const Error& error) {
    return {std::nullopt, error.what(), static_cast<errc>(error.code().value())};
  }
  const std::uint64_t heap = files_.heap_hash();
  const auto known = known_.find(heap);
  if (known != known_.end() && ++checked_ % examined_each != 0) return {known->second};
  const std::uint64_t holds = examine(store);
  known_[heap] = holds;
  return {holds};
}

std::uint64_t ImageChecker::examine(std::optional<Store>& store) {
  // First, since containers believe what they read: only a sound store has a content.
  require_sound(*store, "after recovery");
  Content content = read_content(*store);
  const std::uint64_t holds = content.steps - models_.front().steps;
  if (content.steps < models_.front().steps || holds >= models_.size()) {
    throw DrillFailure("it holds " + std::to_string(content.steps) + " transactions");
  }
  if (content != models_[holds]) {
    throw DrillFailure("the content is not the model's: " + difference(content, models_[holds]));
  }
  // The power goes once more, behind all that recovery wrote.
  store.reset();
  files_.change_boot();
  store.emplace(Store::open_existing(files_.path(), options_));
  if (read_content(*store) != content) throw DrillFailure("a second recovery changes the content");
  apply_edits(proving_edits(), content);
  store->write([](WriteTransaction& tx) { apply_edits(proving_edits(), tx); });
  store->close();
  store.reset();
  files_.change_boot();
  store.emplace(Store::open_existing(files_.path(), options_));
  if (read_content(*store) != content) {
    throw DrillFailure("one more transaction is not what the next opening finds");
  }
  require_sound(*store, "after one more transaction");
  store.reset();
  return holds;
}

}  // namespace cairn::drills
