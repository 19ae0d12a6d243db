// What a connection has that has joined a live stream (live.h).
#pragma once
#include <cstdint>

#include "dim/packet/guid.h"
#include "dim/packet/live_frame.h"

namespace dim {

struct LiveLink {
  Guid call;
  std::uint32_t number = 0;  ///< of this joining, in the call
  LiveFrameReader reader;
  unsigned bad = 0;  ///< frames that were dropped because they were wrong (M11)
};

}  // namespace dim
