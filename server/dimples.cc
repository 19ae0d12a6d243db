#include "server/dimples.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "dim/base/limits.h"
#include "dim/base/utf8.h"
#include "dim/engine/directory.h"
#include "dim/engine/verify.h"
#include "dim/message/message.h"
#include "dim/protocol/content.h"
#include "server/records.h"
#include "server/store_failure.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 4 * limits::kMiB;  // of one file
constexpr std::size_t kBatch = 256;                   // writes that become durable together

/// The items of a list, of the list under `key`, or the object itself, whichever it is.
std::vector<Json> items_of(const Json& json, std::string_view key) {
  if (json.array() != nullptr) return *json.array();
  if (json.object() == nullptr) return {};
  const Json* list = json.object()->find(key);
  if (list != nullptr && list->array() != nullptr) return *list->array();
  return {json};
}

class Reader {
 public:
  Reader(const DimplesFiles& files, Millis now) : files_(files), now_(now) {}

  DimplesEntity read() {
    if (!read_meta()) return std::move(out_);
    read_documents();
    const Known* known = directory_.find(*out_.id);
    const bool proven = known != nullptr && known->state == MetaState::pinned;
    out_.writes.emplace_back(PutIdentity{out_.id->text(), meta_text_, proven});
    for (const Document& document : known->documents) {
      out_.writes.emplace_back(PutDocument{out_.id->text(), document.type(), document.terminal(),
                                           *document.time(), write_json(document.json())});
    }
    out_.documents = known->documents.size();
    read_logins();
    return std::move(out_);
  }

 private:
  void refuse(std::string_view file, std::string_view why) {
    out_.refused.push_back(
        {fmt::format("{}/{}", escape(files_.address, 64), file), std::string(why)});
  }
  static std::string numbered(std::string_view file, std::size_t index) {
    return fmt::format("{} {}", file, index + 1);
  }

  bool read_meta() {
    constexpr std::string_view kFile = "meta.js";
    if (files_.meta.empty()) return refuse(kFile, "missing: nothing can be verified"), false;
    auto object = parse_json_object(files_.meta);
    if (!object) return refuse(kFile, object.error().hint), false;
    auto meta = Meta::parse(*object);
    if (!meta) return refuse(kFile, meta.error().hint), false;
    auto address = Address::parse(files_.address);
    if (!address) return refuse(kFile, address.error().hint), false;
    auto id = Id::parse(Id(meta->seed(), *address).text());
    if (!id) return refuse(kFile, id.error().hint), false;
    if (!meta->matches(*id)) return refuse(kFile, "this meta makes another address"), false;
    if (auto learnt = directory_.learn_meta(*id, *meta); !learnt)
      return refuse(kFile, learnt.error().hint), false;
    out_.id = *id;
    out_.meta = meta->digest();
    meta_text_ = write_json(meta->json());
    return true;
  }

  void read_documents() {
    constexpr std::string_view kFile = "documents.js";
    if (files_.documents.empty()) return;
    auto json = parse_json(files_.documents);
    if (!json) return refuse(kFile, json.error().hint);
    const auto list = items_of(*json, "documents");
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].object() == nullptr) {
        refuse(numbered(kFile, i), "no document");
        continue;
      }
      auto learnt = directory_.accept_document(*out_.id, *list[i].object(), now_);
      if (!learnt) refuse(numbered(kFile, i), learnt.error().hint);
    }
  }

  void read_logins() {
    constexpr std::string_view kFile = "login";
    if (files_.logins.empty()) return;
    auto json = parse_json(files_.logins);
    if (!json) return refuse(kFile, json.error().hint);
    const auto list = items_of(*json, "records");
    std::map<std::string, PutDocument> newest;  // by device
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto record = read_login(list[i]);
      if (!record) {
        refuse(numbered(kFile, i), record.error().hint);
        continue;
      }
      auto [place, added] = newest.try_emplace(record->terminal, *record);
      if (!added && place->second.time < record->time) place->second = std::move(*record);
    }
    for (auto& [terminal, record] : newest) {
      out_.writes.emplace_back(std::move(record));
      ++out_.logins;
    }
  }

  /// The content that counts is the signed one in `msg`; `cmd` is the reference's copy of it.
  Result<PutDocument> read_login(const Json& json) {
    const JsonObject* object = json.object();
    const Json* inner = object != nullptr ? object->find("msg") : nullptr;
    if (inner == nullptr || inner->object() == nullptr)
      return fail(Errc::json, "a login record needs the signed message under msg");
    auto message = SignedMessage::from_json(*inner->object());
    if (!message) return std::unexpected(message.error());
    if (!message->sealed.envelope.sender.same_entity(*out_.id))
      return fail(Errc::unauthorised, "the login is signed by somebody else");
    if (auto verified = verify(*message, directory_, now_); !verified)
      return std::unexpected(verified.error());
    const Bytes& data = message->sealed.data;
    if (!message->sealed.plain) return fail(Errc::content, "a login record is not encrypted");
    auto command = parse_json_object({reinterpret_cast<const char*>(data.data()), data.size()});
    if (!command) return std::unexpected(command.error());
    auto content = decode_content(*command);
    if (!content) return std::unexpected(content.error());
    const auto* login = content->as<LoginContent>();
    if (login == nullptr) return fail(Errc::content, "this is no login command");
    if (!login->did.same_entity(*out_.id))
      return fail(Errc::unauthorised, "the login names somebody else than its signer");
    const auto time = static_cast<Millis>(login->head.time * 1000);
    if (time <= 0 || time > now_ + limits::kFutureToleranceMs)
      return fail(Errc::bad_request, "the login has no time, or one in the future");
    JsonObject record;
    record.set("cmd", std::move(*command));
    record.set("msg", *inner);
    return PutDocument{out_.id->text(), std::string(kLoginRecord), login->did.terminal(), time,
                       write_json(record)};
  }

  const DimplesFiles& files_;
  Millis now_;
  Directory directory_{1};
  std::string meta_text_;
  DimplesEntity out_;
};

/// Nothing when it is not there. A file that is too large is cut, so that it does not parse.
std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return {};
  std::string text(kMostBytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

DimplesFiles read_folder(const fs::path& folder) {
  DimplesFiles files{.address = folder.filename().string(),
                     .meta = read_file(folder / "meta.js"),
                     .documents = read_file(folder / "documents.js"),
                     .logins = read_file(folder / "login_commands.js")};
  if (files.logins.empty()) files.logins = read_file(folder / "login.js");
  return files;
}

class Importer {
 public:
  Importer(const std::string& data, Store& store) : data_(data), store_(store) {}

  std::expected<void, Failure> add(DimplesEntity entity) {
    std::ranges::move(entity.refused, std::back_inserter(out_.refused));
    if (!entity.id) return {};
    auto known = store_.identity(entity.id->text());
    if (!known) return std::unexpected(store_failure(data_, known.error()));
    if (*known && !same_meta(**known, *entity.meta)) {
      out_.refused.push_back({entity.id->address().text(),
                              "the station knows this ID with another meta, and keeps that one"});
      return {};
    }
    if (*known && (*known)->pinned) std::get<PutIdentity>(entity.writes.front()).pinned = true;
    if (entity.id->is_group())
      ++out_.groups;
    else if (entity.id->type() == EntityType::user)
      ++out_.users;
    else
      ++out_.others;
    std::ranges::move(entity.writes, std::back_inserter(batch_));
    return batch_.size() < kBatch ? std::expected<void, Failure>{} : commit();
  }

  std::expected<DimplesImport, Failure> finish() {
    if (auto done = commit(); !done) return std::unexpected(done.error());
    return std::move(out_);
  }

 private:
  static bool same_meta(const StoredIdentity& stored, const Digest32& digest) {
    auto object = parse_json_object(stored.meta);
    auto meta = object ? Meta::parse(*object) : Result<Meta>(std::unexpected(object.error()));
    return meta && meta->digest() == digest;
  }

  std::expected<void, Failure> commit() {
    if (batch_.empty()) return {};
    auto written = store_.commit(batch_);
    if (!written) return std::unexpected(store_failure(data_, written.error()));
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      const auto* put = std::get_if<PutDocument>(&batch_[i]);
      if (put == nullptr) continue;
      if ((*written)[i].accepted != Accepted::stored)
        ++out_.unchanged;
      else
        ++(is_record(put->type) ? out_.logins : out_.documents);
    }
    batch_.clear();
    return {};
  }

  const std::string& data_;
  Store& store_;
  std::vector<Write> batch_;
  DimplesImport out_;
};

}  // namespace

DimplesEntity read_dimples(const DimplesFiles& files, Millis now) {
  return Reader(files, now).read();
}

std::expected<DimplesImport, Failure> import_dimples(const std::string& root,
                                                     const std::string& data, Store& store,
                                                     Millis now) {
  std::error_code error;
  fs::path folder = fs::path(root) / "public";
  if (!fs::is_directory(folder, error)) folder = root;
  std::vector<fs::path> entities;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (fs::exists(it->path() / "meta.js", ignored)) entities.push_back(it->path());
  }
  if (error || entities.empty()) {
    return std::unexpected(Failure{
        Exit::usage,
        fmt::format("--from-dimples {}: no folder public/ADDRESS with a meta.js is there; name the "
                    "`root` of the station's configuration",
                    escape(root, 256))});
  }
  std::ranges::sort(entities);
  Importer importer(data, store);
  for (const fs::path& entity : entities) {
    if (auto added = importer.add(read_dimples(read_folder(entity), now)); !added)
      return std::unexpected(added.error());
  }
  return importer.finish();
}

}  // namespace dim
