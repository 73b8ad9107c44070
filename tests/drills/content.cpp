// SPDX-License-Identifier: BSL-1.0
#include "content.hpp"

#include <algorithm>
#include <array>

namespace cairn::drills {
namespace {

constexpr std::uint64_t planted_keys = 20;

std::string list_name(std::uint64_t key) {
  // Long enough for some names to have a block of their own.
  return "list " + std::string(key % 3 * 15, '-') + std::to_string(key);
}

std::uint64_t bulk_element(std::uint64_t value, std::uint64_t index) noexcept {
  return (value + index) * 0x9E3779B97F4A7C15ULL;
}

std::string tag_name(std::uint64_t key) {
  return std::to_string(key * 7919 % 1009) + std::string(key % 4 * 10, '.');
}

void push_link(Chain& chain, std::uint64_t value) {
  Chain fresh(std::in_place);
  fresh->value = value;
  fresh->next = std::move(chain);
  chain = std::move(fresh);
}

void pop_link(Chain& chain) {
  if (!chain) return;
  Chain rest = std::move(chain->next);
  chain = std::move(rest);
}

// What is said in the same words of a container and of its model.

template <class Map>
void plant(Map& ordered, const Edit& edit) {
  for (std::uint64_t i = 0; i < planted_keys; ++i) {
    ordered.insert_or_assign(edit.key + i, list_name(edit.value + i));
  }
}

template <class Map>
void prune(Map& ordered, const Edit& edit) {
  ordered.erase(ordered.lower_bound(edit.key), ordered.upper_bound(edit.value));
}

template <class Queue>
void enqueue(Queue& queue, const Edit& edit) {
  for (std::uint64_t i = 0; i < edit.key; ++i) queue.push_back(edit.value + i);
}

template <class Queue>
void serve(Queue& queue, const Edit& edit) {
  for (std::uint64_t i = 0; i < edit.key && !queue.empty(); ++i) queue.pop_front();
}

void apply_one(const Edit& edit, Content& content) {
  switch (edit.kind) {
    case EditKind::put: content.numbers[edit.key] = edit.value; break;
    case EditKind::drop: content.numbers.erase(edit.key); break;
    case EditKind::append: content.lists[list_name(edit.key)].push_back(edit.value); break;
    case EditKind::forget: content.lists.erase(list_name(edit.key)); break;
    case EditKind::push: content.chain.insert(content.chain.begin(), edit.value); break;
    case EditKind::pop:
      if (!content.chain.empty()) content.chain.erase(content.chain.begin());
      break;
    case EditKind::fill:
      content.bulk.resize(edit.key);
      for (std::uint64_t i = 0; i < edit.key; ++i) content.bulk[i] = bulk_element(edit.value, i);
      break;
    case EditKind::plant: plant(content.ordered, edit); break;
    case EditKind::prune: prune(content.ordered, edit); break;
    case EditKind::tag:
      content.tags.insert(tag_name(edit.key));
      content.words.insert(tag_name(edit.key));
      break;
    case EditKind::untag:
      content.tags.erase(tag_name(edit.key));
      content.words.erase(tag_name(edit.key));
      break;
    case EditKind::queue: enqueue(content.queue, edit); break;
    case EditKind::serve: serve(content.queue, edit); break;
  }
}

void fill(WriteTransaction& tx, std::uint64_t count, std::uint64_t value) {
  if (count == 0) {
    // A new vector has no block; clearing one would keep it.
    tx.find_or_construct<Bulk>("bulk") = Bulk();
    return;
  }
  Bulk& bulk = tx.find_or_construct<Bulk>("bulk");
  bulk.resize(count);
  std::uint64_t* const elements = bulk.data();
  for (std::uint64_t i = 0; i < count; ++i) elements[i] = bulk_element(value, i);
}

void apply_one(const Edit& edit, WriteTransaction& tx) {
  switch (edit.kind) {
    case EditKind::put:
      tx.find_or_construct<Numbers>("numbers").insert_or_assign(edit.key, edit.value);
      break;
    case EditKind::drop: tx.find_or_construct<Numbers>("numbers").erase(edit.key); break;
    case EditKind::append: {
      Lists& lists = tx.find_or_construct<Lists>("lists");
      lists.try_emplace(list_name(edit.key)).first->second.push_back(edit.value);
      break;
    }
    case EditKind::forget: tx.find_or_construct<Lists>("lists").erase(list_name(edit.key)); break;
    case EditKind::push: push_link(tx.find_or_construct<Chain>("chain"), edit.value); break;
    case EditKind::pop: pop_link(tx.find_or_construct<Chain>("chain")); break;
    case EditKind::fill: fill(tx, edit.key, edit.value); break;
    case EditKind::plant: plant(tx.find_or_construct<Ordered>("ordered"), edit); break;
    case EditKind::prune: prune(tx.find_or_construct<Ordered>("ordered"), edit); break;
    case EditKind::tag:
      tx.find_or_construct<Tags>("tags").insert(tag_name(edit.key));
      tx.find_or_construct<Words>("words").insert(tag_name(edit.key));
      break;
    case EditKind::untag:
      tx.find_or_construct<Tags>("tags").erase(tag_name(edit.key));
      tx.find_or_construct<Words>("words").erase(tag_name(edit.key));
      break;
    case EditKind::queue: enqueue(tx.find_or_construct<Queue>("queue"), edit); break;
    case EditKind::serve: serve(tx.find_or_construct<Queue>("queue"), edit); break;
  }
}

}  // namespace

void apply_edits(std::span<const Edit> edits, Content& content) {
  for (const Edit& edit : edits) apply_one(edit, content);
  ++content.steps;
}

void apply_edits(std::span<const Edit> edits, WriteTransaction& tx) {
  for (const Edit& edit : edits) apply_one(edit, tx);
  ++tx.modify(tx.find_or_construct<std::uint64_t>("steps"));
}

Content read_content(const ReadTransaction& tx) {
  Content content;
  if (const auto* steps = tx.find<std::uint64_t>("steps")) content.steps = *steps;
  if (const auto* numbers = tx.find<Numbers>("numbers")) {
    for (const auto& [key, value] : *numbers) content.numbers[key] = value;
  }
  if (const auto* lists = tx.find<Lists>("lists")) {
    for (const auto& [name, list] : *lists) {
      content.lists[name.str()].assign(list.begin(), list.end());
    }
  }
  if (const auto* chain = tx.find<Chain>("chain")) {
    for (const Link* link = chain->get(); link != nullptr; link = std::as_const(link->next).get()) {
      content.chain.push_back(link->value);
    }
  }
  if (const auto* bulk = tx.find<Bulk>("bulk")) content.bulk.assign(bulk->begin(), bulk->end());
  if (const auto* ordered = tx.find<Ordered>("ordered")) {
    for (const auto& [key, text] : *ordered) content.ordered[key] = text.str();
  }
  if (const auto* tags = tx.find<Tags>("tags")) {
    for (const String& tag : *tags) content.tags.insert(tag.str());
  }
  if (const auto* words = tx.find<Words>("words")) {
    for (const String& word : *words) content.words.insert(word.str());
  }
  if (const auto* queue = tx.find<Queue>("queue")) {
    content.queue.assign(queue->begin(), queue->end());
  }
  return content;
}

Content read_content(const Store& store) {
  return store.read([](const ReadTransaction& tx) { return read_content(tx); });
}

std::span<const Edit> proving_edits() {
  constexpr std::uint64_t key = 1'000'000;
  static constexpr std::array<Edit, 5> edits = {{{EditKind::put, key, 1},
                                                 {EditKind::append, key, 2},
                                                 {EditKind::plant, key, 3},
                                                 {EditKind::tag, key, 0},
                                                 {EditKind::queue, 2, 4}}};
  return edits;
}

std::string difference(const Content& found, const Content& expected) {
  std::string parts;
  const auto note = [&](bool same, const std::string& part) {
    if (!same) parts += (parts.empty() ? "" : ", ") + part;
  };
  note(found.steps == expected.steps,
       "steps " + std::to_string(found.steps) + " for " + std::to_string(expected.steps));
  note(found.numbers == expected.numbers, "numbers (" + std::to_string(found.numbers.size()) +
                                              " for " + std::to_string(expected.numbers.size()) +
                                              ")");
  note(found.lists == expected.lists, "lists");
  note(found.chain == expected.chain, "chain");
  note(found.bulk == expected.bulk, "bulk");
  note(found.ordered == expected.ordered, "ordered (" + std::to_string(found.ordered.size()) +
                                              " for " + std::to_string(expected.ordered.size()) +
                                              ")");
  note(found.tags == expected.tags, "tags");
  note(found.words == expected.words, "words");
  note(found.queue == expected.queue, "queue");
  return parts;
}

}  // namespace cairn::drills
