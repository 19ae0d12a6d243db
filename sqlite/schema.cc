#include "sqlite/schema.h"

#include "sqlite/checked_vfs.h"

namespace dim {
namespace {

constexpr std::int64_t kSealedPosts = 5;           // the format since which messages are sealed
constexpr std::int64_t kApplication = 0x44494d31;  // "DIM1"

// msg and inbox grow at their ends only. inbox.id - place is msg.id. acked stands apart from user
// so that an acknowledgement writes 12 bytes and not a name. inbox.bytes: those of the content in
// the lower 32 bits, above them the mark of its author (inbox_share.h), 0 in rows of earlier
// versions.
constexpr const char* kTables = R"sql(
CREATE TABLE msg(id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE inbox(id INTEGER PRIMARY KEY, user INTEGER NOT NULL, cursor INTEGER NOT NULL, place INTEGER NOT NULL,
                   bytes INTEGER NOT NULL);
CREATE TABLE user(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE acked(user INTEGER PRIMARY KEY, upto INTEGER NOT NULL);
CREATE TABLE seen(guid BLOB PRIMARY KEY, digest BLOB NOT NULL, time INTEGER NOT NULL, cursors BLOB NOT NULL)
  WITHOUT ROWID;
CREATE TABLE name(name TEXT PRIMARY KEY, owner TEXT NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE identity(id TEXT PRIMARY KEY, meta TEXT NOT NULL, pinned INTEGER NOT NULL);
CREATE TABLE document(id TEXT NOT NULL, type TEXT NOT NULL, terminal TEXT NOT NULL, time INTEGER NOT NULL,
                      document TEXT NOT NULL, PRIMARY KEY(id, type, terminal));
CREATE TABLE resume(session BLOB PRIMARY KEY, user TEXT NOT NULL, secret TEXT NOT NULL, expires INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE INDEX resume_expires ON resume(expires);
)sql";

// Since format 2.
constexpr const char* kHubTables = R"sql(
CREATE TABLE hub_change(id INTEGER PRIMARY KEY, hub TEXT NOT NULL, number INTEGER NOT NULL, change TEXT NOT NULL,
                        UNIQUE(hub, number));
CREATE TABLE channel(id INTEGER PRIMARY KEY AUTOINCREMENT, guid BLOB NOT NULL UNIQUE, newest INTEGER NOT NULL DEFAULT 0,
                     dropped INTEGER NOT NULL DEFAULT 0);
CREATE INDEX channel_dropped ON channel(id) WHERE dropped = 1;
CREATE TABLE reaction(post INTEGER NOT NULL, symbol TEXT NOT NULL, user TEXT NOT NULL,
                      PRIMARY KEY(post, symbol, user)) WITHOUT ROWID;
CREATE TABLE mark(channel INTEGER NOT NULL, user TEXT NOT NULL, upto INTEGER NOT NULL,
                  PRIMARY KEY(channel, user)) WITHOUT ROWID;
)sql";

// Since format 5. A message's row id grows with time; it is the slot of its key (key_slots.h), and
// the index of words (word_index.h, without a copy of the text) has it as its own. Contents are
// boxed under that key, bound to the GUID, and empty when there is none; digest is keyed with it.
// post_place holds all that counting the unread needs. A part is a run of messages whose words in
// the index have one key, in the slot of its id: from `first` up to the next part. key_file: which
// files of keys are the current ones, what was destroyed in them, and since when. doomed: keys to
// be overwritten, told of in the transaction that leaves their objects behind.
constexpr const char* kPostTables = R"sql(
CREATE TABLE post(id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, cursor INTEGER NOT NULL,
                  changed INTEGER NOT NULL, guid BLOB NOT NULL UNIQUE, digest BLOB NOT NULL, time INTEGER NOT NULL,
                  author TEXT NOT NULL, reply BLOB NOT NULL, revision INTEGER NOT NULL DEFAULT 1,
                  edited INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 0,
                  pinned INTEGER NOT NULL DEFAULT 0, content BLOB NOT NULL);
CREATE INDEX post_place ON post(channel, cursor, state, author);
CREATE INDEX post_changed ON post(channel, changed);
CREATE INDEX post_pinned ON post(channel, cursor) WHERE pinned <> 0;
CREATE TABLE revision(post INTEGER NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL, content BLOB NOT NULL,
                      PRIMARY KEY(post, number)) WITHOUT ROWID;
CREATE VIRTUAL TABLE post_text USING fts5(words, place, content='', tokenize='ascii');
CREATE TABLE part(id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL UNIQUE, posts INTEGER NOT NULL DEFAULT 0,
                  bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE key_file(kind INTEGER PRIMARY KEY, number INTEGER NOT NULL, destroyed INTEGER NOT NULL DEFAULT 0,
                      since INTEGER NOT NULL DEFAULT 0);
CREATE TABLE doomed(kind INTEGER NOT NULL, slot INTEGER NOT NULL, PRIMARY KEY(kind, slot)) WITHOUT ROWID;
CREATE TABLE erasure(post INTEGER NOT NULL, user TEXT NOT NULL, receipt TEXT NOT NULL, PRIMARY KEY(post, user))
  WITHOUT ROWID;
)sql";

// Since format 8. Who is to sign that a destroyed channel or hub is erased from their home, and
// what they have signed.
constexpr const char* kExpectedTable =
    "CREATE TABLE expected(object TEXT NOT NULL, user TEXT NOT NULL, receipt TEXT NOT NULL DEFAULT "
    "'', PRIMARY KEY(object, user)) WITHOUT ROWID";

// Since format 9. Prekeys of devices: `device` signs them, `newest` is the highest id of a one-time
// key that it has brought. What is in prekey has been given to nobody.
constexpr const char* kPrekeyTables = R"sql(
CREATE TABLE prekey_device(id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, terminal TEXT NOT NULL,
                           device TEXT NOT NULL, time INTEGER NOT NULL, signed TEXT NOT NULL, last TEXT NOT NULL,
                           newest INTEGER NOT NULL, UNIQUE(user, terminal));
CREATE TABLE prekey(device INTEGER NOT NULL, id INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY(device, id))
  WITHOUT ROWID;
)sql";

// Formats 2 to 4 kept messages of channels as plain text.
constexpr const char* kDropPostTables =
    "DROP TABLE post_text; DROP TABLE post; DROP TABLE revision; DROP TABLE IF EXISTS shown";

// Since format 3. The bytes of a blob lie in the file of its number, which is never used again.
// blob.state: 0 open, 1 complete, 2 without references, 3 to be overwritten; media.state is
// MediaState.
constexpr const char* kMediaTables = R"sql(
CREATE TABLE blob(id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, refs INTEGER NOT NULL,
                  state INTEGER NOT NULL, digest BLOB, have BLOB NOT NULL);
CREATE INDEX blob_digest ON blob(digest) WHERE state = 1;
CREATE INDEX blob_dead ON blob(id) WHERE state = 2;
CREATE TABLE media(guid BLOB PRIMARY KEY, owner TEXT NOT NULL, state INTEGER NOT NULL, size INTEGER NOT NULL,
                   blob INTEGER NOT NULL, touched INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX media_owner ON media(owner, state, size);
CREATE INDEX media_age ON media(state, touched);
CREATE INDEX media_blob ON media(blob);
)sql";

// Since format 9. Which messages use which objects: of a channel the message in post.id `holder`,
// `revision` being its newest text that names the object; of channel 0 the one in msg.id `holder`,
// which waits. Holder 0 of channel 0 says that such a message has named it at some time; so it is
// taken of objects from before there were uses, of which nobody knows what links to them.
// channel.dropped: 1 deleted, 2 destroyed.
constexpr const char* kUseTables = R"sql(
CREATE TABLE IF NOT EXISTS media_use(media BLOB NOT NULL, channel INTEGER NOT NULL, holder INTEGER NOT NULL,
                                     revision INTEGER NOT NULL, PRIMARY KEY(media, channel, holder)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS media_use_holder ON media_use(channel, holder);
INSERT OR IGNORE INTO media_use SELECT guid, 0, 0, 0 FROM media WHERE state = 1;
DROP INDEX IF EXISTS channel_dropped;
CREATE INDEX channel_dropped ON channel(id) WHERE dropped <> 0;
)sql";

// Since format 4. How many shown messages each 1,024 cursors of a channel hold, of one author and
// ('') of all: what is unread is counted by these, and one by one in the first block alone. The
// triggers keep the counts equal to what is in post, whoever changes it.
constexpr const char* kUnreadTables = R"sql(
CREATE TABLE shown(channel INTEGER NOT NULL, author TEXT NOT NULL, block INTEGER NOT NULL, number INTEGER NOT NULL,
                   PRIMARY KEY(channel, author, block)) WITHOUT ROWID;
INSERT INTO shown SELECT channel, '', cursor >> 10, count(*) FROM post WHERE state = 0 GROUP BY 1, 3;
INSERT INTO shown SELECT channel, author, cursor >> 10, count(*) FROM post WHERE state = 0 GROUP BY 1, 2, 3;
CREATE TRIGGER post_put AFTER INSERT ON post WHEN new.state = 0 BEGIN
  INSERT INTO shown VALUES(new.channel, '', new.cursor >> 10, 1), (new.channel, new.author, new.cursor >> 10, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER post_shown AFTER UPDATE OF state ON post WHEN old.state <> 0 AND new.state = 0 BEGIN
  INSERT INTO shown VALUES(new.channel, '', new.cursor >> 10, 1), (new.channel, new.author, new.cursor >> 10, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER post_hidden AFTER UPDATE OF state ON post WHEN old.state = 0 AND new.state <> 0 BEGIN
  UPDATE shown SET number = number - 1
    WHERE channel = old.channel AND author IN ('', old.author) AND block = old.cursor >> 10;
  DELETE FROM shown
    WHERE channel = old.channel AND author IN ('', old.author) AND block = old.cursor >> 10 AND number = 0;
END;
CREATE TRIGGER post_dropped AFTER DELETE ON post WHEN old.state = 0 BEGIN
  UPDATE shown SET number = number - 1
    WHERE channel = old.channel AND author IN ('', old.author) AND block = old.cursor >> 10;
  DELETE FROM shown
    WHERE channel = old.channel AND author IN ('', old.author) AND block = old.cursor >> 10 AND number = 0;
END;
)sql";

// Since format 6. setting: what the operator has set. audit: acts of moderators and operators
// (F76); the oldest rows go. channel_use: how many messages of a channel have a text, and the bytes
// of these and of earlier texts, as they are stored; kept right by the triggers. Earlier texts of a
// message go before it does.
constexpr const char* kOperatorTables = R"sql(
CREATE TABLE setting(kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID;
CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, hub TEXT NOT NULL, who TEXT NOT NULL,
                   act TEXT NOT NULL, whom TEXT NOT NULL, object TEXT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX audit_hub ON audit(hub);
CREATE TABLE channel_use(channel INTEGER PRIMARY KEY, messages INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO channel_use
  SELECT channel, sum(length(content) > 0),
         sum(length(content) + (SELECT coalesce(sum(length(revision.content)), 0) FROM revision
                                WHERE revision.post = post.id))
  FROM post GROUP BY channel;
CREATE TRIGGER use_put AFTER INSERT ON post BEGIN
  INSERT INTO channel_use VALUES(new.channel, length(new.content) > 0, length(new.content))
    ON CONFLICT DO UPDATE SET messages = messages + excluded.messages, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER use_changed AFTER UPDATE OF content ON post WHEN length(new.content) <> length(old.content) BEGIN
  UPDATE channel_use SET messages = messages + (length(new.content) > 0) - (length(old.content) > 0),
                         bytes = bytes + length(new.content) - length(old.content) WHERE channel = new.channel;
END;
CREATE TRIGGER use_dropped AFTER DELETE ON post BEGIN
  UPDATE channel_use SET messages = messages - (length(old.content) > 0), bytes = bytes - length(old.content)
    WHERE channel = old.channel;
  DELETE FROM channel_use
    WHERE channel = old.channel AND NOT EXISTS(SELECT 1 FROM post WHERE channel = old.channel);
END;
CREATE TRIGGER use_earlier AFTER INSERT ON revision BEGIN
  UPDATE channel_use SET bytes = bytes + length(new.content)
    WHERE channel = (SELECT channel FROM post WHERE id = new.post);
END;
CREATE TRIGGER use_forgot AFTER DELETE ON revision BEGIN
  UPDATE channel_use SET bytes = bytes - length(old.content)
    WHERE channel = (SELECT channel FROM post WHERE id = old.post);
END;
)sql";

// Since format 7. post.thread: GUID of the message that the thread is about, or nothing; thread has
// how many shown messages stand in each, and the newest of them. post.mentions: user IDs with
// spaces between; mention has one row for each, '' for everyone, to count what is unread of them.
// report has what was said and why it was reported, boxed under the message's key.
// swept: one row, when expired messages were last looked for.
constexpr const char* kThreadTables = R"sql(
ALTER TABLE post ADD COLUMN thread BLOB NOT NULL DEFAULT x'';
ALTER TABLE post ADD COLUMN mentions TEXT NOT NULL DEFAULT '';
ALTER TABLE post ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;
CREATE INDEX post_thread ON post(thread, cursor, state) WHERE thread <> x'';
CREATE INDEX post_expires ON post(expires) WHERE expires <> 0;
CREATE TABLE thread(root BLOB PRIMARY KEY, answers INTEGER NOT NULL, newest INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE mention(channel INTEGER NOT NULL, user TEXT NOT NULL, cursor INTEGER NOT NULL,
                     PRIMARY KEY(channel, user, cursor)) WITHOUT ROWID;
CREATE TABLE notify(channel INTEGER NOT NULL, user TEXT NOT NULL, level INTEGER NOT NULL,
                     PRIMARY KEY(channel, user)) WITHOUT ROWID;
CREATE TABLE report(id INTEGER PRIMARY KEY AUTOINCREMENT, post INTEGER NOT NULL, channel INTEGER NOT NULL,
                    user TEXT NOT NULL, time INTEGER NOT NULL, revision INTEGER NOT NULL, text BLOB NOT NULL,
                    content BLOB NOT NULL, UNIQUE(post, user));
CREATE TABLE swept(id INTEGER PRIMARY KEY, time INTEGER NOT NULL);
INSERT INTO swept VALUES(1, 0);
CREATE TRIGGER thread_put AFTER INSERT ON post WHEN new.thread <> x'' AND new.state = 0 BEGIN
  INSERT INTO thread VALUES(new.thread, 1, new.cursor)
    ON CONFLICT DO UPDATE SET answers = answers + 1, newest = max(newest, new.cursor);
END;
CREATE TRIGGER thread_shown AFTER UPDATE OF state ON post
  WHEN new.thread <> x'' AND old.state <> 0 AND new.state = 0 BEGIN
  INSERT INTO thread VALUES(new.thread, 1, new.cursor)
    ON CONFLICT DO UPDATE SET answers = answers + 1, newest = max(newest, new.cursor);
END;
CREATE TRIGGER thread_hidden AFTER UPDATE OF state ON post
  WHEN old.thread <> x'' AND old.state = 0 AND new.state <> 0 BEGIN
  UPDATE thread SET answers = answers - 1, newest = coalesce((SELECT cursor FROM post
    WHERE thread = old.thread AND thread <> x'' AND state = 0 ORDER BY cursor DESC LIMIT 1), 0)
    WHERE root = old.thread;
  DELETE FROM thread WHERE root = old.thread AND answers = 0;
END;
CREATE TRIGGER thread_dropped AFTER DELETE ON post WHEN old.thread <> x'' AND old.state = 0 BEGIN
  UPDATE thread SET answers = answers - 1, newest = coalesce((SELECT cursor FROM post
    WHERE thread = old.thread AND thread <> x'' AND state = 0 ORDER BY cursor DESC LIMIT 1), 0)
    WHERE root = old.thread;
  DELETE FROM thread WHERE root = old.thread AND answers = 0;
END;
)sql";

}  // namespace

Status prepare_database(Database& db, bool exclusive) {
  sqlite3_busy_timeout(db.handle(), kBusyMs);
  if (exclusive) {
    if (auto done = db.run("PRAGMA locking_mode=EXCLUSIVE"); !done) return done;
  }
  const auto format = db.integer("PRAGMA user_version");
  if (!format) return std::unexpected(format.error());
  if (*format > kStoreFormat) {
    return fail(
        Errc::edition,
        "the data folder was written by a newer version; start that version, or restore a backup");
  }
  const auto application = db.integer("PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  const auto tables = db.integer("SELECT count(*) FROM sqlite_master");
  if (!tables) return std::unexpected(tables.error());
  const bool empty = *tables == 0 && *format == 0;
  if (!empty && (*application != kApplication || *format < 1)) {
    return fail(Errc::internal,
                "station.db in the data folder is not a station's database; name another folder");
  }
  if (empty) {
    int reserve = kPageReserveBytes;
    sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve);
    if (auto done = db.run("PRAGMA page_size=4096; PRAGMA auto_vacuum=NONE"); !done) return done;
  }
  if (*format >= 2 && *format < kSealedPosts) {
    const auto messages = db.integer("SELECT count(*) FROM post");
    if (!messages) return std::unexpected(messages.error());
    if (*messages > 0)
      return fail(
          Errc::edition,
          "the data folder has messages of channels as plain text, of an edition before the "
          "first release; start that edition, or name another folder");
  }
  // EXTRA is FULL once there is a log; before, it also syncs the removal of the rollback journal,
  // which would otherwise come back after a power cut and undo the file's making.
  if (auto done =
          db.run("PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; PRAGMA secure_delete=ON;"
                 "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=16777216;"
                 "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
                 "PRAGMA cell_size_check=ON");
      !done) {
    return done;
  }
  if (*format == kStoreFormat) return {};
  if (auto done = db.run("BEGIN IMMEDIATE"); !done) return done;
  if (empty) {
    if (auto done = db.run(kTables); !done) return done;
  }
  if (*format < kSealedPosts) {
    if (auto done = db.run(*format < 2 ? kHubTables : kDropPostTables); !done) return done;
    if (auto done = db.run(kPostTables); !done) return done;
    if (*format < 3) {
      if (auto done = db.run(kMediaTables); !done) return done;
    }
    if (auto done = db.run(kUnreadTables); !done) return done;
    if (auto done = db.run("CREATE INDEX blob_doomed ON blob(id) WHERE state = 3"); !done)
      return done;
  }
  if (*format < 6) {
    if (auto done = db.run(kOperatorTables); !done) return done;
  }
  if (*format < 7) {
    if (auto done = db.run(kThreadTables); !done) return done;
  }
  if (*format < 8) {
    if (auto done = db.run(kExpectedTable); !done) return done;
  }
  if (auto done = db.run(kPrekeyTables); !done) return done;
  if (auto done = db.run(kUseTables); !done) return done;
  return db.run("PRAGMA application_id=1145654577; PRAGMA user_version=9; COMMIT");
}

}  // namespace dim
