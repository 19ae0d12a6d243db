// Messages between people in the suite N1 (docs/protocol/native.md section 9), over a home's vault:
// which devices offer it, the sessions with each of them, and how a content becomes a native one
// and comes out of it again. Sessions lie in the vault alone; callers stand in the transaction that
// keeps what was sealed or opened.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/engine/account.h"
#include "dim/engine/directory.h"
#include "dim/native/peer_sessions.h"
#include "sqlite/vault.h"

namespace dim {

/// The member `app` of a native content.
inline constexpr std::string_view kNativeApp = "chat.dim.native";
/// Bucket of the vault: what was opened, which may come again in another signed form. Bodies are
/// times; kept as long as other marks of replay.
inline constexpr std::string_view kNativeOpened = "native opened";
/// Bucket of the vault: messages that could not be opened, and that their senders were asked for.
inline constexpr std::string_view kNativeAsked = "native asked";

/// This device: its keys, and who it is by its own visa.
struct NativeSelf {
  native::DeviceKeys keys;
  native::Party party;
};
/// Nothing where the home has no keys for N1, or its visa does not name them (yet).
Result<std::optional<NativeSelf>> native_self(Vault& vault, const Account& account);

/// Somebody's devices: the newest visa of each that was not removed.
struct NativeDevices {
  std::vector<native::Party> with{};   ///< offer N1
  std::vector<std::string> without{};  ///< do not: terminals, empty for a device without one
};
/// Errc::native: one says something of N1 that this edition cannot read, which is not the same as
/// nothing.
Result<NativeDevices> native_devices(const Directory& directory, const Id& user);
/// One of them, by its terminal; nothing for one that is not there or does not offer N1.
Result<std::optional<native::Party>> native_device(const Directory& directory, const Id& user,
                                                   std::string_view terminal);

/// Whether messages to a person are native (`on`): for good, unless their own visas say that one of
/// their devices does not offer it any more (`off`).
enum class NativeState : std::uint8_t { never, on, off };
Result<NativeState> native_state(Vault& vault, const Id& person);
Status put_native_state(Vault& vault, const Id& person, NativeState state);

/// Those with the keys that `peer` has now; empty where there are none.
Result<native::PeerSessions> native_sessions(Vault& vault, const native::Party& peer);
/// The state of the person is `on` from the first on.
Status put_native_sessions(Vault& vault, const native::Party& peer,
                           const native::PeerSessions& sessions);
/// Sessions with removed devices of `user`, and those with other keys than their visas name, are
/// erased.
Status drop_native_sessions(Vault& vault, const Directory& directory, const Id& user);
/// Begins another session with that device; the bundle is of it. Errc::signature for one that is
/// not, Errc::native for one that is too old.
Status begin_native_session(Vault& vault, const NativeSelf& self, const native::Party& peer,
                            const native::PrekeyBundle& bundle, Millis now, Random& random);
/// Bundles of a station's answer to GET of type prekeys; those that make no sense are left out.
std::vector<native::PrekeyBundle> read_native_bundles(std::string_view json);
/// What says that a session was begun before is forgotten when the prekeys are gone with which one
/// could be begun again.
Status forget_begun_sessions(Vault& vault);

/// A native content as it is on the wire.
struct NativeContent {
  std::string device{};  ///< terminal of the device that has sealed it
  std::string guid{};    ///< of the message, 32 hexadecimal digits
  Millis time = 0;
  Bytes data{};
  std::vector<std::pair<std::string, std::string>> keys{};  ///< device: base64 of a frame

  /// Errc::content.
  static Result<NativeContent> parse(const JsonObject& content);
};
/// Any content of this app, also one that nobody can open.
bool is_native(const JsonObject& content);
/// A content that asks the device which has sealed a message to say it again.
JsonObject ask_again_content(std::string_view guid, const std::string& hash, Millis now,
                             Random& random);
bool asks_again(const JsonObject& content);
/// Names in `keys` of such a content.
std::vector<std::string> native_receivers(const JsonObject& content);

/// What is sealed: `content` for these devices of `to`, under the time of the outer content.
struct NativeLetter {
  const Id& to;
  const std::vector<native::Party>& devices;
  std::string_view guid;  ///< 32 hexadecimal digits
  Millis time = 0;
  const JsonObject& content;
};
/// The content that goes out in its place; the sessions with all of them have moved on.
/// Errc::native where there is none with one of them.
Result<JsonObject> seal_native(Vault& vault, const NativeSelf& self, const NativeLetter& letter,
                               Random& random);

struct NativeOpened {
  /// What is missing: a newer visa of the sender, or of this device. Nothing was opened then.
  enum class Lacks : std::uint8_t { nothing, their_visa, own_visa };
  Lacks lacks = Lacks::nothing;
  JsonObject content{};
};
/// Opens what `peer`, the device that it names, has sealed for this one: session, used prekey and
/// marks are in the vault with success, and nothing is without. Errc::native when it cannot be
/// opened, Errc::content when what is in it is no content, Errc::replay for one that was opened
/// before.
Result<NativeOpened> open_native(Vault& vault, const NativeSelf& self, const native::Party& peer,
                                 const NativeContent& message, Millis now);

}  // namespace dim
