// SPDX-License-Identifier: BSL-1.0
#include "loop_mount.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "sparse_copy.hpp"

namespace cairn::drills {
namespace {

// As in linux/fs.h, which has these only since Linux 6.19; ext4, f2fs and xfs each had their own.
constexpr unsigned long shutdown_request = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t shutdown_flush_log = 1;
constexpr std::uint32_t shutdown_no_log_flush = 2;

constexpr int loop_attempts = 50;
constexpr std::chrono::seconds unmount_patience{10};

/// The smallest that mkfs takes, or a little more.
std::uint64_t bytes_of(FileSystem kind) noexcept {
  switch (kind) {
    case FileSystem::ext4: return 64ULL << 20;
    case FileSystem::xfs: return 320ULL << 20;
    case FileSystem::btrfs: return 256ULL << 20;
  }
  return 0;
}

[[noreturn]] void throw_errno(const std::string& attempted) {
  throw std::system_error(errno, std::generic_category(), attempted);
}

std::string find_tool(const std::string& name) {
  // PATH often lacks these.
  for (const char* const directory : {"/usr/sbin/", "/sbin/", "/usr/local/sbin/", "/usr/bin/"}) {
    std::string path = directory + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  throw Unavailable(name + " is not installed");
}

void make_file_system(FileSystem kind, const std::string& device) {
  const std::string tool = find_tool(std::string("mkfs.") + to_string(kind));
  // Small as it is, ext4 would have blocks that are shorter than a page.
  std::vector<std::string> words = {tool, "-q"};
  // Its own blocks, and those of its journal, lie in front of all files.
  if (kind == FileSystem::ext4) {
    words.insert(words.end(), {"-F", "-b", "4096", "-E", "packed_meta_blocks=1"});
  }
  if (kind != FileSystem::ext4) words.push_back("-f");
  words.push_back(device);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int output : {STDOUT_FILENO, STDERR_FILENO}) {
    ::posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = -1;
  const int failure =
      ::posix_spawn(&pid, tool.c_str(), &actions, nullptr, arguments.data(), ::environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw std::system_error(failure, std::generic_category(), tool);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(tool + " fails on " + device);
  }
}

}  // namespace

const char* to_string(FileSystem kind) noexcept {
  switch (kind) {
    case FileSystem::ext4: return "ext4";
    case FileSystem::xfs: return "xfs";
    case FileSystem::btrfs: return "btrfs";
  }
  return "unknown";
}

LoopDisk::LoopDisk(std::uint64_t bytes) : bytes_(bytes) {
  memory_ = ::memfd_create("cairn-drill-disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (memory_ < 0) throw_unavailable("no anonymous file for a disk");
  try {
    if (::ftruncate(memory_, static_cast<off_t>(bytes)) != 0) throw_errno("size a disk");
    attach();
  } catch (...) {
    ::close(memory_);
    throw;
  }
}

LoopDisk::LoopDisk(LoopDisk&& other) noexcept
    : bytes_(other.bytes_),
      memory_(std::exchange(other.memory_, -1)),
      lost_(std::exchange(other.lost_, -1)),
      loop_(std::exchange(other.loop_, -1)),
      device_(std::move(other.device_)) {}

LoopDisk& LoopDisk::operator=(LoopDisk&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(memory_, other.memory_);
  std::swap(lost_, other.lost_);
  std::swap(loop_, other.loop_);
  std::swap(device_, other.device_);
  return *this;
}

LoopDisk::~LoopDisk() {
  if (loop_ >= 0) ::close(loop_);
  if (memory_ >= 0) ::close(memory_);
  if (lost_ >= 0) ::close(lost_);
}

void LoopDisk::attach() {
  const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) throw_unavailable("no loop devices");
  int failure = EBUSY;
  // Another may take the one that was free a moment ago.
  for (int attempt = 0; failure == EBUSY && attempt < loop_attempts; ++attempt) {
    const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) {
      failure = errno;
      break;
    }
    device_ = "/dev/loop" + std::to_string(number);
    loop_ = ::open(device_.c_str(), O_RDWR | O_CLOEXEC);
    if (loop_ < 0) {
      failure = errno;
      break;
    }
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(memory_);
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    failure = ::ioctl(loop_, LOOP_CONFIGURE, &config) == 0 ? 0 : errno;
    if (failure != 0) ::close(std::exchange(loop_, -1));
  }
  ::close(control);
  if (failure == 0) return;
  errno = failure;
  throw_unavailable("no free loop device");
}

void LoopDisk::refuse_writes() {
  // Sealed, the memory takes no more writes, which the loop device reports as errors of the disk.
  if (::fcntl(memory_, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0) throw_errno("seal a disk");
}

void LoopDisk::lose_from(std::uint64_t offset) {
  if (lost_ >= 0) throw std::logic_error("a disk loses its end once only");
  lost_ = ::memfd_create("cairn-drill-lost", MFD_CLOEXEC);
  if (lost_ < 0) throw_errno("keep what a disk loses");
  copy_data(memory_, lost_, static_cast<off_t>(offset));
  // Sealed as well, since a write behind the end would make it longer, and the rest read as zeros.
  if (::ftruncate(memory_, static_cast<off_t>(offset)) != 0 ||
      ::fcntl(memory_, F_ADD_SEALS, F_SEAL_GROW) != 0) {
    throw_errno("take the end off a disk");
  }
  require_read_errors(offset);
}

/// Loop devices of older kernels take what lies behind the end of their file for zeros.
void LoopDisk::require_read_errors(std::uint64_t offset) const {
  const int device = ::open(device_.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
  if (device < 0) throw_errno("open " + device_);
  alignas(4096) std::array<char, 4096> page;
  const ssize_t got = ::pread(device, page.data(), page.size(), static_cast<off_t>(offset));
  const int failure = errno;
  ::close(device);
  if (got < 0 && failure == EIO) return;
  throw Unavailable("a loop device reports no error where its file has ended");
}

LoopDisk LoopDisk::copy() const {
  LoopDisk fresh(bytes_);
  copy_data(memory_, fresh.memory_);
  if (lost_ >= 0) copy_data(lost_, fresh.memory_);
  return fresh;
}

LoopMount::LoopMount(FileSystem kind, std::string mount_point)
    : kind_(kind), path_(std::move(mount_point)), disk_(bytes_of(kind)) {
  make_file_system(kind, disk_.device());
  std::filesystem::create_directories(path_);
  mount();
  shuts_down_ = try_shut_down(CutKind::shut_down);
  try {
    mount_again();
  } catch (...) {
    ::umount2(path_.c_str(), MNT_DETACH);
    throw;
  }
}

LoopMount::~LoopMount() {
  // Detached it goes once the last process that is at it has ended.
  if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
}

bool LoopMount::try_shut_down(CutKind kind) const {
  const int directory = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) throw_errno("open " + path_);
  std::uint32_t flags =
      kind == CutKind::shut_down_flushed ? shutdown_flush_log : shutdown_no_log_flush;
  const bool done = ::ioctl(directory, shutdown_request, &flags) == 0;
  const int failure = errno;
  ::close(directory);
  errno = failure;
  return done;
}

void LoopMount::cut(CutKind kind) {
  if (kind == CutKind::disk_gone) {
    disk_.refuse_writes();
    needs_other_disk_ = true;
  } else if (!try_shut_down(kind)) {
    throw_errno("shut down " + path_);
  }
}

void LoopMount::mount_again() {
  unmount();
  if (std::exchange(needs_other_disk_, false)) disk_ = disk_.copy();
  mount();
}

void LoopMount::lose_from(std::uint64_t offset) {
  // Else what is on its way there would be lost for good.
  sync();
  disk_.lose_from(offset);
}

void LoopMount::find_again() {
  needs_other_disk_ = true;
  mount_again();
}

void LoopMount::sync() const {
  const int directory = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) throw_errno("open " + path_);
  const bool done = ::syncfs(directory) == 0;
  ::close(directory);
  if (!done) throw_errno("sync " + path_);
}

void LoopMount::mount() {
  if (::mount(disk_.device().c_str(), path_.c_str(), to_string(kind_), MS_NODEV | MS_NOSUID,
              nullptr) != 0) {
    if (errno == ENODEV) throw Unavailable(std::string("the kernel has no ") + to_string(kind_));
    if (errno == EPERM || errno == EACCES) throw_unavailable("no permission to mount");
    throw_errno("mount " + disk_.device());
  }
  mounted_ = true;
}

void LoopMount::unmount() {
  const auto deadline = std::chrono::steady_clock::now() + unmount_patience;
  // What a killed process had open is closed a little after it is gone.
  while (::umount2(path_.c_str(), 0) != 0) {
    if (errno != EBUSY || std::chrono::steady_clock::now() > deadline) {
      throw_errno("unmount " + path_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  mounted_ = false;
}

}  // namespace cairn::drills
