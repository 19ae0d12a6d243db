#include "sqlite/prekey_tables.h"

#include <utility>

#include "dim/base/fault.h"

namespace dim {

Status PrekeyWriter::start(Database& db) {
  const std::pair<Statement*, std::string_view> statements[] = {
      {&find_,
       "SELECT id, device, newest, (SELECT count(*) FROM prekey WHERE prekey.device = "
       "prekey_device.id) FROM prekey_device WHERE user = ? AND terminal = ?"},
      {&add_,
       "INSERT INTO prekey_device(user, terminal, device, time, signed, last, newest) VALUES(?, ?, "
       "?, ?, ?, ?, ?)"},
      {&set_, "UPDATE prekey_device SET time = ?, signed = ?, last = ?, newest = ? WHERE id = ?"},
      {&drop_, "DELETE FROM prekey_device WHERE id = ?"},
      {&drop_of_user_, "DELETE FROM prekey_device WHERE user = ?"},
      {&add_key_, "INSERT INTO prekey VALUES(?, ?, ?)"},
      {&first_key_, "SELECT id, key FROM prekey WHERE device = ? ORDER BY id LIMIT 1"},
      {&drop_key_, "DELETE FROM prekey WHERE device = ? AND id = ?"},
      {&drop_keys_, "DELETE FROM prekey WHERE device = ?"},
      {&drop_keys_of_user_,
       "DELETE FROM prekey WHERE device IN (SELECT id FROM prekey_device WHERE user = ?)"}};
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  return {};
}

void PrekeyWriter::stop() {
  for (Statement* statement : {&find_, &add_, &set_, &drop_, &drop_of_user_, &add_key_, &first_key_,
                               &drop_key_, &drop_keys_, &drop_keys_of_user_}) {
    statement->finish();
  }
}

Result<Written> PrekeyWriter::put(const PutPrekeys& write) {
  std::int64_t row = 0, newest = 0, kept = 0;
  bool replaced = false;
  {
    Use find(find_);
    const auto found = find.bind(write.user).bind(write.terminal).step();
    if (!found) return std::unexpected(found.error());
    if (*found) {
      row = find.integer(0);
      replaced = find.text(1) != write.device;
      if (!replaced) {
        newest = find.integer(2);
        kept = find.integer(3);
      }
    }
  }
  std::vector<const StoredOneTimeKey*> fresh;
  for (const StoredOneTimeKey& one : write.one_time) {
    if (one.id <= newest) continue;
    fresh.push_back(&one);
    newest = one.id;
  }
  if (static_cast<std::size_t>(kept) + fresh.size() > limits::kOneTimeKeys)
    return Written{Accepted::full, {}};
  if (replaced) {
    if (auto done = Use(drop_keys_).bind(row).run(); !done) return std::unexpected(done.error());
    if (auto done = Use(drop_).bind(row).run(); !done) return std::unexpected(done.error());
    row = 0;
  }
  if (row == 0) {
    Use add(add_);
    if (auto done = add.bind(write.user)
                        .bind(write.terminal)
                        .bind(write.device)
                        .bind(write.time)
                        .bind(write.signed_key)
                        .bind(write.last_resort)
                        .bind(newest)
                        .run();
        !done)
      return std::unexpected(done.error());
    row = add.inserted();
  } else if (auto done = Use(set_)
                             .bind(write.time)
                             .bind(write.signed_key)
                             .bind(write.last_resort)
                             .bind(newest)
                             .bind(row)
                             .run();
             !done) {
    return std::unexpected(done.error());
  }
  for (const StoredOneTimeKey* one : fresh) {
    if (auto done = Use(add_key_).bind(row).bind(std::int64_t{one->id}).bind(one->key).run(); !done)
      return std::unexpected(done.error());
  }
  return Written{};
}

Result<Written> PrekeyWriter::put(const TakePrekey& write) {
  std::int64_t row = 0, id = 0;
  {
    Use find(find_);
    const auto found = find.bind(write.user).bind(write.terminal).step();
    if (!found) return std::unexpected(found.error());
    if (!*found || find.text(1) != write.device) return Written{Accepted::conflict, {}};
    row = find.integer(0);
  }
  Written out;
  {
    Use first(first_key_);
    const auto found = first.bind(row).step();
    if (!found) return std::unexpected(found.error());
    if (!*found) return Written{Accepted::conflict, {}};
    id = first.integer(0);
    out.prekey = first.text(1);
  }
  if (DIM_FAULT("prekey-again")) return out;
  if (auto done = Use(drop_key_).bind(row).bind(id).run(); !done)
    return std::unexpected(done.error());
  return out;
}

Result<Written> PrekeyWriter::put(const DropPrekeys& write) {
  std::int64_t row = 0;
  {
    Use find(find_);
    const auto found = find.bind(write.user).bind(write.terminal).step();
    if (!found) return std::unexpected(found.error());
    if (!*found || find.text(1) != write.device) return Written{};
    row = find.integer(0);
  }
  if (auto done = Use(drop_keys_).bind(row).run(); !done) return std::unexpected(done.error());
  if (write.only_one_time) return Written{};
  if (auto done = Use(drop_).bind(row).run(); !done) return std::unexpected(done.error());
  return Written{};
}

Status PrekeyWriter::drop_all(const std::string& user) {
  if (auto done = Use(drop_keys_of_user_).bind(user).run(); !done) return done;
  return Use(drop_of_user_).bind(user).run();
}

Status PrekeyTableReads::start(Database& db) {
  return all_.prepare(db,
                      "SELECT terminal, device, time, signed, last, (SELECT count(*) FROM prekey "
                      "WHERE prekey.device = prekey_device.id), newest FROM prekey_device WHERE "
                      "user = ? ORDER BY terminal");
}

void PrekeyTableReads::stop() { all_.finish(); }

Result<std::vector<StoredPrekeys>> PrekeyTableReads::prekeys(const std::string& user) {
  std::vector<StoredPrekeys> out;
  Use scan(all_);
  scan.bind(user);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back({.terminal = scan.text(0),
                   .device = scan.text(1),
                   .time = scan.integer(2),
                   .signed_key = scan.text(3),
                   .last_resort = scan.text(4),
                   .one_time = static_cast<std::size_t>(scan.integer(5)),
                   .newest = static_cast<std::uint32_t>(scan.integer(6))});
  }
}

}  // namespace dim
