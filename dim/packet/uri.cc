#include "dim/packet/uri.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "dim/base/limits.h"
#include "dim/base/utf8.h"

namespace dim {
namespace {

constexpr std::string_view kScheme = "dim:";

struct TypeName {
  std::string_view name;
  UriType type;
};
constexpr auto kTypes = std::to_array<TypeName>({{"user", UriType::user}, {"hub", UriType::hub}, {"group", UriType::hub},
                                                 {"station", UriType::station}, {"object", UriType::object}});

/// Names that would let somebody pass for the station, its people, or everybody.
constexpr auto kReserved = std::to_array<std::string_view>(
    {"abuse", "admin", "administrator", "anonymous", "anyone", "anywhere", "archivist", "assistant", "broadcast", "channel",
     "daemon", "dimchat", "everyone", "everywhere", "founder", "group", "guest", "here", "hostmaster", "localhost", "moderator",
     "nobody", "noreply", "object", "official", "operator", "owner", "postmaster", "register", "root", "security", "service",
     "station", "stations", "support", "system", "unknown", "webmaster"});

std::unexpected<Error> bad() {
  return fail(Errc::bad_request, "a DIM URI is written dim:type:identifier, with /path, ?key=value; and #fragment behind it");
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return bad();
    const int value = digit(text[i + 1]) * 16 + digit(text[i + 2]);
    if (value == 0) return fail(Errc::bad_request, "a DIM URI may not hold %00");
    out.push_back(static_cast<char>(value));
    i += 2;
  }
  std::size_t at = 0;
  if (!valid_utf8(out)) return bad();
  while (at < out.size()) {
    if (is_control(next_code_point(out, at))) return bad();
  }
  return out;
}

void percent_encode(std::string& out, std::string_view text, std::string_view reserved) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte <= 0x20 || byte == 0x7F || c == '%' || reserved.contains(c)) {
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
}

bool dotted_part(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == "." || part == "..") return true;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return false;
}

/// Cuts `text` at the first `mark`; what stands behind it is returned, nothing when there is none.
std::optional<std::string_view> cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view tail = text.substr(at + 1);
  text = text.substr(0, at);
  return tail;
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text) {
  if (text.size() > limits::kUriBytes) return fail(Errc::uri_too_long, "a DIM URI has at most 2 KiB");
  if (!text.starts_with(kScheme)) return bad();
  text.remove_prefix(kScheme.size());
  const auto fragment = cut(text, '#');
  const auto query = cut(text, '?');
  const auto rest = cut(text, ':');
  if (!rest) return bad();
  const auto type = std::ranges::find(kTypes, text, &TypeName::name);
  if (type == kTypes.end()) return fail(Errc::bad_request, "a DIM URI's type is user, hub, group, station or object");
  std::string_view name = *rest;
  const auto path = cut(name, '/');

  Uri uri;
  uri.type = type->type;
  auto identifier = percent_decoded(name);
  if (!identifier) return std::unexpected(identifier.error());
  if (identifier->empty() || identifier->find("..") != std::string::npos) return bad();
  uri.identifier = std::move(*identifier);
  if (path) {
    auto decoded = percent_decoded(*path);
    if (!decoded) return std::unexpected(decoded.error());
    if (dotted_part(*decoded)) return fail(Errc::bad_request, "a path in a DIM URI has no . or .. parts");
    uri.path = std::move(*decoded);
  }
  if (query) {
    std::string_view left = *query;
    while (!left.empty()) {
      std::string_view pair = left;
      const auto tail = cut(pair, ';');
      left = tail.value_or(std::string_view());
      if (pair.empty()) continue;
      const auto value = cut(pair, '=');
      auto decoded_key = percent_decoded(pair);
      auto decoded = percent_decoded(value.value_or(std::string_view()));
      if (!decoded_key || !decoded || decoded_key->empty()) return bad();
      uri.parameters.emplace_back(std::move(*decoded_key), std::move(*decoded));
    }
  }
  if (fragment) {
    auto decoded = percent_decoded(*fragment);
    if (!decoded) return std::unexpected(decoded.error());
    uri.fragment = std::move(*decoded);
  }
  return uri;
}

std::string Uri::text() const {
  std::string out(kScheme);
  for (const TypeName& name : kTypes) {
    if (name.type == type) {
      out.append(name.name).push_back(':');
      break;
    }
  }
  percent_encode(out, identifier, "/?#");
  if (!path.empty()) {
    out.push_back('/');
    percent_encode(out, path, "?#");
  }
  if (!parameters.empty()) {
    out.push_back('?');
    for (const auto& [key, value] : parameters) {
      percent_encode(out, key, "=;#");
      out.push_back('=');
      percent_encode(out, value, ";#");
      out.push_back(';');
    }
  }
  if (!fragment.empty()) {
    out.push_back('#');
    percent_encode(out, fragment, "");
  }
  return out;
}

std::string_view Uri::parameter(std::string_view key) const {
  const auto found = std::ranges::find(parameters, key, &std::pair<std::string, std::string>::first);
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

Result<std::string> parse_graphical_id(std::string_view text) {
  const auto wrong = fail(Errc::bad_request, "a name has 5 to 32 of a-z 0-9 _ . and no two dots together");
  if (text.size() < 5 || text.size() > 32 || text.find("..") != std::string_view::npos) return wrong;
  std::string out;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (!((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '_' || lower == '.')) return wrong;
    out.push_back(lower);
  }
  if (std::ranges::find(kReserved, out) != kReserved.end()) return fail(Errc::forbidden, "this name is reserved; choose another one");
  return out;
}

Result<std::string> parse_target_address(std::string_view text) {
  const auto wrong = fail(Errc::bad_request, "a target is a DIM ID, a GUID or a public IPv6 address; IPv4 is not accepted in any form");
  std::array<std::uint8_t, 16> a{};
  // A dot means IPv4 inside, a percent sign a scope: neither may come from the network.
  if (text.size() > 45 || text.find_first_of(".%") != std::string_view::npos ||
      inet_pton(AF_INET6, std::string(text).c_str(), a.data()) != 1) {
    return wrong;
  }
  const auto begins = [&](std::initializer_list<std::uint8_t> prefix) { return std::ranges::equal(prefix, std::span(a).first(prefix.size())); };
  const bool low_zero = std::ranges::all_of(std::span(a).first(12), [](std::uint8_t byte) { return byte == 0; });
  const bool loopback = low_zero && a[12] == 0 && a[13] == 0 && a[14] == 0 && a[15] == 1;
  if ((low_zero && !loopback) ||                                                 // ::, ::a.b.c.d
      begins({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}) ||                      // ::ffff:0:0/96
      begins({0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0}) ||                   // 64:ff9b::/96
      begins({0, 0x64, 0xFF, 0x9B, 0, 1}) ||                                     // 64:ff9b:1::/48
      begins({0x20, 0x02}) || begins({0x20, 0x01, 0, 0}) ||                      // 6to4, Teredo
      a[0] == 0xFF || (a[0] == 0xFE && (a[1] & 0xC0) == 0x80)) {                 // multicast, link-local
    return wrong;
  }
  char out[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, a.data(), out, sizeof out);
  return std::string(out);
}

}  // namespace dim
