// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "board.hpp"
#include "cairn/mapping/drill_hooks.hpp"

namespace cairn::drills {

using FileBytes = std::vector<std::byte>;

inline constexpr std::uint64_t sector_bytes = 512;

/// The two names of a store.
enum class StoreName : std::uint8_t { data, log };

inline constexpr std::uint32_t no_file = std::numeric_limits<std::uint32_t>::max();

/// One thing that happened to the files of a store, or to whoever trusts in them.
struct PowerStep {
  enum class Kind : std::uint8_t {
    bytes,           ///< were written, or stored into a mapping
    length,          ///< `offset` is the file's length now
    sync,            ///< everything before it is on the disk; or that of `synced_bytes` at `offset`
    sync_directory,  ///< the same of names
    name,            ///< StoreName(offset) leads to `file` now, or to none
    begin,           ///< of a commit: it may be found from here on
    acknowledge,     ///< of that commit: it must be found from here on
    death,           ///< of the process that wrote so far, by a kill: the page cache stays
    settle,          ///< its heir has found `offset` commits: these must be found, and no others
  };
  Kind kind;
  std::uint32_t file = no_file;  ///< its number in the history
  std::uint64_t offset = 0;
  FileBytes bytes = {};
  std::uint64_t synced_bytes = 0;  ///< 0: all
  const char* site = "";           ///< the crash point that was passed last
};

const char* to_string(PowerStep::Kind kind) noexcept;

/// All that happened to a store's files, from a moment at which everything was on the disk.
struct PowerHistory {
  std::vector<FileBytes> files;  ///< as they were then, empty for those that came later
  std::array<std::uint32_t, 2> names = {no_file, no_file};  ///< by StoreName, as they were then
  std::vector<PowerStep> steps;

  // of two processes, one after the other
  std::string succession = {};  ///< how one followed the other, for a message
  std::uint64_t line = 0;       ///< of models, which the heir's commits lead along
  std::uint64_t inherited = 0;  ///< commits that it found
};

/// True for bytes of the data file that mean nothing after a restart: live words, the process table
/// and the lanes.
bool is_live(std::uint64_t offset) noexcept;
/// True for the image of a log, whatever name leads to it.
bool is_log(const FileBytes& file) noexcept;

/// Writes the history of a store while this process works with it: what passes the library's I/O
/// layer, and what its users store into mapped pages, which is found by comparing the files with
/// what is known of them before each operation.
///
/// One at a time: the hooks of the library are the process's.
class PowerRecorder {
 public:
  enum class Watch {
    everybody,  ///< users store into mapped pages as well
    recovery,   ///< all is told; the files are compared at the end, where a difference is a failure
  };
  /// Takes what stands at `path` for durable. `board` tells what was begun and acknowledged.
  PowerRecorder(std::string path, const Board& board, Watch watch = Watch::everybody);
  /// Goes on in another process with what one recorded that is dead now.
  PowerRecorder(std::string path, const Board& board, PowerHistory dead);
  PowerRecorder(const PowerRecorder&) = delete;
  PowerRecorder& operator=(const PowerRecorder&) = delete;
  ~PowerRecorder();

  /// Ends the recording. Throws what went wrong in it.
  PowerHistory take();
  /// The same at a crash point that the process dies at, which may be in the middle of a store.
  PowerHistory take_dying();
  /// The heir's, once it has decided what became of the commit that the dead one was at.
  void settle(std::uint64_t commits);

 private:
  struct Known {
    std::uint64_t inode;
    int descriptor;  ///< -1: no name leads to it any more, and whoever had it open is dead
    FileBytes bytes;
  };
  static int on_operation(const drill::IoOperation& operation);
  static void on_crash_point(const char* name);

  void observe(const drill::IoOperation& operation);
  /// Adds what happened since the last operation without passing the I/O layer.
  void look();
  void look_at_names();
  std::string path_of(StoreName name) const;
  void look_at_bytes(std::uint32_t file);
  void read(std::uint32_t file);
  void take_for_durable(std::uint32_t file);
  void look_at_board();
  void cut_last_store();
  void start() noexcept;
  std::uint32_t number_of(int descriptor);
  void add(PowerStep step);
  void stop() noexcept;

  std::string path_;
  const Board& board_;
  Watch watch_;
  bool shape_changes_ = false;  ///< the last operation was about a length or a name
  std::vector<Known> files_;
  std::array<std::uint32_t, 2> names_ = {no_file, no_file};
  std::uint64_t begun_ = 0;
  std::uint64_t acknowledged_ = 0;
  const char* site_ = "begin";
  FileBytes found_;  ///< what a file holds, to be compared
  std::string failure_;
  PowerHistory history_;
};

}  // namespace cairn::drills
