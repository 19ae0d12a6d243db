// A device in N1 without a station: account, vault, and what it knows of others. Included by tests
// only.
#pragma once
#include <string>
#include <utility>

#include "client/native_keys.h"
#include "client/native_messages.h"
#include "dim/crypto/os_random.h"
#include "dim/packet/guid.h"

namespace dim {

inline constexpr Millis kNativeNow = 1'790'000'000'000;

inline OsRandom& native_random() {
  static OsRandom random;
  return random;
}

struct NativeDevice {
  Account account;
  Vault vault;
  Directory directory{};
  std::uint32_t next_id = 1;
  std::uint32_t signed_id = 0;
  std::uint32_t last_one_time = 0;

  explicit NativeDevice(const std::string& name)
      : NativeDevice(Account::make_user(name, kNativeNow - 10'000, native_random()).value()) {
    name_keys(kNativeNow - 5'000);
  }
  /// With a visa that names its keys already, or gets to.
  explicit NativeDevice(Account own)
      : account(std::move(own)),
        vault(
            Vault::open(":memory:", Secret::random(32, native_random()), native_random()).value()) {
  }

  /// Another device of the same person.
  NativeDevice linked(const std::string& terminal) const {
    NativeDevice out(Account{.id = account.id.with_terminal(terminal),
                             .meta = account.meta,
                             .visa = account.visa,
                             .identity_key = PrivateKey::generate_rsa().value(),
                             .message_keys = {}});
    const auto keys = make_native_device_keys(out.vault, native_random()).value();
    JsonObject properties;
    properties.set("key", out.account.identity_key.public_key().json());
    properties.set("n1", keys.public_half().json());
    out.account.visa = Document::make(out.account.id, "visa", std::move(properties),
                                      kNativeNow - 4'000, account.identity_key);
    return out;
  }

  NativeSelf self() { return std::move(*native_self(vault, account).value()); }
  std::string name() { return self().party.device.text(); }
  native::Party known(NativeDevice& other) {
    return *native_device(directory, other.account.id, other.account.visa.terminal()).value();
  }
  void learn(const NativeDevice& other) {
    (void)directory.learn_meta(other.account.id, other.account.meta);
    (void)directory.learn_document(other.account.id, other.account.visa.json(), kNativeNow);
  }
  /// The visa goes on, with the same keys or others.
  void renew(bool other_keys = false) {
    if (other_keys) {
      const auto keys = native::DeviceKeys::generate(native_random());
      (void)put_native_device_keys(vault, keys);
    }
    name_keys(kNativeNow - 1'000);
  }
  /// What its station would give out of it.
  native::PrekeyBundle bundle(bool one_time = true, Millis made = kNativeNow - 1'000) {
    const NativeSelf me = self();
    const Id& device = me.party.device;
    native::PrekeyBundle out{.terminal = device.terminal()};
    auto current = add(native::PrekeyKind::signed_prekey, made);
    signed_id = current.id;
    out.signed_prekey = current.sign(me.keys, device);
    if (one_time) {
      auto once = add(native::PrekeyKind::one_time, made);
      last_one_time = once.id;
      out.one_time = once.sign_one_time(me.keys, device);
    } else {
      out.last_resort = add(native::PrekeyKind::last_resort, made).sign(me.keys, device);
    }
    return out;
  }

 private:
  native::PrekeySecret add(native::PrekeyKind kind, Millis made) {
    auto out = native::PrekeySecret::generate(kind, next_id++, made, native_random());
    (void)put_native_prekey(vault, out);
    return out;
  }
  void name_keys(Millis time) {
    JsonObject properties;
    properties.set("n1",
                   make_native_device_keys(vault, native_random()).value().public_half().json());
    (void)account.update_visa(properties, time);
  }
};

}  // namespace dim
