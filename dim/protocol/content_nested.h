// Messages inside messages. Limits: depth 3, 64 inner ones (A32).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dim/message/message.h"
#include "dim/protocol/head.h"

namespace dim {

/// 255: signed messages inside a message. Each has its own sender and must be verified against it.
struct ForwardContent {
  ContentHead head;
  std::vector<SignedMessage> secrets{};
  JsonObject rest{};

  static ForwardContent make(std::vector<SignedMessage> secrets, Millis now, Random& random);
};

/// 207: a chat record: messages as the forwarder has read them. Nothing of it is signed by those
/// who stand in it.
struct CombineContent {
  ContentHead head;
  std::string title{};
  std::vector<PlainMessage> messages{};  ///< `envelope.extra` has their further members
  JsonObject rest{};

  static CombineContent make(std::string_view title, std::vector<PlainMessage> messages, Millis now,
                             Random& random);
};

}  // namespace dim
