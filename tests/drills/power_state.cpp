// SPDX-License-Identifier: BSL-1.0
#include "power_state.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "mix.hpp"

namespace cairn::drills {
namespace {

/// The same whenever it is asked for, so that equal images have equal garbage.
std::byte garbage_at(std::uint64_t offset) {
  return static_cast<std::byte>(mix(offset));
}

}  // namespace

PowerState::PowerState(const PowerHistory& history, std::uint32_t block_bytes)
    : history_(&history), block_bytes_(block_bytes), synced_names_(history.names) {
  for (std::uint32_t file = 0; file < history.files.size(); ++file) {
    const FileBytes& bytes = history.files[file];
    const std::uint64_t seed = seed_of(bytes);
    disks_.push_back({SyncedFile(bytes, seed), bytes, seed});
  }
}

bool PowerState::advance() {
  if (next_ == history_->steps.size()) return false;
  const PowerStep& step = history_->steps[next_++];
  switch (step.kind) {
    case PowerStep::Kind::bytes: write(step); break;
    case PowerStep::Kind::length: cut_or_lengthen(step); break;
    case PowerStep::Kind::sync: sync(step); break;
    case PowerStep::Kind::sync_directory:
      for (const Atom& name : atoms_) {
        if (name.kind == PowerStep::Kind::name) {
          synced_names_[name.file] = static_cast<std::uint32_t>(name.values.back());
        }
      }
      drop_atoms([](const Atom& one) { return one.kind == PowerStep::Kind::name; });
      break;
    case PowerStep::Kind::name: {
      Atom& name = atom(step.kind, static_cast<std::uint32_t>(step.offset), 0);
      if (name.values.empty()) name.values.push_back(synced_names_[step.offset]);
      name.values.push_back(step.file);
      break;
    }
    case PowerStep::Kind::begin: ++promise_.begun; break;
    case PowerStep::Kind::acknowledge: ++promise_.acknowledged; break;
    case PowerStep::Kind::death: break;
    case PowerStep::Kind::settle: promise_ = {step.offset, step.offset, true}; break;
  }
  return true;
}

/// The one that is about to change.
Atom& PowerState::atom(PowerStep::Kind kind, std::uint32_t file, std::uint64_t offset) {
  const auto [place, is_new] = places_.try_emplace({kind, file, offset}, atoms_.size());
  if (is_new) atoms_.push_back({kind, file, offset});
  Atom& one = atoms_[place->second];
  for (Atom::Made& made : one.made) made.valid = false;
  return one;
}

void PowerState::write(const PowerStep& step) {
  Disk& disk = disks_.at(step.file);
  std::memcpy(disk.now.data() + step.offset, step.bytes.data(), step.bytes.size());
  if (step.offset < sector_bytes && disk.seed == 0) {
    disk.seed = seed_of(disk.now);
    // Meta slots are looked at with it.
    if (disk.seed != 0) forget_made(step.file);
  }
  const std::uint64_t end = step.offset + step.bytes.size();
  for (std::uint64_t at = step.offset / block_bytes_ * block_bytes_; at < end; at += block_bytes_) {
    Atom& block = atom(PowerStep::Kind::bytes, step.file, at);
    if (block.blocks.empty()) {
      block.blocks.push_back(block_of(disk.synced.bytes(), at));
      block.touched.assign(block_bytes_, false);
    }
    block.blocks.push_back(block_of(disk.now, at));
    const std::uint64_t first = std::max(step.offset, at) - at;
    const std::uint64_t last = std::min(end, at + block_bytes_) - at;
    std::fill(block.touched.begin() + static_cast<std::ptrdiff_t>(first),
              block.touched.begin() + static_cast<std::ptrdiff_t>(last), true);
  }
}

void PowerState::cut_or_lengthen(const PowerStep& step) {
  Disk& disk = disks_.at(step.file);
  Atom& length = atom(step.kind, step.file, 0);
  if (length.values.empty()) length.values.push_back(disk.synced.bytes().size());
  length.values.push_back(step.offset);
  const std::uint64_t before = disk.now.size();
  disk.now.resize(step.offset);
  // Behind the new end all is gone, and zeros where the file becomes longer again.
  const std::uint64_t begin = std::min(before, step.offset);
  const std::uint64_t end =
      std::min<std::uint64_t>(std::max(before, step.offset), disk.synced.bytes().size());
  if (begin < end && step.offset > before)
    write({step.kind, step.file, begin, FileBytes(end - begin)});
  for (Atom& block : atoms_) {
    if (block.kind != PowerStep::Kind::bytes || block.file != step.file) continue;
    if (step.offset < before && block.offset + block_bytes_ > step.offset) {
      block.blocks.push_back(block_of(disk.now, block.offset));
      for (Atom::Made& made : block.made) made.valid = false;
    }
  }
}

void PowerState::sync(const PowerStep& step) {
  Disk& disk = disks_.at(step.file);
  const bool all = step.synced_bytes == 0;
  // Of a part of the file nothing is taken for synced that is not wholly in it, nor the length.
  const std::uint64_t end =
      std::min<std::uint64_t>(step.offset + step.synced_bytes, disk.synced.bytes().size());
  const auto is_synced = [&](const Atom& one) {
    if (one.kind == PowerStep::Kind::name || one.file != step.file) return false;
    return all || (one.kind == PowerStep::Kind::bytes && one.offset >= step.offset &&
                   one.offset + block_bytes_ <= end);
  };
  FileBytes partly;
  if (!all) partly = disk.synced.bytes();
  std::vector<std::uint64_t> offsets;
  for (const Atom& one : atoms_) {
    if (one.kind != PowerStep::Kind::bytes || !is_synced(one)) continue;
    offsets.push_back(one.offset);
    if (all) continue;
    const FileBytes block = block_of(disk.now, one.offset);
    std::copy(block.begin(), block.end(), partly.begin() + static_cast<std::ptrdiff_t>(one.offset));
  }
  disk.synced.update(all ? disk.now : partly, disk.seed, offsets, block_bytes_);
  drop_atoms(is_synced);
}

template <class IsSynced>
void PowerState::drop_atoms(IsSynced is_synced) {
  std::erase_if(atoms_, is_synced);
  places_.clear();
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    places_[{atoms_[i].kind, atoms_[i].file, atoms_[i].offset}] = i;
  }
}

FileBytes PowerState::block_of(const FileBytes& file, std::uint64_t offset) const {
  FileBytes block(block_bytes_);
  if (offset < file.size()) {
    std::memcpy(block.data(), file.data() + offset,
                std::min<std::uint64_t>(block_bytes_, file.size() - offset));
  }
  return block;
}

void PowerState::forget_made(std::uint32_t file) {
  for (Atom& one : atoms_) {
    if (one.kind != PowerStep::Kind::bytes || one.file != file) continue;
    for (Atom::Made& made : one.made) made.valid = false;
  }
}

FileBytes PowerState::block_with(const Atom& atom, Fate fate) {
  const FileBytes& last = atom.blocks.back();
  FileBytes block = atom.blocks.front();
  switch (fate) {
    case Fate::missing: break;
    case Fate::written: return last;
    case Fate::earlier: return atom.blocks[atom.blocks.size() / 2];
    case Fate::zeros:
    case Fate::garbage:
      for (std::size_t i = 0; i < block.size(); ++i) {
        if (!atom.touched[i]) continue;
        block[i] = fate == Fate::zeros ? std::byte{0} : garbage_at(atom.offset + i);
      }
      break;
    case Fate::torn:
      for (std::size_t i = 0; i < block.size(); ++i) {
        if (i / 8 % 2 == 0) block[i] = last[i];
      }
      break;
    case Fate::front:
    case Fate::back: {
      const auto begin = std::find(atom.touched.begin(), atom.touched.end(), true);
      const auto end = std::find(atom.touched.rbegin(), atom.touched.rend(), true).base();
      const auto middle = begin + (end - begin) / 16 * 8;
      const bool front = fate == Fate::front;
      for (auto at = front ? begin : middle; at != (front ? middle : end); ++at) {
        const auto i = static_cast<std::size_t>(at - atom.touched.begin());
        block[i] = last[i];
      }
      break;
    }
  }
  return block;
}

std::uint64_t PowerState::value_with(const Atom& atom, Fate fate) {
  if (fate == Fate::missing) return atom.values.front();
  if (fate == Fate::earlier) return atom.values[atom.values.size() / 2];
  return atom.values.back();
}

const Atom::Made& PowerState::made(const Atom& atom, Fate fate) const {
  Atom::Made& made = atom.made[static_cast<std::size_t>(fate)];
  if (made.valid) return made;
  made.valid = true;
  made.block = block_with(atom, fate);
  const std::uint64_t seed = disks_[atom.file].seed;
  made.sum_change = sum_of_sectors(atom.offset, atom.blocks.front(), seed) ^
                    sum_of_sectors(atom.offset, made.block, seed);
  return made;
}

void PowerState::shape(const std::vector<Fate>& fate_of) const {
  shape_.names = synced_names_;
  shape_.lengths.clear();
  for (const Disk& disk : disks_) shape_.lengths.push_back(disk.synced.bytes().size());
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    const Atom& one = atoms_[i];
    if (one.kind == PowerStep::Kind::bytes) continue;
    const std::uint64_t value = value_with(one, fate_of[i]);
    if (one.kind == PowerStep::Kind::length) {
      shape_.lengths[one.file] = value;
    } else {
      shape_.names[one.file] = static_cast<std::uint32_t>(value);
    }
  }
}

void PowerState::lay_file(std::uint32_t file, const std::vector<Fate>& fate_of,
                          LayeredImage::File& layers) const {
  layers.base = &disks_[file].synced;
  layers.length = shape_.lengths[file];
  layers.patches.clear();
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    const Atom& one = atoms_[i];
    if (one.kind != PowerStep::Kind::bytes || one.file != file || fate_of[i] == Fate::missing ||
        one.offset >= layers.length) {
      continue;
    }
    const std::span<const std::byte> block(made(one, fate_of[i]).block);
    layers.patches.push_back({one.offset, block.first(std::min<std::uint64_t>(
                                              block.size(), layers.length - one.offset))});
  }
}

void PowerState::lay(const std::vector<Fate>& fate_of, LayeredImage& image) const {
  shape(fate_of);
  for (std::size_t name = 0; name < shape_.names.size(); ++name) {
    if (shape_.names[name] == no_file) {
      image.files[name].base = nullptr;
    } else {
      lay_file(shape_.names[name], fate_of, image.files[name]);
    }
  }
}

/// Of all sectors of a file.
std::uint64_t PowerState::sum_of(std::uint32_t file, const std::vector<Fate>& fate_of) const {
  const Disk& disk = disks_[file];
  const std::uint64_t length = shape_.lengths[file];
  // Where it ends within a sector that it had, or within a block, it is put together.
  bool is_cut = length < disk.synced.bytes().size() && length % sector_bytes != 0;
  std::uint64_t sum = disk.synced.sum(0, (length + sector_bytes - 1) / sector_bytes);
  for (std::size_t i = 0; i < atoms_.size() && !is_cut; ++i) {
    const Atom& one = atoms_[i];
    if (one.kind != PowerStep::Kind::bytes || one.file != file || fate_of[i] == Fate::missing ||
        one.offset >= length) {
      continue;
    }
    is_cut = length - one.offset < block_bytes_;
    sum ^= made(one, fate_of[i]).sum_change;
  }
  if (!is_cut) return sum;
  lay_file(file, fate_of, layers_);
  return sum_of_sectors(0, flatten(layers_), disk.seed);
}

std::uint64_t PowerState::hash(const std::vector<Fate>& fate_of) const {
  shape(fate_of);
  std::uint64_t hash = 0;
  for (const std::uint32_t file : shape_.names) {
    // Mixed, so that the order of the names counts.
    hash = mix(hash);
    if (file != no_file) hash ^= mix(sum_of(file, fate_of) ^ mix(shape_.lengths[file] + 1));
  }
  return hash;
}

}  // namespace cairn::drills
