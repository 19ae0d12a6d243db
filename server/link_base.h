// What every connection of the station has, whatever it speaks: native links and those of the
// gateway.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "server/station.h"

namespace dim {

struct LinkBase {
  LinkId id;
  StationLink* link;
  std::uint64_t subnet = 0;  ///< 0: no quotas of a /64
  std::string out{};         ///< for the end of this turn
  bool busy = false;         ///< a log-in is being committed: nothing else is read meanwhile
  bool paused = false;       ///< what the Link was last told
  bool processing = false;
  bool dirty = false;    ///< stands in the list of links to flush
  bool waiting = false;  ///< stands in the list of links to process in this turn
  bool listed = false;   ///< stands in the list of held links
  bool closing = false;  ///< close after the flush of this turn
  unsigned failures = 0;
  Millis opened = 0, last_byte = 0, held_until = 0;  ///< monotonic

  std::uint64_t given = 0;  ///< bytes handed over so far
  std::uint64_t read = 0;   ///< of them, when `moved`
  Millis moved = 0;         ///< monotonic: when the peer last read something while it was paused

  std::size_t queued() const { return link->queued() + out.size(); }

  /// Tells the connection to stop reading or to go on. Whoever is held stands in `list`, once.
  void hold(bool held, std::vector<LinkId>& list) {
    if (closing) return;
    if (held && !listed) {
      listed = true;
      list.push_back(id);
    }
    if (held == paused) return;
    paused = held;
    link->pause(held);
  }

  /// Hands over what was collected. True: it is closing, and has to be closed and forgotten.
  bool flush() {
    dirty = false;
    given += out.size();
    if (!out.empty()) link->send(std::exchange(out, {}));
    return closing;
  }

  /// For once a second: the peer has read nothing for `most` milliseconds while its full queue
  /// (`limit`) kept us from reading. Waiting for the disk or for a quota is no fault of the peer.
  bool is_stuck(Millis now, Millis most, std::size_t limit) {
    const std::uint64_t gone = given - link->queued();
    if (!paused || queued() < limit || gone != read || moved == 0) moved = now;
    read = gone;
    return now - moved >= most;
  }
};

/// Once a tick: wakes those of `list` that are held no more.
template <class Find, class Held, class Wake>
void look_at_held(std::vector<LinkId>& list, Find find, Held held, Wake wake) {
  for (const LinkId id : std::exchange(list, {})) {
    auto* link = find(id);
    if (link == nullptr) continue;
    link->listed = link->paused && held(*link);
    if (link->listed)
      list.push_back(id);
    else if (link->paused)
      wake(*link);
  }
}

}  // namespace dim
