#include "dim/engine/plain_rules.h"

#include "dim/protocol/head.h"
#include "dim/protocol/kinds.h"

namespace dim {
namespace {

constexpr int kHistoryType = 137;

}  // namespace

bool may_be_plain(const Envelope& envelope, const JsonObject& content) {
  if (envelope.receiver.is_broadcast()) return true;
  if (envelope.receiver.type() != EntityType::station) return false;
  const std::string command = content_command(content);
  return command == "handshake" || command == "login" || command == "meta" ||
         command == "documents" || command == "document" ||
         type_number(content_type(content)) == kHistoryType;
}

bool is_station_answer(const JsonObject& content) {
  const std::string command = content_command(content);
  return command == "handshake" || command == "documents" || command == "document" ||
         command == "meta";
}

}  // namespace dim
