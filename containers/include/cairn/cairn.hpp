// SPDX-License-Identifier: BSL-1.0
#pragma once

/// \file
/// All of cairn. Each part also has its own header.

#include "cairn/atomic.hpp"
#include "cairn/box.hpp"
#include "cairn/btree_map.hpp"
#include "cairn/btree_set.hpp"
#include "cairn/deque.hpp"
#include "cairn/error.hpp"
#include "cairn/hash_map.hpp"
#include "cairn/hash_set.hpp"
#include "cairn/nd_array.hpp"
#include "cairn/ptr.hpp"
#include "cairn/ref.hpp"
#include "cairn/segmented.hpp"
#include "cairn/storable.hpp"
#include "cairn/store.hpp"
#include "cairn/string.hpp"
#include "cairn/transaction.hpp"
#include "cairn/type_description.hpp"
#include "cairn/vec.hpp"
