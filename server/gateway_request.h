// One message to the station itself, shared by the gateway's source files.
#pragma once
#include <string>

#include "server/gateway.h"

namespace dim {

struct Gateway::Request {
  GatewayLink& link;
  const SignedMessage& message;
  JsonObject content;  ///< old names completed
  std::uint64_t ticket;
  bool encrypted = false;
  bool waiting = false;      ///< a commit will finish it
  bool answered = false;     ///< something was sent for it
  bool unread = false;       ///< the store could not be read: not acknowledged, so it comes again
  bool inner = false;        ///< out of an array or a forward: it does not log in
  std::size_t contents = 0;  ///< of the arrays in it, read so far
};

}  // namespace dim
