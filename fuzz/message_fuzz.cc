// Signed messages off the wire: what parses can be written, hashed and parsed again with the same
// meaning.
#include <cstdlib>
#include <string>

#include "dim/message/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  const auto message = SignedMessage::parse({reinterpret_cast<const char*>(data), size});
  if (!message) return 0;
  const auto again = SignedMessage::parse(write_message(*message));
  if (!again || message_hash(*again) != message_hash(*message)) std::abort();
  return 0;
}
