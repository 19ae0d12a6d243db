#include "client/transfer.h"

#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr Millis kMostWaitMs = 60'000;
constexpr int kRounds = 3;

Error error_of_answer(int code) {
  switch (code) {
    case 401:
      return {Errc::bad_request, "the station does not take this request"};
    case 403:
      return {Errc::forbidden, "the station gives this file to its owner only"};
    case 404:
      return {Errc::not_found, "the station has no such file; it may be incomplete or too old"};
    case 407:
      return {Errc::conflict, "the file has changed since its upload began; upload it anew"};
    case 410:
      return {Errc::gone, "the file was deleted at the station"};
    case 411:
      return {Errc::too_large, "the file is larger than the station takes"};
    case 416:
      return {Errc::too_many_requests, "too many uploads of yours are open; finish or delete some"};
    case 417:
    case 501:
      return {Errc::not_implemented, "this station keeps no files"};
    case 506:
      return {Errc::insufficient_storage,
              "the station has no room for this file, or gives you none; delete some of yours"};
    default:
      return {Errc::unavailable, "the station cannot do this now; try again later"};
  }
}

}  // namespace

void Transfer::start(Request request, bool shared) {
  if (done_ || failed_) return;
  ++session_;
  request_ = std::move(request);
  shared_ = shared;
  paused_until_ = 0;
  begin();
}

void Transfer::lost() {
  ++session_;
  request_ = nullptr;
}

void Transfer::tick() {
  if (paused_until_ == 0 || clock_.monotonic() < paused_until_) return;
  paused_until_ = 0;
  if (request_) pump();
}

void Transfer::ask(Packet packet, std::function<void(const Packet&)> handler) {
  request_(std::move(packet), [this, alive = std::weak_ptr(alive_), session = session_,
                               handler = std::move(handler)](const Packet& answer) {
    if (alive.expired()) return;
    if (session == session_ && !done_ && !failed_) handler(answer);
  });
}

bool Transfer::must_wait(const Packet& answer) {
  if (answer.code != 416) return false;
  const Millis wait = std::clamp<Millis>(seconds_in(answer.get("retry-after")), 1'000, kMostWaitMs);
  paused_until_ = clock_.monotonic() + wait;
  return true;
}

void Transfer::fail_with(const Packet& answer) { failed_ = error_of_answer(answer.code); }

// --- up

void MediaUpload::begin() {
  todo_.clear();
  in_flight_ = 0;
  open(whole_.has_value());
}

void MediaUpload::open(bool finish) {
  asking_ = true;
  Packet packet = Packet::request(Operation::create);
  packet.set("type", "media").set("guid", guid_.text()).set("size", std::to_string(size_));
  if (finish) packet.set("digest", "sha256-" + to_base64(*whole_));
  ask(std::move(packet), [this, finish](const Packet& answer) {
    asking_ = false;
    on_state(answer, finish);
  });
}

void MediaUpload::on_state(const Packet& answer, bool finish) {
  if (answer.code == 201) {
    if (!finish) {  // an earlier run got so far, and did not hear of it
      if (auto done = hash_up_to(size_); !done) return fail_with(done.error());
      if (!whole_) whole_ = hash_.finish();
      return open(true);
    }
    digest_ = *whole_;
    moved_ = size_;
    done_ = true;
    return;
  }
  if (answer.code != 202 && answer.code != 205) return fail_with(answer);
  std::vector<ByteRange> missing;
  if (answer.has("missing")) {
    const auto items = answer.list("missing");
    auto ranges = items ? parse_ranges(*items)
                        : Result<std::vector<ByteRange>>(std::unexpected(items.error()));
    if (!ranges) return fail_with(ranges.error());
    missing = std::move(*ranges);
  }
  std::int64_t left = 0;
  for (const ByteRange& range : missing) {
    if (range.first % kSealedChunk != 0 || range.last >= size_)
      return fail_with(Error{Errc::bad_request, "the station misses what the file does not have"});
    left += range.size();
  }
  // At most a hundred ranges are named: what lies behind the last one may be missing too.
  moved_ = size_ - left;
  todo_.assign(missing.begin(), missing.end());
  if (finish) {
    const std::int64_t first = missing.empty() ? size_ : missing.front().first;
    if (std::exchange(first_missing_, first) < first) rounds_ = 0;
    if (++rounds_ > kRounds) {
      return fail_with(
          Error{Errc::unavailable, "the station loses what it was given; tell its operator"});
    }
  }
  pump();
}

void MediaUpload::pump() {
  while (may_send() && !asking_ && !todo_.empty() && in_flight_ < up_window()) {
    ByteRange& next = todo_.front();
    const ByteRange piece{next.first, std::min(next.last, next.first + piece_size() - 1)};
    next.first = piece.last + 1;
    if (next.first > next.last) todo_.pop_front();
    send_piece(piece);
  }
  if (!may_send() || asking_ || !todo_.empty() || in_flight_ > 0) return;
  if (auto done = hash_up_to(size_); !done) return fail_with(done.error());
  Bytes nothing;
  if (auto same = read_(0, 0, nothing); !same) return fail_with(same.error());
  if (!whole_) whole_ = hash_.finish();
  open(true);
}

/// Reads what the station has already, or what was sent out of order, for the digest of the whole.
Status MediaUpload::hash_up_to(std::int64_t place) {
  Bytes sealed;
  while (hashed_ < place && !whole_) {
    const std::int64_t size = std::min(kMostPiece, place - hashed_);
    sealed.clear();
    if (auto done = read_(hashed_, size, sealed); !done) return done;
    hash_.add(sealed);
    hashed_ += size;
  }
  return {};
}

void MediaUpload::send_piece(const ByteRange& range) {
  if (auto done = hash_up_to(range.first); !done) return fail_with(done.error());
  Bytes sealed;
  sealed.reserve(static_cast<std::size_t>(range.size()));
  if (auto done = read_(range.first, range.size(), sealed); !done) return fail_with(done.error());
  if (hashed_ == range.first && !whole_) {
    hash_.add(sealed);
    hashed_ += range.size();
  }
  in_flight_ += range.size();
  Packet packet = Packet::request(Operation::create);
  packet.set("type", "media").set("target", guid_.text()).set("range", range.text());
  packet.content = to_text(sealed);
  ask(std::move(packet), [this, range](const Packet& answer) {
    in_flight_ -= range.size();
    if (answer.code == 202) {
      moved_ += range.size();
    } else if (must_wait(answer)) {
      todo_.push_front(range);
    } else if (answer.code == 404 && !restarted_) {
      restarted_ = true;  // too old: the station has forgotten it meanwhile
      return again();
    } else {
      return fail_with(answer);
    }
    pump();
  });
}

// --- down

MediaDownload::MediaDownload(const MediaLink& link, FileSeal seal, Write write, const Clock& clock)
    : Transfer(link.size, clock),
      guid_(link.guid),
      sha256_(link.sha256),
      seal_(std::move(seal)),
      write_(std::move(write)) {}

Result<std::unique_ptr<MediaDownload>> MediaDownload::make(const MediaLink& link, Write write,
                                                           const Clock& clock) {
  auto seal = FileSeal::make(link.key);
  if (!seal) return std::unexpected(seal.error());
  return std::unique_ptr<MediaDownload>(
      new MediaDownload(link, std::move(*seal), std::move(write), clock));
}

Status MediaDownload::have(ByteView plain) {
  const std::int64_t chunk = moved_ / kSealedChunk;
  const bool last = chunk + 1 == chunk_count(size_);
  Bytes sealed;
  if (auto done = seal_.seal(chunk, last, plain, sealed); !done) return done;
  hash_.add(sealed);
  moved_ += static_cast<std::int64_t>(sealed.size());
  return {};
}

void MediaDownload::begin() {
  arrived_.clear();
  rest_.clear();
  asked_ = moved_;
  if (moved_ == size_) return finish();
  pump();
}

void MediaDownload::pump() {
  while (may_send() && asked_ < size_ && asked_ - moved_ < kDownWindow) {
    const std::int64_t size = std::min(piece_size(), size_ - asked_);
    const std::int64_t first = asked_;
    asked_ += size;
    ask_range(first, size);
  }
}

void MediaDownload::ask_range(std::int64_t first, std::int64_t size) {
  const ByteRange range{first, first + size - 1};
  Packet packet = Packet::request(Operation::get);
  packet.set("type", "media").set("target", guid_.text()).set("range", range.text());
  ask(std::move(packet), [this, range](const Packet& answer) {
    if (must_wait(answer)) {
      asked_ = std::min(asked_, range.first);
      return;
    }
    if (answer.code != 200 && answer.code != 206) return fail_with(answer);
    const auto got = ByteRange::parse(answer.get("range"));
    const auto bytes = answer.content ? static_cast<std::int64_t>(answer.content->size()) : 0;
    if (!got || got->first != range.first || got->last > range.last || got->size() != bytes)
      return fail_with(Error{Errc::bad_request, "the station answers with another range"});
    if (range.first >= moved_) arrived_.insert_or_assign(range.first, *answer.content);
    // A station may give less than it was asked for.
    if (got->last < range.last) ask_range(got->last + 1, range.last - got->last);
    take_arrived();
    if (failed()) return;
    if (moved_ == size_) return finish();
    pump();
  });
}

void MediaDownload::take_arrived() {
  while (!arrived_.empty() && !failed()) {
    const std::int64_t next = moved_ + static_cast<std::int64_t>(rest_.size());
    if (arrived_.begin()->first > next) return;
    const bool again = arrived_.begin()->first < next;  // asked for twice, after a 416
    const std::string sealed = std::move(arrived_.begin()->second);
    arrived_.erase(arrived_.begin());
    if (!again) take(as_bytes(sealed));
  }
}

void MediaDownload::take(ByteView sealed) {
  rest_.insert(rest_.end(), sealed.begin(), sealed.end());
  std::size_t at = 0;
  while (at < rest_.size()) {
    const std::int64_t chunk = moved_ / kSealedChunk;
    const auto size = static_cast<std::size_t>(std::min(kSealedChunk, size_ - moved_));
    if (rest_.size() - at < size) break;
    plain_.clear();
    const bool last = chunk + 1 == chunk_count(size_);
    const ByteView one = ByteView(rest_).subspan(at, size);
    if (auto done = seal_.open(chunk, last, one, plain_); !done) return fail_with(done.error());
    hash_.add(one);
    if (auto done = write_(plain_); !done) return fail_with(done.error());
    at += size;
    moved_ += static_cast<std::int64_t>(size);
  }
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(at));
}

/// Who else has the key could have sealed something else: the digest in the message says no (M09).
void MediaDownload::finish() {
  if (hash_.finish() != sha256_)
    return fail_with(Error{Errc::decrypt, "the file is damaged: it is not the one that was sent"});
  done_ = true;
}

}  // namespace dim
