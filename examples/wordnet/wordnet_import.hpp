// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>

#include "wndb_source.hpp"
#include "wordnet_types.hpp"

/// Importing a database in batches, each of them one transaction that also moves the stored cursor.
/// So whenever the process dies, the store holds exactly what stands before the cursor, and the
/// next run goes on from there.
namespace wordnet {

/// The store and the source do not fit together; what() says why.
class ImportError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ImportProgress {
  std::uint64_t bytes_done = 0;  ///< of the source files, all runs together
  std::uint64_t bytes_total = 0;
  std::size_t synsets = 0;  ///< in the store, those that were only mentioned included
  std::size_t words = 0;
};

struct ImportOptions {
  std::size_t batch_entries = 500;
  /// Called inside each batch's transaction, as the last thing in it.
  std::function<void(const ImportProgress&)> before_commit = {};
  /// Called when the batch can no longer be lost.
  std::function<void(const ImportProgress&)> after_commit = {};
};

struct ImportResult {
  Cursor started_at;        ///< Cursor{} where there was nothing to resume
  std::size_t batches = 0;  ///< committed by this run
  std::chrono::nanoseconds parsing{};
  std::chrono::nanoseconds total{};
};

/// Imports what is not yet imported of `source`. Several processes may do so at once; each batch is
/// stored by one of them.
///
/// Requires: options.batch_entries > 0.
/// Throws:   ParseError: a malformed line. ImportError: the store was begun from other files, or an
///           entry refers to a synset that is not there. cairn::Error. All batches before that
///           stay.
ImportResult import_wordnet(cairn::Store& store, const Source& source,
                            const ImportOptions& options = {});

/// How far the import in `store` has come; the start where there is none.
Cursor import_cursor(const cairn::Store& store);

}  // namespace wordnet
