// SPDX-License-Identifier: BSL-1.0
#include "machine.hpp"

#include <benchmark/benchmark.h>
#include <lmdb.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <thread>

#include <boost/version.hpp>
#include <fmt/format.h>

#include "cairn_console/format.hpp"
#include "workload.hpp"

namespace cairn::bench {
namespace {

std::string first_line(const char* path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line.empty() ? "unknown" : line;
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  std::string model = "unknown";
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("model name", 0) == 0) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  return fmt::format("{}, {} in use", model, std::thread::hardware_concurrency());
}

void count() {
  for (std::uint64_t i = 0; i < 20'000'000; ++i) benchmark::DoNotOptimize(i);
}

/// Rows in which two threads or processes are at work cannot come out better than this: processors
/// that are shared with others, as in virtual machines, are two in name only.
std::string two_threads() {
  std::array<double, 5> gains{};
  for (double& gain : gains) {
    const double alone = seconds_of(count);
    const double both = seconds_of([] {
      std::thread other(count);
      count();
      other.join();
    });
    gain = 2 * alone / both;
  }
  std::sort(gains.begin(), gains.end());
  return fmt::format("two threads that only count are {:.2f} x as fast as one ({:.2f}..{:.2f})",
                     gains[gains.size() / 2], gains.front(), gains.back());
}

std::string memory() {
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return console::format_bytes(pages * page_bytes);
}

std::string kernel() {
  utsname names{};
  if (::uname(&names) != 0) return "unknown";
  return fmt::format("{} {}", names.sysname, names.release);
}

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang {}", __clang_version__);
#else
  return fmt::format("gcc {}", __VERSION__);
#endif
}

/// The entry of the mount table whose mount point is the longest start of the path.
std::string file_system(const std::filesystem::path& directory) {
  const std::string path = std::filesystem::canonical(directory).string() + "/";
  std::ifstream in("/proc/self/mounts");
  std::string answer = "unknown";
  std::size_t longest = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string device, point, type;
    if (!(fields >> device >> point >> type)) continue;
    const std::string start = point == "/" ? point : point + "/";
    if (path.rfind(start, 0) != 0 || start.size() < longest) continue;
    longest = start.size();
    answer = fmt::format("{} on {}", type, device);
  }
  return answer;
}

}  // namespace

MachineFacts machine_facts(const std::filesystem::path& directory) {
  return {
      {"processor", processor()},
      {"processors at once", two_threads()},
      {"memory", memory()},
      {"kernel", kernel()},
      {"file system", file_system(directory)},
      {"huge pages", first_line("/sys/kernel/mm/transparent_hugepage/enabled")},
      {"load at start", first_line("/proc/loadavg")},
      {"compiler", compiler()},
      {"compile flags", CAIRN_BENCH_FLAGS},
      {"peers",
       fmt::format("{}; Boost {}.{}.{}", mdb_version(nullptr, nullptr, nullptr),
                   BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
  };
}

}  // namespace cairn::bench
