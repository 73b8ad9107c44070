// SPDX-License-Identifier: BSL-1.0
#include "partner.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>

namespace cairn::bench {

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

Reservation Board::map() const {
  if (file_.size() < page_bytes) file_.truncate(page_bytes);
  return map_shared(file_, page_bytes, ViewAccess::read_write);
}

Options options_of(const std::string& label) {
  Options options;
  options.durability = Durability::process;
  options.label = label;
  return options;
}

Partner::Partner(const std::string& role, const std::string& part,
                 const std::filesystem::path& store, const std::filesystem::path& board,
                 std::uint64_t amount)
    : child_({role, part, store.string(), board.string(), std::to_string(amount)}) {
  if (child_.read_line(patience) != "ready") {
    throw std::runtime_error(part + ": the child process did not become ready");
  }
}

void say_ready() {
  fmt::print("ready\n");
  std::fflush(stdout);
}

int play_part(const Parts& parts, const std::vector<std::string>& arguments) {
  if (arguments.size() != 4) throw std::invalid_argument("PART STORE BOARD AMOUNT");
  die_with_parent();
  const Board board(arguments[2]);
  for (const auto& [name, play] : parts) {
    if (arguments[0] != name) continue;
    play(arguments[1], board, std::stoull(arguments[3]));
    return 0;
  }
  throw std::invalid_argument(arguments[0] + " is no part of a child process");
}

}  // namespace cairn::bench
