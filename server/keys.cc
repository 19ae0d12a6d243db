#include "server/keys.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "dim/base/base64.h"
#include "dim/base/json.h"

namespace dim {

std::vector<std::string> StationKeys::pins() const {
  std::vector<std::string> out;
  for (const Certificate& one : tls) {
    if (auto digest = spki_sha256(one.cert_pem)) out.push_back("sha256-" + to_base64url(*digest));
  }
  return out;
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
  return StationKeys{std::move(*account), std::move(tls), std::nullopt};
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
