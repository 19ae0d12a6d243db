// dimd: a DIM/2023 station.
//
// What it gives back of its memory holds nothing any more (R20): operator delete is replaced by one
// that wipes, and so is what SQLite frees by. A text that was destroyed is found neither in
// /proc/PID/mem nor in swap or a core dump. It costs what writing zeroes costs
// (docs/adr/0008-destroy.md).
#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "dim/crypto/secret.h"
#include "server/commands.h"
#include "sqlite/wiped_memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DIM_OWN_DELETE 0  // sanitisers have theirs
#endif
#endif
#ifndef DIM_OWN_DELETE
#define DIM_OWN_DELETE 1
#endif

#if DIM_OWN_DELETE
namespace {

void wipe_and_free(void* at) noexcept {
  if (at == nullptr) return;
  dim::wipe({static_cast<std::uint8_t*>(at), malloc_usable_size(at)});
  std::free(at);
}

/// `get` until there is memory, or nobody left who could make some.
template <class Get>
void* insist(Get get) {
  while (true) {
    if (void* const at = get()) return at;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

// The forms for arrays, and those that throw nothing, are made of these by the library.
void* operator new(std::size_t size) {
  return insist([=] { return std::malloc(size == 0 ? 1 : size); });
}
void* operator new(std::size_t size, std::align_val_t align) {
  const auto step = static_cast<std::size_t>(align);
  return insist([=] { return std::aligned_alloc(step, (size + step - 1) / step * step); });
}
void operator delete(void* at) noexcept { wipe_and_free(at); }
void operator delete(void* at, std::size_t) noexcept { wipe_and_free(at); }
void operator delete(void* at, std::align_val_t) noexcept { wipe_and_free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { wipe_and_free(at); }
#endif

int main(int argc, char** argv) {
  if (!dim::wipe_what_sqlite_frees()) std::abort();  // nothing was opened yet
  return dim::run_dimd(argc, argv);
}
