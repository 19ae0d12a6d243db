#include "client/home.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "client/fields.h"
#include "client/native_keys.h"
#include "dim/base/base64.h"
#include "dim/crypto/passphrase_lock.h"

namespace dim {
namespace {

constexpr std::string_view kCursors = "inbox cursors";  // by the IDs of stations
constexpr std::string_view kOldCursor = "cursor";       // in "state"

std::string key_path(const std::string& folder) { return folder + "/key"; }
std::string vault_path(const std::string& folder) { return folder + "/vault.db"; }

/// Writes a new 0600 file through a temporary name, on the disk when it returns.
Status write_new_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  const int file =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0)
    return fail(Errc::io, "the key file cannot be written; check the folder's permissions");
  const bool written =
      ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    ::unlink(temporary.c_str());
    return fail(Errc::io, "the key file could not be put on the disk");
  }
  return {};
}

Result<std::string> read_key_file(const std::string& folder) {
  const int file = ::open(key_path(folder).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0)
    return fail(Errc::not_found,
                "there is no DIM home in this folder; make one with `dim join LINK`");
  struct stat info{};
  if (::fstat(file, &info) != 0 || (info.st_mode & 077) != 0) {
    ::close(file);
    return fail(
        Errc::key,
        "the key file can be read by others; run: chmod 600 on the file `key` of this home");
  }
  std::string text(4096, '\0');
  const ssize_t size = ::read(file, text.data(), text.size());
  ::close(file);
  if (size <= 0) return fail(Errc::key, "the key file of this home is empty or cannot be read");
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<Secret> vault_key(const JsonObject& lock, const std::optional<Secret>& passphrase) {
  const std::string* kind = lock.text("kind");
  if (kind != nullptr && *kind == "file") {
    const std::string* text = lock.text("key");
    auto key = text == nullptr ? Result<Bytes>(fail(Errc::key, "")) : from_base64(*text);
    if (!key || key->size() != 32) return fail(Errc::key, "the key file of this home is damaged");
    Secret secret = Secret::copy_of(*key);
    wipe(*key);
    return secret;
  }
  if (kind != nullptr && *kind == "passphrase") {
    if (!passphrase) return fail(Errc::key, "this home is locked; give its passphrase");
    const auto parsed = PassphraseLock::parse(lock);
    if (!parsed) return fail(Errc::key, "the key file of this home is damaged");
    return parsed->key(*passphrase);
  }
  return fail(Errc::key, "the key file of this home is of a kind this program does not know");
}

Result<Contact> contact_from(std::string_view body) {
  auto object = parse_json_object(body);
  if (!object) return std::unexpected(object.error());
  auto id = Id::parse(text_in(*object, "id"));
  if (!id) return std::unexpected(id.error());
  Contact contact{.id = *id};
  contact.alias = text_in(*object, "alias");
  contact.registered = text_in(*object, "registered");
  contact.verified = truth_in(*object, "verified");
  contact.blocked = truth_in(*object, "blocked");
  contact.written = truth_in(*object, "written");
  contact.accepted = truth_in(*object, "accepted");
  contact.refused = truth_in(*object, "refused");
  contact.muted = truth_in(*object, "muted");
  contact.seq = integer_in(*object, "seq");
  contact.prev = text_in(*object, "prev");
  contact.their_seq = integer_in(*object, "their_seq");
  contact.their_prev = text_in(*object, "their_prev");
  return contact;
}

}  // namespace

std::string Contact::display() const {
  if (!alias.empty()) return alias;
  return registered.empty() ? id.text() : registered;
}

bool Home::exists(const std::string& folder) {
  return ::access(key_path(folder).c_str(), F_OK) == 0;
}

Result<HomeLock> Home::lock_of(const std::string& folder) {
  auto text_read = read_key_file(folder);
  if (!text_read) return std::unexpected(text_read.error());
  auto lock = parse_json_object(*text_read);
  wipe(*text_read);
  if (!lock) return fail(Errc::key, "the key file of this home is damaged");
  return text_in(*lock, "kind") == "passphrase" ? HomeLock::passphrase : HomeLock::key_file;
}

Result<Home> Home::create(const std::string& folder, const std::optional<Secret>& passphrase,
                          Account account, Random& random, const Argon2Cost& cost,
                          const native::DeviceKeys* native) {
  if (exists(folder))
    return fail(Errc::conflict, "there is a DIM home in this folder already; use another --home");
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Errc::io,
                "the home's folder cannot be made; check that its parent exists and is writable");
  }
  JsonObject lock;
  lock.set("version", 1);
  Secret key;
  if (passphrase) {
    const PassphraseLock made = PassphraseLock::make(random, cost);
    auto derived = made.key(*passphrase);
    if (!derived) return std::unexpected(derived.error());
    key = std::move(*derived);
    made.write_to(lock);
  } else {
    key = Secret::random(32, random);
    lock.set("kind", "file");
    lock.set("key", to_base64(key.view()));
  }
  // The vault comes first: a home exists from the moment its key file does, and is complete then.
  ::unlink(vault_path(folder).c_str());
  auto vault = Vault::open(vault_path(folder), key, random);
  if (!vault) return std::unexpected(vault.error());
  ::chmod(vault_path(folder).c_str(), 0600);
  Home home;
  home.vault_ = std::make_unique<Vault>(std::move(*vault));
  home.account_ = std::make_unique<Account>(std::move(account));
  if (auto status = home.set_up(native, random); !status) return std::unexpected(status.error());
  if (auto status = home.load(); !status) return std::unexpected(status.error());
  std::string lock_text = write_json(lock);
  auto status = write_new_file(key_path(folder), lock_text + "\n");
  wipe(lock_text);
  if (!status) return std::unexpected(status.error());
  return home;
}

Result<Home> Home::open(const std::string& folder, const std::optional<Secret>& passphrase,
                        Random& random) {
  auto lock_text = read_key_file(folder);
  if (!lock_text) return std::unexpected(lock_text.error());
  auto lock = parse_json_object(*lock_text);
  wipe(*lock_text);
  if (!lock) return fail(Errc::key, "the key file of this home is damaged");
  auto key = vault_key(*lock, passphrase);
  if (!key) return std::unexpected(key.error());
  auto vault = Vault::open(vault_path(folder), *key, random);
  if (!vault) return std::unexpected(vault.error());
  Home home;
  home.vault_ = std::make_unique<Vault>(std::move(*vault));
  if (auto status = home.load(); !status) return std::unexpected(status.error());
  return home;
}

Result<Home> Home::in_memory(Account account, Random& random, const native::DeviceKeys* native) {
  auto vault = Vault::open(":memory:", Secret::random(32, random), random);
  if (!vault) return std::unexpected(vault.error());
  Home home;
  home.vault_ = std::make_unique<Vault>(std::move(*vault));
  home.account_ = std::make_unique<Account>(std::move(account));
  if (auto status = home.set_up(native, random); !status) return std::unexpected(status.error());
  if (auto status = home.load(); !status) return std::unexpected(status.error());
  return home;
}

Status Home::set_up(const native::DeviceKeys* native, Random& random) {
  return vault_->transaction([&]() -> Status {
    if (native != nullptr) {
      if (auto put = put_native_device_keys(*vault_, *native); !put) return put;
    }
    const Millis now = account_->visa.time().value_or(0);
    if (auto named = name_native_keys(now, random); !named) return named;
    return store_account();
  });
}

Status Home::store_account() {
  const Account& account = *account_;
  // Private keys are put together as text by hand so that only one buffer has to be wiped.
  JsonObject open_part;
  open_part.set("id", account.id.text());
  open_part.set("meta", account.meta.json());
  open_part.set("visa", account.visa.json());
  std::string body = write_json(open_part);
  body.pop_back();
  body.append(",\"identity_key\":")
      .append(as_text(account.identity_key.json().view()))
      .append(",\"message_keys\":[");
  for (std::size_t i = 0; i < account.message_keys.size(); ++i) {
    if (i > 0) body.push_back(',');
    body.append(as_text(account.message_keys[i].json().view()));
  }
  body.append("],\"message_key_times\":[");
  for (std::size_t i = 0; i < key_times_.size(); ++i) {
    if (i > 0) body.push_back(',');
    body.append(std::to_string(key_times_[i]));
  }
  body.append("]}");
  Status status = vault_->put("account", "self", body);
  wipe(body);
  return status;
}

Status Home::load() {
  if (auto account = load_account(); !account) return account;
  directory_ = std::make_unique<Directory>();
  return load_known();
}

Status Home::load_account() {
  auto body = vault_->get("account", "self");
  if (!body) return std::unexpected(body.error());
  if (!*body) return fail(Errc::io, "this home has no account; its database was replaced or lost");
  auto object = parse_json_object(**body);
  wipe(**body);
  if (!object) return std::unexpected(object.error());
  const auto member = [&](std::string_view key) -> const JsonObject* {
    const Json* value = object->find(key);
    return value == nullptr ? nullptr : value->object();
  };
  const Json* keys = object->find("message_keys");
  auto id = Id::parse(text_in(*object, "id"));
  if (!id || member("meta") == nullptr || member("visa") == nullptr ||
      member("identity_key") == nullptr || keys == nullptr || keys->array() == nullptr) {
    return fail(Errc::io, "the account of this home is damaged");
  }
  auto meta = Meta::parse(*member("meta"));
  if (!meta) return std::unexpected(meta.error());
  auto visa = Document::parse(*member("visa"), *id, *meta);
  if (!visa) return std::unexpected(visa.error());
  auto identity_key = PrivateKey::parse(*member("identity_key"));
  if (!identity_key) return std::unexpected(identity_key.error());
  std::vector<PrivateKey> message_keys;
  for (const Json& key : *keys->array()) {
    if (key.object() == nullptr) continue;
    auto parsed = PrivateKey::parse(*key.object());
    if (!parsed) return std::unexpected(parsed.error());
    message_keys.push_back(std::move(*parsed));
  }
  key_times_.clear();
  if (const Json* list = object->find("message_key_times");
      list != nullptr && list->array() != nullptr) {
    for (const Json& time : *list->array()) {
      if (time.integer() != nullptr && key_times_.size() < message_keys.size())
        key_times_.push_back(*time.integer());
    }
  }
  Account account{*id, *meta, *visa, std::move(*identity_key), std::move(message_keys)};
  if (account_) {
    *account_ = std::move(account);
  } else {
    account_ = std::make_unique<Account>(std::move(account));
  }
  return {};
}

Result<std::optional<StationTarget>> Home::station() {
  auto link = vault_->get("station", "link");
  if (!link) return std::unexpected(link.error());
  if (!*link) return std::nullopt;
  auto target = StationTarget::parse(**link);
  if (!target) return std::unexpected(target.error());
  return *target;
}

Status Home::set_station(const StationTarget& target) {
  return vault_->transaction([&]() -> Status {
    const auto before = station();
    if (before && *before && !(*before)->id.empty() && (*before)->id != target.id) {
      // Under the station's own name from here on, whatever station is the next.
      const auto cursor = inbox_cursor((*before)->id);
      if (!cursor) return std::unexpected(cursor.error());
      if (auto put = set_inbox_cursor((*before)->id, *cursor); !put) return put;
    }
    return vault_->put("station", "link", target.link());
  });
}

Result<std::int64_t> Home::inbox_cursor(const std::string& station) {
  const auto own = vault_->get(kCursors, station);
  if (!own) return std::unexpected(own.error());
  if (*own) return number_in(**own);
  // Of an earlier version, which kept one for the station that the home had then.
  const auto old = vault_->get("state", kOldCursor);
  if (!old) return std::unexpected(old.error());
  if (!*old) return 0;
  const auto target = this->station();
  if (!target) return std::unexpected(target.error());
  return *target && (*target)->id == station ? number_in(**old) : 0;
}

Status Home::set_inbox_cursor(const std::string& station, std::int64_t cursor) {
  if (auto put = vault_->put(kCursors, station, std::to_string(cursor)); !put) return put;
  return vault_->erase("state", kOldCursor);
}

Result<std::string> Home::registered_name() {
  auto name = vault_->get("station", "name");
  if (!name) return std::unexpected(name.error());
  return name->value_or("");
}

Status Home::set_registered_name(std::string_view name) {
  return vault_->put("station", "name", name);
}

Result<std::optional<Contact>> Home::contact(const Id& id) {
  auto body = vault_->get("contact", id.bare().text());
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto contact = contact_from(**body);
  if (!contact) return std::unexpected(contact.error());
  return *contact;
}

Result<std::vector<Contact>> Home::contacts() {
  auto rows = vault_->list("contact");
  if (!rows) return std::unexpected(rows.error());
  std::vector<Contact> out;
  for (const auto& row : *rows) {
    auto contact = contact_from(row.body);
    if (!contact) return std::unexpected(contact.error());
    out.push_back(std::move(*contact));
  }
  return out;
}

Status Home::put_contact(const Contact& contact) {
  return vault_->transaction([&]() -> Status {
    auto before = this->contact(contact.id);
    if (!before) return std::unexpected(before.error());
    if (*before && !(*before)->alias.empty() && (*before)->alias != contact.alias) {
      if (auto status = vault_->erase("alias", (*before)->alias); !status) return status;
    }
    if (!contact.alias.empty()) {
      auto owner = by_alias(contact.alias);
      if (!owner) return std::unexpected(owner.error());
      if (*owner && !(**owner).same_entity(contact.id)) {
        return fail(Errc::conflict, "this alias belongs to another contact; choose another one");
      }
      if (auto status = vault_->put("alias", contact.alias, contact.id.bare().text()); !status)
        return status;
    }
    JsonObject object;
    object.set("id", contact.id.bare().text());
    object.set("alias", contact.alias);
    object.set("registered", contact.registered);
    object.set("verified", contact.verified);
    object.set("blocked", contact.blocked);
    object.set("written", contact.written);
    if (contact.accepted) object.set("accepted", true);
    if (contact.refused) object.set("refused", true);
    if (contact.muted) object.set("muted", true);
    object.set("seq", contact.seq);
    object.set("prev", contact.prev);
    object.set("their_seq", contact.their_seq);
    object.set("their_prev", contact.their_prev);
    return vault_->put("contact", contact.id.bare().text(), write_json(object));
  });
}

Result<std::optional<Id>> Home::by_alias(std::string_view alias) {
  auto body = vault_->get("alias", alias);
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto id = Id::parse(**body);
  if (!id) return std::unexpected(id.error());
  return *id;
}

}  // namespace dim
