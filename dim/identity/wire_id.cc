#include "dim/identity/wire_id.h"

#include <algorithm>

#include "dim/base/base58.h"
#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr std::size_t kBtcBytes = 25;
constexpr std::size_t kCheckBytes = 4;
constexpr std::size_t kEthLength = 42;

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

Result<WireAddress> parse_btc(std::string_view text) {
  const Result<Bytes> bytes = from_base58(text);
  if (!bytes) return fail(Errc::id, "the address has a character outside base58");
  if (bytes->size() != kBtcBytes) return fail(Errc::id, "an address in BTC form has 25 bytes");
  const ByteView body = ByteView(*bytes).first(kBtcBytes - kCheckBytes);
  const Digest32 check = sha256(sha256(body));
  if (!std::equal(check.begin(), check.begin() + kCheckBytes, bytes->end() - kCheckBytes)) {
    return fail(Errc::id, "the check code of the address is wrong; was it typed by hand?");
  }
  return WireAddress{
      .kind = AddressKind::btc, .network = bytes->front(), .text = std::string(text)};
}

}  // namespace

Result<WireAddress> WireAddress::parse(std::string_view text) {
  if (text.starts_with("0x") && text.size() == kEthLength) {
    if (!std::ranges::all_of(text, is_letter_or_digit))
      return fail(Errc::id, "an address in ETH form is 0x and 40 hex digits");
    return WireAddress{.kind = AddressKind::eth, .network = 0, .text = std::string(text)};
  }
  if (text.size() >= 26 && text.size() <= 35) return parse_btc(text);
  if (text.size() == 8 || text.size() == 10) {
    std::string word = lower(text);
    if (word == "anywhere")
      return WireAddress{.kind = AddressKind::broadcast, .network = 0x80, .text = std::move(word)};
    if (word == "everywhere")
      return WireAddress{.kind = AddressKind::broadcast, .network = 0x81, .text = std::move(word)};
  }
  return fail(Errc::id,
              "not an address: neither BTC form, nor ETH form, nor anywhere or everywhere");
}

Result<WireId> WireId::parse(std::string_view text) {
  WireId id{.text = std::string(text)};
  std::string_view entity = text;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    entity = text.substr(0, slash);
    const std::string_view rest = text.substr(slash + 1);
    id.terminal = std::string(rest.substr(0, rest.find('/')));
  }
  std::string_view address = entity;
  if (const std::size_t at = entity.find('@'); at != std::string_view::npos) {
    id.name = std::string(entity.substr(0, at));
    address = entity.substr(at + 1);
    if (address.find('@') != std::string_view::npos)
      return fail(Errc::id, "an ID has one @ at most");
  }
  auto parsed = WireAddress::parse(address);
  if (!parsed) return std::unexpected(parsed.error());
  id.address = std::move(*parsed);
  return id;
}

WireId WireId::of(std::string_view name, WireAddress address, std::optional<std::string> terminal) {
  WireId id;
  id.text = name.empty() ? address.text : std::string(name) + "@" + address.text;
  if (!name.empty()) id.name = std::string(name);
  if (terminal && !terminal->empty()) {
    id.text += "/" + *terminal;
    id.terminal = std::move(terminal);
  }
  id.address = std::move(address);
  return id;
}

std::uint8_t WireId::type() const {
  if (name.value_or("").empty()) return 0;
  switch (address.network) {
    case 0x08:
      return 0;
    case 0x10:
      return 1;
    case 0x30:
      return 0x31;
    case 0x76:
      return 3;
    case 0x88:
      return 2;
    case 0xC8:
      return 4;
    default:
      return address.network;
  }
}

bool WireId::same_entity(const WireId& other) const {
  return name.value_or("") == other.name.value_or("") && address.text == other.address.text;
}

WireId WireId::with_terminal(std::string_view new_terminal) const {
  return of(name.value_or(""), address, std::string(new_terminal));
}

}  // namespace dim
