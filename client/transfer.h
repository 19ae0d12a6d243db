// Files on their way to and from a station, without I/O: which requests go out, what their answers
// mean, where to go on after a cut. docs/protocol/media.md.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "client/uplink.h"
#include "dim/base/time.h"
#include "dim/crypto/file_seal.h"
#include "dim/crypto/sha256.h"
#include "dim/engine/media_link.h"
#include "dim/packet/range.h"

namespace dim {

/// What both directions have in common. The owner calls start() whenever a session with a media
/// lane is ready, lost() when it has ended, tick() now and then.
class Transfer {
 public:
  /// Sends a request over the media lane.
  using Request = std::function<void(Packet, Uplink::Handler)>;
  virtual ~Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// `shared`: the lane is in a connection with others, and takes pieces of 64 KiB only.
  void start(Request request, bool shared = false);
  void lost();
  void tick();
  bool done() const { return done_; }
  /// Set when it cannot go on: not by trying again either, unless the code is unreachable.
  const std::optional<Error>& failed() const { return failed_; }
  /// Sealed bytes that are safe where they belong.
  std::int64_t moved() const { return moved_; }
  std::int64_t size() const { return size_; }

 protected:
  Transfer(std::int64_t size, const Clock& clock) : size_(size), clock_(clock) {}
  virtual void begin() = 0;  ///< a new session: ask what is there, or go on
  virtual void pump() = 0;   ///< sends what may be sent now
  void ask(Packet packet, std::function<void(const Packet&)> handler);
  /// Begins anew in this session: answers to what was asked before say nothing.
  void again() {
    ++session_;
    begin();
  }
  /// True for 416: waits as long as it says.
  bool must_wait(const Packet& answer);
  void fail_with(const Packet& answer);
  void fail_with(const Error& error) { failed_ = error; }
  bool may_send() const { return request_ && !done_ && !failed_ && paused_until_ == 0; }

  static constexpr std::int64_t kMostPiece = 4 * kSealedChunk;
  std::int64_t piece_size() const { return shared_ ? kSealedChunk : kMostPiece; }  // of one request
  // What has no answer yet: up as much as the station writes with few syncs, down as much as
  // hides the way. In a shared connection less than the station holds of a lane that waits.
  std::int64_t up_window() const { return shared_ ? 8 * kSealedChunk : 12 * kMostPiece; }
  static constexpr std::int64_t kDownWindow = 8 * kMostPiece;

  std::int64_t size_;
  std::int64_t moved_ = 0;
  bool done_ = false;

 private:
  const Clock& clock_;
  Request request_;
  bool shared_ = false;
  std::uint64_t session_ = 0;  // answers of an earlier one say nothing
  Millis paused_until_ = 0;    // monotonic
  std::optional<Error> failed_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // answers may come after the end
};

class MediaUpload final : public Transfer {
 public:
  /// Appends the sealed bytes of a range of whole chunks. Fails when they are not those of the file
  /// as it was when the upload began, also for a range without bytes.
  using Read = std::function<Status(std::int64_t first, std::int64_t size, Bytes& out)>;
  MediaUpload(const Guid& guid, std::int64_t sealed_size, Read read, const Clock& clock)
      : Transfer(sealed_size, clock), guid_(guid), read_(std::move(read)) {}

  /// SHA-256 of the sealed bytes; when done.
  const Digest32& digest() const { return digest_; }

 private:
  void begin() override;
  void pump() override;
  void open(bool finish);
  void on_state(const Packet& answer, bool finish);
  void send_piece(const ByteRange& range);
  Status hash_up_to(std::int64_t place);

  Guid guid_;
  Read read_;
  std::deque<ByteRange> todo_;
  std::int64_t in_flight_ = 0;
  bool asking_ = false;
  bool restarted_ = false;
  std::int64_t first_missing_ = -1;  // when it was asked last to finish
  int rounds_ = 0;                   // of finishing without progress
  Sha256 hash_;
  std::int64_t hashed_ = 0;
  std::optional<Digest32> whole_;
  Digest32 digest_{};
};

class MediaDownload final : public Transfer {
 public:
  /// Takes the next bytes of the file, in order, proven to be those that were sealed.
  using Write = std::function<Status(ByteView plain)>;
  /// Errc::key.
  static Result<std::unique_ptr<MediaDownload>> make(const MediaLink& link, Write write,
                                                     const Clock& clock);

  /// Before start(): the next chunk of the file is on the disk already, from an earlier run.
  Status have(ByteView plain);

 private:
  MediaDownload(const MediaLink& link, FileSeal seal, Write write, const Clock& clock);
  void begin() override;
  void pump() override;
  void ask_range(std::int64_t first, std::int64_t size);
  void take_arrived();
  void take(ByteView sealed);
  void finish();

  Guid guid_;
  Digest32 sha256_;
  FileSeal seal_;
  Write write_;
  std::int64_t asked_ = 0;
  std::map<std::int64_t, std::string> arrived_;  // by place, behind moved_
  Bytes rest_;                                   // arrived behind moved_, less than a chunk
  Bytes plain_;
  Sha256 hash_;
};

}  // namespace dim
