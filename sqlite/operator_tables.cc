#include "sqlite/operator_tables.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace dim {
namespace {

/// Of `user` and of each of their devices: `user/terminal`. '0' follows '/'.
constexpr std::string_view kInboxes =
    "SELECT name FROM user WHERE name = ?1 OR (name > ?1 || '/' AND name < ?1 || '0')";

using List = std::initializer_list<std::pair<Statement*, std::string_view>>;

Status prepare_all(Database& db, const List& statements) {
  for (const auto& [statement, sql] : statements) {
    if (auto ready = statement->prepare(db, sql); !ready) return ready;
  }
  return {};
}

Result<std::vector<std::string>> texts(Use& scan) {
  std::vector<std::string> out;
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back(scan.text(0));
  }
}

/// Two numbers of a row that is always there.
Result<std::pair<std::int64_t, std::int64_t>> pair_of(Use& use) {
  const auto row = use.step();
  if (!row) return std::unexpected(row.error());
  return std::pair{use.integer(0), use.integer(1)};
}

}  // namespace

Status OperatorWriter::start(Database& db) {
  return prepare_all(
      db,
      {{&put_setting_,
        "INSERT INTO setting VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"},
       {&drop_setting_, "DELETE FROM setting WHERE kind = ? AND key = ?"},
       {&add_act_,
        "INSERT INTO audit(time, hub, who, act, whom, object, reason) VALUES(?, ?, ?, ?, ?, ?, ?)"},
       {&drop_beyond_, "DELETE FROM audit WHERE id <= ?"},
       {&drop_old_,
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?2) AND time < ?1"},
       {&inboxes_, kInboxes},
       {&media_, "SELECT guid FROM media WHERE owner = ? AND state < 2"},
       {&drop_identity_, "DELETE FROM identity WHERE id = ?"},
       {&drop_documents_, "DELETE FROM document WHERE id = ?"},
       {&drop_names_, "DELETE FROM name WHERE owner = ?"},
       {&drop_resumes_, "DELETE FROM resume WHERE user = ?"},
       {&drop_marks_, "DELETE FROM mark WHERE user = ?"},
       {&drop_levels_, "DELETE FROM notify WHERE user = ?"},
       {&drop_mentions_, "DELETE FROM mention WHERE user = ?"}});
}

void OperatorWriter::stop() {
  for (Statement* statement : {&put_setting_, &drop_setting_, &add_act_, &drop_beyond_, &drop_old_,
                               &inboxes_, &media_, &drop_identity_, &drop_documents_, &drop_names_,
                               &drop_resumes_, &drop_marks_, &drop_levels_, &drop_mentions_}) {
    statement->finish();
  }
}

Result<Written> OperatorWriter::put(const PutSetting& write) {
  const Status done =
      write.value.empty()
          ? Use(drop_setting_).bind(write.kind).bind(write.key).run()
          : Use(put_setting_).bind(write.kind).bind(write.key).bind(write.value).run();
  if (!done) return std::unexpected(done.error());
  return Written{};
}

Result<Written> OperatorWriter::put(const PutAudit& write) {
  const AuditEntry& one = write.entry;
  std::int64_t row = 0;
  {
    Use add(add_act_);
    if (auto done = add.bind(one.time)
                        .bind(one.hub)
                        .bind(one.who)
                        .bind(one.act)
                        .bind(one.whom)
                        .bind(one.object)
                        .bind(one.reason)
                        .run();
        !done)
      return std::unexpected(done.error());
    row = add.inserted();
  }
  if (auto done = Use(drop_beyond_).bind(row - limits_.entries).run(); !done)
    return std::unexpected(done.error());
  constexpr std::size_t kSome = 8;
  if (auto done = forget_acts(one.time, kSome); !done) return std::unexpected(done.error());
  return Written{};
}

Status OperatorWriter::forget_acts(Millis now, std::size_t budget) {
  return Use(drop_old_).bind(now - limits_.keep_ms).bind(static_cast<std::int64_t>(budget)).run();
}

Result<std::vector<std::string>> OperatorWriter::inboxes_of(const std::string& user) {
  Use scan(inboxes_);
  return texts(scan.bind(user));
}

Result<std::vector<Guid>> OperatorWriter::media_of(const std::string& user) {
  std::vector<Guid> out;
  Use scan(media_);
  scan.bind(user);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    std::array<std::uint8_t, 16> bytes{};
    const ByteView stored = scan.blob(0);
    std::copy_n(stored.begin(), std::min(stored.size(), bytes.size()), bytes.begin());
    if (const auto guid = Guid::from_bytes(bytes)) out.push_back(*guid);
  }
}

Status OperatorWriter::drop_rows_of(const std::string& user) {
  for (Statement* statement : {&drop_identity_, &drop_documents_, &drop_names_, &drop_resumes_,
                               &drop_marks_, &drop_levels_, &drop_mentions_}) {
    if (auto done = Use(*statement).bind(user).run(); !done) return done;
  }
  return {};
}

Status OperatorTableReads::start(Database& db) {
  static const std::string kWaiting =
      "SELECT count(*), coalesce(sum(bytes & 4294967295), 0) FROM inbox LEFT JOIN acked ON "
      "acked.user = "
      "inbox.user WHERE cursor > coalesce(upto, 0) AND inbox.user IN (SELECT id FROM user WHERE "
      "name IN (" +
      std::string(kInboxes) + "))";
  return prepare_all(
      db,
      {{&settings_, "SELECT kind, key, value FROM setting ORDER BY kind, key"},
       {&acts_,
        "SELECT id, time, hub, who, act, whom, object, rtrim(reason) FROM audit WHERE id < ? ORDER "
        "BY id "
        "DESC LIMIT ?"},
       {&acts_of_hub_,
        "SELECT id, time, hub, who, act, whom, object, rtrim(reason) FROM audit WHERE id < ?1 AND "
        "hub = "
        "?3 ORDER BY id DESC LIMIT ?2"},
       {&identities_, "SELECT id FROM identity WHERE id > ? ORDER BY id LIMIT ?"},
       {&waiting_, kWaiting},
       {&documents_,
        "SELECT count(*), coalesce(sum(length(CAST(document AS BLOB))), 0) FROM document WHERE id "
        "= ?"},
       {&files_,
        "SELECT count(*), coalesce(sum(size), 0) FROM media WHERE owner = ? AND state < 2"},
       {&names_, "SELECT name FROM name WHERE owner = ? ORDER BY name"},
       {&channel_,
        "SELECT messages, bytes FROM channel_use JOIN channel ON channel.id = channel_use.channel "
        "WHERE guid = ?"}});
}

void OperatorTableReads::stop() {
  for (Statement* statement : {&settings_, &acts_, &acts_of_hub_, &identities_, &waiting_,
                               &documents_, &files_, &names_, &channel_}) {
    statement->finish();
  }
}

Result<std::vector<StoredSetting>> OperatorTableReads::settings() {
  std::vector<StoredSetting> out;
  Use scan(settings_);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back({scan.text(0), scan.text(1), scan.text(2)});
  }
}

Result<std::vector<StoredAudit>> OperatorTableReads::audit(const std::optional<std::string>& hub,
                                                           std::int64_t before, std::size_t limit) {
  std::vector<StoredAudit> out;
  Use scan(hub ? acts_of_hub_ : acts_);
  scan.bind(before == 0 ? std::numeric_limits<std::int64_t>::max() : before)
      .bind(static_cast<std::int64_t>(limit));
  if (hub) scan.bind(*hub);
  for (;;) {
    const auto row = scan.step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.push_back({scan.integer(0),
                   {scan.integer(1), scan.text(2), scan.text(3), scan.text(4), scan.text(5),
                    scan.text(6), scan.text(7)}});
  }
}

Result<std::vector<std::string>> OperatorTableReads::identities(const std::string& after,
                                                                std::size_t limit) {
  Use scan(identities_);
  return texts(scan.bind(after).bind(static_cast<std::int64_t>(limit)));
}

Result<UserUse> OperatorTableReads::user_use(const std::string& user) {
  UserUse out;
  const std::pair<Statement*, std::pair<std::int64_t*, std::int64_t*>> counted[] = {
      {&waiting_, {&out.waiting, &out.waiting_bytes}},
      {&documents_, {&out.documents, &out.document_bytes}},
      {&files_, {&out.files, &out.file_bytes}}};
  for (const auto& [statement, to] : counted) {
    Use use(*statement);
    const auto both = pair_of(use.bind(user));
    if (!both) return std::unexpected(both.error());
    *to.first = both->first;
    *to.second = both->second;
  }
  Use scan(names_);
  auto names = texts(scan.bind(user));
  if (!names) return std::unexpected(names.error());
  out.names = std::move(*names);
  return out;
}

Result<ChannelUse> OperatorTableReads::channel_use(const Guid& channel) {
  Use use(channel_);
  const auto row = use.bind(ByteView(channel.bytes())).step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return ChannelUse{};
  return ChannelUse{use.integer(0), use.integer(1)};
}

}  // namespace dim
