// A store of each kind, for tests of what both do alike; included by tests only.
#pragma once
#include <gtest/gtest.h>

#include <memory>

#include "dim/store/memory_store.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {

struct StoreInMemory {
  void reopen() {}
  std::unique_ptr<Store> store = std::make_unique<MemoryStore>();
};

struct StoreOnDisk {
  StoreOnDisk() { reopen(); }
  void reopen() {
    store.reset();
    auto opened = SqliteStore::open(folder.path());
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = std::move(*opened);
  }
  TemporaryFolder folder;
  std::unique_ptr<Store> store;
};

}  // namespace dim
