// SPDX-License-Identifier: BSL-1.0
#include "power_state.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>

#include "cairn/recovery/checksum.hpp"
#include "mix.hpp"

namespace cairn::drills {
namespace {

std::uint64_t hash_block(std::uint32_t file, std::uint64_t offset, const FileBytes& bytes) {
  return checksum(std::span(bytes), mix(offset * 64 + file));
}

std::uint64_t hash_value(PowerStep::Kind kind, std::uint32_t file, std::uint64_t value) {
  return mix(mix(value) + 64 * file + static_cast<std::uint64_t>(kind));
}

/// The same whenever it is asked for, so that equal images have equal garbage.
std::byte garbage_at(std::uint64_t offset) {
  return static_cast<std::byte>(mix(offset));
}

}  // namespace

PowerState::PowerState(const PowerHistory& history, std::uint32_t block_bytes)
    : history_(&history), block_bytes_(block_bytes), synced_names_(history.names) {
  for (std::uint32_t file = 0; file < history.files.size(); ++file) {
    const FileBytes& bytes = history.files[file];
    disks_.push_back({bytes, bytes, hash_of(file, bytes)});
  }
}

bool PowerState::advance() {
  if (next_ == history_->steps.size()) return false;
  const PowerStep& step = history_->steps[next_++];
  switch (step.kind) {
    case PowerStep::Kind::bytes: write(step); break;
    case PowerStep::Kind::length: cut_or_lengthen(step); break;
    case PowerStep::Kind::sync: sync(step.file); break;
    case PowerStep::Kind::sync_directory:
      for (const Atom& name : atoms_) {
        if (name.kind == PowerStep::Kind::name) {
          synced_names_[name.file] = static_cast<std::uint32_t>(name.values.back());
        }
      }
      drop_atoms(true, 0);
      break;
    case PowerStep::Kind::name: {
      Atom& name = atom(step.kind, static_cast<std::uint32_t>(step.offset), 0);
      if (name.values.empty()) name.values.push_back(synced_names_[step.offset]);
      name.values.push_back(step.file);
      break;
    }
    case PowerStep::Kind::begin: ++promise_.begun; break;
    case PowerStep::Kind::acknowledge: ++promise_.acknowledged; break;
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
  const std::uint64_t end = step.offset + step.bytes.size();
  for (std::uint64_t at = step.offset / block_bytes_ * block_bytes_; at < end; at += block_bytes_) {
    Atom& block = atom(PowerStep::Kind::bytes, step.file, at);
    if (block.blocks.empty()) {
      block.blocks.push_back(block_of(disk.synced, at));
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
  if (length.values.empty()) length.values.push_back(disk.synced.size());
  length.values.push_back(step.offset);
  const std::uint64_t before = disk.now.size();
  disk.now.resize(step.offset);
  // Behind the new end all is gone, and zeros where the file becomes longer again.
  const std::uint64_t begin = std::min(before, step.offset);
  const std::uint64_t end =
      std::min<std::uint64_t>(std::max(before, step.offset), disk.synced.size());
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

void PowerState::sync(std::uint32_t file) {
  Disk& disk = disks_.at(file);
  disk.synced = disk.now;
  disk.synced_hash = hash_of(file, disk.synced);
  drop_atoms(false, file);
}

void PowerState::drop_atoms(bool names, std::uint32_t file) {
  std::erase_if(atoms_, [&](const Atom& one) {
    const bool is_name = one.kind == PowerStep::Kind::name;
    return names ? is_name : !is_name && one.file == file;
  });
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

std::uint64_t PowerState::hash_of(std::uint32_t file, const FileBytes& bytes) const {
  std::uint64_t sum = hash_value(PowerStep::Kind::length, file, bytes.size());
  for (std::uint64_t at = 0; at < bytes.size(); at += block_bytes_) {
    sum ^= hash_block(file, at, block_of(bytes, at));
  }
  return sum;
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
  if (atom.kind == PowerStep::Kind::bytes) {
    made.block = block_with(atom, fate);
    made.hash_change = hash_block(atom.file, atom.offset, atom.blocks.front()) ^
                       hash_block(atom.file, atom.offset, made.block);
  } else {
    made.hash_change = hash_value(atom.kind, atom.file, atom.values.front()) ^
                       hash_value(atom.kind, atom.file, value_with(atom, fate));
  }
  return made;
}

void PowerState::make_image(const std::vector<Fate>& fate_of, CrashImage& image) const {
  image.names = synced_names_;
  image.files.resize(disks_.size());
  for (std::size_t file = 0; file < disks_.size(); ++file) {
    image.files[file].assign(disks_[file].synced.begin(), disks_[file].synced.end());
  }
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    const Atom& one = atoms_[i];
    const std::uint64_t value =
        one.kind == PowerStep::Kind::bytes ? 0 : value_with(one, fate_of[i]);
    if (one.kind == PowerStep::Kind::length) image.files[one.file].resize(value);
    if (one.kind == PowerStep::Kind::name) {
      image.names[one.file] = static_cast<std::uint32_t>(value);
    }
  }
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    const Atom& one = atoms_[i];
    if (one.kind != PowerStep::Kind::bytes || fate_of[i] == Fate::missing) continue;
    FileBytes& file = image.files[one.file];
    if (one.offset >= file.size()) continue;
    const FileBytes& block = made(one, fate_of[i]).block;
    std::memcpy(file.data() + one.offset, block.data(),
                std::min<std::uint64_t>(block.size(), file.size() - one.offset));
  }
}

std::uint64_t PowerState::hash(const std::vector<Fate>& fate_of) const {
  std::uint64_t sum = 0;
  for (const Disk& disk : disks_) sum ^= disk.synced_hash;
  for (const std::uint32_t name : synced_names_) sum = mix(sum + name);
  for (std::size_t i = 0; i < atoms_.size(); ++i) {
    if (fate_of[i] != Fate::missing) sum ^= made(atoms_[i], fate_of[i]).hash_change;
  }
  return sum;
}

}  // namespace cairn::drills
