// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "cairn/object_walker.hpp"
#include "json_stream.hpp"
#include "slow_progress.hpp"

namespace cairn::tool {

/// One bit for each byte of the heap that a Ptr or Ref leads to.
class PointerTargets final : public ObjectVisitor {
 public:
  explicit PointerTargets(std::uint64_t heap_end) : bits_(heap_end * UnitBits::unit_bytes) {}

  bool contains(std::uint64_t offset) const noexcept {
    return bits_.test(offset * UnitBits::unit_bytes);
  }
  void pointer(std::uint64_t /*at*/, std::uint64_t target, const TypeNode& /*type*/) override {
    bits_.set(target * UnitBits::unit_bytes);
  }

 private:
  UnitBits bits_;
};

/// What the two kinds of dumps share. Objects are printed as they are met; what is held is a few
/// bytes for each level of nesting.
class DumpVisitor : public ObjectVisitor {
 public:
  DumpVisitor(HeapBytes heap, const PointerTargets& targets, SlowProgress& progress)
      : heap_(heap), targets_(targets), progress_(progress) {}

  void follow(const ObjectWalker& walker) noexcept { walker_ = &walker; }
  /// Ends what a walk that was broken off has left open.
  virtual void finish_root() = 0;

  void block(std::uint64_t /*offset*/, std::uint64_t bytes) override { progress_.advance(bytes); }
  bool wants_values() const override { return true; }

 protected:
  /// Whether the object at `at` is to say where it is: something points to it, and nothing that
  /// encloses it and begins there has said so.
  bool takes_id(std::uint64_t at) noexcept {
    if (at == last_id_ || !targets_.contains(at)) return false;
    last_id_ = at;
    return true;
  }

  HeapBytes heap_;
  const PointerTargets& targets_;
  SlowProgress& progress_;
  const ObjectWalker* walker_ = nullptr;

 private:
  std::uint64_t last_id_ = 0;
};

/// Objects as JSON: structs as objects, sequences as arrays, maps as arrays of {"key", "value"},
/// empty optionals and null pointers as null.
class JsonDump final : public DumpVisitor {
 public:
  JsonDump(JsonStream& json, HeapBytes heap, const PointerTargets& targets, SlowProgress& progress)
      : DumpVisitor(heap, targets, progress), json_(json) {}

  /// What follows stands within what is open now.
  void begin_root() { depth_ = json_.depth(); }
  void finish_root() override;

  void pointer(std::uint64_t at, std::uint64_t target, const TypeNode& type) override;
  void part(const ObjectPart& part) override;
  void begin(std::uint64_t at, const TypeNode& type, std::uint64_t elements) override;
  void end(std::uint64_t at, const TypeNode& type) override;
  void value(std::uint64_t at, const TypeNode& type) override;
  void text(std::uint64_t at, const TypeNode& type, std::string_view characters) override;
  void empty(std::uint64_t at, const TypeNode& type) override;
  void damaged(std::uint64_t at, const TypeNode& type) override;

 private:
  struct Level {
    bool wrapped;    ///< within {"$id", "$value"}
    bool pair_open;  ///< of a map
  };

  bool wrap(std::uint64_t at);
  template <class Print>
  void print(std::uint64_t at, Print print);

  JsonStream& json_;
  std::vector<Level> levels_;
  std::size_t depth_ = 0;
};

/// Objects for people, a line for each: what they are called, and their value.
class TextDump final : public DumpVisitor {
 public:
  TextDump(std::FILE* out, HeapBytes heap, const PointerTargets& targets, SlowProgress& progress)
      : DumpVisitor(heap, targets, progress), out_(out) {}

  void finish_root() override {
    indent_ = 0;
    within_holder_ = false;
  }

  void pointer(std::uint64_t at, std::uint64_t target, const TypeNode& type) override;
  void part(const ObjectPart& part) override;
  void begin(std::uint64_t at, const TypeNode& type, std::uint64_t elements) override;
  void end(std::uint64_t at, const TypeNode& type) override;
  void value(std::uint64_t at, const TypeNode& type) override;
  void text(std::uint64_t at, const TypeNode& type, std::string_view characters) override;
  void empty(std::uint64_t at, const TypeNode& type) override;
  void damaged(std::uint64_t at, const TypeNode& type) override;

 private:
  void begin_line(std::uint64_t at);
  void line(std::uint64_t at, std::string_view value);

  std::FILE* out_;
  std::uint64_t indent_ = 0;
  std::string label_;
  bool within_holder_ = false;
};

}  // namespace cairn::tool
