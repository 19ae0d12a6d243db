// What readers of a channel have reported to those who moderate it, with the message as it was
// then. docs/protocol/hubs.md section 7.
#pragma once
#include <string>

#include "dim/base/time.h"
#include "dim/packet/guid.h"

namespace dim {

/// `repeated` for another report of the same person about the same message, `conflict` when the
/// message is not there, deleted or destroyed. Its content as it is now is kept with it, under the
/// message's key: whatever is edited, taken back or deleted later. What destroys or forgets the
/// message destroys that too.
struct PutReport {
  Guid post;
  std::string user{};  ///< who reports it
  std::string text{};  ///< why
  Millis time = 0;
};

/// All reports about this message are dealt with: `repeated` when there is none.
struct CloseReports {
  Guid post;
};

struct StoredReport {
  std::int64_t row = 0;
  Guid post;
  Guid channel;
  std::string user{};
  std::string text{};
  Millis time = 0;
  std::string author{};  ///< of the message
  Millis written = 0;
  std::int64_t revision = 1;  ///< of the content
  std::string content{};      ///< as it was when it was reported
};

}  // namespace dim
