// SPDX-License-Identifier: BSL-1.0
// Runs the fuzzer's body on files and on all files of directories: what the fuzzer once found, as a
// test that any compiler builds.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "open_input.hpp"

namespace {

namespace fs = std::filesystem;

std::size_t replay(const fs::path& path) {
  if (fs::is_directory(path)) {
    std::size_t count = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      count += replay(entry.path());
    }
    return count;
  }
  std::printf("%s\n", path.filename().c_str());
  std::fflush(stdout);
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  cairn::fuzz::open_input({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) count += replay(argv[i]);
  std::printf("%zu inputs replayed\n", count);
  return count == 0 ? 1 : 0;
}
