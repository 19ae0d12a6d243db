// MKM identities: name@address/terminal, where the address commits to a key.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "dim/base/error.h"
#include "dim/crypto/digest.h"
#include "dim/identity/address_table.h"
#include "dim/identity/wire_id.h"

namespace dim {

/// Network bytes of the reference (wire.md 3.1). Bit 0: group; bit 7: broadcast.
enum class EntityType : std::uint8_t {
  user = 0,
  group = 1,
  station = 2,
  isp = 3,
  bot = 4,
  icp = 5,
  any = 0x80,
  every = 0x81
};
inline bool is_group(EntityType type) { return (static_cast<std::uint8_t>(type) & 1) != 0; }
inline bool is_broadcast(EntityType type) { return (static_cast<std::uint8_t>(type) & 0x80) != 0; }

/// BTC form (base58check), ETH form (EIP-55), or the broadcast words. Only valid ones can exist.
class Address {
 public:
  using Kind = AddressKind;

  /// Strict: exact check code, 40 hex digits, EIP-55 checked where the case is mixed; a network
  /// byte of the table above or an old one that has a meaning: 0x08 user, 0x10 and 0x30 group, 0x76
  /// ISP, 0x88 station, 0xC8 bot. Errc::id otherwise (A36, I04–I07).
  static Result<Address> parse(std::string_view text);
  /// The built-in forms first, then those of `table`.
  static Result<Address> parse(std::string_view text, const AddressTable& table);
  static Address btc(EntityType network,
                     ByteView hashed);         ///< base58check(network | ripemd160(sha256(hashed)))
  static Address eth(ByteView public_key_64);  ///< last 20 bytes of keccak256(X | Y)
  static Address anywhere();
  static Address everywhere();

  Kind kind() const { return kind_; }
  EntityType network() const { return network_; }
  /// The byte that stands in the address: differs from network() for the old ones.
  std::uint8_t network_byte() const { return byte_; }
  /// Canonical text: ETH in EIP-55 case, broadcast in lower case.
  const std::string& text() const { return text_; }
  /// The added form; null for a built-in one.
  const AddressForm* form() const { return form_.get(); }
  bool operator==(const Address& other) const { return text_ == other.text_; }
  auto operator<=>(const Address& other) const { return text_ <=> other.text_; }

 private:
  Address(Kind kind, std::uint8_t byte, EntityType network, std::string text)
      : kind_(kind), byte_(byte), network_(network), text_(std::move(text)) {}
  Kind kind_;
  std::uint8_t byte_;
  EntityType network_;
  std::string text_;
  std::shared_ptr<const AddressForm> form_;
};

/// The text of an address in BTC form for any network byte: base58(network |
/// ripemd160(sha256(hashed)) | check code).
std::string btc_address(std::uint8_t network, ByteView hashed);

class Id {
 public:
  /// name: 1 to 64 bytes of NFC text without control, bidi, white space, `@`, `/` (name.h);
  /// terminal
  /// `[A-Za-z0-9._-]{1,32}`, and `*`. Errc::id otherwise (I01–I08). A missing name is allowed where
  /// the address commits to a key by itself. Names of broadcast IDs are put into lower case, as the
  /// reference does.
  static Result<Id> parse(std::string_view text);
  static Result<Id> parse(std::string_view text, const AddressTable& table);
  /// Reads `text` where it most likely names `known`, as in what `known` has signed: its own text,
  /// with any terminal, is taken whatever the form of its address; everything else as in `parse`.
  static Result<Id> parse_near(std::string_view text, const Id& known);
  Id(std::string name, Address address) : Id(std::move(name), std::move(address), {}) {}

  const std::string& name() const { return name_; }
  const Address& address() const { return address_; }
  const std::string& terminal() const { return terminal_; }
  EntityType type() const { return address_.network(); }
  bool is_user() const { return !is_group() && !is_broadcast(); }
  bool is_group() const { return dim::is_group(type()); }
  bool is_broadcast() const { return dim::is_broadcast(type()); }
  /// Canonical text, with the terminal if there is one.
  const std::string& text() const { return text_; }
  /// The text without the terminal, as long as this lives.
  std::string_view bare_text() const {
    return std::string_view(text_).substr(
        0, text_.size() - (terminal_.empty() ? 0 : terminal_.size() + 1));
  }
  Id bare() const { return {name_, address_}; }
  Id with_terminal(std::string terminal) const { return {name_, address_, std::move(terminal)}; }
  /// Same name and address, whatever the device.
  bool same_entity(const Id& other) const {
    return name_ == other.name_ && address_ == other.address_;
  }
  bool operator==(const Id& other) const { return text_ == other.text_; }
  auto operator<=>(const Id& other) const { return text_ <=> other.text_; }

 private:
  Id(std::string name, Address address, std::string terminal);
  std::string name_;
  Address address_;
  std::string terminal_;
  std::string text_;
};

}  // namespace dim
