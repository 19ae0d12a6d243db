#include "server/config_neighbours.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "dim/base/hex.h"
#include "dim/base/utf8.h"
#include "server/config.h"

namespace dim {
namespace {

using Problem = std::string;  // empty: the value is right

constexpr std::string_view kRightId = "\"station@…\", as `dimd id` shows it there";
constexpr std::string_view kRightAddress =
    "\"[2001:db8::7]:9394\", \"192.0.2.7:9394\" or \"dim.example.org:9394\"";
constexpr std::string_view kRightMeta = "64 hex digits, as `dimd id` shows them there";
constexpr std::string_view kRightFrom =
    "addresses or networks, as [\"2001:db8::/48\", \"192.0.2.7\"]";

Problem read_id(const toml::node& node, Neighbour& out) {
  auto id = Id::parse(node.value<std::string>().value_or(""));
  if (!id || id->type() != EntityType::station)
    return fmt::format("must be the ID of a station: {}", kRightId);
  out.id = id->bare();
  return {};
}

/// HOST:PORT, an IPv6 address in brackets; without a port 9394.
Problem read_address(const toml::node& node, Neighbour& out) {
  const std::string text = node.value<std::string>().value_or("");
  std::string_view host = text;
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return fmt::format("must be {}", kRightAddress);
    port = host.substr(close + 1);
    host = host.substr(1, close - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  const bool right_host =
      !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '_';
      });
  if (!port.empty()) {
    const std::string_view digits = port.substr(1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (port[0] != ':' || digits.empty() || error != std::errc{} ||
        end != digits.data() + digits.size() || out.port == 0)
      return fmt::format("must be {}", kRightAddress);
  }
  if (!right_host) return fmt::format("must be {}", kRightAddress);
  out.host = host;
  return {};
}

Problem read_meta(const toml::node& node, Neighbour& out) {
  const auto bytes = from_hex(node.value<std::string>().value_or(""));
  Digest32 digest{};
  if (!bytes || bytes->size() != digest.size()) return fmt::format("must be {}", kRightMeta);
  std::ranges::copy(*bytes, digest.begin());
  out.meta = digest;
  return {};
}

Problem read_from(const toml::node& node, Neighbour& out) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return fmt::format("must be {}", kRightFrom);
  for (const toml::node& one : *list) {
    const auto prefix = AddressPrefix::parse(one.value<std::string>().value_or(""));
    if (!prefix) return fmt::format("must be {}", kRightFrom);
    out.from.push_back(*prefix);
  }
  return {};
}

std::unexpected<Failure> problem(const std::string& where, const std::string& text) {
  return std::unexpected(Failure{Exit::usage, fmt::format("{}: {}", where, text)});
}

std::expected<Neighbour, Failure> read_entry(const toml::table& entry, const std::string& file) {
  Neighbour out{.id = Id("station", Address::anywhere()),
                .host = {},
                .where = fmt::format("{}:{}", file, entry.source().begin.line)};
  struct Row {
    std::string_view key;
    Problem (*read)(const toml::node&, Neighbour&);
  };
  constexpr std::array kRows{Row{"id", read_id}, Row{"address", read_address},
                             Row{"meta", read_meta}, Row{"from", read_from}};
  for (const auto& [key, value] : entry) {
    const std::string where = fmt::format("{}:{}", file, key.source().begin.line);
    const auto row = std::ranges::find(kRows, key.str(), &Row::key);
    if (row == kRows.end()) {
      return problem(where,
                     fmt::format("unknown key neighbour.{}; there are id, address, meta, from",
                                 escape(key.str(), 64)));
    }
    if (const Problem wrong = row->read(value, out); !wrong.empty())
      return problem(where, fmt::format("neighbour.{} {}", key.str(), wrong));
  }
  if (!entry.contains("id"))
    return problem(out.where, fmt::format("this neighbour has no id; add id = {}", kRightId));
  if (!entry.contains("address"))
    return problem(out.where,
                   fmt::format("this neighbour has no address; add address = {}", kRightAddress));
  return out;
}

}  // namespace

std::expected<std::vector<Neighbour>, Failure> parse_neighbours(const toml::node& node,
                                                                const std::string& file) {
  const toml::array* list = node.as_array();
  if (list == nullptr || !list->is_homogeneous<toml::table>()) {
    return problem(fmt::format("{}:{}", file, node.source().begin.line),
                   "neighbours are written as [[neighbour]], one for each station");
  }
  std::vector<Neighbour> out;
  for (const toml::node& one : *list) {
    auto entry = read_entry(*one.as_table(), file);
    if (!entry) return std::unexpected(entry.error());
    for (const Neighbour& other : out) {
      if (other.id.same_entity(entry->id)) {
        return problem(entry->where,
                       fmt::format("{} is listed at {} already; take one of the two out",
                                   entry->id.text(), other.where));
      }
      if (other.host == entry->host && other.port == entry->port) {
        return problem(
            entry->where,
            fmt::format(
                "{} has the address of the neighbour at {}; each station has one of its own",
                entry->id.text(), other.where));
      }
    }
    out.push_back(std::move(*entry));
  }
  return out;
}

std::expected<void, Failure> check_neighbours(const std::vector<Neighbour>& neighbours,
                                              const Id& own) {
  const auto found = std::ranges::find_if(
      neighbours, [&](const Neighbour& one) { return one.id.same_entity(own); });
  if (found == neighbours.end()) return {};
  return problem(
      found->where,
      fmt::format("{} is this station itself; list the other stations only", own.bare().text()));
}

}  // namespace dim
