#include "server/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>

#include "dim/base/utf8.h"
#include "dim/identity/id.h"
#include "dim/packet/live_frame.h"
#include "server/config_neighbours.h"

namespace dim {
namespace {

constexpr double kMostRate = 1e9;

/// Two seconds of live frames, and at least the largest one.
double burst_of(double per_second, Lane lane) {
  return std::max(2 * per_second, static_cast<double>(kLiveHead + live_payload(lane)));
}

using Problem = std::string;  // empty: the value is right
using Apply = Problem (*)(DaemonConfig&, const toml::node&);

struct Row {
  ConfigKey key;
  Apply apply;
};

Problem number(const toml::node& node, double least, double most, double& out) {
  std::optional<double> value;
  if (node.is_integer()) value = static_cast<double>(*node.value<std::int64_t>());
  if (node.is_floating_point()) value = *node.value<double>();
  if (!value || !std::isfinite(*value) || *value < least || *value > most) {
    return fmt::format("must be a number from {} to {}", least, most);
  }
  out = *value;
  return {};
}

template <class Integer>
Problem whole(const toml::node& node, std::int64_t least, std::int64_t most, Integer& out) {
  const auto value = node.is_integer() ? node.value<std::int64_t>() : std::nullopt;
  if (!value || *value < least || *value > most)
    return fmt::format("must be a whole number from {} to {}", least, most);
  out = static_cast<Integer>(*value);
  return {};
}

Problem size(const toml::node& node, std::int64_t least, std::int64_t most, std::size_t& out) {
  std::optional<std::int64_t> value;
  if (node.is_integer()) value = node.value<std::int64_t>();
  if (node.is_string()) value = parse_size(*node.value<std::string_view>());
  if (!value || *value < least || *value > most) {
    return fmt::format(
        "must be bytes from {} to {}, as 65536 or \"64KiB\" (KiB, MiB, GiB; no space)", least,
        most);
  }
  out = static_cast<std::size_t>(*value);
  return {};
}

Problem bytes(const toml::node& node, std::int64_t least, std::int64_t most, std::int64_t& out) {
  std::size_t value = 0;
  auto problem = size(node, least, most, value);
  if (problem.empty()) out = static_cast<std::int64_t>(value);
  return problem;
}

Problem flag(const toml::node& node, bool& out) {
  if (!node.is_boolean()) return "must be true or false";
  out = *node.value<bool>();
  return {};
}

Problem word(const toml::node& node, std::string& out) {
  if (!node.is_string()) return "must be text in quotes";
  out = *node.value<std::string>();
  return {};
}

Problem bans(const toml::node& node, std::set<std::string, std::less<>>& out) {
  constexpr std::string_view kRight = "must be a list of IDs, as [\"0x1234…\", \"name@address\"]";
  const toml::array* list = node.as_array();
  if (list == nullptr) return std::string(kRight);
  std::set<std::string, std::less<>> found;
  for (const toml::node& one : *list) {
    auto id = Id::parse(one.value<std::string>().value_or(""));
    if (!id) return std::string(kRight);
    found.insert(id->bare().text());
  }
  out = std::move(found);
  return {};
}

Problem origins(const toml::node& node, std::set<std::string, std::less<>>& out) {
  constexpr std::string_view kRight = "must be a list of origins, as [\"https://chat.example\"]";
  const toml::array* list = node.as_array();
  if (list == nullptr) return std::string(kRight);
  std::set<std::string, std::less<>> found;
  for (const toml::node& one : *list) {
    auto text = one.value<std::string>().value_or("");
    if (!valid_origin(text)) return std::string(kRight);
    found.insert(std::move(text));
  }
  out = std::move(found);
  return {};
}

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kMostHub = std::int64_t{1} << 50;

const auto& rows() {
  using C = DaemonConfig;
  using N = const toml::node&;
  static const std::array kRows{
      Row{{"storage.data", "\"\"", "folder of keys and store, as \"/var/lib/dim\"; --data wins"},
          [](C& c, N n) -> Problem {
            std::string text;
            if (auto p = word(n, text); !p.empty()) return p;
            if (!text.empty() && text.front() != '/')
              return "must be a path from the root, as \"/var/lib/dim\"";
            if (c.data.empty()) c.data = text;
            return {};
          }},
      Row{{"storage.reserve", "\"64MiB\"",
           "room that is kept for deleting and for bans when the disk is full, of which it is a "
           "sixteenth at most; 0: none"},
          [](C& c, N n) { return bytes(n, 0, kGiB, c.reserve_bytes); }},
      Row{{"network.listen", "\"::\"", "IPv6 address to listen on"},
          [](C& c, N n) -> Problem {
            std::string text;
            if (auto p = word(n, text); !p.empty()) return p;
            if (!valid_listen_address(text))
              return "must be an IPv6 address, as \"::\" (every address) or \"::1\"";
            c.listen = text;
            return {};
          }},
      Row{{"network.port_base", "8800",
           "port of the control lane; text is the next one, files the one behind it"},
          [](C& c, N n) { return whole(n, 1, 65'525, c.port_base); }},
      Row{{"network.public_host", "\"\"",
           "name or IPv6 address that invitations show; empty: a global address of the machine"},
          [](C& c, N n) { return word(n, c.public_host); }},
      Row{{"network.dimchat", "\"\"",
           "where the gateway for dimchat reference clients listens, as \"[::]:9394\"; empty: off"},
          [](C& c, N n) -> Problem {
            std::string text;
            if (auto p = word(n, text); !p.empty()) return p;
            c.dimchat.reset();
            if (text.empty()) return {};
            c.dimchat = parse_listen_address(text);
            if (!c.dimchat)
              return "must be an address and a port, as \"[::]:9394\" or \"192.0.2.1:9394\"";
            return {};
          }},
      Row{{"network.web", "\"\"",
           "where the web gateway (WebSocket inside TLS) listens, as \"[::]:8810\"; empty: off"},
          [](C& c, N n) -> Problem {
            std::string text;
            if (auto p = word(n, text); !p.empty()) return p;
            c.web.reset();
            if (text.empty()) return {};
            c.web = parse_listen_address(text, kWebPort);
            if (!c.web) return "must be an address and a port, as \"[::]:8810\" or \"0.0.0.0:443\"";
            return {};
          }},
      Row{{"network.web_origins", "[]",
           "pages whose scripts may use the web gateway, as [\"https://chat.example\"]"},
          [](C& c, N n) { return origins(n, c.web_origins); }},
      Row{{"network.connections_per_second", "10", "new connections of one /64; 0: no limit"},
          [](C& c, N n) { return number(n, 0, kMostRate, c.admission.new_per_second); }},
      Row{{"network.connections_burst", "40", "new connections of one /64 at once"},
          [](C& c, N n) { return number(n, 1, kMostRate, c.admission.new_burst); }},
      Row{{"network.unauthenticated", "2048", "connections that have not logged in, in all"},
          [](C& c, N n) { return whole(n, 16, 1'000'000, c.admission.total); }},
      Row{{"network.unauthenticated_per_64", "32", "the same from one /64"},
          [](C& c, N n) { return whole(n, 1, 1'000'000, c.admission.per_64); }},
      Row{{"network.unauthenticated_per_48", "128", "the same from one /48"},
          [](C& c, N n) { return whole(n, 1, 1'000'000, c.admission.per_48); }},
      Row{{"network.handshakes", "256", "TLS handshakes at once"},
          [](C& c, N n) { return whole(n, 1, 100'000, c.admission.handshakes); }},
      Row{{"quotas.messages_per_second", "20",
           "messages of a user; 0: no limit (receipts: ten times that)"},
          [](C& c, N n) { return number(n, 0, kMostRate, c.station.quotas.messages.per_second); }},
      Row{{"quotas.messages_burst", "60", "messages of a user at once"},
          [](C& c, N n) { return number(n, 1, kMostRate, c.station.quotas.messages.burst); }},
      Row{{"quotas.notices_per_second", "20", "typing and presence of a user; 0: no limit"},
          [](C& c, N n) {
            auto p = number(n, 0, kMostRate, c.station.quotas.notices.per_second);
            c.station.quotas.notices.burst = std::max(1.0, 3 * c.station.quotas.notices.per_second);
            return p;
          }},
      Row{{"quotas.history_per_second", "30", "GET requests of a user; 0: no limit"},
          [](C& c, N n) {
            auto p = number(n, 0, kMostRate, c.station.quotas.history.per_second);
            c.station.quotas.history.burst = std::max(1.0, 2 * c.station.quotas.history.per_second);
            return p;
          }},
      Row{{"quotas.media_per_second", "4000",
           "requests on files of a user, each 64 KiB of a piece or range one; 0: no limit"},
          [](C& c, N n) {
            auto p = number(n, 0, kMostRate, c.station.quotas.media.per_second);
            c.station.quotas.media.burst = std::max(1.0, 2 * c.station.quotas.media.per_second);
            return p;
          }},
      Row{{"quotas.live_audio_per_second", "65536", "bytes of live audio of a user; 0: no limit"},
          [](C& c, N n) {
            auto p = number(n, 0, kMostRate, c.station.quotas.live_audio.per_second);
            c.station.quotas.live_audio.burst =
                burst_of(c.station.quotas.live_audio.per_second, Lane::audio);
            return p;
          }},
      Row{{"quotas.live_video_per_second", "1048576", "bytes of live video of a user; 0: no limit"},
          [](C& c, N n) {
            auto p = number(n, 0, kMostRate, c.station.quotas.live_video.per_second);
            c.station.quotas.live_video.burst =
                burst_of(c.station.quotas.live_video.per_second, Lane::video);
            return p;
          }},
      Row{{"quotas.documents_per_hour", "200", "documents published by a user; 0: no limit"},
          [](C& c, N n) {
            double hourly = 0;
            auto p = number(n, 0, kMostRate, hourly);
            c.station.quotas.documents.per_second = hourly / 3600;
            return p;
          }},
      Row{{"quotas.names_per_hour", "1", "names registered by a user (3 at once); 0: no limit"},
          [](C& c, N n) {
            double hourly = 0;
            auto p = number(n, 0, kMostRate, hourly);
            c.station.quotas.names.per_second = hourly / 3600;
            return p;
          }},
      Row{{"quotas.subnet_messages_per_second", "400",
           "messages of all sessions of one /64; 0: no limit"},
          [](C& c, N n) {
            auto p = number(n, 0, kMostRate, c.station.quotas.subnet_messages.per_second);
            c.station.quotas.subnet_messages.burst =
                std::max(1.0, 3 * c.station.quotas.subnet_messages.per_second);
            return p;
          }},
      Row{{"quotas.failed_logins_per_minute", "10", "failed log-ins of one /64; 0: no limit"},
          [](C& c, N n) {
            double a_minute = 0;
            auto p = number(n, 0, kMostRate, a_minute);
            c.station.quotas.subnet_failures = {a_minute / 60, std::max(1.0, a_minute)};
            return p;
          }},
      Row{{"quotas.logins_per_second", "10", "log-ins of one /64; 0: no limit"},
          [](C& c, N n) {
            auto p = number(n, 0, kMostRate, c.station.quotas.subnet_logins.per_second);
            c.station.quotas.subnet_logins.burst =
                std::max(1.0, 4 * c.station.quotas.subnet_logins.per_second);
            return p;
          }},
      Row{{"quotas.count_loopback", "false", "whether ::1 has the quotas of a /64 too"},
          [](C& c, N n) { return flag(n, c.station.quotas.count_loopback); }},
      Row{{"limits.memory", "\"1536MiB\"",
           "bytes that dimd takes at most: at 80 % no new connections, at 90 % idle ones are "
           "closed, "
           "at 95 % 510; 0: no limit"},
          [](C& c, N n) -> Problem {
            if (n.is_integer() && *n.value<std::int64_t>() == 0) {
              c.station.memory_bytes = 0;
              return {};
            }
            return size(n, 64 * (1 << 20), 1'024 * kGiB, c.station.memory_bytes);
          }},
      Row{{"limits.sessions_per_user", "8", "sessions of one user at once"},
          [](C& c, N n) { return whole(n, 1, 1'000, c.station.sessions_per_user); }},
      Row{{"limits.send_queue", "\"4MiB\"",
           "bytes that wait for one slow reader; the rest stays in the store"},
          [](C& c, N n) { return size(n, 65'536, kGiB, c.station.send_queue_bytes); }},
      Row{{"limits.inbox_messages", "20000", "undelivered messages of one receiver"},
          [](C& c, N n) { return whole(n, 1, 100'000'000, c.inbox.messages); }},
      Row{{"limits.inbox_bytes", "\"256MiB\"", "bytes of undelivered messages of one receiver"},
          [](C& c, N n) { return size(n, 1'048'576, 1'024 * kGiB, c.inbox.bytes); }},
      Row{{"limits.media_object", "\"2GiB\"", "bytes of one file, as it is uploaded"},
          [](C& c, N n) { return bytes(n, 65'536, 1'024 * kGiB, c.media.object_bytes); }},
      Row{{"limits.media_user", "\"2GiB\"",
           "bytes of all files that one user has uploaded, each at least 64 KiB"},
          [](C& c, N n) { return bytes(n, 65'536, 1'024 * kGiB, c.media.user_bytes); }},
      Row{{"limits.media_days", "0", "days after which an uploaded file is deleted; 0: never"},
          [](C& c, N n) {
            std::int64_t days = 0;
            auto p = whole(n, 0, 36'500, days);
            c.media.keep_ms = days * 24 * 3'600'000;
            return p;
          }},
      Row{{"limits.hub_messages", "0", "messages of one hub; 0: no limit"},
          [](C& c, N n) { return whole(n, 0, kMostHub, c.station.hub_quotas.messages); }},
      Row{{"limits.hub_bytes", "0", "bytes of text of one hub, earlier texts too; 0: no limit"},
          [](C& c, N n) { return bytes(n, 0, kMostHub, c.station.hub_quotas.bytes); }},
      Row{{"limits.hub_members", "100000", "members of one hub"},
          [](C& c, N n) { return whole(n, 1, limits::kHubMembers, c.station.hub_quotas.members); }},
      Row{{"limits.hub_channels", "500", "channels of one hub"},
          [](C& c, N n) {
            return whole(n, 0, limits::kHubChannels, c.station.hub_quotas.channels);
          }},
      Row{{"limits.hubs_per_user", "100", "hubs that one user owns"},
          [](C& c, N n) { return whole(n, 0, 1'000'000, c.station.hub_quotas.hubs); }},
      Row{{"limits.audit_entries", "100000", "acts of moderators and operators that are kept"},
          [](C& c, N n) { return whole(n, 100, 100'000'000, c.audit.entries); }},
      Row{{"limits.audit_days", "365", "days for which they are kept"},
          [](C& c, N n) {
            std::int64_t days = 0;
            auto p = whole(n, 1, 36'500, days);
            if (p.empty()) c.audit.keep_ms = days * 24 * 3'600'000;
            return p;
          }},
      Row{{"security.verify", "\"unbound\"",
           "check message signatures: \"unbound\" (where TLS has not proven the sender) or "
           "\"always\""},
          [](C& c, N n) -> Problem {
            const auto text = n.value<std::string_view>().value_or("");
            if (text != "unbound" && text != "always") return "must be \"unbound\" or \"always\"";
            c.station.verify = text == "always" ? VerifyMode::always : VerifyMode::unbound;
            return {};
          }},
      Row{{"security.bans", "[]", "IDs that may not log in; connected ones are cut at a reload"},
          [](C& c, N n) { return bans(n, c.station.bans); }},
      Row{{"security.registration", "\"open\"",
           "who may come for the first time: \"open\" (everybody), \"invite\" (who has a link of "
           "`dimd admin invite`) or \"closed\" (nobody)"},
          [](C& c, N n) -> Problem {
            const auto how = registration_called(n.value<std::string_view>().value_or(""));
            if (!how) return "must be \"open\", \"invite\" or \"closed\"";
            c.station.registration = *how;
            return {};
          }},
      Row{{"log.level", "\"info\"", "debug, info, warn, error or off"},
          [](C& c, N n) -> Problem {
            constexpr std::array<std::string_view, 5> kLevels{"debug", "info", "warn", "error",
                                                              "off"};
            const auto found = std::ranges::find(kLevels, n.value<std::string_view>().value_or(""));
            if (found == kLevels.end())
              return "must be \"debug\", \"info\", \"warn\", \"error\" or \"off\"";
            c.log_level = static_cast<LogLevel>(found - kLevels.begin());
            return {};
          }},
  };
  return kRows;
}

/// Number of edits between two short words.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// What may be written in place of a key that does not exist.
std::string nearest(std::string_view name) {
  std::string_view best;
  std::size_t least = 100;
  const std::string_view leaf = name.substr(name.rfind('.') + 1);
  for (const Row& row : rows()) {
    const std::string_view known = row.key.name;
    const std::size_t edits =
        std::min(distance(name, known), distance(leaf, known.substr(known.rfind('.') + 1)) + 1);
    if (edits < least) {
      least = edits;
      best = known;
    }
  }
  if (least <= std::max<std::size_t>(2, name.size() / 2))
    return fmt::format("; did you mean {}?", best);
  const std::string_view section = name.substr(0, name.find('.'));
  std::vector<std::string_view> keys, sections{"neighbour"};
  for (const Row& row : rows()) {
    const std::string_view known = row.key.name;
    const auto dot = known.find('.');
    if (known.substr(0, dot) == section) keys.push_back(known.substr(dot + 1));
    if (sections.back() != known.substr(0, dot)) sections.push_back(known.substr(0, dot));
  }
  return keys.empty() ? fmt::format("; the sections are {}", fmt::join(sections, ", "))
                      : fmt::format("; [{}] has {}", section, fmt::join(keys, ", "));
}

Failure problem(const std::string& file, toml::source_position at, const std::string& text) {
  return {Exit::usage, fmt::format("{}:{}: {}", file, at.line, text)};
}

}  // namespace

bool valid_listen_address(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return false;
  const bool head_empty =
      std::all_of(bytes.begin(), bytes.begin() + 10, [](std::uint8_t b) { return b == 0; });
  const bool mapped = head_empty && bytes[10] == 0xff && bytes[11] == 0xff;
  return !mapped;
}

bool valid_origin(std::string_view text) {
  const std::size_t slashes = text.find("://");
  if (slashes == std::string_view::npos) return false;
  const std::string_view scheme = text.substr(0, slashes);
  const std::string_view host = text.substr(slashes + 3);
  return (scheme == "https" || scheme == "http") && !host.empty() &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:[]") ==
             std::string_view::npos;
}

std::optional<ListenAddress> parse_listen_address(std::string_view text, std::uint16_t port) {
  ListenAddress out;
  const auto port_of = [&](std::string_view digits) {
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    return !digits.empty() && error == std::errc{} && end == digits.data() + digits.size() &&
           out.port != 0;
  };
  if (port_of(text)) return out;
  out.port = port;
  const bool bracket = text.starts_with('[');
  const std::size_t close = bracket ? text.find(']') : text.rfind(':');
  std::string_view host = text;
  if (bracket) {
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && (rest.front() != ':' || !port_of(rest.substr(1)))) return std::nullopt;
  } else if (close != std::string_view::npos && text.find(':') == close) {
    host = text.substr(0, close);
    if (!port_of(text.substr(close + 1))) return std::nullopt;
  }
  out.address = host;
  in_addr v4{};
  if (inet_pton(AF_INET, out.address.c_str(), &v4) == 1)
    return bracket ? std::nullopt : std::optional(out);
  if (!valid_listen_address(out.address)) return std::nullopt;
  return out;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  std::int64_t factor = 1;
  constexpr std::array<std::pair<std::string_view, int>, 3> kUnits{
      {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}};
  for (const auto& [unit, shift] : kUnits) {
    if (text.ends_with(unit)) {
      factor = std::int64_t{1} << shift;
      text.remove_suffix(unit.size());
      break;
    }
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  if (value > (std::int64_t{1} << 50) / factor) return std::nullopt;
  return value * factor;
}

std::vector<ConfigKey> config_keys() {
  std::vector<ConfigKey> out;
  for (const Row& row : rows()) out.push_back(row.key);
  return out;
}

std::expected<DaemonConfig, Failure> parse_config(std::string_view text, const std::string& file,
                                                  DaemonConfig config) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return std::unexpected(
        problem(file, error.source().begin, fmt::format("not TOML: {}", error.description())));
  }
  for (const auto& [section, node] : table) {
    const std::string section_name(section.str());
    if (section_name == "neighbour") {
      auto neighbours = parse_neighbours(node, file);
      if (!neighbours) return std::unexpected(neighbours.error());
      config.station.neighbours = std::move(*neighbours);
      continue;
    }
    const toml::table* keys = node.as_table();
    if (keys == nullptr) {
      return std::unexpected(problem(
          file, node.source().begin,
          fmt::format("unknown key {}{}", escape(section_name, 64), nearest(section_name))));
    }
    for (const auto& [key, value] : *keys) {
      const std::string name = section_name + "." + std::string(key.str());
      const auto row = std::ranges::find(rows(), name, [](const Row& one) { return one.key.name; });
      if (row == rows().end()) {
        return std::unexpected(
            problem(file, key.source().begin,
                    fmt::format("unknown key {}{}", escape(name, 64), nearest(name))));
      }
      if (const Problem wrong = row->apply(config, value); !wrong.empty()) {
        return std::unexpected(
            problem(file, key.source().begin,
                    fmt::format("{} {}; the default is {}", name, wrong, row->key.fallback)));
      }
    }
  }
  return config;
}

std::expected<DaemonConfig, Failure> read_config(const std::string& file, DaemonConfig config) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return std::unexpected(
        Failure{Exit::usage, fmt::format("{}: cannot be read; name a file with --config", file)});
  }
  std::ostringstream text;
  text << in.rdbuf();
  return parse_config(text.str(), file, std::move(config));
}

}  // namespace dim
