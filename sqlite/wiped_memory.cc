#include "sqlite/wiped_memory.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "dim/crypto/secret.h"

namespace dim {
namespace {

sqlite3_mem_methods& own() {
  static sqlite3_mem_methods methods{};
  return methods;
}

void wipe_and_free(void* at) {
  if (at == nullptr) return;
  wipe({static_cast<std::uint8_t*>(at), static_cast<std::size_t>(own().xSize(at))});
  own().xFree(at);
}

void* move_and_wipe(void* at, int size) {
  if (at == nullptr) return own().xMalloc(size);
  void* const to = own().xMalloc(size);
  if (to == nullptr) return nullptr;  // as realloc: the old one stays
  std::memcpy(to, at, static_cast<std::size_t>(std::min(own().xSize(at), size)));
  wipe_and_free(at);
  return to;
}

}  // namespace

bool wipe_what_sqlite_frees() {
  if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &own()) != SQLITE_OK) return false;
  sqlite3_mem_methods wiping = own();
  wiping.xFree = wipe_and_free;
  wiping.xRealloc = move_and_wipe;
  // Slots of a connection's and a cache's own would be used again without having been freed.
  return sqlite3_config(SQLITE_CONFIG_MALLOC, &wiping) == SQLITE_OK &&
         sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK &&
         sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0) == SQLITE_OK;
}

}  // namespace dim
