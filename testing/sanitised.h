// Is this a sanitised build? There everything is five to twenty times slower, allocations cost
// more, and timings mean nothing: a test that repeats one thing thousands of times may repeat it
// less often, as the other builds do it in full.
#pragma once

namespace dim {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitised = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitised = true;
#else
inline constexpr bool kSanitised = false;
#endif
#else
inline constexpr bool kSanitised = false;
#endif

}  // namespace dim
