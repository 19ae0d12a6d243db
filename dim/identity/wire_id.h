// IDs and addresses as the reference's core reads them, before any rule of ours. Nothing but
// codecs, importers and test vectors may hold a WireId: everything else takes an Id (id.h), which
// cannot be built wrong.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/error.h"

namespace dim {

enum class AddressKind : std::uint8_t { btc, eth, broadcast, added /* address_table.h */ };

/// An address with a right form: check code of BTC form, length and letters of ETH form.
struct WireAddress {
  AddressKind kind = AddressKind::btc;
  std::uint8_t network = 0;  ///< the byte as it stands in the address; 0 for ETH form
  std::string text{};        ///< as it came; broadcast words in lower case

  /// BTC form: 26 to 35 characters of base58, exactly 25 bytes, right check code. ETH form: 0x and
  /// 40 ASCII letters or digits in any case. `anywhere`, `everywhere` in any case. Errc::id for
  /// everything else (wire.md 3.1).
  static Result<WireAddress> parse(std::string_view text);
};

/// `[name@]address[/terminal]`. A missing part and an empty one are different things here.
struct WireId {
  std::string text{};  ///< as it came
  std::optional<std::string> name{};
  WireAddress address{};
  std::optional<std::string> terminal{};

  /// Cut at `/` first (what follows a second `/` is dropped), then at `@`, of which there may be
  /// one.
  static Result<WireId> parse(std::string_view text);
  static WireId of(std::string_view name, WireAddress address, std::optional<std::string> terminal);

  bool is_group() const { return (address.network & 1) != 0; }
  bool is_user() const { return !is_group(); }
  bool is_broadcast() const { return (address.network & 0x80) != 0; }
  /// Entity type as the reference's programs see it: old network bytes stand for new ones (0x08 is
  /// 0, 0x10 is 1, 0x30 is 0x31, 0x76 is 3, 0x88 is 2, 0xC8 is 4), and who has no name is a user.
  std::uint8_t type() const;
  /// Same name (missing and empty are one) and address text, whatever the terminal.
  bool same_entity(const WireId& other) const;
  /// With `terminal` in place of its own; empty takes it away.
  WireId with_terminal(std::string_view terminal) const;
};

}  // namespace dim
