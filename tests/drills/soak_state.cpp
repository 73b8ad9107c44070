// SPDX-License-Identifier: BSL-1.0
#include "soak_state.hpp"

#include <span>
#include <stdexcept>
#include <string_view>

#include "mix.hpp"

namespace cairn::drills {
namespace {

constexpr std::uint64_t number_keys = 48;
constexpr std::uint64_t list_keys = 12;
constexpr std::uint64_t ordered_keys = 160;
constexpr std::uint64_t tag_keys = 64;

/// Of values in an order.
class Digest {
 public:
  Digest& add(std::uint64_t value) noexcept {
    value_ = (value_ ^ value) * 0x9FB21C651E98DF25ULL;
    value_ ^= value_ >> 29;
    return *this;
  }
  Digest& add(std::string_view text) noexcept {
    for (const char c : text) add(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    return add(text.size());
  }
  std::uint64_t value() const noexcept { return mix(value_); }

 private:
  std::uint64_t value_ = 0x243F6A8885A308D3ULL;
};

// What is said in the same words of a container and of its model. Where a container has no order,
// the digests of its elements are added up.

std::uint64_t of_numbers(const auto& numbers) {
  std::uint64_t sum = numbers.size();
  for (const auto& [key, value] : numbers) sum += Digest().add(key).add(value).value();
  return sum;
}

std::uint64_t of_sequence(const auto& values) {
  Digest digest;
  digest.add(values.size());
  for (const std::uint64_t value : values) digest.add(value);
  return digest.value();
}

std::uint64_t of_lists(const auto& lists) {
  std::uint64_t sum = lists.size();
  for (const auto& [name, list] : lists) {
    sum += Digest().add(std::string_view(name)).add(of_sequence(list)).value();
  }
  return sum;
}

std::uint64_t of_ordered(const auto& ordered) {
  Digest digest;
  for (const auto& [key, text] : ordered) digest.add(key).add(std::string_view(text));
  return digest.value();
}

std::uint64_t of_set(const auto& set) {
  Digest digest;
  for (const auto& text : set) digest.add(std::string_view(text));
  return digest.value();
}

std::uint64_t of_words(const auto& words) {
  std::uint64_t sum = words.size();
  for (const auto& text : words) sum += Digest().add(std::string_view(text)).value();
  return sum;
}

std::uint64_t of_chain(const Chain& chain) {
  Digest digest;
  std::uint64_t length = 0;
  for (const Link* link = chain.get(); link != nullptr; link = std::as_const(link->next).get()) {
    digest.add(link->value);
    ++length;
  }
  return digest.add(length).value();
}

std::uint64_t of_chain(const std::vector<std::uint64_t>& chain) {
  Digest digest;
  for (const std::uint64_t value : chain) digest.add(value);
  return digest.add(chain.size()).value();
}

std::uint64_t lamp_value(const Box<Atomic<std::uint64_t>>& lamp) {
  return lamp->load() >> 32;
}

std::uint64_t lamp_value(std::uint64_t lamp) {
  return lamp;
}

std::uint64_t of_lamps(const auto& lamps) {
  std::uint64_t sum = lamps.size();
  for (const auto& [key, lamp] : lamps) sum += Digest().add(key).add(lamp_value(lamp)).value();
  return sum;
}

std::uint64_t of_text(std::string_view text) {
  return Digest().add(text).value();
}

/// A root that no transaction has made yet is as an empty one.
template <class T, class Function>
std::uint64_t of_root(const ReadTransaction& tx, const char* name, Function function) {
  const T* const found = tx.find<T>(name);
  if (found != nullptr) return function(*found);
  return function(T());
}

std::uint64_t number_at(const auto& numbers, std::uint64_t key) {
  const auto at = numbers.find(key);
  return at == numbers.end() ? 0 : at->second;
}

/// The chance behind a transaction.
class Chance {
 public:
  Chance(std::uint64_t seed, const DeedId& id) noexcept
      : state_(Digest()
                   .add(seed)
                   .add(id.member)
                   .add(id.incarnation)
                   .add(id.thread)
                   .add(id.counter)
                   .value()) {}
  std::uint64_t below(std::uint64_t end) noexcept {
    state_ = mix(state_);
    return state_ % end;
  }

 private:
  std::uint64_t state_;
};

/// Mostly short, so that readers are quick; at times so long that the file has to grow.
std::uint64_t bulk_elements(Chance& chance) {
  const std::uint64_t kind = chance.below(100);
  if (kind < 2) return 20'000 + chance.below(130'000);
  if (kind < 10) return 2'000 + chance.below(8'000);
  return kind < 30 ? 0 : chance.below(500);
}

Edit draw_edit(Chance& chance) {
  const std::uint64_t value = chance.below(1'000'000);
  const std::uint64_t kind = chance.below(100);
  if (kind < 16) return {EditKind::put, chance.below(number_keys), value};
  if (kind < 20) return {EditKind::drop, chance.below(number_keys), 0};
  if (kind < 34) return {EditKind::append, chance.below(list_keys), value};
  if (kind < 37) return {EditKind::forget, chance.below(list_keys), 0};
  if (kind < 45) return {EditKind::push, 0, value};
  if (kind < 54) return {EditKind::pop, 0, 0};
  if (kind < 57) return {EditKind::fill, bulk_elements(chance), value};
  if (kind < 64) return {EditKind::plant, chance.below(ordered_keys), value};
  if (kind < 70) {
    const std::uint64_t first = chance.below(ordered_keys);
    return {EditKind::prune, first, first + chance.below(60)};
  }
  if (kind < 78) return {EditKind::tag, chance.below(tag_keys), 0};
  if (kind < 85) return {EditKind::untag, chance.below(tag_keys), 0};
  if (kind < 92) return {EditKind::queue, 1 + chance.below(30), value};
  return {EditKind::serve, 1 + chance.below(40), 0};
}

std::uint64_t digest_of(std::span<const Edit> edits) {
  Digest digest;
  for (const Edit& edit : edits) {
    digest.add(static_cast<std::uint64_t>(edit.kind)).add(edit.key).add(edit.value);
  }
  return digest.value();
}

}  // namespace

std::string to_string(const DeedId& id) {
  return "transaction " + std::to_string(id.counter) + " of thread " + std::to_string(id.thread) +
         " in life " + std::to_string(id.incarnation) + " of process " + std::to_string(id.member);
}

const char* to_string(Part part) noexcept {
  constexpr std::array<const char*, part_count> names = {
      "numbers", "lists", "chain", "bulk", "ordered", "tags", "words", "queue", "motto", "lamps"};
  return names[static_cast<std::size_t>(part)];
}

std::uint64_t digest_of(const ReadTransaction& tx, Part part) {
  switch (part) {
    case Part::numbers:
      return of_root<Numbers>(tx, "numbers", [](const auto& all) { return of_numbers(all); });
    case Part::lists:
      return of_root<Lists>(tx, "lists", [](const auto& all) { return of_lists(all); });
    case Part::chain:
      return of_root<Chain>(tx, "chain", [](const auto& all) { return of_chain(all); });
    case Part::bulk:
      return of_root<Bulk>(tx, "bulk", [](const auto& all) { return of_sequence(all); });
    case Part::ordered:
      return of_root<Ordered>(tx, "ordered", [](const auto& all) { return of_ordered(all); });
    case Part::tags: return of_root<Tags>(tx, "tags", [](const auto& all) { return of_set(all); });
    case Part::words:
      return of_root<Words>(tx, "words", [](const auto& all) { return of_words(all); });
    case Part::queue:
      return of_root<Queue>(tx, "queue", [](const auto& all) { return of_sequence(all); });
    case Part::motto:
      return of_root<Motto>(tx, "motto", [](const auto& text) { return of_text(text.view()); });
    case Part::lamps:
      return of_root<Lamps>(tx, "lamps", [](const auto& all) { return of_lamps(all); });
  }
  return 0;
}

std::uint64_t digest_of(const SoakModel& model, Part part) {
  const Content& content = model.content;
  switch (part) {
    case Part::numbers: return of_numbers(content.numbers);
    case Part::lists: return of_lists(content.lists);
    case Part::chain: return of_chain(content.chain);
    case Part::bulk: return of_sequence(content.bulk);
    case Part::ordered: return of_ordered(content.ordered);
    case Part::tags: return of_set(content.tags);
    case Part::words: return of_words(content.words);
    case Part::queue: return of_sequence(content.queue);
    case Part::motto: return of_text(model.motto);
    case Part::lamps: return of_lamps(model.lamps);
  }
  return 0;
}

void count_in_lamp(const ReadTransaction& tx, std::uint64_t lamp) {
  const Lamps* const lamps = tx.find<Lamps>("lamps");
  if (lamps == nullptr) return;
  if (const auto at = lamps->find(lamp); at != lamps->end()) at->second->fetch_add(1);
}

std::uint64_t number_in(const ReadTransaction& tx) {
  const auto* const steps = tx.find<std::uint64_t>("steps");
  return steps == nullptr ? 0 : *steps;
}

std::uint64_t number_in(WriteTransaction& tx) {
  const auto* const steps = tx.find<std::uint64_t>("steps");
  return steps == nullptr ? 0 : *steps;
}

Plan::Plan(std::uint64_t seed, const DeedId& id) : id_(id) {
  Chance chance(seed, id);
  const std::uint64_t count = 1 + chance.below(5);
  for (std::uint64_t i = 0; i < count; ++i) edits_.push_back(draw_edit(chance));
  from_ = chance.below(number_keys);
  to_ = chance.below(number_keys);
  const std::uint64_t lamp_kind = chance.below(400);
  if (lamp_kind < 2) lamp_edit_ = LampEdit::light;
  if (lamp_kind == 2) lamp_edit_ = LampEdit::snuff;
  lamp_ = chance.below(lamp_count);
  motto_bytes_ = chance.below(10) == 0 ? chance.below(600) : chance.below(60);
}

void Plan::decide(std::uint64_t from, std::uint64_t to, std::string_view motto,
                  std::uint64_t queued) {
  seen_ = Digest().add(from).add(to).add(motto).add(queued).value();
  edits_.push_back({EditKind::put, to_, from * 31 + to + id_.counter});
}

void Plan::look(WriteTransaction& tx) {
  number_ = number_in(tx) + 1;
  const auto* const numbers = tx.find<Numbers>("numbers");
  const auto* const motto = tx.find<Motto>("motto");
  const auto* const queue = tx.find<Queue>("queue");
  decide(numbers == nullptr ? 0 : number_at(*numbers, from_),
         numbers == nullptr ? 0 : number_at(*numbers, to_),
         motto == nullptr ? std::string_view() : motto->view(),
         queue == nullptr ? 0 : queue->size());
}

void Plan::look(const SoakModel& model) {
  number_ = model.content.steps + 1;
  decide(number_at(model.content.numbers, from_), number_at(model.content.numbers, to_),
         model.motto, model.content.queue.size());
}

std::string Plan::motto() const {
  return std::to_string(number_) + " is " + to_string(id_) + ", which saw " +
         std::to_string(seen_) + std::string(motto_bytes_, '.');
}

std::uint64_t Plan::changed() const {
  return Digest()
      .add(digest_of(edits_))
      .add(static_cast<std::uint64_t>(lamp_edit_))
      .add(lamp_)
      .value();
}

void Plan::touch_lamp(WriteTransaction& tx) const {
  if (lamp_edit_ == LampEdit::none) return;
  auto& lamps = tx.find_or_construct<Lamps>("lamps");
  if (lamp_edit_ == LampEdit::snuff) {
    lamps.erase(lamp_);
  } else {
    lamps.insert_or_assign(lamp_, Box<Atomic<std::uint64_t>>(std::in_place, number_ << 32));
  }
}

Deed Plan::deed(std::uint64_t sequence) const {
  return {number_,         sequence,   id_.counter,
          seen_,           changed(),  id_.member,
          id_.incarnation, id_.thread, static_cast<std::uint32_t>(edits_.size())};
}

void Plan::begin(WriteTransaction& tx, std::size_t edits) const {
  apply_edits(std::span(edits_).first(edits), tx);
}

Deed Plan::finish(WriteTransaction& tx, std::size_t begun) const {
  apply_edits(std::span(edits_).subspan(begun), tx);
  touch_lamp(tx);
  tx.modify(*tx.find<std::uint64_t>("steps")) = number_;
  tx.find_or_construct<Motto>("motto") = motto();
  const Deed made = deed(tx.sequence() + 1);
  if (!tx.find_or_construct<History>("history").try_emplace(number_, made).second) {
    throw std::runtime_error("the history has a number " + std::to_string(number_) + " already");
  }
  return made;
}

void Plan::apply(SoakModel& model) const {
  apply_edits(edits_, model.content);
  model.motto = motto();
  if (lamp_edit_ == LampEdit::light) model.lamps[lamp_] = number_;
  if (lamp_edit_ == LampEdit::snuff) model.lamps.erase(lamp_);
}

}  // namespace cairn::drills
