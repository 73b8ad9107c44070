// SPDX-License-Identifier: BSL-1.0
#include "golden_store.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "cairn/cairn.hpp"
#include "cairn/mapping/page.hpp"

namespace cairn::golden {
namespace {

constexpr char digits[] = "0123456789abcdef";

std::uint64_t parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::runtime_error("packed file: " + std::string(text));
  }
  return value;
}

bool is_zero(std::string_view line) {
  return std::all_of(line.begin(), line.end(), [](char c) { return c == '\0'; });
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(parse_number(text.substr(i, 2), 16));
  }
  return bytes;
}

Options small_options() {
  Options how;
  how.max_bytes = std::uint64_t{1} << 30;
  how.log_bytes = 64 << 10;
  // Growing the file would sync it too.
  how.initial_bytes = 4 << 20;
  // What is freed must not stay behind in files that are kept for good.
  how.zero_on_allocate = true;
  // Its commits must be found by whoever opens the files after a restart.
  how.durability = Durability::power;
  // The files are read back at once, and kept elsewhere.
  how.any_file_system = true;
  return how;
}

}  // namespace

void write_packed(const std::string& file, const std::string& packed) {
  std::ifstream in(file, std::ios::binary);
  std::ofstream out(packed, std::ios::binary);
  std::string line(line_bytes, '\0');
  std::uint64_t offset = 0;
  std::string last;
  while (in.read(line.data(), static_cast<std::streamsize>(line.size())) || in.gcount() != 0) {
    line.resize(static_cast<std::size_t>(in.gcount()));
    if (line == last && line.size() == line_bytes) {
      if (!is_zero(line)) out << "=\n";
    } else if (!is_zero(line)) {
      out << std::hex << offset << std::dec << ' ';
      // Zeros at the end of a line go without saying.
      const std::size_t end = line.find_last_not_of('\0') + 1;
      for (const char c : std::string_view(line).substr(0, end)) {
        out << digits[static_cast<unsigned char>(c) >> 4]
            << digits[static_cast<unsigned char>(c) & 15];
      }
      out << '\n';
    }
    offset += line.size();
    last = line;
    line.resize(line_bytes);
  }
  out << "length " << offset << '\n';
  if (!out.flush()) throw std::runtime_error(packed + ": could not be written");
}

void unpack(const std::string& packed, const std::string& file) {
  std::ifstream in(packed, std::ios::binary);
  std::ofstream out(file, std::ios::binary);
  std::uint64_t offset = 0;
  std::string line;
  for (std::string word; in >> word;) {
    std::string rest;
    if (word == "=") {
      offset += line_bytes;
    } else if (!(in >> rest)) {
      break;
    } else if (word == "length") {
      out.close();
      std::filesystem::resize_file(file, parse_number(rest, 10));
      return;
    } else {
      offset = parse_number(word, 16);
      line = from_hex(rest);
    }
    out.seekp(static_cast<std::streamoff>(offset));
    out.write(line.data(), static_cast<std::streamsize>(line.size()));
  }
  throw std::runtime_error(packed + ": no length at its end");
}

void write_set(const std::string& directory) {
  namespace fs = std::filesystem;
  if (fs::exists(directory)) throw std::runtime_error(directory + ": sets are never changed");
  fs::create_directories(directory);
  const std::string file = directory + "/store";
  const auto pack_file = [&](const std::string& from, const char* name, const char* ending) {
    write_packed(from, directory + '/' + name + ending);
  };
  std::ofstream list(directory + "/parts");
  {
    Store store = Store::create(file, small_options());
    for (const Part& known : parts()) {
      list << known.name << '\n';
      store.write(known.build);
    }
    store.close();
    pack_file(file, closed_name, ".data");
    pack_file(file + "-log", closed_name, ".log");
  }
  for (const char* const name : {"", "-log"}) fs::remove(file + name);
  {
    Store store = Store::create(file, small_options());
    // Pages that a commit adds to the heap it may sync instead of logging them: add all before.
    store.write([](WriteTransaction& tx) {
      void* const room = tx.heap().allocate(3 << 20);
      tx.heap().deallocate(room, 3 << 20);
    });
    // Of the first parts the data file knows; the others are in the log alone, as a power cut may
    // leave it.
    for (std::size_t i = 0; i < parts().size(); ++i) {
      if (i == parts().size() / 2) {
        store.checkpoint();
        pack_file(file, unfinished_name, ".data");
      }
      store.write(parts()[i].build);
    }
    pack_file(file + "-log", unfinished_name, ".log");
  }
  for (const char* const name : {"", "-log"}) fs::remove(file + name);
  if (!list.flush()) throw std::runtime_error(directory + "/parts: could not be written");
}

}  // namespace cairn::golden
