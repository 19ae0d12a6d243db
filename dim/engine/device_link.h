// Another device of one person (docs/protocol/identity.md section 5.1). Its private key never
// leaves it and the identity's stays where it is: the new device asks with a public key, and the
// device that holds the identity answers with a visa for it. Both texts are public; what matters is
// that the request is the one of the person's own device, which two screens show by the same
// number.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "dim/engine/account.h"
#include "dim/native/device_keys.h"

namespace dim {

/// What the new device shows: its name and keys, signed with the first of them.
struct DeviceRequest {
  std::string name;                              ///< a terminal: 1 to 32 of A-Z a-z 0-9 . _ -
  PublicKey key;                                 ///< RSA
  std::optional<native::DevicePublic> native{};  ///< of N1; programs of before have none

  /// Errc::usage for a name that no device can have; Errc::key for a key that cannot encrypt.
  static Result<std::string> make(std::string_view name, const PrivateKey& key,
                                  const std::optional<native::DevicePublic>& native = {});
  /// Errc::usage for a text that is no request, Errc::key, Errc::signature, Errc::native.
  static Result<DeviceRequest> parse(std::string_view text);
  /// "3f2a 91bc 04de 77aa": of name and keys, to compare on two screens.
  std::string number() const;
};

/// What the device that holds the identity answers.
struct DeviceGrant {
  Id id;  ///< whose device it is now
  Meta meta;
  Document visa;        ///< of the new device
  std::string station;  ///< the link to the station, as `dim join` takes it

  std::string text() const;
  /// Errc::usage for a text that is no grant; else as Meta::parse and Document::parse.
  static Result<DeviceGrant> parse(std::string_view text);
};

/// The visa for a new device, or for one of that name that was removed: `before` is then its visa.
/// Errc::conflict while a device of that name is there; Errc::forbidden without the identity's key.
Result<Document> visa_for(const Account& owner, const DeviceRequest& request,
                          const Document* before, Millis now);
/// The same visa with the same keys, signed anew: one counts for 400 days. `native` takes the place
/// of its keys of N1. Errc::forbidden without the identity's key.
Result<Document> visa_again(const Account& owner, const Document& before, Millis now,
                            const std::optional<native::DevicePublic>& native = {});
/// A visa that says `"removed": true`: its device is no longer its owner's.
bool is_removed(const Document& visa);
/// The visa that takes a device away: without key, with `removed`. Errc::forbidden without the
/// identity's key.
Result<Document> visa_without(const Account& owner, const Document& before, Millis now);

/// The account of the new device. Errc::key when the visa is not for `key`, or names other keys of
/// N1 than `native`.
Result<Account> linked_account(DeviceGrant grant, const PrivateKey& key,
                               const std::optional<native::DevicePublic>& native = {});

}  // namespace dim
