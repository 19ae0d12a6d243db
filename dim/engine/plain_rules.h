// When a message may go without encryption (A09).
#pragma once
#include "dim/base/json.h"
#include "dim/message/message.h"

namespace dim {

/// The receiver itself is a broadcast ID; or it is a station, the exposed group is a broadcast ID,
/// and the content is one that clients must be able to send before they know the station's key:
/// handshake, login, meta, documents, group history.
bool may_be_plain(const Envelope& envelope, const JsonObject& content);
/// A handshake or documents command: what a client takes in plain form from its own station.
bool is_station_answer(const JsonObject& content);

}  // namespace dim
