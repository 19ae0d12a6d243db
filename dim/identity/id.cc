#include "dim/identity/id.h"

#include <algorithm>
#include <optional>

#include "dim/base/base58.h"
#include "dim/base/hex.h"
#include "dim/identity/name.h"

namespace dim {
namespace {

constexpr std::size_t kTerminalBytes = 32;
constexpr std::size_t kEthBytes = 20;
constexpr std::size_t kLeastAdded = 4;
constexpr std::size_t kMostAdded = 64;

std::optional<EntityType> known_network(std::uint8_t byte) {
  switch (byte) {
    case 0x00:
    case 0x08:
      return EntityType::user;
    case 0x01:
    case 0x10:
    case 0x30:
      return EntityType::group;
    case 0x02:
    case 0x88:
      return EntityType::station;
    case 0x03:
    case 0x76:
      return EntityType::isp;
    case 0x04:
    case 0xC8:
      return EntityType::bot;
    case 0x05:
      return EntityType::icp;
    default:
      return std::nullopt;
  }
}

// EIP-55: a letter is a capital where the same digit of keccak256(lower-case text) is 8 or more.
std::string eip55(std::string_view hex_lower) {
  const Digest32 hash = keccak256(as_bytes(hex_lower));
  std::string out = "0x";
  for (std::size_t i = 0; i < hex_lower.size(); ++i) {
    const int nibble = i % 2 == 0 ? hash[i / 2] >> 4 : hash[i / 2] & 15;
    const char c = hex_lower[i];
    out += c >= 'a' && nibble >= 8 ? static_cast<char>(c - 32) : c;
  }
  return out;
}

Result<std::string> canonical_eth(std::string_view text) {
  const std::string_view digits = text.substr(2);
  const Result<Bytes> bytes = from_hex(digits);
  if (!bytes) return fail(Errc::id, "an address in ETH form is 0x and 40 hex digits");
  std::string canonical = eip55(to_hex(*bytes));
  const bool has_lower = std::ranges::any_of(digits, [](char c) { return c >= 'a'; });
  const bool has_upper = std::ranges::any_of(digits, [](char c) { return c >= 'A' && c <= 'F'; });
  if (has_lower && has_upper && canonical != text) {
    return fail(Errc::id, "the capitals of the address do not fit (EIP-55); was it typed by hand?");
  }
  return canonical;
}

Status check_terminal(std::string_view terminal) {
  if (terminal == "*") return {};
  const bool right = !terminal.empty() && terminal.size() <= kTerminalBytes &&
                     std::ranges::all_of(terminal, [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
                     });
  if (!right)
    return fail(Errc::id, "a terminal has 1 to 32 letters, digits, dots, hyphens or underscores");
  return {};
}

}  // namespace

std::string btc_address(std::uint8_t network, ByteView hashed) {
  Bytes bytes{network};
  const Digest20 hash = ripemd160(sha256(hashed));
  bytes.insert(bytes.end(), hash.begin(), hash.end());
  const Digest32 check = sha256(sha256(bytes));
  bytes.insert(bytes.end(), check.begin(), check.begin() + 4);
  return to_base58(bytes);
}

Result<Address> Address::parse(std::string_view text) {
  auto wire = WireAddress::parse(text);
  if (!wire) return std::unexpected(wire.error());
  switch (wire->kind) {
    case Kind::eth: {
      auto canonical = canonical_eth(wire->text);
      if (!canonical) return std::unexpected(canonical.error());
      return Address(Kind::eth, 0, EntityType::user, std::move(*canonical));
    }
    case Kind::broadcast:
      return wire->network == 0x81 ? everywhere() : anywhere();
    case Kind::btc:
    case Kind::added:
      break;
  }
  const std::optional<EntityType> network = known_network(wire->network);
  if (!network) return fail(Errc::id, "the address names an unknown network");
  return Address(Kind::btc, wire->network, *network, std::move(wire->text));
}

Result<Address> Address::parse(std::string_view text, const AddressTable& table) {
  auto built_in = parse(text);
  if (built_in || table.forms().empty()) return built_in;
  const bool right =
      text.size() >= kLeastAdded && text.size() <= kMostAdded &&
      std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      });
  if (!right) return built_in;
  for (const auto& form : table.forms()) {
    auto found = form->parse(text);
    const auto network = found ? known_network(found->network) : std::nullopt;
    if (!network) continue;
    Address address(Kind::added, found->network, *network, std::move(found->text));
    address.form_ = form;
    return address;
  }
  return built_in;
}

Address Address::btc(EntityType network, ByteView hashed) {
  const auto byte = static_cast<std::uint8_t>(network);
  return {Kind::btc, byte, network, btc_address(byte, hashed)};
}

Address Address::eth(ByteView public_key_64) {
  const Digest32 hash = keccak256(public_key_64);
  return {Kind::eth, 0, EntityType::user, eip55(to_hex(ByteView(hash).last(kEthBytes)))};
}

Address Address::anywhere() { return {Kind::broadcast, 0x80, EntityType::any, "anywhere"}; }
Address Address::everywhere() { return {Kind::broadcast, 0x81, EntityType::every, "everywhere"}; }

Id::Id(std::string name, Address address, std::string terminal)
    : name_(std::move(name)), address_(std::move(address)), terminal_(std::move(terminal)) {
  if (!name_.empty()) text_ = name_ + "@";
  text_ += address_.text();
  if (!terminal_.empty()) text_ += "/" + terminal_;
}

Result<Id> Id::parse(std::string_view text) { return parse(text, AddressTable()); }

Result<Id> Id::parse_near(std::string_view text, const Id& known) {
  const std::string entity = known.bare().text();
  if (text == entity) return known.bare();
  if (text.starts_with(entity) && text[entity.size()] == '/') {
    const std::string_view terminal = text.substr(entity.size() + 1);
    if (auto right = check_terminal(terminal); !right) return std::unexpected(right.error());
    return known.with_terminal(std::string(terminal));
  }
  return parse(text);
}

Result<Id> Id::parse(std::string_view text, const AddressTable& table) {
  std::string terminal;
  std::string_view entity = text;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    terminal = std::string(text.substr(slash + 1));
    entity = text.substr(0, slash);
    if (auto right = check_terminal(terminal); !right) return std::unexpected(right.error());
  }
  const std::size_t at = entity.find('@');
  const std::string_view address_text =
      at == std::string_view::npos ? entity : entity.substr(at + 1);
  std::string name(at == std::string_view::npos ? std::string_view() : entity.substr(0, at));
  if (at != std::string_view::npos) {
    if (auto right = check_name(name); !right) return std::unexpected(right.error());
  }
  auto address = Address::parse(address_text, table);
  if (!address) return std::unexpected(address.error());
  if (address->kind() == AddressKind::broadcast) {
    if (name.empty()) return fail(Errc::id, "a broadcast ID needs a name: everyone@everywhere");
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
  }
  return Id(std::move(name), std::move(*address), std::move(terminal));
}

}  // namespace dim
