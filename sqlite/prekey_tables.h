// Prekeys of devices (dim/store/prekeys.h): parts of StoreWriter and of SqliteStore.
#pragma once
#include <string>
#include <vector>

#include "dim/store/store.h"
#include "sqlite/database.h"

namespace dim {

class PrekeyWriter {
 public:
  Status start(Database& db);
  void stop();

  Result<Written> put(const PutPrekeys& write);
  Result<Written> put(const TakePrekey& write);
  Result<Written> put(const DropPrekeys& write);
  Status drop_all(const std::string& user);

 private:
  Statement find_, add_, set_, drop_, drop_of_user_;
  Statement add_key_, first_key_, drop_key_, drop_keys_, drop_keys_of_user_;
};

/// Under the read mutex of SqliteStore.
class PrekeyTableReads {
 public:
  Status start(Database& db);
  void stop();

  Result<std::vector<StoredPrekeys>> prekeys(const std::string& user);

 private:
  Statement all_;
};

}  // namespace dim
