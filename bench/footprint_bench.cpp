// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "cairn/cairn.hpp"
#include "child_process.hpp"
#include "child_roles.hpp"
#include "rows.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

/// What the blocks of all files in `directory` take, whatever lengths the files claim.
std::uint64_t bytes_on_disk(const std::filesystem::path& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    struct stat status {};
    if (::stat(entry.path().c_str(), &status) != 0) {
      throw std::system_error(errno, std::generic_category(), entry.path().string());
    }
    bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

/// Memory of this process that is in RAM now.
std::uint64_t resident_kib() {
  std::ifstream in("/proc/self/smaps_rollup");
  for (std::string word; in >> word;) {
    std::uint64_t kib = 0;
    if (word == "Rss:" && in >> kib) return kib;
  }
  throw std::runtime_error("/proc/self/smaps_rollup has no Rss");
}

double mebibytes(double bytes) {
  return bytes / (1 << 20);
}

/// What opening adds to a process of its own that has done nothing else.
std::uint64_t resident_kib_of_opening(const std::filesystem::path& file) {
  ChildProcess child({resident_role, file.string()});
  const auto line = child.read_line(std::chrono::seconds(60));
  child.wait();
  if (!line) throw std::runtime_error("a child process did not report its memory");
  return std::stoull(*line);
}

/// As by default, wherever the scratch directory lies.
Options default_options() {
  Options options;
  options.any_file_system = true;
  return options;
}

Samples measure_empty_store(const Setting& setting) {
  const TrialDirectory directory(setting.directory);
  const std::filesystem::path file = directory.file("store");
  Store store = Store::create(file, default_options());
  const std::uint64_t open_bytes = bytes_on_disk(file.parent_path());
  store.close();
  const std::uint64_t closed_bytes = bytes_on_disk(file.parent_path());
  const std::uint64_t kib = resident_kib_of_opening(file);
  return {mebibytes(static_cast<double>(open_bytes)), mebibytes(static_cast<double>(closed_bytes)),
          static_cast<double>(kib) / 1024};
}

}  // namespace

std::vector<Row> footprint_rows() {
  Row row{"empty_store",
          "an empty store: both files on disk, and what opening it adds to a process's memory",
          {{"on disk, open", Unit::mebibytes},
           {"on disk, closed", Unit::mebibytes},
           {"resident", Unit::mebibytes}},
          {{cairn_name, [](const Setting& setting) -> Trial {
              return [=](unsigned) { return measure_empty_store(setting); };
            }}}};
  row.marks = {{"on disk, open", Mark::Kind::at_most, 1.5},
               {"on disk, closed", Mark::Kind::at_most, 1.5},
               {"resident", Mark::Kind::at_most, 4}};
  return {row};
}

int run_resident_child(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) throw std::invalid_argument("resident FILE");
  const std::uint64_t before = resident_kib();
  const Store store = Store::open_existing(arguments[0], default_options());
  const std::uint64_t after = resident_kib();
  fmt::print("{}\n", after - before);
  std::fflush(stdout);
  return 0;
}

}  // namespace cairn::bench
