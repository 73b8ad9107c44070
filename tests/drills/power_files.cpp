// SPDX-License-Identifier: BSL-1.0
#include "power_files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>

#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/meta_slots.hpp"
#include "mix.hpp"
#include "stored_structs.hpp"

namespace cairn::drills {
namespace {

/// Longer than any file of a workload becomes.
constexpr std::uint64_t mapped_bytes = 16 << 20;
/// So many images are written for each that is compared with what it should be.
constexpr std::uint64_t verified_each = 256;

ImageFiles* watching = nullptr;

[[noreturn]] void throw_image_failed(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

ImageFiles::ImageFiles(std::string path) : path_(std::move(path)) {
  slots_[static_cast<std::size_t>(StoreName::data)].name = path_;
  slots_[static_cast<std::size_t>(StoreName::log)].name = path_ + "-log";
  for (Slot& slot : slots_) slot.is_changed.resize(mapped_bytes / sector_bytes);
}

ImageFiles::~ImageFiles() {
  end_watching();
  for (Slot& slot : slots_) drop(slot);
}

void ImageFiles::create(Slot& slot) {
  slot.descriptor = ::open(slot.name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  struct stat status {};
  if (slot.descriptor < 0 || ::fstat(slot.descriptor, &status) != 0) {
    throw_image_failed("create " + slot.name);
  }
  void* const at =
      ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, slot.descriptor, 0);
  if (at == MAP_FAILED) throw_image_failed("map " + slot.name);
  slot.bytes = static_cast<std::byte*>(at);
  slot.inode = status.st_ino;
}

void ImageFiles::drop(Slot& slot) noexcept {
  forget(slot);
  // The library may have put a file there by itself.
  ::unlink(slot.name.c_str());
  if (slot.descriptor < 0) return;
  ::munmap(slot.bytes, mapped_bytes);
  ::close(slot.descriptor);
  slot.descriptor = -1;
}

/// Makes the file so long, and there where it is not. Returns how long it was.
std::uint64_t ImageFiles::make_room(Slot& slot, std::uint64_t length) {
  struct stat status {};
  // The library may have taken its name away.
  const bool stands =
      slot.descriptor >= 0 && ::fstat(slot.descriptor, &status) == 0 && status.st_nlink != 0;
  if (!stands) {
    drop(slot);
    create(slot);
  }
  const std::uint64_t before = stands ? static_cast<std::uint64_t>(status.st_size) : 0;
  if (before != length && ::ftruncate(slot.descriptor, static_cast<off_t>(length)) != 0) {
    throw_image_failed("ftruncate of " + slot.name);
  }
  return before;
}

/// Gives the bytes what the base has there. Behind `before`, where the file ended, are zeros
/// already, for which the system needs no pages.
void ImageFiles::restore(Slot& slot, std::uint64_t begin, std::uint64_t end, std::uint64_t before) {
  const FileBytes& base = slot.base->bytes();
  const std::uint64_t middle = std::clamp<std::uint64_t>(base.size(), begin, std::max(begin, end));
  if (begin < middle) std::memcpy(slot.bytes + begin, base.data() + begin, middle - begin);
  const std::uint64_t last = std::min(end, before);
  if (middle < last) std::memset(slot.bytes + middle, 0, last - middle);
}

void ImageFiles::note(Slot& slot, std::uint64_t offset, std::uint64_t bytes) {
  const std::uint64_t end = std::min(offset + bytes, mapped_bytes);
  for (std::uint64_t sector = offset / sector_bytes; sector * sector_bytes < end; ++sector) {
    if (slot.is_changed[sector] != 0) continue;
    slot.is_changed[sector] = 1;
    slot.changed.push_back(static_cast<std::uint32_t>(sector));
  }
}

void ImageFiles::forget(Slot& slot) noexcept {
  slot.base_number = 0;
  for (const std::uint32_t sector : slot.changed) slot.is_changed[sector] = 0;
  slot.changed.clear();
}

void ImageFiles::forget_sectors() noexcept {
  for (Slot& slot : slots_) forget(slot);
}

void ImageFiles::write(Slot& slot, const LayeredImage::File& layers) {
  const std::uint64_t before = make_room(slot, layers.length);
  slot.base = layers.base;
  if (slot.base_number != 0 && slot.base_number == layers.base->previous_number()) {
    for (const std::uint32_t sector : layers.base->updated()) {
      note(slot, sector * sector_bytes, sector_bytes);
    }
    slot.base_number = layers.base->number();
  }
  if (slot.base_number != layers.base->number()) {
    forget(slot);
    restore(slot, 0, layers.length, before);
    slot.base_number = layers.base->number();
  } else {
    for (const std::uint32_t sector : slot.changed) {
      const std::uint64_t begin = sector * sector_bytes;
      slot.is_changed[sector] = 0;
      if (begin >= before) continue;
      restore(slot, begin, std::min(begin + sector_bytes, layers.length), before);
    }
    slot.changed.clear();
    // What had been cut off is zeros now.
    restore(slot, before, layers.length, before);
    // Into the header of the data file processes write without telling.
    if (&slot == slots_.data()) restore(slot, 0, std::min(heap_begin, layers.length), before);
  }
  for (const auto& patch : layers.patches) {
    std::memcpy(slot.bytes + patch.offset, patch.bytes.data(), patch.bytes.size());
    note(slot, patch.offset, patch.bytes.size());
  }
}

/// Throws where the file holds anything else, but for what each image is given.
void ImageFiles::verify(const Slot& slot, const LayeredImage::File& layers) {
  const FileBytes whole = flatten(layers);
  const std::uint64_t seed = seed_of(whole);
  if (sum_of_sectors(0, std::span(slot.bytes, whole.size()), seed) !=
      sum_of_sectors(0, whole, seed)) {
    throw std::logic_error("an image was not written as it should be: " + slot.name);
  }
}

void ImageFiles::write(const LayeredImage& image) {
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    const LayeredImage::File& layers = image.files[name];
    if (layers.base == nullptr) {
      drop(slots_[name]);
    } else {
      write(slots_[name], layers);
    }
  }
  change_boot();
  if (++written_ % verified_each != 0) return;
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    if (image.files[name].base != nullptr) verify(slots_[name], image.files[name]);
  }
}

void ImageFiles::write(const CrashImage& image) {
  for (std::size_t name = 0; name < slots_.size(); ++name) {
    Slot& slot = slots_[name];
    if (!image.files[name]) {
      drop(slot);
      continue;
    }
    const FileBytes& bytes = *image.files[name];
    make_room(slot, bytes.size());
    forget(slot);
    if (!bytes.empty()) std::memcpy(slot.bytes, bytes.data(), bytes.size());
  }
  change_boot();
}

void ImageFiles::change_boot() {
  Slot& slot = slots_[static_cast<std::size_t>(StoreName::data)];
  struct stat status {};
  if (slot.descriptor < 0 || ::fstat(slot.descriptor, &status) != 0 ||
      static_cast<std::uint64_t>(status.st_size) < heap_begin) {
    return;
  }
  BootId other = current_boot_id();
  other[0] ^= std::byte{1};
  test::edit_meta_slots(slot.bytes, [&](MetaSlot& meta, std::uint64_t right_checksum) {
    if (meta.checksum != right_checksum) return false;
    // It passes for the store that the image was made of.
    meta.inode = slot.inode;
    meta.boot_id = other;
    return true;
  });
  // The live words are whatever was written back last; they are not even asked for.
  std::memset(slot.bytes + live_words_offset, 0x5A, sizeof(LiveWords));
}

void ImageFiles::begin_watching() {
  descriptors_.clear();
  watching = this;
  drill::set_io_observer(&on_operation);
}

void ImageFiles::end_watching() noexcept {
  if (watching != this) return;
  watching = nullptr;
  drill::set_io_observer(nullptr);
}

int ImageFiles::on_operation(const drill::IoOperation& operation) {
  watching->observe(operation);
  return 0;
}

void ImageFiles::observe(const drill::IoOperation& operation) {
  const bool writes =
      operation.kind == drill::IoKind::store || operation.kind == drill::IoKind::write;
  const bool cuts = operation.kind == drill::IoKind::truncate;
  if (!writes && !cuts) return;
  Slot* const slot = slot_of(operation.descriptor);
  if (slot == nullptr || slot->base_number == 0) return;
  if (writes) note(*slot, operation.offset, operation.bytes);
  // Where it grows again there are zeros.
  const std::uint64_t end = slot->base->bytes().size();
  if (cuts && operation.offset < end) note(*slot, operation.offset, end - operation.offset);
}

ImageFiles::Slot* ImageFiles::slot_of(int descriptor) {
  for (const auto& [known, slot] : descriptors_) {
    if (known == descriptor) return slot;
  }
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return nullptr;
  for (Slot& slot : slots_) {
    if (slot.descriptor < 0 || slot.inode != status.st_ino) continue;
    descriptors_.emplace_back(descriptor, &slot);
    return &slot;
  }
  return nullptr;
}

std::uint64_t ImageFiles::heap_end() const noexcept {
  const auto& live = *reinterpret_cast<const LiveWords*>(data().bytes + live_words_offset);
  return live.heap_end.load(std::memory_order_relaxed);
}

std::uint64_t ImageFiles::recovered_hash() const {
  const Slot& slot = data();
  if (slot.base_number == 0) return recovered_hash_of_all();
  const std::uint64_t end = heap_end();
  std::uint64_t sum = slot.base->sum(heap_begin / sector_bytes, end / sector_bytes);
  for (const std::uint32_t sector : slot.changed) {
    const std::uint64_t at = sector * sector_bytes;
    if (at < heap_begin || at >= end) continue;
    sum ^= slot.base->sum(sector, sector + 1) ^
           sum_of_sectors(at, std::span(slot.bytes + at, sector_bytes), 0);
  }
  return hash_around(sum, end);
}

std::uint64_t ImageFiles::recovered_hash_of_all() const {
  const std::uint64_t end = heap_end();
  const std::span<const std::byte> heap(data().bytes + heap_begin, end - heap_begin);
  return hash_around(sum_of_sectors(heap_begin, heap, 0), end);
}

std::uint64_t ImageFiles::hash_around(std::uint64_t heap_sum, std::uint64_t heap_end) const {
  const Slot& slot = data();
  const std::span<const std::byte> header(slot.bytes, heap_begin);
  const MetaSlot meta = newest_meta(header, seed_of(header), path_);
  struct stat status {};
  if (::fstat(slot.descriptor, &status) != 0) throw_image_failed("fstat of " + slot.name);
  std::uint64_t hash = heap_sum;
  for (const std::uint64_t part :
       {heap_end, static_cast<std::uint64_t>(status.st_size), meta.checkpoint_sequence,
        meta.heap_end, meta.file_bytes, meta.log_bytes, std::uint64_t{meta.clean}}) {
    hash = mix(hash ^ part);
  }
  return hash;
}

}  // namespace cairn::drills
