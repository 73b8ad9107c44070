// SPDX-License-Identifier: BSL-1.0
#include "io_faults.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "cairn/recovery/header_format.hpp"
#include "cairn_console/format.hpp"
#include "cairn_console/progress.hpp"
#include "fault_cases.hpp"

namespace cairn::drills {
namespace {

constexpr CallFault faults[] = {
    {Call::sync, EIO},
    // Where a file system puts off to allocate what is written.
    {Call::sync, ENOSPC},
    {Call::sync, EDQUOT},
    {Call::sync, EIO, false, true},
    {Call::write, EIO},
    {Call::write, ENOSPC},
    {Call::write, ENOSPC, true},
    {Call::write, EDQUOT},
    {Call::write, EFBIG, true},
    {Call::preallocate, EIO},
    {Call::preallocate, ENOSPC},
    // It may have made the file longer before it failed.
    {Call::preallocate, ENOSPC, true},
    {Call::preallocate, EDQUOT},
    {Call::preallocate, EFBIG},
    {Call::truncate, EIO},
    {Call::sync_directory, EIO},
    {Call::link, EIO},
    {Call::link, ENOSPC},
    {Call::link, EDQUOT},
    {Call::unlink, EIO},
    {Call::open, EIO},
    {Call::open, EMFILE},
    {Call::read, EIO},
    {Call::look, EIO},
    {Call::sync_page, EIO},
    {Call::set_mode, EPERM},
    {Call::lock, ENOLCK},
    {Call::copy, EIO},
    {Call::copy, ENOSPC},
    {Call::write_back, EIO},
    {Call::write_back, ENOSPC},
};

std::string content_of(const std::string& path, std::uint64_t from) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(from));
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The log and, behind the header, which names processes and times, the data.
struct FilesContent {
  std::string data;
  std::string log;
  friend bool operator==(const FilesContent&, const FilesContent&) = default;
};

struct Disturbed {
  std::uint64_t calls;
  std::uint64_t acknowledged;
};

Disturbed perform_disturbed(const FaultCase& one, const std::string& path, const Disturbance& how) {
  const Shared<Board> board;
  const Ending ending = run_child(*board, patience, [&] {
    disturb_calls(how);
    perform(one.workload, one.durability, path, *board);
    board->points = let_calls_pass();
  });
  if (ending != Ending::finished) {
    throw DrillFailure(one.name + ", with calls that are broken off, " + to_string(ending) + ": " +
                       board->failure_text());
  }
  return {board->points, board->acknowledged};
}

std::uint64_t break_off_in(const FaultCase& one, const std::string& image, const std::string& path,
                           bool quick) {
  constexpr Disturbance all_ways[] = {{}, {2, 511}, {3, 0}, {1, 0}, {0, 4095}, {0, 511}, {0, 7}};
  const std::span ways = std::span(all_ways).first(quick ? 3 : std::size(all_ways));
  FilesContent undisturbed;
  std::uint64_t disturbed = 0;
  for (const Disturbance& how : ways) {
    // Millions of calls, for a copy of all.
    if (one.workload.has_other_files && how.most_bytes != 0 && how.most_bytes < 500) continue;
    copy_store(image, path);
    remove_store(path + "-copy");
    const Disturbed broken_off = perform_disturbed(one, path, how);
    disturbed += broken_off.calls;
    const FilesContent found{content_of(path, heap_begin), content_of(path + "-log", 0)};
    if (&how == &ways.front()) {
      undisturbed = found;
    } else if (!one.workload.from_nothing && !(found == undisturbed)) {
      throw DrillFailure(one.name + ": with " + std::to_string(how.interruptions) +
                         " interruptions and " + std::to_string(how.most_bytes) +
                         " bytes at once the files become others");
    }
    const std::uint64_t done = one.done + broken_off.acknowledged;
    verify(path, one.durability, one.models, {done, done, true});
  }
  return disturbed;
}

}  // namespace

CallFaultReport sweep_io_faults(const Settings& settings) {
  return sweep_call_faults(settings, faults, "io_faults");
}

std::uint64_t break_calls_off(const Settings& settings) {
  const Scratch scratch(settings.directory);
  const std::string image = scratch.file("image");
  std::uint64_t disturbed = 0;
  console::ProgressBar bar("broken_off", 2 * count_fault_cases(), "cases");
  for (const Durability level : {Durability::process, Durability::power}) {
    for_each_fault_case(level, image, [&](const FaultCase& one) {
      disturbed += break_off_in(one, image, scratch.file("store"), settings.quick);
      bar.note(console::format_count(disturbed) + " calls");
      bar.advance();
    });
  }
  bar.done();
  if (disturbed == 0) throw DrillFailure("no call was broken off");
  return disturbed;
}

}  // namespace cairn::drills
