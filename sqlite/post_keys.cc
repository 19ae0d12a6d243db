#include "sqlite/post_keys.h"

#include "dim/crypto/symmetric.h"
#include "sqlite/schema.h"

namespace dim {
namespace {

Result<std::int64_t> current_file(Database& db, std::int64_t kind) {
  Statement find;
  if (auto ready = find.prepare(db, "SELECT number FROM key_file WHERE kind = ?"); !ready)
    return std::unexpected(ready.error());
  Use use(find);
  const auto row = use.bind(kind).step();
  if (!row) return std::unexpected(row.error());
  return *row ? use.integer(0) : 0;
}

}  // namespace

PostKeys::PostKeys(sqlite3_vfs* vfs, const std::string& database, Random& random)
    : random_(random),
      posts_(vfs, database, "keys", random),
      words_(vfs, database, "words", random) {}

Result<std::unique_ptr<PostKeys>> PostKeys::open(Database& db, sqlite3_vfs* vfs,
                                                 const std::string& database, Random& random) {
  std::unique_ptr<PostKeys> keys(new PostKeys(vfs, database, random));
  bool made = false;
  for (const std::int64_t kind : {kKeysOfPosts, kKeysOfWords}) {
    KeySlots& slots = keys->of_kind(kind);
    const auto number = current_file(db, kind);
    if (!number) return std::unexpected(number.error());
    if (*number > 0) {
      if (auto done = slots.open(*number); !done) return std::unexpected(done.error());
      continue;
    }
    if (auto done = slots.make(1); !done) return std::unexpected(done.error());
    made = true;
  }
  if (!made) return keys;
  static_assert(kKeysOfPosts == 0 && kKeysOfWords == 1);
  if (auto done = db.run("INSERT INTO key_file(kind, number) VALUES(0, 1), (1, 1)"); !done)
    return std::unexpected(done.error());
  return keys;
}

KeySlots& PostKeys::of_kind(std::int64_t kind) { return kind == kKeysOfPosts ? posts_ : words_; }

Result<Bytes> PostKeys::seal(const Secret& key, ByteView guid, std::string_view content) {
  return box(key, as_bytes(content), guid, random_);
}

Result<std::string> PostKeys::open(const Secret& key, ByteView guid, ByteView sealed) {
  if (sealed.empty()) return std::string();
  const auto plain = unbox(key, sealed, guid);
  if (!plain)
    return fail(Errc::internal,
                "a stored message does not open with its key; restore database and keys together");
  return to_text(plain->view());
}

Result<std::string> PostKeys::open(std::int64_t slot, ByteView guid, ByteView sealed) {
  if (sealed.empty()) return std::string();
  const auto key = posts_.get(slot);
  if (!key) return std::unexpected(key.error());
  return open(*key, guid, sealed);
}

}  // namespace dim
