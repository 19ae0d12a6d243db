// Contents of messages in channels, boxed under keys of their own. Shared by the writing and the
// reading half of the store.
#pragma once
#include <memory>

#include "dim/packet/guid.h"
#include "sqlite/database.h"
#include "sqlite/key_slots.h"

namespace dim {

class PostKeys {
 public:
  /// The files of keys that `db` names, which are made when it names none.
  static Result<std::unique_ptr<PostKeys>> open(Database& db, sqlite3_vfs* vfs,
                                                const std::string& database, Random& random);

  KeySlots& posts() { return posts_; }
  KeySlots& words() { return words_; }
  /// By its number in the schema.
  KeySlots& of_kind(std::int64_t kind);

  Result<Bytes> seal(const Secret& key, ByteView guid, std::string_view content);
  /// Empty for empty bytes. Errc::internal when they do not open.
  Result<std::string> open(const Secret& key, ByteView guid, ByteView sealed);
  /// The same with the key of the slot.
  Result<std::string> open(std::int64_t slot, ByteView guid, ByteView sealed);

 private:
  PostKeys(sqlite3_vfs* vfs, const std::string& database, Random& random);

  Random& random_;
  KeySlots posts_;
  KeySlots words_;
};

}  // namespace dim
