// Media on 8802: uploads in pieces, downloads in ranges (docs/protocol/media.md). What is kept and
// who refers to it is the store's; here are requests and answers.
#include <algorithm>

#include "dim/base/base64.h"
#include "dim/base/fault.h"
#include "server/core.h"
#include "server/hubs.h"

namespace dim {
namespace {

constexpr std::string_view kDigestPrefix = "sha256-";
constexpr Millis kRetryMs = 60'000;  // uploads end when they are finished, deleted or a day old

Result<std::optional<Digest32>> digest_of(const Packet& packet) {
  if (!packet.has("digest")) return std::nullopt;
  const std::string_view text = packet.get("digest");
  auto bytes = text.starts_with(kDigestPrefix)
                   ? from_base64(text.substr(kDigestPrefix.size()))
                   : Result<Bytes>(fail(Errc::bad_request, "no digest"));
  if (!bytes || bytes->size() != 32)
    return fail(Errc::bad_request, "digest is sha256- and the base64 of 32 bytes");
  Digest32 out{};
  std::ranges::copy(*bytes, out.begin());
  return out;
}

/// The first write's own refusal, or the failure of all.
std::optional<Error> refusal_of(const Result<std::vector<Written>>& written) {
  if (!written) return written.error();
  return written->front().refused;
}

}  // namespace

/// Ends a request that the store has refused. Damage is the operator's business too.
void StationCore::refuse_media(LinkId id, const std::string& reply, const Error& error) {
  if (error.code == Errc::internal)
    event(StationEvent::Level::error, "media-damaged", {}, error.hint);
  LinkState* link = finish_request(id, reply);
  if (link == nullptr) return;
  Packet answer = Packet::response(error, reply);
  if (error.code == Errc::too_many_requests)
    answer.set("retry-after", std::to_string(kRetryMs / 1'000));
  send(*link, answer);
}

/// Blocks are what the quota counts. The first one was taken with the request.
bool StationCore::take_blocks(StationRequest& request, std::int64_t bytes) {
  const Rate& rate = config_.quotas.media;
  const auto more = static_cast<double>(media_blocks(bytes) - 1);
  // A small quota is no smaller than one request.
  return more <= 0 ||
         within_quota(request, left_.at(request.session.user, clock_.monotonic()).media, rate,
                      std::min(more, std::max(rate.burst - 1, 0.0)));
}

void StationCore::create_media(StationRequest& request) {
  if (request.packet.content) return put_piece(request);
  auto guid = Guid::parse(request.packet.get("guid"));
  if (!guid) {
    return refuse(request,
                  error_of(Errc::bad_request,
                           "an upload needs guid (32 hex digits) and size; a piece of one needs "
                           "target, range and content"));
  }
  const auto size = parse_count(request.packet.get("size"));
  if (!size) return refuse(request, error_of(Errc::bad_request, "size is a whole number of bytes"));
  auto digest = digest_of(request.packet);
  if (!digest) return refuse(request, digest.error());
  const std::string& user = request.session.user;
  // Whoever may not fetch some bytes does not get them by their digest.
  const auto known = *digest ? hubs_->may_have(**digest, *size, user) : Result<bool>(true);
  if (!known) return read_failed(request.link, request.id, known.error());
  open_request(request.link, request.id);
  const OpenMedia upload{.guid = *guid,
                         .owner = user,
                         .size = *size,
                         .digest = *digest,
                         .time = clock_.now(),
                         .known = *known || DIM_FAULT("digest-opens")};
  std::vector<Write> writes;
  writes.emplace_back(upload);
  submit(std::move(writes), [this, id = request.link.id, reply = request.id,
                             upload](const Result<std::vector<Written>>& written) {
    if (const auto error = refusal_of(written)) return refuse_media(id, reply, *error);
    check_upload(id, reply, upload, written->front().accepted == Accepted::stored);
  });
}

/// Answers how far an upload is; one that is whole is checked first, slice by slice.
void StationCore::check_upload(LinkId id, const std::string& reply, const OpenMedia& upload,
                               bool fresh) {
  const auto media = reads_.media(upload.guid);
  // Discarded meanwhile, the GUID may be somebody else's.
  const bool own = media && *media && (*media)->owner == upload.owner;
  const bool unchecked = upload.digest && DIM_FAULT("digest-unchecked");
  if (own && (*media)->whole() && upload.digest && !unchecked) {
    std::vector<Write> writes;
    writes.emplace_back(CheckMedia{upload.guid, upload.owner, *upload.digest, clock_.now()});
    return submit(std::move(writes),
                  [this, id, reply, upload, fresh](const Result<std::vector<Written>>& written) {
                    if (const auto error = refusal_of(written))
                      return refuse_media(id, reply, *error);
                    check_upload(id, reply, upload, fresh);
                  });
  }
  LinkState* link = finish_request(id, reply);
  if (link == nullptr) return;
  if (!media) return read_failed(*link, reply, media.error());
  if (!own)
    return refuse(*link, reply, error_of(Errc::not_found, "the upload was deleted meanwhile"));
  const StoredMedia& found = **media;
  if (found.state > MediaState::complete)
    return refuse(*link, reply, error_of(Errc::gone, "this object was removed"));
  const bool complete = found.state == MediaState::complete || (found.whole() && unchecked);
  Packet answer = Packet::response(complete ? 201 : (fresh ? 202 : 205), reply);
  answer.set("guid", upload.guid.text()).set("size", std::to_string(found.size));
  if (!complete) {
    const auto missing = missing_ranges(found.have, found.size, limits::kMediaRanges);
    if (!missing.empty()) answer.set("missing", ranges_text(missing));
  }
  send(*link, answer);
}

void StationCore::put_piece(StationRequest& request) {
  auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) {
    return refuse(request,
                  error_of(Errc::bad_request, "the target of a piece is the GUID of its upload"));
  }
  auto range = ByteRange::parse(request.packet.get("range"));
  if (!range) return refuse(request, range.error());
  std::string& content = *request.packet.content;
  const std::size_t bytes = content.size();
  if (range->size() != static_cast<std::int64_t>(bytes)) {
    return refuse(request,
                  error_of(Errc::bad_request, "the content has not as many bytes as the range"));
  }
  if (!take_blocks(request, range->size())) return;
  LinkState& from = request.link;
  open_request(from, request.id);
  media_inflight_ += bytes;
  from.incoming += bytes;
  std::vector<Write> writes;
  writes.emplace_back(
      PutPiece{*guid, request.session.user, range->first, std::move(content), clock_.now()});
  submit(std::move(writes), [this, id = from.id, reply = request.id, guid = *guid, range = *range,
                             bytes](const Result<std::vector<Written>>& written) {
    media_inflight_ -= std::min(media_inflight_, bytes);
    if (LinkState* link = find(id)) link->incoming -= std::min(link->incoming, bytes);
    if (const auto error = refusal_of(written)) return refuse_media(id, reply, *error);
    LinkState* link = finish_request(id, reply);
    if (link == nullptr) return;
    ++counters_.media_pieces;
    Packet answer = Packet::response(202, reply);
    send(*link, answer.set("guid", guid.text()).set("range", range.text()));
  });
}

void StationCore::get_media(StationRequest& request) {
  auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) {
    return refuse(request, error_of(Errc::bad_request, "target is the GUID of a media object"));
  }
  const bool all = !request.packet.has("range");
  auto range = all ? Result<ByteRange>(ByteRange{}) : ByteRange::parse(request.packet.get("range"));
  if (!range) return refuse(request, range.error());
  const auto media = reads_.media(*guid);
  if (!media) return read_failed(request.link, request.id, media.error());
  const Error none =
      error_of(Errc::not_found, "the station has no complete object of this GUID for you");
  if (!*media || (*media)->state == MediaState::open) return refuse(request, none);
  const StoredMedia& found = **media;
  const Error gone = error_of(Errc::gone, "this object was removed");
  if (found.state > MediaState::complete) return refuse(request, gone);
  const auto allowed = hubs_->may_fetch(*guid, found.owner, request.session.user);
  if (!allowed) return read_failed(request.link, request.id, allowed.error());
  if (!*allowed && !DIM_FAULT("media-shut-out")) return refuse(request, none);
  if (all) range->last = std::max<std::int64_t>(found.size - 1, 0);
  if (range->first >= found.size && !(all && found.size == 0)) {
    return refuse(request, error_of(Errc::bad_request, "the range begins behind the last byte"));
  }
  Packet answer = Packet::response(200, request.id);
  answer.set("guid", guid->text()).set("size", std::to_string(found.size));
  if (found.size > 0) {
    const bool shared = request.link.carrier != nullptr;
    const auto most =
        static_cast<std::int64_t>(shared ? kSharedMediaContent : content_limit(Lane::media));
    range->last = std::min({range->last, found.size - 1, range->first + most - 1});
    if (!take_blocks(request, range->size())) return;
    const auto size = static_cast<std::size_t>(range->size());
    const bool shifted = DIM_FAULT("media-range") && range->first > 0;
    auto bytes = reads_.media_bytes(found, range->first - (shifted ? 1 : 0), size);
    if (!bytes && bytes.error().code == Errc::not_found) {
      // Removed meanwhile, or in another file now; else it is damage.
      const auto now = reads_.media(*guid);
      if (now && (!*now || (*now)->state > MediaState::complete)) return refuse(request, gone);
      if (now && (*now)->state == MediaState::complete && (*now)->blob != found.blob)
        bytes = reads_.media_bytes(**now, range->first, size);
    }
    if (!bytes) return read_failed(request.link, request.id, bytes.error());
    const bool whole = range->size() == found.size;
    answer.code = whole ? 200 : 206;
    answer.set("range", range->text());
    answer.content = std::move(*bytes);
  }
  ++counters_.media_ranges;
  send(request.link, answer);
}

void StationCore::drop_media(StationRequest& request) {
  auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) {
    return refuse(request, error_of(Errc::bad_request, "target is the GUID of a media object"));
  }
  const bool back = *request.packet.operation == Operation::remove;
  open_request(request.link, request.id);
  std::string owner = request.session.user;
  if (DIM_FAULT("media-anybody-deletes")) {
    const auto media = reads_.media(*guid);
    if (media && *media) owner = (*media)->owner;
  }
  std::vector<Write> writes;
  writes.emplace_back(DropMedia{*guid, std::move(owner),
                                back ? MediaState::removed : MediaState::deleted, clock_.now()});
  submit(std::move(writes), [this, id = request.link.id, reply = request.id,
                             back](const Result<std::vector<Written>>& written) {
    if (const auto error = refusal_of(written)) return refuse_media(id, reply, *error);
    LinkState* link = finish_request(id, reply);
    if (link == nullptr) return;
    send(*link, Packet::response(back ? 200 : 204, reply));
  });
}

void StationCore::destroy_media(StationRequest& request) {
  auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) {
    return refuse(request, error_of(Errc::bad_request, "target is the GUID of a media object"));
  }
  open_request(request.link, request.id);
  overwrite_media(request.link.id, request.id, {*guid, request.session.user, clock_.now()});
}

/// Slice by slice, so that other requests come in between; to the end, whether somebody waits for
/// it or not.
void StationCore::overwrite_media(LinkId id, const std::string& reply,
                                  const DestroyMedia& destroy) {
  std::vector<Write> writes;
  writes.emplace_back(destroy);
  submit(std::move(writes),
         [this, id, reply, destroy](const Result<std::vector<Written>>& written) {
           if (const auto error = refusal_of(written)) return refuse_media(id, reply, *error);
           if (written->front().accepted == Accepted::stored)
             return overwrite_media(id, reply, destroy);
           LinkState* link = finish_request(id, reply);
           if (link == nullptr) return;
           const Cursor others = written->front().cursors.front();
           // 204 says that the bytes are overwritten.
           Packet answer = Packet::response(others > 0 ? 200 : 204, reply);
           if (others > 0) answer.set("shared", std::to_string(others));
           send(*link, answer);
         });
}

}  // namespace dim
