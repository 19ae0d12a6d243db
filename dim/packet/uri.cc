#include "dim/packet/uri.h"

#include <algorithm>
#include <array>
#include <optional>

#include "dim/base/fault.h"
#include "dim/base/limits.h"
#include "dim/base/utf8.h"
#include "dim/packet/packet.h"

namespace dim {
namespace {

constexpr std::array<std::string_view, 4> kTypes = {"user", "hub", "station", "object"};
constexpr std::string_view kScheme = "dim:";
constexpr std::string_view kNeverRaw = " \"<>\\^`{|}%";

// Characters that end a part and so cannot stand in it as they are.
constexpr std::string_view kEndsName = "/?#";
constexpr std::string_view kEndsPath = "?#";
constexpr std::string_view kEndsValue = ";#";
constexpr std::string_view kEndsFragment = "#";

bool may_stand(char c, std::string_view ends) {
  return kNeverRaw.find(c) == std::string_view::npos && ends.find(c) == std::string_view::npos;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (!may_stand(text[i], {}))
        return fail(Errc::bad_request, "a URI has this character only as %XX");
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(Errc::bad_request, "behind % stand two hex digits");
    out.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  if (!header_safe(out))
    return fail(Errc::bad_request, "a URI is UTF-8 without control characters, as %XX too");
  return out;
}

void encode(std::string& out, std::string_view text, std::string_view ends) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    if (may_stand(c, ends)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
}

/// Decodes a part in which ".." has no place.
Result<std::string> decode_name(std::string_view text) {
  auto name = decode(text);
  if (name && name->contains(".."))
    return fail(Errc::bad_request, "a URI has no two dots in a row");
  return name;
}

/// Cuts `rest` at the first of `ends`, which stays in `rest`.
std::string_view take(std::string_view& rest, std::string_view ends) {
  const std::string_view part = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(part.size());
  return part;
}

Status read_path(std::string_view text, std::string& path) {
  for (;;) {
    auto part = decode_name(take(text, "/"));
    if (!part) return std::unexpected(part.error());
    if (part->empty() || part->contains('/')) {
      return fail(Errc::bad_request, "a path's parts are not empty and hold no %2F");
    }
    path.append(*part);
    if (text.empty()) return {};
    path.push_back('/');
    text.remove_prefix(1);
  }
}

Status read_parameters(std::string_view text,
                       std::vector<std::pair<std::string, std::string>>& parameters) {
  while (!text.empty()) {
    const std::string_view one = take(text, ";");
    if (!text.empty()) text.remove_prefix(1);
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos || !valid_key(one.substr(0, equals))) {
      return fail(Errc::bad_request, "a URI's parameters are written ?key=value;key=value;");
    }
    auto value = decode(one.substr(equals + 1));
    if (!value) return std::unexpected(value.error());
    parameters.emplace_back(std::string(one.substr(0, equals)), std::move(*value));
  }
  return {};
}

}  // namespace

std::string_view to_string(UriType type) { return kTypes[static_cast<std::size_t>(type)]; }

Result<Uri> Uri::parse(std::string_view text) {
  if (text.size() > limits::kUriBytes && !DIM_FAULT("uri-endless"))
    return fail(Errc::uri_too_long, "a URI has at most 2 KiB");
  if (!text.starts_with(kScheme)) return fail(Errc::bad_request, "a DIM URI begins with dim:");
  std::string_view rest = text.substr(kScheme.size());
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos)
    return fail(Errc::bad_request, "a DIM URI is dim:type:identifier");
  const std::string_view type = rest.substr(0, colon) == "group" ? "hub" : rest.substr(0, colon);
  rest.remove_prefix(colon + 1);
  const auto known = std::ranges::find(kTypes, type);
  if (known == kTypes.end())
    return fail(Errc::bad_request, "a DIM URI's type is user, hub, station or object");

  Uri uri;
  uri.type = static_cast<UriType>(known - kTypes.begin());
  auto identifier = decode_name(take(rest, kEndsName));
  if (!identifier) return std::unexpected(identifier.error());
  uri.identifier = std::move(*identifier);
  if (uri.identifier.empty() || uri.identifier.contains('/')) {
    return fail(Errc::bad_request, "a DIM URI names an identifier, which holds no %2F");
  }
  if (uri.type == UriType::object) {
    auto guid = Guid::parse(uri.identifier);
    if (!guid) return std::unexpected(guid.error());
    uri.identifier = guid->text();
  }
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
    if (auto status = read_path(take(rest, kEndsPath), uri.path); !status)
      return std::unexpected(status.error());
  }
  if (rest.starts_with('?')) {
    rest.remove_prefix(1);
    if (auto status = read_parameters(take(rest, kEndsFragment), uri.parameters); !status) {
      return std::unexpected(status.error());
    }
  }
  if (rest.starts_with('#')) {
    rest.remove_prefix(1);
    if (rest.contains('#')) return fail(Errc::bad_request, "a URI has one fragment");
    auto fragment = decode_name(rest);
    if (!fragment) return std::unexpected(fragment.error());
    uri.fragment = std::move(*fragment);
  }
  return uri;
}

std::string Uri::text() const {
  std::string out(kScheme);
  out.append(to_string(type)).push_back(':');
  encode(out, identifier, kEndsName);
  if (!path.empty()) {
    out.push_back('/');
    encode(out, path, kEndsPath);
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (i == 0) out.push_back('?');
    out.append(parameters[i].first).push_back('=');
    encode(out, parameters[i].second, kEndsValue);
    out.push_back(';');
  }
  if (!fragment.empty()) {
    out.push_back('#');
    encode(out, fragment, kEndsFragment);
  }
  return out;
}

std::string_view Uri::parameter(std::string_view key) const {
  const auto found =
      std::ranges::find(parameters, key, &std::pair<std::string, std::string>::first);
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

// --- graphical IDs
// --------------------------------------------------------------------------------------------------

namespace {

/// Sorted. Names that speak for a station or for nobody in particular, without dots and
/// underscores.
constexpr auto kReserved = std::to_array<std::string_view>(
    {"abuse",      "account",    "accounts",   "admin",        "administrator",
     "admins",     "anonymous",  "anybody",    "anyone",       "anywhere",
     "archivist",  "assistant",  "broadcast",  "channel",      "contact",
     "daemon",     "dimadmin",   "dimchat",    "dimd",         "dimstation",
     "dimsupport", "everyone",   "everywhere", "founder",      "group",
     "guest",      "help",       "helpdesk",   "here",         "hostmaster",
     "info",       "localhost",  "login",      "mailerdaemon", "me",
     "moderator",  "moderators", "nobody",     "noreply",      "null",
     "object",     "official",   "operator",   "owner",        "password",
     "postmaster", "register",   "root",       "security",     "server",
     "service",    "staff",      "station",    "stations",     "support",
     "sysop",      "system",     "undefined",  "unknown",      "webmaster"});
static_assert(std::ranges::is_sorted(kReserved));

}  // namespace

Result<std::string> parse_graphical_id(std::string_view text) {
  constexpr std::size_t kLeast = 5;
  constexpr std::size_t kMost = 32;
  if (text.size() < kLeast || text.size() > kMost)
    return fail(Errc::bad_request, "a name has 5 to 32 characters");
  std::string name;
  std::string bare;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool mark = c == '_' || c == '.';
    if (!mark && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')) {
      return fail(Errc::bad_request, "a name has only a-z, 0-9, _ and .", i);
    }
    if (c == '.' && name.ends_with('.'))
      return fail(Errc::bad_request, "a name has no two dots in a row", i);
    name.push_back(c);
    if (!mark) bare.push_back(c);
  }
  if (bare.empty()) return fail(Errc::bad_request, "a name has a letter or a digit");
  if (std::ranges::binary_search(kReserved, std::string_view(bare))) {
    return fail(Errc::forbidden, "this name is reserved; choose a different one");
  }
  return name;
}

// --- IPv6
// -----------------------------------------------------------------------------------------------------------

namespace {

using Groups = std::array<std::uint16_t, 8>;

/// RFC 4291 section 2.2, forms 1 and 2. The third form ends in dotted IPv4 and has no place here.
std::optional<Groups> parse_groups(std::string_view text) {
  Groups groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;  // groups before "::"
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (count == groups.size()) return std::nullopt;
    const std::string_view group = text.substr(0, text.find(':'));
    if (group.empty() || group.size() > 4) return std::nullopt;
    unsigned value = 0;
    for (const char c : group) {
      if (digit(c) < 0) return std::nullopt;
      value = value << 4 | static_cast<unsigned>(digit(c));
    }
    groups[count++] = static_cast<std::uint16_t>(value);
    text.remove_prefix(group.size());
    if (text.empty()) break;
    if (text.starts_with("::")) {
      if (gap) return std::nullopt;
      gap = count;
      text.remove_prefix(2);
    } else {
      text.remove_prefix(1);
      if (text.empty()) return std::nullopt;  // a single colon at the end
    }
  }
  if (!gap) return count == groups.size() ? std::optional(groups) : std::nullopt;
  if (count == groups.size()) return std::nullopt;  // "::" stands for at least one group
  std::rotate(groups.begin() + static_cast<std::ptrdiff_t>(*gap),
              groups.begin() + static_cast<std::ptrdiff_t>(count), groups.end());
  return groups;
}

/// RFC 5952 section 4: lower case, no leading zeros, "::" for the first longest run of at least two
/// zero groups.
std::string format_groups(const Groups& groups) {
  std::size_t best = 0;
  std::size_t length = 1;
  for (std::size_t i = 0; i < groups.size();) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > length) {
      best = i;
      length = end - i;
    }
    i = end + 1;
  }
  std::string out;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (length > 1 && i == best) {
      out.append("::");
      i += length - 1;
      continue;
    }
    if (!out.empty() && !out.ends_with(':')) out.push_back(':');
    bool begun = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
      const unsigned nibble = groups[i] >> shift & 15U;
      begun = begun || nibble != 0 || shift == 0;
      if (begun) out.push_back("0123456789abcdef"[nibble]);
    }
  }
  return out;
}

bool wears_ipv4(const Groups& g) {
  const auto zero = [&](std::size_t from, std::size_t to) {
    return std::all_of(g.begin() + static_cast<std::ptrdiff_t>(from),
                       g.begin() + static_cast<std::ptrdiff_t>(to),
                       [](std::uint16_t group) { return group == 0; });
  };
  const bool loopback = zero(0, 7) && g[7] == 1;
  if (zero(0, 6) && !loopback) return true;                       // ::/96, "::" too
  if (zero(0, 5) && g[5] == 0xFFFF) return true;                  // ::ffff:0:0/96, mapped
  if (zero(0, 4) && g[4] == 0xFFFF && g[5] == 0) return true;     // ::ffff:0:0:0/96, translated
  if (g[0] == 0x64 && g[1] == 0xFF9B && zero(2, 6)) return true;  // 64:ff9b::/96, NAT64
  if (g[0] == 0x64 && g[1] == 0xFF9B && g[2] == 1) return true;   // 64:ff9b:1::/48, local NAT64
  return g[0] == 0x2002 || (g[0] == 0x2001 && g[1] == 0);         // 6to4; Teredo
}

}  // namespace

Result<std::string> parse_target_address(std::string_view text) {
  if (text.contains('%')) {
    return fail(Errc::bad_request,
                "an address with a zone means something on one machine only; name a global one");
  }
  const auto groups = parse_groups(text);
  if (!groups)
    return fail(Errc::bad_request,
                "the target is no IPv6 address such as 2001:db8::7; IPv4 is not accepted");
  if (wears_ipv4(*groups)) {
    return fail(
        Errc::bad_request,
        "unspecified and IPv4 addresses in IPv6 form are not accepted; name an IPv6 address");
  }
  if ((*groups)[0] >= 0xFF00)
    return fail(Errc::bad_request, "a multicast address names no station");
  if (((*groups)[0] & 0xFFC0) == 0xFE80) {
    return fail(Errc::bad_request,
                "a link-local address means something on one machine only; name a global one");
  }
  return format_groups(*groups);
}

}  // namespace dim
