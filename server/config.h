// The configuration of dimd: one TOML file, every key checked (security.md C01-C03).
// docs/operator.md has the table.
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/store/store.h"
#include "net/admission.h"
#include "server/exit_codes.h"
#include "server/station.h"

namespace dim {

enum class LogLevel : std::uint8_t { debug, info, warn, error, off };

/// An address of this machine and a port; "::" is every address, IPv4 ones too where they are
/// allowed.
struct ListenAddress {
  std::string address = "::";
  std::uint16_t port = 9394;  ///< 0: any free one (tests)
};

struct DaemonConfig {
  std::string data;                ///< folder of keys and store
  std::string listen = "::";       ///< IPv6 address
  std::uint16_t port_base = 8800;  ///< 8800 lane; the others follow. 0: any free ports (tests)
  std::string public_host;         ///< what invitations name; empty: found out
  std::optional<ListenAddress> dimchat;  ///< the gateway for reference clients; nothing: off
  std::optional<ListenAddress> web;      ///< the gateway for WebSocket; nothing: off
  std::set<std::string, std::less<>> web_origins;  ///< pages that may use it, as browsers name them
  StationConfig station;
  InboxLimits inbox{limits::kInboxMessages, limits::kInboxBytes};
  MediaLimits media;
  AuditLimits audit;
  std::int64_t reserve_bytes = 64 * static_cast<std::int64_t>(limits::kMiB);  ///< for a full disk
  AdmissionLimits admission;
  LogLevel log_level = LogLevel::info;
};

/// Reads `text` over `config`; `file` is for messages only. An unknown key names the nearest known
/// one, or those that its section has. `config.data`, when it is set already, stays.
std::expected<DaemonConfig, Failure> parse_config(std::string_view text, const std::string& file,
                                                  DaemonConfig config);
/// As parse_config with the bytes of a file.
std::expected<DaemonConfig, Failure> read_config(const std::string& file, DaemonConfig config);

/// A station is no neighbour of its own (C12): Exit::usage.
std::expected<void, Failure> check_neighbours(const std::vector<Neighbour>& neighbours,
                                              const Id& own);

/// "2001:db8::1", "::": an address that may be listened on; IPv4 in any dress is refused.
bool valid_listen_address(const std::string& text);
/// "[::]:9394", "192.0.2.1:9394", "::1", "192.0.2.1", "9394": what is missing is :: or `port`.
/// Nothing when it is another form.
std::optional<ListenAddress> parse_listen_address(std::string_view text, std::uint16_t port = 9394);
inline constexpr std::uint16_t kWebPort = 8810;
/// "https://chat.example", "http://localhost:8080": what a browser writes into Origin.
bool valid_origin(std::string_view text);
/// Bytes: 4096, "64KiB", "4MiB", "2GiB"; nothing when it is another form.
std::optional<std::int64_t> parse_size(std::string_view text);

/// One row of the table of keys, for --help and the manual.
struct ConfigKey {
  std::string_view name;      ///< "quotas.messages_per_second"
  std::string_view fallback;  ///< default
  std::string_view meaning;
};
std::vector<ConfigKey> config_keys();

}  // namespace dim
