// SPDX-License-Identifier: BSL-1.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "cairn/recovery/checksum.hpp"
#include "cairn/recovery/header_format.hpp"
#include "cairn/recovery/log_format.hpp"
#include "cairn/recovery/record.hpp"
#include "power.hpp"
#include "stored_structs.hpp"

namespace cairn::drills {
namespace {

using Kind = PowerStep::Kind;

/// A place in the library that syncs: of data file or log, or their names, behind which point.
struct SyncSite {
  Kind kind;
  bool log;
  std::string point;
  friend auto operator<=>(const SyncSite&, const SyncSite&) = default;
};

/// By the first bytes that it ever has.
bool becomes_log(const PowerHistory& history, std::uint32_t file) {
  if (file < history.files.size() && !history.files[file].empty()) {
    return is_log(history.files[file]);
  }
  for (const PowerStep& step : history.steps) {
    if (step.kind == Kind::bytes && step.file == file && step.offset == 0)
      return is_log(step.bytes);
  }
  return false;
}

/// Who creates a store syncs the directory, and once more as it opens what was created, since it
/// may have been somebody else: one site, as either will do. Who takes over syncs the header,
/// behind what the dead one had not published, if anything: one site as well.
std::optional<SyncSite> site_of(const PowerHistory& history, const PowerStep& step) {
  if (step.kind == Kind::sync_directory) return SyncSite{step.kind, false, "anywhere"};
  if (step.kind != Kind::sync) return std::nullopt;
  const bool log = becomes_log(history, step.file);
  const bool is_heirs = !log && std::strcmp(step.site, "publish.done") == 0;
  return SyncSite{step.kind, log, is_heirs ? "takeover.begin" : step.site};
}

void add_sites(const PowerHistory& history, std::set<SyncSite>& sites) {
  for (const PowerStep& step : history.steps) {
    if (const auto site = site_of(history, step)) sites.insert(*site);
  }
}

std::string name_of(const SyncSite& site) {
  if (site.kind == Kind::sync_directory) return "directory";
  return fmt::format("{}, {}", site.log ? "log" : "data", site.point);
}

bool leave_out(PowerHistory& history, const SyncSite& site) {
  const PowerHistory before = history;
  return std::erase_if(history.steps,
                       [&](const PowerStep& step) { return site_of(before, step) == site; }) != 0;
}

/// Whether a step is what a sync of such a site has to come before. Of a store that is being
/// created nothing is promised before its first commit begins.
bool waits_for_sync(const PowerHistory& history, const PowerStep& step, const SyncSite& site) {
  const bool creates = site.kind == Kind::sync_directory || site.point.starts_with("create.");
  if (creates) return step.kind == Kind::begin;
  if (step.kind == Kind::acknowledge) return true;
  // A record relies on the data file once it is synced itself; what it says is stored after that.
  const Kind relying = site.log ? Kind::bytes : Kind::sync;
  return step.kind == relying && becomes_log(history, step.file) != site.log;
}

/// Each sync of the site comes after the next step that waits for it.
bool make_late(PowerHistory& history, const SyncSite& site) {
  const PowerHistory before = history;
  bool changed = false;
  for (std::size_t i = before.steps.size(); i-- > 0;) {
    if (site_of(before, before.steps[i]) != site) continue;
    for (std::size_t to = i + 1; to < history.steps.size(); ++to) {
      if (!waits_for_sync(history, history.steps[to], site)) continue;
      const auto begin = history.steps.begin();
      std::rotate(begin + static_cast<std::ptrdiff_t>(i),
                  begin + static_cast<std::ptrdiff_t>(i) + 1,
                  begin + static_cast<std::ptrdiff_t>(to) + 1);
      changed = true;
      break;
    }
  }
  return changed;
}

/// A library that did not look at the checksum would take each record for whole.
void believe_records(CrashImage& image) {
  std::optional<FileBytes>& file = image.files[static_cast<std::size_t>(StoreName::log)];
  if (!file || !is_log(*file)) return;
  FileBytes& log = *file;
  for (std::uint64_t at = log_ring_offset; at + sizeof(RecordHeader) <= log.size();
       at += record_alignment) {
    RecordHeader header;
    std::memcpy(&header, log.data() + at, sizeof header);
    const std::uint64_t bytes = record_bytes(header.page_count, header.line_count);
    if (header.magic != record_magic || bytes > log.size() - at) continue;
    header.checksum = record_checksum(std::span(log).subspan(at, bytes));
    std::memcpy(log.data() + at, &header, sizeof header);
  }
}

/// The same of meta slots.
void believe_meta_slots(CrashImage& image) {
  std::optional<FileBytes>& file = image.files[static_cast<std::size_t>(StoreName::data)];
  if (!file || file->size() < heap_begin) return;
  test::edit_meta_slots(file->data(),
                        [](const MetaSlot& meta, std::uint64_t) { return meta.turn != 0; });
}

}  // namespace

std::vector<PowerMutant> power_mutants(const std::vector<std::vector<PowerHistory>>& histories) {
  std::set<SyncSite> sites;
  for (const std::vector<PowerHistory>& of_ground : histories) {
    for (const PowerHistory& history : of_ground) add_sites(history, sites);
  }
  std::vector<PowerMutant> mutants;
  for (const SyncSite& site : sites) {
    mutants.push_back({"no sync: " + name_of(site), "what comes later relies on it",
                       [site](PowerHistory& history) { return leave_out(history, site); }});
  }
  for (const SyncSite& site : sites) {
    mutants.push_back({"late sync: " + name_of(site), "it comes before what relies on it",
                       [site](PowerHistory& history) { return make_late(history, site); }});
  }
  mutants.push_back(
      {"records believed", "a record whose checksum fails was cut short", {}, &believe_records});
  mutants.push_back({"meta slots believed",
                     "a meta slot whose checksum fails gives way to the other",
                     {},
                     &believe_meta_slots});
  return mutants;
}

}  // namespace cairn::drills
