// All sessions with one device of a peer. There are several when both sides have begun one at once,
// or one side has lost its state and begun anew; what is still on its way in an older one opens.
#pragma once
#include "dim/native/session.h"

namespace dim::native {

struct PeerSessions {
  /// The one to send with first; behind it the others, the last used first. At most kMostSessions.
  std::vector<Session> all{};

  bool empty() const { return all.empty(); }
  PeerSessions clone() const;
  /// Puts a session to the front; the one that was not used for longest goes when there are too
  /// many.
  void add(Session session);
  /// Drops those whose peer had other keys than these, when the peer's visa has changed.
  void keep_only(const Digest32& peer_keys);

  /// What the home keeps; secret.
  Secret write() const;
  /// Errc::native for bytes that write() cannot have made.
  static Result<PeerSessions> read(ByteView bytes);
};

struct OpenedBy {
  PeerSessions next;  ///< first the session that has opened it, unless the frame was a late one
  Secret plaintext;
};

/// Whether accept() is to be asked: the frame begins a session that is not among these.
/// Errc::native as first_part().
Result<bool> begins_session(const PeerSessions& sessions, ByteView frame);

/// Seals with the session in front; Errc::native where there is none, else as seal().
Result<Bytes> seal(PeerSessions& sessions, ByteView plaintext, ByteView ad, Random& random);

/// Opens with whichever session can; Errc::native when none can, and `sessions` is as it was.
Result<OpenedBy> open(const PeerSessions& sessions, ByteView frame, ByteView ad, Millis now);

}  // namespace dim::native
