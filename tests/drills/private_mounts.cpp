// SPDX-License-Identifier: BSL-1.0
#include "private_mounts.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

namespace cairn::drills {
namespace {

constexpr const char* boot_id_path = "/proc/sys/kernel/random/boot_id";
constexpr const char* random_uuid_path = "/proc/sys/kernel/random/uuid";

}  // namespace

void throw_unavailable(const std::string& attempted) {
  throw Unavailable(attempted + ": " + std::generic_category().message(errno));
}

PrivateMounts::PrivateMounts() : before_(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)) {
  if (before_ < 0) throw_unavailable("no mount namespaces");
  if (::unshare(CLONE_NEWNS) != 0) {
    const int failure = errno;
    ::close(before_);
    errno = failure;
    throw_unavailable("no mount namespace of its own");
  }
  // What is mounted from here on must not reach the namespace before.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    const int failure = errno;
    ::setns(before_, CLONE_NEWNS);
    ::close(before_);
    errno = failure;
    throw_unavailable("no private mounts");
  }
}

PrivateMounts::~PrivateMounts() {
  ::setns(before_, CLONE_NEWNS);
  ::close(before_);
}

OtherBoots::OtherBoots(std::string file) : file_(std::move(file)) {
  begin_next();
  if (::mount(file_.c_str(), boot_id_path, nullptr, MS_BIND, nullptr) != 0) {
    throw_unavailable("the boot id cannot be covered");
  }
}

OtherBoots::~OtherBoots() {
  ::umount2(boot_id_path, MNT_DETACH);
}

void OtherBoots::begin_next() {
  std::string id;
  std::ifstream(random_uuid_path) >> id;
  // In place: the mount shows this file, not its name.
  std::ofstream file(file_, std::ios::trunc);
  file << id << std::endl;
  if (id.empty() || !file) throw std::runtime_error("cannot write a boot id to " + file_);
}

}  // namespace cairn::drills
