// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace cairn {

/// Between two looks at a word that another processor is about to change.
inline void relax_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// Has the processor fetch the line of `p`, which may be any address, and take it from the others.
/// For lines that another one had last: compilers write a fetch for reading where they were not
/// told of a processor newer than x86-64, and the store that follows has to ask the others once
/// more. Elsewhere `__builtin_prefetch` costs less.
inline void prefetch_for_writing(const void* p) noexcept {
#if defined(__x86_64__)
  // Every such processor decodes it; those that cannot do it do nothing.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(p)));
#else
  __builtin_prefetch(p, 1);
#endif
}

}  // namespace cairn
