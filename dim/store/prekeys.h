// Prekeys of devices (docs/protocol/native.md): what others begin a secure conversation with while
// the device is away. A store gives each one-time key out once, and never takes one back in.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kOneTimeKeys = 200;  // kept of a device
}  // namespace limits

struct StoredOneTimeKey {
  std::uint32_t id = 0;
  std::string key;  ///< JSON, as its device signed it
};

/// Puts the signed and the last-resort prekey in the place of those before, and adds one-time keys.
/// Of these only such as have a higher id than any that the device has brought before: what was
/// given out comes back by no repetition. `full`: more than kOneTimeKeys would be kept; nothing is
/// done.
struct PutPrekeys {
  std::string user;
  std::string terminal{};  ///< of the device; empty: the one whose visa has none
  /// The key that signs them. With another than before the place is a new device's: all of before
  /// goes, the highest id too.
  std::string device;
  Millis time = 0;
  std::string signed_key;
  std::string last_resort;
  std::vector<StoredOneTimeKey> one_time{};  ///< in order of ids, each once
};

/// Takes the one-time key of the lowest id out of what is kept of that device; it is
/// Written::prekey, and is in no later one. `conflict`: none is left, or `device` signs there no
/// more.
struct TakePrekey {
  std::string user;
  std::string terminal{};
  std::string device;
};

/// The device has no prekeys any more, if `device` signs there. `only_one_time`: all but the signed
/// and the last-resort one, and the highest id stays known.
struct DropPrekeys {
  std::string user;
  std::string terminal{};
  std::string device;
  bool only_one_time = false;
};

struct StoredPrekeys {
  std::string terminal, device;
  Millis time = 0;  ///< when the signed prekey came
  std::string signed_key, last_resort;
  std::size_t one_time = 0;  ///< how many are left
  std::uint32_t newest = 0;  ///< the highest id that the device has ever brought
};

/// The reading half; see Store for threads and errors.
class PrekeyReads {
 public:
  virtual ~PrekeyReads() = default;
  /// Of every device of the user that has some, in order of terminals.
  virtual Result<std::vector<StoredPrekeys>> prekeys(const std::string& user) = 0;
};

}  // namespace dim
