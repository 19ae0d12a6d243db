#include "server/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dim/base/base64.h"
#include "dim/base/json.h"
#include "sqlite/folder_lock.h"

namespace dim {
namespace {

constexpr std::size_t kMostBytes = 256 * 1024;
constexpr int kFormat = 1;

Failure damaged(const std::string& file, std::string_view what) {
  return {
      Exit::keys,
      fmt::format(
          "{}: {}; put the copy from your backup there (dimd never makes new keys over old ones)",
          file, what)};
}

/// Overwrites every text in a JSON value that held keys.
void wipe_json(Json& value) {
  if (std::string* text = value.text()) wipe(*text);
  if (JsonArray* array = value.array()) {
    for (Json& one : *array) wipe_json(one);
  }
  if (JsonObject* object = value.object()) {
    for (auto& [name, one] : *object) wipe_json(one);
  }
}

/// Text of keys.
struct Wiped {
  Wiped() = default;
  explicit Wiped(std::string given) : text(std::move(given)) {}
  Wiped(Wiped&& other) noexcept : text(std::move(other.text)) { wipe(other.text); }
  Wiped& operator=(Wiped&&) = delete;
  ~Wiped() { wipe(text); }
  std::string text;
};

/// The same as JSON.
struct Parsed {
  explicit Parsed(Json given) : json(std::move(given)) {}
  Parsed(Parsed&&) = default;
  Parsed& operator=(Parsed&&) = delete;
  ~Parsed() { wipe_json(json); }
  const JsonObject& object() const { return *json.object(); }
  Json json;
};

/// `{"identity": …, "message_keys": […], "tls": […]}` without its braces.
void append_secrets(const StationKeys& keys, std::string& out) {
  out += "\"identity\":";
  out += as_text(keys.account.identity_key.json().view());
  out += ",\"message_keys\":[";
  for (std::size_t i = 0; i < keys.account.message_keys.size(); ++i) {
    if (i != 0) out += ',';
    out += as_text(keys.account.message_keys[i].json().view());
  }
  out += "],\"tls\":[";
  for (std::size_t i = 0; i < keys.tls.size(); ++i) {
    if (i != 0) out += ',';
    Json key(as_text(keys.tls[i].key_pem.view()));
    Wiped text{write_json(key)};
    wipe_json(key);
    out += "{\"key\":" + text.text + ",\"certificate\":" + write_json(Json(keys.tls[i].cert_pem)) +
           "}";
  }
  out += ']';
}

/// The whole text of the key file.
Result<std::string> write_keys(const StationKeys& keys, Random& random) {
  const std::string id = keys.account.id.text();
  std::string out = "{\"version\":" + std::to_string(kFormat);
  out += ",\"id\":" + write_json(Json(id));
  out += ",\"meta\":" + write_json(keys.account.meta.json());
  out += ",\"visa\":" + write_json(keys.account.visa.json());
  // Reserved at once, so that no half of a key stays behind in memory that was given back.
  if (!keys.seal) {
    out.reserve(kMostBytes);
    out += ',';
    append_secrets(keys, out);
  } else {
    Wiped secrets;
    secrets.text.reserve(kMostBytes);
    secrets.text += '{';
    append_secrets(keys, secrets.text);
    secrets.text += '}';
    const auto sealed = box(keys.seal->key, as_bytes(secrets.text), as_bytes(id), random);
    if (!sealed) return std::unexpected(sealed.error());
    JsonObject lock;
    keys.seal->lock.write_to(lock);
    out += ",\"lock\":" + write_json(lock);
    out += ",\"sealed\":" + write_json(Json(to_base64(*sealed)));
  }
  out += "}\n";
  return out;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

Failure cannot_write(const std::string& file) {
  const int error = errno;
  const Exit code = error == ENOSPC || error == EDQUOT ? Exit::disk_full : Exit::not_writable;
  return {code, fmt::format("{}: cannot be written: {}", file, std::strerror(error))};
}

const JsonObject* part(const JsonObject& object, std::string_view name) {
  const Json* found = object.find(name);
  return found == nullptr ? nullptr : found->object();
}

const JsonArray* list(const JsonObject& object, std::string_view name) {
  const Json* found = object.find(name);
  return found == nullptr ? nullptr : found->array();
}

std::expected<StationCard, Failure> read_card(const std::string& file, const JsonObject& object) {
  const JsonObject* meta_json = part(object, "meta");
  const JsonObject* visa_json = part(object, "visa");
  const std::string* id_text = object.text("id");
  if (meta_json == nullptr || visa_json == nullptr || id_text == nullptr)
    return std::unexpected(damaged(file, "a part is missing"));
  auto id = Id::parse(*id_text);
  auto meta = Meta::parse(*meta_json);
  if (!id || !meta || !meta->matches(*id))
    return std::unexpected(damaged(file, "ID, meta and key do not belong together"));
  auto visa = Document::parse(*visa_json, *id, *meta);
  if (!visa) return std::unexpected(damaged(file, "the visa does not verify"));
  return StationCard{std::move(*id), std::move(*meta), std::move(*visa),
                     object.find("sealed") != nullptr};
}

/// `object` has the secrets, in a file that is not sealed beside the rest.
std::expected<StationKeys, Failure> read_secrets(const std::string& file, StationCard card,
                                                 const JsonObject& object) {
  const JsonObject* identity_json = part(object, "identity");
  const JsonArray* message_keys_json = list(object, "message_keys");
  const JsonArray* tls_json = list(object, "tls");
  if (identity_json == nullptr || message_keys_json == nullptr || tls_json == nullptr ||
      tls_json->empty()) {
    return std::unexpected(damaged(file, "a part is missing"));
  }
  auto identity = PrivateKey::parse(*identity_json);
  if (!identity || identity->public_key().data() != card.meta.key().data())
    return std::unexpected(damaged(file, "ID, meta and key do not belong together"));
  std::vector<PrivateKey> message_keys;
  for (const Json& one : *message_keys_json) {
    auto key = one.object() == nullptr ? Result<PrivateKey>(fail(Errc::key, "not an object"))
                                       : PrivateKey::parse(*one.object());
    if (!key) return std::unexpected(damaged(file, "a message key cannot be read"));
    message_keys.push_back(std::move(*key));
  }
  std::vector<Certificate> tls;
  for (const Json& one : *tls_json) {
    const JsonObject* pair = one.object();
    const std::string* key = pair == nullptr ? nullptr : pair->text("key");
    const std::string* certificate = pair == nullptr ? nullptr : pair->text("certificate");
    if (key == nullptr || certificate == nullptr || !spki_sha256(*certificate)) {
      return std::unexpected(damaged(file, "a certificate cannot be read"));
    }
    tls.push_back({Secret::copy_of(as_bytes(*key)), *certificate});
  }
  return StationKeys{Account{std::move(card.id), std::move(card.meta), std::move(card.visa),
                             std::move(*identity), std::move(message_keys)},
                     std::move(tls), std::nullopt};
}

std::expected<StationKeys, Failure> open_sealed(const std::string& file, StationCard card,
                                                const JsonObject& object,
                                                const std::optional<Secret>& passphrase) {
  const JsonObject* lock_json = part(object, "lock");
  const std::string* sealed_text = object.text("sealed");
  const auto lock = lock_json == nullptr ? Result<PassphraseLock>(fail(Errc::key, "no lock"))
                                         : PassphraseLock::parse(*lock_json);
  const auto sealed = sealed_text == nullptr ? Result<Bytes>(fail(Errc::key, "no text"))
                                             : from_base64(*sealed_text);
  if (!lock || !sealed) return std::unexpected(damaged(file, "its seal was cut or changed"));
  if (!passphrase) {
    return std::unexpected(Failure{
        Exit::permissions,
        fmt::format("{}: sealed with a passphrase; give it with --passphrase-file FILE or in "
                    "DIMD_PASSPHRASE",
                    file)});
  }
  auto key = lock->key(*passphrase);
  if (!key) return std::unexpected(Failure{Exit::keys, to_string(key.error())});
  const auto plain = unbox(*key, *sealed, as_bytes(card.id.text()));
  if (!plain) {
    return std::unexpected(
        Failure{Exit::permissions,
                fmt::format("{}: does not open with this passphrase; if it is the right one, the "
                            "file was changed: put the copy from your backup there",
                            file)});
  }
  auto json = parse_json(as_text(plain->view()));
  if (!json || json->object() == nullptr)
    return std::unexpected(damaged(file, "what is sealed cannot be read"));
  const Parsed secrets(std::move(*json));
  auto keys = read_secrets(file, std::move(card), secrets.object());
  if (keys) keys->seal.emplace(*lock, std::move(*key));
  return keys;
}

/// The file as JSON; refused when it is not for its owner only.
std::expected<Parsed, Failure> read_file(const std::string& data) {
  const std::string file = key_file(data);
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT) {
      return std::unexpected(
          Failure{Exit::keys,
                  fmt::format("{}: no keys here; `dimd run --data {}` makes them", file, data)});
    }
    return std::unexpected(
        Failure{Exit::permissions, fmt::format("{}: {}", file, std::strerror(error))});
  }
  struct stat info{};
  const bool known = ::fstat(fd, &info) == 0;
  if (!known || (info.st_mode & 077) != 0) {
    ::close(fd);
    return std::unexpected(
        Failure{Exit::permissions,
                fmt::format("{}: others may read the keys; run chmod 600 {}", file, file)});
  }
  Wiped text;
  text.text.resize(std::min(static_cast<std::size_t>(info.st_size), kMostBytes + 1));
  std::size_t got = 0;
  while (got < text.text.size()) {
    const ssize_t read = ::read(fd, text.text.data() + got, text.text.size() - got);
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) {
      const int error = errno;
      ::close(fd);
      return std::unexpected(Failure{
          Exit::store_failed,
          fmt::format("{}: cannot be read: {}; check the disk", file, std::strerror(error))});
    }
    if (read == 0) break;
    got += static_cast<std::size_t>(read);
  }
  ::close(fd);
  if (got != text.text.size() || got > kMostBytes)
    return std::unexpected(damaged(file, "it cannot be read to its end"));
  auto json = parse_json(text.text);
  if (!json || json->object() == nullptr)
    return std::unexpected(damaged(file, "it is cut or was changed"));
  return Parsed(std::move(*json));
}

}  // namespace

std::vector<std::string> StationCard::pins() const {
  std::vector<std::string> out;
  if (const JsonArray* all = list(visa.properties(), "tls")) {
    for (const Json& pin : *all) {
      if (pin.text() != nullptr) out.push_back(*pin.text());
    }
  }
  return out;
}

std::string key_file(const std::string& data) { return data + "/station.keys"; }

bool have_keys(const std::string& data) {
  struct stat info{};
  return ::stat(key_file(data).c_str(), &info) == 0 || errno != ENOENT;
}

std::expected<KeySeal, Failure> make_seal(const Secret& passphrase, Random& random,
                                          const Argon2Cost& cost) {
  const PassphraseLock lock = PassphraseLock::make(random, cost);
  auto key = lock.key(passphrase);
  if (!key) return std::unexpected(Failure{Exit::keys, to_string(key.error())});
  return KeySeal{lock, std::move(*key)};
}

std::expected<void, Failure> save_keys(const std::string& data, const StationKeys& keys,
                                       Random& random) {
  const std::string file = key_file(data);
  const std::string fresh = file + ".new";
  auto written_keys = write_keys(keys, random);
  if (!written_keys) return std::unexpected(Failure{Exit::keys, to_string(written_keys.error())});
  const Wiped content{std::move(*written_keys)};
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return std::unexpected(cannot_write(fresh));
  const bool written = ::fchmod(fd, 0600) == 0 && write_all(fd, content.text) && ::fsync(fd) == 0;
  if (!written) {
    const Failure failure = cannot_write(fresh);
    ::close(fd);
    ::unlink(fresh.c_str());
    return std::unexpected(failure);
  }
  ::close(fd);
  if (::rename(fresh.c_str(), file.c_str()) != 0) return std::unexpected(cannot_write(file));
  if (auto synced = sync_folder(data); !synced) return std::unexpected(cannot_write(data));
  return {};
}

std::expected<StationKeys, Failure> load_keys(const std::string& data,
                                              const std::optional<Secret>& passphrase) {
  const std::string file = key_file(data);
  const auto parsed = read_file(data);
  if (!parsed) return std::unexpected(parsed.error());
  auto card = read_card(file, parsed->object());
  if (!card) return std::unexpected(card.error());
  if (card->sealed) return open_sealed(file, std::move(*card), parsed->object(), passphrase);
  if (passphrase) {
    return std::unexpected(Failure{
        Exit::usage,
        fmt::format("{}: is not sealed; run `dimd passphrase --data {}` to seal it with the "
                    "passphrase, or give none",
                    file, data)});
  }
  return read_secrets(file, std::move(*card), parsed->object());
}

std::expected<StationCard, Failure> load_card(const std::string& data) {
  const auto parsed = read_file(data);
  if (!parsed) return std::unexpected(parsed.error());
  return read_card(key_file(data), parsed->object());
}

}  // namespace dim
