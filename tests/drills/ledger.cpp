// SPDX-License-Identifier: BSL-1.0
#include "ledger.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <type_traits>

#include "mix.hpp"

namespace cairn::drills {
namespace {

using Numbers = HashMap<std::uint64_t, std::uint64_t>;
using Diaries = HashMap<String, Vec<std::uint64_t>>;
using Index = BTreeMap<std::uint64_t, String>;
using Seen = BTreeSet<std::uint64_t>;
using Known = HashSet<std::uint64_t>;
using Queues = Vec<Deque<std::uint64_t>>;

constexpr std::uint64_t diaries_of_writer = 24;
constexpr std::uint64_t longest_diary = 60;
constexpr std::uint64_t index_keys = 400;
constexpr std::uint64_t longest_queue = 200;

/// The chance behind a transaction: splitmix64 over writer and number.
class Draws {
 public:
  Draws(std::uint32_t writer, std::uint64_t number) noexcept
      : state_(number * writer_count + writer) {}
  std::uint64_t below(std::uint64_t end) noexcept {
    const std::uint64_t drawn = mix(state_);
    state_ += 0x9E3779B97F4A7C15ULL;
    return drawn % end;
  }

 private:
  std::uint64_t state_;
};

struct Transfer {
  std::uint64_t from;
  std::uint64_t to;
  std::uint64_t amount;
};

/// All that one transaction does, drawn in one place for store and model.
struct TransferPlan {
  std::vector<Transfer> transfers;
  std::string diary;
  enum class Diary { write, tear_out, burn } what = Diary::write;
  std::uint64_t words = 0;
  struct Run {
    bool comes = true;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
  };
  Run index;
  Run seen;
  std::uint64_t arriving = 0;
  std::uint64_t leaving = 0;
};

TransferPlan plan_of(std::uint32_t writer, std::uint64_t number) {
  Draws chance(writer, number);
  TransferPlan plan;
  const std::uint64_t transfers = 1 + chance.below(4);
  for (std::uint64_t i = 0; i < transfers; ++i) {
    plan.transfers.push_back(
        {chance.below(account_count), chance.below(account_count), 1 + chance.below(1000)});
  }
  plan.diary = "diary " + std::to_string(writer) + " of a writer, volume " +
               std::to_string(chance.below(diaries_of_writer));
  const std::uint64_t kind = chance.below(10);
  if (kind == 0) plan.what = TransferPlan::Diary::burn;
  if (kind == 1) plan.what = TransferPlan::Diary::tear_out;
  plan.words = 1 + chance.below(12);
  const auto run = [&] {
    return TransferPlan::Run{chance.below(2) == 0, chance.below(index_keys), chance.below(30)};
  };
  plan.index = run();
  plan.seen = run();
  plan.arriving = chance.below(10);
  // At times all at once, so that the ring has room again and is turned.
  plan.leaving = chance.below(20) == 0 ? longest_queue : chance.below(9);
  return plan;
}

std::uint64_t digest_of(std::uint64_t digest, std::uint64_t word) noexcept {
  return (digest ^ word) * 0x100000001B3ULL;
}

template <class Words>
void write_words(Words& words, std::uint64_t number, std::uint64_t count) {
  if (words.empty()) words.push_back(0);
  for (std::uint64_t i = 0; i < count && words.size() < longest_diary; ++i) {
    const std::uint64_t word = number * 100 + i;
    words.push_back(word);
    words[0] = digest_of(words[0], word);
  }
}

template <class Words>
void tear_out(Words& words) {
  const std::size_t rest = words.size() / 2;
  if (rest == 0) return;
  words.resize(rest);
  std::uint64_t digest = 0;
  for (std::size_t i = 1; i < rest; ++i) digest = digest_of(digest, std::as_const(words)[i]);
  words[0] = digest;
}

/// Each writer has every fourth key.
std::uint64_t key_of(std::uint32_t writer, const TransferPlan::Run& run, std::uint64_t i) {
  return (run.first + i) % index_keys * writer_count + writer;
}

template <class Index>
void change_index(Index& index, const TransferPlan& plan, std::uint32_t writer,
                  std::uint64_t number) {
  for (std::uint64_t i = 0; i < plan.index.count; ++i) {
    const std::uint64_t key = key_of(writer, plan.index, i);
    if (plan.index.comes) {
      index.insert_or_assign(key, "of transaction " + std::to_string(number * (i % 2 * 1000 + 1)));
    } else {
      index.erase(key);
    }
  }
}

template <class Set>
void change_set(Set& set, const TransferPlan& plan, std::uint32_t writer) {
  for (std::uint64_t i = 0; i < plan.seen.count; ++i) {
    const std::uint64_t key = key_of(writer, plan.seen, i);
    plan.seen.comes ? void(set.insert(key)) : void(set.erase(key));
  }
}

template <class Queue>
void change_queue(Queue& queue, const TransferPlan& plan, std::uint64_t number) {
  for (std::uint64_t i = 0; i < plan.leaving && !queue.empty(); ++i) queue.pop_front();
  for (std::uint64_t i = 0; i < plan.arriving && queue.size() < longest_queue; ++i) {
    queue.push_back(number + i);
  }
}

void require(bool holds, const std::string& problem) {
  if (!holds) throw std::runtime_error(problem);
}

template <class T>
const T& root(const ReadTransaction& tx, const char* name) {
  const T* const found = tx.find<T>(name);
  require(found != nullptr, std::string("no root ") + name);
  return *found;
}

void require_digest(const String& name, const Vec<std::uint64_t>& words) {
  std::uint64_t digest = 0;
  for (std::size_t i = 1; i < words.size(); ++i) digest = digest_of(digest, words[i]);
  require(!words.empty() && words[0] == digest, name.str() + " does not match its digest");
}

}  // namespace

void Ledger::found(WriteTransaction& tx) {
  Numbers& accounts = tx.construct<Numbers>("accounts");
  for (std::uint64_t i = 0; i < account_count; ++i) accounts.try_emplace(i, opening_balance);
  Numbers& counters = tx.construct<Numbers>("counters");
  for (std::uint64_t i = 0; i < writer_count; ++i) counters.try_emplace(i, std::uint64_t{0});
  tx.construct<Diaries>("diaries");
  tx.construct<Index>("index");
  tx.construct<Seen>("seen");
  tx.construct<Known>("known");
  tx.construct<Queues>("queues", std::size_t{writer_count});
  tx.construct<std::remove_const_t<Told>>("told");
}

void Ledger::enter(WriteTransaction& tx, std::uint32_t writer, std::uint64_t number) {
  const TransferPlan plan = plan_of(writer, number);
  auto& counters = *tx.find<Numbers>("counters");
  std::uint64_t& counter = counters.find(std::uint64_t{writer})->second;
  require(counter + 1 == number, "the store counts " + std::to_string(counter) +
                                     " transactions of a writer that is at number " +
                                     std::to_string(number));
  counter = number;
  // Sums may wrap around: that keeps both the total and the freedom of order.
  auto& accounts = *tx.find<Numbers>("accounts");
  for (const Transfer& transfer : plan.transfers) {
    accounts.find(transfer.from)->second -= transfer.amount;
    accounts.find(transfer.to)->second += transfer.amount;
  }
  auto& diaries = *tx.find<Diaries>("diaries");
  switch (plan.what) {
    case TransferPlan::Diary::write:
      write_words(diaries.try_emplace(plan.diary).first->second, number, plan.words);
      break;
    case TransferPlan::Diary::tear_out:
      if (const auto at = diaries.find(plan.diary); at != diaries.end()) tear_out(at->second);
      break;
    case TransferPlan::Diary::burn: diaries.erase(plan.diary); break;
  }
  change_index(*tx.find<Index>("index"), plan, writer, number);
  change_set(*tx.find<Seen>("seen"), plan, writer);
  change_set(*tx.find<Known>("known"), plan, writer);
  change_queue((*tx.find<Queues>("queues"))[writer], plan, number);
}

Told& Ledger::told(const ReadTransaction& tx) {
  return root<std::remove_const_t<Told>>(tx, "told");
}

Counters Ledger::counters(const ReadTransaction& tx) {
  Counters found{};
  const auto& counters = root<Numbers>(tx, "counters");
  for (std::uint64_t writer = 0; writer < writer_count; ++writer) {
    const auto at = counters.find(writer);
    require(at != counters.end(), "a counter is missing");
    found[writer] = at->second;
  }
  return found;
}

void Ledger::require_invariants(const ReadTransaction& tx, const Counters& least,
                                const Counters& least_told, std::uint64_t any) {
  std::uint64_t total = 0;
  const auto& accounts = root<Numbers>(tx, "accounts");
  for (const auto& [number, sum] : accounts) total += sum;
  require(accounts.size() == account_count && total == account_count * opening_balance,
          "the accounts hold " + std::to_string(total) + " in all");
  const Counters found = counters(tx);
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    require(found[writer] >= least[writer],
            "writer " + std::to_string(writer) + " was told of transaction " +
                std::to_string(least[writer]) + ", the store holds " +
                std::to_string(found[writer]));
    const std::uint64_t said = told(tx)[writer];
    require(said >= least_told[writer], "an Atomic holds " + std::to_string(said) + " for writer " +
                                            std::to_string(writer) + ", which had stored " +
                                            std::to_string(least_told[writer]));
  }
  const auto& diaries = root<Diaries>(tx, "diaries");
  if (diaries.empty()) return;
  const std::string name = "diary " + std::to_string(any % writer_count) + " of a writer, volume " +
                           std::to_string(any / writer_count % diaries_of_writer);
  if (const auto at = diaries.find(name); at != diaries.end()) {
    require_digest(at->first, at->second);
  }
}

Ledger::Ledger() {
  for (std::uint64_t i = 0; i < account_count; ++i) accounts_[i] = opening_balance;
}

void Ledger::advance(const Counters& counters) {
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    while (done_[writer] < counters[writer]) {
      const TransferPlan plan = plan_of(writer, ++done_[writer]);
      for (const Transfer& transfer : plan.transfers) {
        accounts_[transfer.from] -= transfer.amount;
        accounts_[transfer.to] += transfer.amount;
      }
      switch (plan.what) {
        case TransferPlan::Diary::write:
          write_words(diaries_[plan.diary], done_[writer], plan.words);
          break;
        case TransferPlan::Diary::tear_out:
          if (const auto at = diaries_.find(plan.diary); at != diaries_.end()) tear_out(at->second);
          break;
        case TransferPlan::Diary::burn: diaries_.erase(plan.diary); break;
      }
      change_index(index_, plan, writer, done_[writer]);
      change_set(seen_, plan, writer);
      change_queue(queues_[writer], plan, done_[writer]);
    }
  }
}

void Ledger::require_equal(const ReadTransaction& tx) const {
  const auto& accounts = root<Numbers>(tx, "accounts");
  for (const auto& [number, sum] : accounts_) {
    const auto at = accounts.find(number);
    require(at != accounts.end() && at->second == sum,
            "account " + std::to_string(number) + " is not the model's");
  }
  const auto& diaries = root<Diaries>(tx, "diaries");
  require(diaries.size() == diaries_.size(), "there are " + std::to_string(diaries.size()) +
                                                 " diaries, the model has " +
                                                 std::to_string(diaries_.size()));
  for (const auto& [name, words] : diaries) {
    require_digest(name, words);
    const auto at = diaries_.find(name.str());
    require(at != diaries_.end() &&
                std::equal(words.begin(), words.end(), at->second.begin(), at->second.end()),
            name.str() + " is not the model's");
  }
  const auto require_same = [](const auto& found, const auto& model, const char* what, auto equal) {
    require(std::equal(found.begin(), found.end(), model.begin(), model.end(), equal),
            std::string(what) + " is not the model's");
  };
  require_same(root<Index>(tx, "index"), index_, "the index", [](const auto& a, const auto& b) {
    return a.first == b.first && a.second == b.second;
  });
  require_same(root<Seen>(tx, "seen"), seen_, "the set of what was seen", std::equal_to<>());
  const auto& known = root<Known>(tx, "known");
  require(known.size() == seen_.size() &&
              std::ranges::all_of(known, [&](std::uint64_t key) { return seen_.contains(key); }),
          "the set of what is known is not the model's");
  const auto& queues = root<Queues>(tx, "queues");
  for (std::uint32_t writer = 0; writer < writer_count; ++writer) {
    require_same(queues[writer], queues_[writer], "a queue", std::equal_to<>());
  }
}

}  // namespace cairn::drills
