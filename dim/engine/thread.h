// Threads between people and in groups: a message says which one its thread is about
// (docs/protocol/messages.md section 10.4). Programs that know no threads show it as any other.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "dim/protocol/content.h"

namespace dim {

/// The message that a thread is about. As `origin` of an answer it proves nothing.
struct ThreadRoot {
  Id sender;
  std::int64_t sn = 0;  ///< of its content, from 1
  std::string guid{};   ///< where it was written; another one at other stations, empty in groups

  bool is_same(const ThreadRoot& other) const {
    return sn == other.sn && sender.same_entity(other.sender);
  }
};

/// The content says so, in its member `thread`. False: its members are an application's own, or
/// its kind is not known.
bool set_thread(Content& content, const ThreadRoot& root);
/// Nothing for a content that stands in no thread, or says so in a way that makes no sense.
std::optional<ThreadRoot> thread_of(const Content& content);
/// The member itself.
JsonObject write_thread(const ThreadRoot& root);
std::optional<ThreadRoot> read_thread(const Json* from);

}  // namespace dim
