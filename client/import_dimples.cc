#include "client/import_dimples.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "client/files.h"
#include "dim/base/limits.h"
#include "dim/engine/directory.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostBytes = 4 * limits::kMiB;
constexpr std::size_t kContacts = 100'000;

/// Nothing where there is no such file.
Result<std::optional<Json>> json_in(const fs::path& path) {
  std::error_code none;
  if (!fs::exists(path, none)) return std::nullopt;
  auto bytes = read_file(path.string(), kMostBytes);
  if (!bytes) return std::unexpected(bytes.error());
  auto json = parse_json(as_text(*bytes));
  wipe(*bytes);
  if (!json) return std::unexpected(json.error());
  return std::move(*json);
}

std::vector<Json> list_in(const std::optional<Json>& json, std::string_view key) {
  if (!json) return {};
  if (json->array() != nullptr) return *json->array();
  const Json* list = json->object() != nullptr ? json->object()->find(key) : nullptr;
  return list != nullptr && list->array() != nullptr ? *list->array() : std::vector<Json>();
}

/// The folder of the account; its name is the address.
Result<fs::path> find_folder(const fs::path& root, std::string_view which) {
  const auto id = Id::parse(which);
  const std::string address = id ? id->address().text() : std::string(which);
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root / "private", none)) {
    if (!fs::exists(entry.path() / "secret.js", none)) continue;
    if (which.empty() || entry.path().filename() == address) found.push_back(entry.path());
  }
  if (found.empty()) {
    return fail(Errc::not_found,
                "there is no such account here; give the folder that has private/ADDRESS/secret.js "
                "in it (often .dim)");
  }
  if (found.size() > 1)
    return fail(Errc::usage, "there are several accounts here; say which with --account ADDRESS");
  return found.front();
}

Result<std::vector<PrivateKey>> message_keys_in(const fs::path& folder) {
  auto json = json_in(folder / "secret_keys.js");
  if (!json) return std::unexpected(json.error());
  std::vector<PrivateKey> out;
  for (const Json& item : list_in(*json, "keys")) {
    if (item.object() == nullptr) continue;
    auto key = PrivateKey::parse(*item.object());
    if (key) out.push_back(std::move(*key));
  }
  return out;
}

/// The newest visa that verifies, or a new one without a name.
Result<Document> visa_in(const fs::path& folder, const Id& id, const Meta& meta,
                         const PrivateKey& key, Millis now) {
  auto json = json_in(folder / "documents.js");
  if (!json) return std::unexpected(json.error());
  Directory directory;
  if (auto learnt = directory.learn_meta(id, meta); !learnt) return std::unexpected(learnt.error());
  for (const Json& item : list_in(*json, "documents")) {
    if (item.object() != nullptr) (void)directory.accept_document(id, *item.object(), now);
  }
  std::optional<Document> newest;
  for (const Document& document : directory.find(id)->documents) {
    if (document.type() == "visa" && (!newest || document.time() > newest->time()))
      newest = document;
  }
  return newest ? std::move(*newest) : Document::make(id, "visa", {}, now, key);
}

std::vector<Id> contacts_in(const fs::path& folder) {
  std::vector<Id> out;
  auto json = json_in(folder / "contacts.js");
  if (!json) return out;
  for (const Json& item : list_in(*json, "contacts")) {
    auto id = item.text() != nullptr ? Id::parse(*item.text()) : Result<Id>(fail(Errc::id, ""));
    if (id && id->is_user() && !id->is_broadcast() && out.size() < kContacts)
      out.push_back(id->bare());
  }
  return out;
}

}  // namespace

Result<DimplesAccount> account_from_dimples(const std::string& root, std::string_view which,
                                            Millis now) {
  auto folder = find_folder(root, which);
  if (!folder) return std::unexpected(folder.error());
  const fs::path open_part = fs::path(root) / "public" / folder->filename();
  auto secret = json_in(*folder / "secret.js");
  if (!secret) return std::unexpected(secret.error());
  if (!*secret || (*secret)->object() == nullptr)
    return fail(Errc::key, "secret.js of this account holds no key");
  auto key = PrivateKey::parse(*(*secret)->object());
  if (!key) return std::unexpected(key.error());
  auto meta_json = json_in(open_part / "meta.js");
  if (!meta_json) return std::unexpected(meta_json.error());
  if (!*meta_json || (*meta_json)->object() == nullptr)
    return fail(Errc::meta, "public/ADDRESS/meta.js of this account is missing");
  auto meta = Meta::parse(*(*meta_json)->object());
  if (!meta) return std::unexpected(meta.error());
  auto address = Address::parse(folder->filename().string());
  if (!address) return std::unexpected(address.error());
  auto id = Id::parse(Id(meta->seed(), *address).text());
  if (!id || !meta->matches(*id))
    return fail(Errc::meta, "the meta of this account makes another address");
  if (!id->is_user()) return fail(Errc::usage, "only accounts of persons are taken over");
  if (key->public_key().data() != meta->key().data())
    return fail(Errc::key, "secret.js of this account is not the key of its meta");
  auto visa = visa_in(open_part, *id, *meta, *key, now);
  if (!visa) return std::unexpected(visa.error());
  auto keys = message_keys_in(*folder);
  if (!keys) return std::unexpected(keys.error());
  DimplesAccount out{
      .account = {*id, std::move(*meta), std::move(*visa), std::move(*key), std::move(*keys)},
      .contacts = contacts_in(*folder)};
  // In one step: peers follow the chain of visas.
  auto message_key = PrivateKey::generate_rsa();
  if (!message_key) return std::unexpected(message_key.error());
  JsonObject properties;
  properties.set("key", message_key->public_key().json());
  properties.set("features", JsonArray{Json("bind")});
  if (auto done = out.account.update_visa(properties, now); !done)
    return std::unexpected(done.error());
  out.account.message_keys.insert(out.account.message_keys.begin(), std::move(*message_key));
  return out;
}

}  // namespace dim
