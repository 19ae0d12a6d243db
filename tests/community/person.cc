#include "tests/community/person.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "client/outbox.h"
#include "client/private_hubs.h"
#include "dim/crypto/file_seal.h"
#include "dim/engine/media_link.h"

namespace dim::community {
namespace {

constexpr Millis kAgainMs = 100;

/// The sealed bytes of a range of chunks.
Status seal_range(const Bytes& data, FileSeal& seal, std::int64_t first, std::int64_t size,
                  Bytes& out) {
  const auto all = static_cast<std::int64_t>(data.size());
  const std::int64_t chunks = chunk_count(sealed_size(all));
  for (std::int64_t at = first; at < first + size; at += kSealedChunk) {
    const std::int64_t chunk = at / kSealedChunk;
    const std::int64_t from = chunk * kPlainChunk;
    const ByteView plain =
        ByteView(data).subspan(static_cast<std::size_t>(from),
                               static_cast<std::size_t>(std::min(kPlainChunk, all - from)));
    if (auto done = seal.seal(chunk, chunk + 1 == chunks, plain, out); !done) return done;
  }
  return {};
}

Cursor cursor_in(const Packet& answer) {
  const std::string text(answer.get("cursor"));
  return std::strtoll(text.c_str(), nullptr, 10);
}

}  // namespace

Person::Person(Reactor& reactor, std::shared_ptr<const TlsContext> tls, Home home, Random& random,
               Options options, Events events)
    : reactor_(reactor),
      tls_(std::move(tls)),
      home_(std::move(home)),
      id_(home_.account().id.bare().text()),
      random_(random),
      options_(options),
      events_(std::move(events)) {}

Person::~Person() { vanish(); }

void Person::come() {
  MessengerEvents heard;
  heard.failed = [this](const Error& error, int, std::string_view message) {
    if (error.code == Errc::station_changed || error.code == Errc::downgrade)
      events_.wrong(to_string(error) + " " + std::string(message));
    lost();
  };
  heard.received = [this](const HistoryEntry& entry) {
    if (!entry.cause.empty()) return events_.wrong("a letter cannot be read: " + entry.cause);
    events_.letter(entry.text);
  };
  heard.posted = [this](const Guid& post, const Packet& answer) {
    events_.posted(post, answer.code);
  };
  heard.hubs.post = [this](const HubView&, const Post& post, bool fresh) { on_post(post, fresh); };
  heard.hubs.changed = [this](const HubView&, const PostEvent& event) { on_change(event); };
  messenger_.emplace(
      home_, static_cast<Transport&>(*this), clock_, random_, std::move(heard),
      Messenger::Options{
          .receive = true, .follow_hubs = options_.follows, .media = options_.files});
  again_at_ = clock_.monotonic();
}

void Person::vanish() {
  lost();
  again_at_ = 0;
  for (auto& [lane, connection] : connections_) {
    connection->set_callbacks({});
    connection->abort();
  }
  connections_.clear();
  dials_.clear();
  messenger_.reset();
}

void Person::lost() {
  ++session_;
  for (const auto& wish : wishes_) wish->under_way = false;
  for (File& file : files_) file.transfer->lost();
  again_at_ = clock_.monotonic() + kAgainMs;
}

void Person::tick() {
  if (!messenger_) return;
  if (again_at_ != 0 && clock_.monotonic() >= again_at_) {
    again_at_ = 0;
    for (const Lane lane : {Lane::media, Lane::text, Lane::control}) hang_up(lane);
    if (const Status begun = messenger_->start(); !begun)
      events_.wrong("no start: " + to_string(begun.error()));
  }
  messenger_->tick();
  if (!is_here()) return;
  const Millis now = clock_.monotonic();
  const auto wishes = wishes_;
  for (const auto& wish : wishes) {
    if (!wish->under_way && now >= wish->not_before) ask(wish);
  }
  look_at_files();
}

void Person::surely(Packet packet, Done done) {
  wishes_.push_back(
      std::make_shared<Wish>(Wish{.packet = std::move(packet), .done = std::move(done)}));
  if (is_here()) ask(wishes_.back());
}

void Person::ask(const std::shared_ptr<Wish>& wish) {
  wish->under_way = true;
  messenger_->hubs().ask(wish->packet, [this, wish, session = session_](HubResult<Packet> answer) {
    if (session != session_) return;
    const int code = answer ? answer->code : answer.error().code;
    if (code == 0 || code == 416 || (code >= 500 && code != 501)) {
      wish->under_way = false;
      wish->not_before =
          clock_.monotonic() + std::max(kAgainMs, answer ? Millis{0} : answer.error().retry_after);
      return;
    }
    wishes_.remove(wish);
    wish->done(code, answer ? cursor_in(*answer) : 0);
  });
}

bool Person::is_quiet() {
  if (!is_here() || !wishes_.empty() || !files_.empty()) return false;
  const auto waiting = messenger_->waiting();
  return waiting && *waiting == 0;
}

// ---- files

void Person::upload(std::shared_ptr<const Bytes> data, std::string station,
                    std::function<void(MediaLink, std::string)> done) {
  const Guid guid = Guid::make(clock_.now(), random_);
  auto key = std::make_shared<Secret>(Secret::random(32, random_));
  auto seal = std::make_shared<FileSeal>(std::move(FileSeal::make(*key).value()));
  auto upload = std::make_unique<MediaUpload>(
      guid, sealed_size(static_cast<std::int64_t>(data->size())),
      [data, seal](std::int64_t first, std::int64_t size, Bytes& out) {
        return seal_range(*data, *seal, first, size, out);
      },
      clock_);
  const MediaUpload* it = upload.get();
  Bytes sealed;
  if (!seal_range(*data, *seal, 0, std::min(kSealedChunk, it->size()), sealed))
    return events_.wrong("a file cannot be sealed");
  const std::size_t middle = sealed.size() / 2;
  std::string piece(
      as_text(ByteView(sealed).subspan(middle, std::min<std::size_t>(64, sealed.size() - middle))));
  add(std::move(upload), [this, guid, it, key, piece = std::move(piece),
                          station = std::move(station), done = std::move(done)](Status status) {
    if (!status) return events_.wrong("a file does not come through: " + to_string(status.error()));
    done({.guid = guid,
          .station = station,
          .size = it->size(),
          .sha256 = it->digest(),
          .key = std::move(*key),
          .name = "picture"},
         piece);
  });
}

void Person::download(const MediaLink& link, std::function<void(Result<Bytes>)> done) {
  auto data = std::make_shared<Bytes>();
  auto download = MediaDownload::make(
      link,
      [data](ByteView plain) -> Status {
        data->insert(data->end(), plain.begin(), plain.end());
        return {};
      },
      clock_);
  if (!download) return events_.wrong("no download: " + to_string(download.error()));
  add(std::move(*download), [data, done = std::move(done)](Status status) {
    done(status ? Result<Bytes>(std::move(*data)) : std::unexpected(status.error()));
  });
}

void Person::add(std::unique_ptr<Transfer> transfer, std::function<void(Status)> done) {
  files_.push_back({.transfer = std::move(transfer), .done = std::move(done)});
}

void Person::look_at_files() {
  for (auto file = files_.begin(); file != files_.end();) {
    Transfer& transfer = *file->transfer;
    if (transfer.done() || transfer.failed()) {
      const auto done = std::move(file->done);
      const auto kept = std::move(file->transfer);
      file = files_.erase(file);
      done(kept->done() ? Status() : std::unexpected(*kept->failed()));
    } else {
      if (std::exchange(file->session, session_) != session_) {
        transfer.start([this](Packet packet, Uplink::Handler handler) {
          messenger_->request_media(std::move(packet), std::move(handler));
        });
      }
      transfer.tick();
      ++file;
    }
  }
}

// ---- what is told

void Person::on_post(const Post& post, bool fresh) {
  const auto found = told.find(post.guid);
  if (found == told.end() && !fresh) return;  // from before one came, and changed now
  Told& it = told.try_emplace(post.guid, Told{.channel = post.channel}).first->second;
  if (fresh && ++it.times > 1) events_.wrong("told twice as new: " + post.content);
  if (post.changed > it.changed) {
    it.changed = post.changed;
    it.state = post.state;
    it.text = post.content;
  }
  events_.told(post, fresh);
}

void Person::on_change(const PostEvent& event) {
  const auto found = told.find(event.guid);
  if (found == told.end() || event.cursor <= found->second.changed) return;
  found->second.changed = event.cursor;
  if (event.object != HubObject::message) return;
  found->second.state = event.operation == Operation::erase ? PostState::deleted : event.state;
  if (event.text) found->second.text = *event.text;
}

void Person::did(const Guid& post, PostState state, Cursor cursor) {
  const auto found = told.find(post);
  if (found == told.end() || cursor < found->second.changed) return;
  found->second.changed = cursor;
  found->second.state = state;
}

std::string Person::keeps(const Guid& post) {
  const auto row = Outbox(home_.vault()).find(post.text());
  if (!row || *row) return "what is to be sent";
  for (const std::string_view bucket : {kRefusedPosts, kOpenedPosts}) {
    const auto kept = home_.vault().get(bucket, post.text());
    if (!kept || *kept) return std::string(bucket);
  }
  return {};
}

// ---- sockets

void Person::dial(Lane lane, const StationTarget& target) {
  hang_up(lane);
  DialOptions options;
  options.host = target.host;
  options.port = static_cast<std::uint16_t>(target.port + static_cast<int>(lane));
  options.tls = tls_;
  options.timeout = 60'000;
  dials_[lane] = Dial::start(
      reactor_, options,
      {.opened =
           [this, lane](const std::shared_ptr<Connection>& connection) {
             connections_[lane] = connection;
             connection->set_callbacks(
                 {.data = [this,
                           lane](std::string_view bytes) { messenger_->received(lane, bytes); },
                  .drained = {},
                  .ended = {},
                  .closed =
                      [this, lane, raw = connection.get()](CloseReason) {
                        const auto found = connections_.find(lane);
                        if (found == connections_.end() || found->second.get() != raw) return;
                        connections_.erase(found);
                        messenger_->closed(lane);
                      }});
             const auto ended = std::move(dials_[lane]);
             dials_.erase(lane);
             messenger_->opened(lane, *connection->channel_binding(), *connection->peer_spki());
           },
       .failed =
           [this, lane](const Error& error) {
             const auto ended = std::move(dials_[lane]);
             dials_.erase(lane);
             messenger_->unreachable(lane, error);
           }});
}

void Person::send(Lane lane, std::string bytes) {
  auto found = connections_.find(lane);
  if (found == connections_.end() && !dials_.contains(lane))
    found = connections_.find(Lane::control);
  if (found != connections_.end()) found->second->send(std::move(bytes));
}

void Person::hang_up(Lane lane) {
  dials_.erase(lane);
  const auto found = connections_.find(lane);
  if (found == connections_.end()) return;
  const auto connection = std::move(found->second);
  connections_.erase(found);
  connection->set_callbacks({});
  connection->close();
}

}  // namespace dim::community
