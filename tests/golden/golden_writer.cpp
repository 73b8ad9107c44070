// SPDX-License-Identifier: BSL-1.0
// Writes a new set of golden files. usage: golden_writer DIRECTORY
#include <cstdio>
#include <exception>

#include "golden_store.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: golden_writer DIRECTORY\n");
    return 64;
  }
  try {
    cairn::golden::write_set(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden_writer: %s\n", error.what());
    return 1;
  }
  return 0;
}
