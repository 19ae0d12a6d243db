#include "server/keys.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "dim/base/base64.h"
#include "dim/base/json.h"
#include "dim/crypto/secret.h"
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

struct Wiped {
  ~Wiped() { wipe(text); }
  std::string text;
};

/// The whole text of the key file.
std::string write_keys(const StationKeys& keys) {
  std::string out = "{\"version\":" + std::to_string(kFormat);
  out += ",\"id\":" + write_json(Json(keys.account.id.text()));
  out += ",\"meta\":" + write_json(keys.account.meta.json());
  out += ",\"visa\":" + write_json(keys.account.visa.json());
  // Reserved at once, so that no half of a key stays behind in memory that was given back.
  out.reserve(kMostBytes);
  out += ",\"identity\":";
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
  out += "]}\n";
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

const Json* member(const JsonObject& object, std::string_view name) { return object.find(name); }

std::expected<StationKeys, Failure> read_parts(const std::string& file, const JsonObject& object) {
  const auto part = [&](std::string_view name) -> const JsonObject* {
    const Json* found = member(object, name);
    return found == nullptr ? nullptr : found->object();
  };
  const JsonObject* meta_json = part("meta");
  const JsonObject* visa_json = part("visa");
  const JsonObject* identity_json = part("identity");
  const Json* message_keys_json = member(object, "message_keys");
  const Json* tls_json = member(object, "tls");
  const std::string* id_text = object.text("id");
  if (meta_json == nullptr || visa_json == nullptr || identity_json == nullptr ||
      id_text == nullptr || message_keys_json == nullptr || message_keys_json->array() == nullptr ||
      tls_json == nullptr || tls_json->array() == nullptr || tls_json->array()->empty()) {
    return std::unexpected(damaged(file, "a part is missing"));
  }
  auto id = Id::parse(*id_text);
  auto meta = Meta::parse(*meta_json);
  auto identity = PrivateKey::parse(*identity_json);
  if (!id || !meta || !identity || !meta->matches(*id) ||
      identity->public_key().data() != meta->key().data()) {
    return std::unexpected(damaged(file, "ID, meta and key do not belong together"));
  }
  auto visa = Document::parse(*visa_json, *id, *meta);
  if (!visa) return std::unexpected(damaged(file, "the visa does not verify"));
  std::vector<PrivateKey> message_keys;
  for (const Json& one : *message_keys_json->array()) {
    auto key = one.object() == nullptr ? Result<PrivateKey>(fail(Errc::key, "not an object"))
                                       : PrivateKey::parse(*one.object());
    if (!key) return std::unexpected(damaged(file, "a message key cannot be read"));
    message_keys.push_back(std::move(*key));
  }
  std::vector<Certificate> tls;
  for (const Json& one : *tls_json->array()) {
    const JsonObject* pair = one.object();
    const std::string* key = pair == nullptr ? nullptr : pair->text("key");
    const std::string* certificate = pair == nullptr ? nullptr : pair->text("certificate");
    if (key == nullptr || certificate == nullptr || !spki_sha256(*certificate)) {
      return std::unexpected(damaged(file, "a certificate cannot be read"));
    }
    tls.push_back({Secret::copy_of(as_bytes(*key)), *certificate});
  }
  return StationKeys{Account{std::move(*id), std::move(*meta), std::move(*visa),
                             std::move(*identity), std::move(message_keys)},
                     std::move(tls)};
}

}  // namespace

std::vector<std::string> StationKeys::pins() const {
  std::vector<std::string> out;
  for (const Certificate& one : tls) {
    if (auto digest = spki_sha256(one.cert_pem)) out.push_back("sha256-" + to_base64url(*digest));
  }
  return out;
}

std::string key_file(const std::string& data) { return data + "/station.keys"; }

bool have_keys(const std::string& data) {
  struct stat info{};
  return ::stat(key_file(data).c_str(), &info) == 0 || errno != ENOENT;
}

std::expected<StationKeys, Failure> make_keys(Millis now, Random& random) {
  const auto failed = [](const Error& error) {
    return std::unexpected(Failure{Exit::keys, "keys could not be made: " + to_string(error)});
  };
  std::vector<Certificate> tls;
  JsonArray pins;
  for (int i = 0; i < 2; ++i) {
    auto certificate = make_certificate();
    if (!certificate) return failed(certificate.error());
    auto digest = spki_sha256(certificate->cert_pem);
    if (!digest) return failed(digest.error());
    pins.emplace_back("sha256-" + to_base64url(*digest));
    tls.push_back(std::move(*certificate));
  }
  JsonObject properties;
  properties.set("tls", std::move(pins));
  auto account = Account::make_station("station", std::move(properties), now, random);
  if (!account) return failed(account.error());
  return StationKeys{std::move(*account), std::move(tls)};
}

std::expected<void, Failure> save_keys(const std::string& data, const StationKeys& keys) {
  const std::string file = key_file(data);
  const std::string fresh = file + ".new";
  const Wiped content{write_keys(keys)};
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

std::expected<StationKeys, Failure> load_keys(const std::string& data) {
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
    if (read <= 0) break;
    got += static_cast<std::size_t>(read);
  }
  ::close(fd);
  if (got != text.text.size() || got > kMostBytes)
    return std::unexpected(damaged(file, "it cannot be read to its end"));
  auto json = parse_json(text.text);
  if (!json || json->object() == nullptr)
    return std::unexpected(damaged(file, "it is cut or was changed"));
  auto keys = read_parts(file, *json->object());
  wipe_json(*json);
  return keys;
}

bool update_visa(StationKeys& keys, const std::string& host, std::uint16_t port, Millis now) {
  JsonObject properties;
  JsonArray pins;
  for (auto& pin : keys.pins()) pins.emplace_back(std::move(pin));
  properties.set("host", host);
  properties.set("port", static_cast<int>(port));
  properties.set("tls", std::move(pins));
  const JsonObject& before = keys.account.visa.properties();
  bool same = true;
  for (const auto& [name, value] : properties) {
    const Json* found = before.find(name);
    same = same && found != nullptr && *found == value;
  }
  return !same && keys.account.update_visa(properties, now).has_value();
}

std::string machine_address() {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return "::1";
  std::string global;
  std::string local;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET6) continue;
    sockaddr_in6 address{};
    std::memcpy(&address, one->ifa_addr, sizeof address);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size()) == nullptr) continue;
    const std::uint8_t first = address.sin6_addr.s6_addr[0];
    if ((first & 0xe0) == 0x20 && global.empty()) global = text.data();
    if ((first & 0xfe) == 0xfc && local.empty()) local = text.data();
  }
  ::freeifaddrs(all);
  if (!global.empty()) return global;
  return local.empty() ? "::1" : local;
}

}  // namespace dim
