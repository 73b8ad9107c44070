// SPDX-License-Identifier: BSL-1.0
#include "cairn/mapping/file_system.hpp"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "directory_name.hpp"
#include "system_call.hpp"

namespace cairn {
namespace {

struct KnownType {
  std::uint32_t type;
  FileSystem system;
};

/// By number, as linux/magic.h has them and, where it does not, each file system's own sources: an
/// old header must not make a library that knows less.
constexpr std::array known_types = {
    KnownType{0x01021994, {FileSystemKind::in_memory, "tmpfs"}},      // TMPFS_MAGIC
    KnownType{0x858458F6, {FileSystemKind::in_memory, "ramfs"}},      // RAMFS_MAGIC
    KnownType{0x958458F6, {FileSystemKind::in_memory, "hugetlbfs"}},  // HUGETLBFS_MAGIC
    KnownType{0x65735546, {FileSystemKind::served, "FUSE"}},          // FUSE_SUPER_MAGIC
    KnownType{0x00006969, {FileSystemKind::remote, "NFS"}},           // NFS_SUPER_MAGIC
    KnownType{0x0000517B, {FileSystemKind::remote, "SMB"}},           // SMB_SUPER_MAGIC
    KnownType{0xFF534D42, {FileSystemKind::remote, "CIFS"}},          // CIFS_SUPER_MAGIC
    KnownType{0xFE534D42, {FileSystemKind::remote, "SMB2"}},          // SMB2_SUPER_MAGIC
    KnownType{0x0000564C, {FileSystemKind::remote, "NCP"}},           // NCP_SUPER_MAGIC
    KnownType{0x01021997, {FileSystemKind::remote, "9p"}},            // V9FS_MAGIC
    KnownType{0x00C36400, {FileSystemKind::remote, "Ceph"}},          // CEPH_SUPER_MAGIC
    KnownType{0x5346414F, {FileSystemKind::remote, "AFS"}},           // AFS_SUPER_MAGIC
    KnownType{0x6B414653, {FileSystemKind::remote, "AFS"}},           // AFS_FS_MAGIC
    KnownType{0x73757245, {FileSystemKind::remote, "Coda"}},          // CODA_SUPER_MAGIC
    KnownType{0x7461636F, {FileSystemKind::remote, "OCFS2"}},         // OCFS2_SUPER_MAGIC
    KnownType{0x01161970, {FileSystemKind::remote, "GFS2"}},          // GFS2_MAGIC
    KnownType{0x0BD00BD0, {FileSystemKind::remote, "Lustre"}},        // LL_SUPER_MAGIC
    KnownType{0x47504653, {FileSystemKind::remote, "GPFS"}},          // GPFS_SUPER_MAGIC
    KnownType{0x19830326, {FileSystemKind::remote, "BeeGFS"}},        // BEEGFS_MAGIC
    KnownType{0x20030528, {FileSystemKind::remote, "OrangeFS"}},      // ORANGEFS_SUPER_MAGIC
    KnownType{0x786F4256, {FileSystemKind::remote, "vboxsf"}},        // VBOXSF_SUPER_MAGIC
    KnownType{0xBACBACBC, {FileSystemKind::remote, "vmhgfs"}},        // HGFS_SUPER_MAGIC
};

}  // namespace

FileSystem FileSystem::of_type(std::uint32_t type) noexcept {
  const auto* const found = std::ranges::find(known_types, type, &KnownType::type);
  return found == known_types.end() ? FileSystem{} : found->system;
}

FileSystem FileSystem::of(const File& file) {
  struct statfs found {};
  if (uninterrupted([&] { return ::fstatfs(file.descriptor(), &found); }) != 0)
    throw_system_error(errno, file.path(), "ask what file system it lies on");
  // The type is a long in which older kernels extend the sign of 32 bits.
  return of_type(static_cast<std::uint32_t>(found.f_type));
}

FileSystem FileSystem::around(const std::string& path) {
  struct statfs found {};
  const std::string directory = directory_of(path);
  if (uninterrupted([&] { return ::statfs(directory.c_str(), &found); }) != 0) return {};
  return of_type(static_cast<std::uint32_t>(found.f_type));
}

}  // namespace cairn
