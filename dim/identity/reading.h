// How exactly something that arrived is read.
#pragma once
#include <cstdint>

namespace dim {

/// `strict` is the trust boundary: docs/protocol/identity.md, with every rule that keeps people
/// from being fooled. `codec` takes what the reference's own core takes (junk inside base64, a
/// document under another name, …) and promises nothing but a valid signature: for test vectors and
/// importers, never for anything that came over a network.
enum class Reading : std::uint8_t { strict, codec };

}  // namespace dim
