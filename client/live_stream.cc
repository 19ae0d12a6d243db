#include "client/live_stream.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "client/fields.h"
#include "dim/packet/lane_queue.h"

namespace dim {
namespace {

constexpr std::size_t kUnknownBytes = 256 * limits::kKiB;
// Whoever has the secret could make keys without end: of one sender, and of all.
constexpr std::ptrdiff_t kKeysOfSender = 1'000;
constexpr std::size_t kKeys = 100'000;

std::uint64_t number(std::string_view text) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_in(text)));
}

}  // namespace

Status LiveStream::joined(Lane lane, std::uint32_t stream) {
  const auto bytes = random_.array<8>();
  std::uint64_t key_id = 0;
  for (const std::uint8_t byte : bytes) key_id = key_id << 8 | byte;
  auto key = stream_key(secret_, guid_, self_, key_id);
  if (!key) return std::unexpected(key.error());
  sending_.erase(lane);
  readers_.erase(lane);
  sending_.emplace(lane, Sending{.number = stream, .key = std::move(*key)});
  readers_.emplace(lane, LiveFrameReader(lane));
  return {};
}

Result<std::string> LiveStream::seal(Lane lane, std::uint64_t time, bool key, ByteView payload) {
  const auto found = sending_.find(lane);
  if (found == sending_.end()) return fail(Errc::conflict, "this lane has joined no stream");
  if (payload.size() + kSframeMostHeader + kSframeTag > live_payload(lane))
    return fail(Errc::too_large, "a live frame is larger than the station takes");
  Sending& sending = found->second;
  LiveFrame frame{
      .stream = sending.number, .sequence = ++sending.sequence, .time = time, .key = key};
  auto sealed = sending.key.seal(frame.sequence, live_metadata(frame), payload);
  if (!sealed) return std::unexpected(sealed.error());
  frame.payload = to_text(*sealed);
  ++stats_.sent;
  stats_.sent_bytes += payload.size();
  return write_live_frame(frame);
}

bool LiveStream::told(const Packet& notice, const Hear& hear) {
  const std::string_view state = notice.get("state");
  const auto stream = static_cast<std::uint32_t>(number(notice.get("stream")));
  if (state == "report") {
    stats_.dropped += number(notice.get("dropped"));
    stats_.shaped += number(notice.get("shaped"));
    stats_.delay = std::max(stats_.delay, number_in(notice.get("delay")));
    return false;
  }
  if (state == "key-frame") {
    key_wanted_ = true;
    return true;
  }
  if (state == "left") return senders_.erase(stream) != 0;
  const auto id = Id::parse(notice.get("author"));
  const auto lane = lane_called(notice.get("kind"));
  if (state != "joined" || !id || !lane || stream == 0) return false;
  const Sender& sender =
      senders_.insert_or_assign(stream, Sender{.id = id->bare(), .lane = *lane}).first->second;
  std::erase_if(unknown_, [&](const auto& one) {
    if (one.first.stream != stream || one.second != sender.lane) return false;
    unknown_bytes_ -= one.first.payload.size();
    open(one.first, sender, hear);
    return true;
  });
  return true;
}

void LiveStream::received(Lane lane, std::string_view bytes, const Hear& hear) {
  const auto reader = readers_.find(lane);
  if (reader == readers_.end()) return;
  reader->second.feed(bytes);
  while (true) {
    const auto next = reader->second.next();
    if (!next || !*next) return;
    take(**next, lane, hear);
  }
}

void LiveStream::take(const LiveFrame& frame, Lane lane, const Hear& hear) {
  const auto sender = senders_.find(frame.stream);
  if (sender != senders_.end()) {
    if (sender->second.lane == lane) return open(frame, sender->second, hear);
    ++stats_.failed;
    return;
  }
  unknown_.emplace_back(frame, lane);
  unknown_bytes_ += frame.payload.size();
  while (unknown_bytes_ > kUnknownBytes) {
    unknown_bytes_ -= unknown_.front().first.payload.size();
    unknown_.pop_front();
    ++stats_.unknown;
  }
}

void LiveStream::open(const LiveFrame& frame, const Sender& sender, const Hear& hear) {
  const ByteView sealed = as_bytes(frame.payload);
  const auto header = SframeHeader::parse(sealed);
  if (!header || header->counter != frame.sequence) {
    ++stats_.failed;
    return;
  }
  const std::pair name{sender.id.text(), header->key_id};
  auto key = keys_.find(name);
  std::optional<Receiving> fresh;
  const auto known = key_ids_.find(frame.stream);
  if (known != key_ids_.end() && known->second != header->key_id) {
    ++stats_.failed;
    return;
  }
  if (key == keys_.end()) {
    const auto first = keys_.lower_bound({name.first, 0});
    const auto last = keys_.upper_bound({name.first, std::numeric_limits<std::uint64_t>::max()});
    auto made = stream_key(secret_, guid_, sender.id, header->key_id);
    if (!made || keys_.size() >= kKeys || std::distance(first, last) >= kKeysOfSender) {
      ++stats_.failed;
      return;
    }
    fresh.emplace(Receiving{.key = std::move(*made)});
  }
  Receiving& with = fresh ? *fresh : key->second;
  if (header->counter <= with.last) {
    ++stats_.failed;
    return;
  }
  auto plain = with.key.open(sealed, live_metadata(frame));
  if (!plain) {
    ++stats_.failed;
    return;
  }
  with.last = header->counter;
  if (fresh) keys_.emplace(name, std::move(*fresh));
  key_ids_.try_emplace(frame.stream, header->key_id);
  std::uint32_t& last = sequences_[frame.stream];
  if (last != 0 && frame.sequence > last + 1) stats_.lost += frame.sequence - last - 1;
  last = frame.sequence;
  ++stats_.received;
  stats_.received_bytes += plain->size();
  hear({.sender = sender.id,
        .stream = frame.stream,
        .lane = sender.lane,
        .time = frame.time,
        .key = frame.key,
        .payload = std::move(*plain)});
}

}  // namespace dim
