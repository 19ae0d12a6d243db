#include "cli/stream.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/hub_run.h"
#include "cli/interrupt.h"
#include "client/fields.h"
#include "client/live_stream.h"
#include "client/media_container.h"

namespace dim {
namespace {

constexpr Millis kPatienceMs = 10'000;
constexpr Millis kTurnMs = 10;
constexpr Millis kStatsMs = 5'000;
constexpr Millis kLingerMs = 1'000;  // for what is still under way when the other one has left
constexpr Millis kNewsMs = 3'000;
constexpr std::size_t kReadAhead = 256 * limits::kKiB;
constexpr std::size_t kPiece = 16 * limits::kKiB;
constexpr std::uint64_t kGapUs = 20'000;  // between the last frame of one sender and the next one's

class OpenFile {
 public:
  OpenFile() = default;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { close(); }
  bool open(const std::string& path, int flags, int standard) {
    file_ = path == "-" ? standard : ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    own_ = path != "-";
    return file_ >= 0;
  }
  void close() {
    if (own_ && file_ >= 0) ::close(file_);
    file_ = -1;
  }
  int file() const { return file_; }

 private:
  int file_ = -1;
  bool own_ = false;
};

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno != EINTR) return false;
    if (done > 0) bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

/// One run of the verb.
class StreamRun {
 public:
  StreamRun(Context& context, const StreamOptions& options)
      : context_(context), options_(options), lane_(options.video ? Lane::video : Lane::audio) {
    given_.place = options.who;
    container_ = options.format == "raw"                    ? Container::raw
                 : options.format == "ivf" || options.video ? Container::ivf
                                                            : Container::ogg;
    context_.events.stream = [this](const Packet& notice) { told(notice); };
    context_.events.live = [this](Lane, const std::string& bytes) { live(bytes); };
  }

  int run() {
    const bool media = !options_.send.empty() || !options_.receive.empty();
    context_.make_messenger(
        {.receive = false, .audio = media && !options_.video, .video = media && options_.video});
    if (const int wrong = open_files(); wrong != 0) return wrong;
    if (const int wrong = find_place(); wrong != 0) return wrong;
    const auto open = ask(about(Operation::get, target_));
    if (!open) return context_.report_failure();
    if (open->code != 200 && open->code != 404) return refused(*open);
    if (!media) return options_.end ? end(*open) : show(*open);
    if (open->code == 404) {
      if (const int wrong = make(); wrong != 0) return wrong;
    } else if (const int wrong = take(*open); wrong != 0) {
      return wrong;
    }
    if (const int wrong = join(); wrong != 0) return wrong;
    return flow();
  }

 private:
  // --- what it is about

  int open_files() {
    const auto failed = [&](std::string_view path) {
      context_.out.error({Errc::io, "this file cannot be opened"});
      context_.out.note(fmt::format("       {}", printable(path)));
      return code(Exit::failed);
    };
    if (!options_.send.empty() && !input_.open(options_.send, O_RDONLY, STDIN_FILENO))
      return failed(options_.send);
    if (!options_.receive.empty() &&
        !output_.open(options_.receive, O_WRONLY | O_CREAT | O_EXCL, STDOUT_FILENO))
      return failed(options_.receive);
    return 0;
  }

  int find_place() {
    if (names_channel(*context_.home, options_.who)) {
      run_.emplace(context_, given_);
      if (!run_->connect()) return run_->exit;
      place_ = run_->channel();
      if (!place_) return run_->exit;
      target_ = place_->channel->text();
    } else {
      if (!context_.connect(kPatienceMs)) return context_.report_failure();
      const auto who = context_.find(options_.who, kPatienceMs);
      if (!who) return context_.unknown_exit();
      peer_ = who->bare();
      target_ = peer_->text();
      if (const int wrong = learn(*peer_); wrong != 0) return wrong;
    }
    if (options_.from.empty()) return 0;
    const auto from = context_.find(options_.from, kPatienceMs);
    if (!from) return context_.unknown_exit();
    from_ = from->bare();
    return 0;
  }

  int learn(const Id& who) {
    const auto known = std::make_shared<std::optional<Status>>();
    context_.messenger->fetch(who, [known](Status status) { known->emplace(status); });
    context_.link.run_until([&] { return known->has_value() || context_.failure.has_value(); },
                            kPatienceMs);
    if (!*known) return context_.report_failure();
    if (**known) return 0;
    return failed((**known).error());
  }

  int failed(const Error& error, std::string_view station = {}) {
    context_.out.error(error, station);
    return code(exit_of(error));
  }
  int refused(const Packet& answer) {
    const Error error =
        answer.code == 403   ? Error{Errc::forbidden, "you do not have the right to do this here"}
        : answer.code == 404 ? Error{Errc::not_found, "there is no such stream, or it has ended"}
        : answer.code == 417 || answer.code == 501
            ? Error{Errc::not_implemented, "this station has no live streams"}
            : Error{Errc::unavailable, "the station does not do this now"};
    return failed(error, answer.get("message"));
  }

  static Packet about(Operation operation, std::string target) {
    return Packet::request(operation).set("type", "stream").set("target", std::move(target));
  }
  std::optional<Packet> ask(const Packet& packet) { return ask(Lane::text, packet); }
  std::optional<Packet> ask(Lane lane, const Packet& packet) {
    const auto answer = std::make_shared<std::optional<Packet>>();
    context_.messenger->request(lane, packet,
                                [answer](const Packet& response) { answer->emplace(response); });
    context_.link.run_until([&] { return answer->has_value() || context_.failure.has_value(); },
                            kPatienceMs);
    return *answer;
  }

  int show(const Packet& open) {
    const bool is_open = open.code == 200;
    const auto author = Id::parse(open.get("author"));
    JsonObject members = described();
    members.set("open", is_open);
    members.set("joined", is_open ? number_in(open.get("joined")) : std::int64_t{0});
    if (is_open && author) members.set("author", author->bare().text());
    if (is_open) members.set("guid", std::string(open.get("guid")));
    context_.out.object("stream", std::move(members));
    context_.out.line(is_open && author
                          ? fmt::format("A stream is open, begun by {}, with {} connections.",
                                        printable(context_.name_of(*author)),
                                        number_in(open.get("joined")))
                          : std::string("No stream is open."));
    context_.link.finish();
    return is_open ? code(Exit::ok) : code(Exit::nothing);
  }

  int end(const Packet& open) {
    if (open.code != 200) return refused(open);
    const auto answer = ask(about(Operation::erase, std::string(open.get("guid"))));
    if (!answer) return context_.report_failure();
    if (answer->code != 204) return refused(*answer);
    JsonObject members;
    members.set("reason", "ended");
    context_.out.object("stream_ended", std::move(members));
    context_.out.line("The stream has ended for all.");
    context_.link.finish();
    return code(Exit::ok);
  }

  JsonObject described() const {
    JsonObject out;
    out.set("kind", to_string(lane_));
    out.set("station_hears", place_ && !is_private_hub(place_->hub.id));
    return out;
  }

  // --- the secret

  int make() {
    const Guid guid = Guid::make(context_.clock.now(), context_.random);
    Secret secret = Secret::random(kStreamSecret, context_.random);
    Packet packet = about(Operation::create, target_);
    packet.set("guid", guid.text());
    if (place_ && is_private_hub(place_->hub.id)) {
      auto sealed = run_->wait<std::string>([&](HubDone<std::string> done) {
        context_.messenger->seal_post(place_->hub.id,
                                      {.channel = *place_->channel, .message = guid},
                                      plain_stream_secret(secret), std::move(done));
      });
      if (!sealed) return run_->exit;
      packet.content = std::move(*sealed);
    } else if (place_) {
      packet.content = plain_stream_secret(secret);
    } else {
      auto sealed = context_.messenger->seal_stream(guid, secret, *peer_);
      if (!sealed) return failed(sealed.error());
      packet.content = std::move(*sealed);
    }
    const auto answer = ask(packet);
    if (!answer) return context_.report_failure();
    if (answer->code == 407 && answer->has("guid")) {  // somebody was faster
      const auto open = ask(about(Operation::get, target_));
      if (!open) return context_.report_failure();
      return open->code == 200 ? take(*open) : refused(*open);
    }
    if (answer->code != 201 && answer->code != 202) return refused(*answer);
    if (answer->code == 202)
      context_.out.note("The other one is not here now; the stream waits for a minute.");
    stream_.emplace(guid, std::move(secret), context_.home->account().id.bare(), context_.random);
    return 0;
  }

  int take(const Packet& open) {
    const auto guid = Guid::parse(open.get("guid"));
    const auto author = Id::parse(open.get("author"));
    if (!guid || !author)
      return failed({Errc::bad_request, "the station's answer about the stream is incomplete"});
    if (!author->same_entity(context_.home->account().id)) {
      if (const int wrong = learn(author->bare()); wrong != 0) return wrong;
    }
    const std::string content = open.content.value_or("");
    auto secret = place_ ? context_.messenger->open_stream_in(place_->hub.id, *place_->channel,
                                                              *guid, *author, content)
                         : context_.messenger->open_stream(*guid, *author, content);
    if (!secret) return failed(secret.error());
    stream_.emplace(*guid, std::move(*secret), context_.home->account().id.bare(), context_.random);
    return 0;
  }

  int join() {
    Packet packet = Packet::request(Operation::connect);
    packet.set("target", stream_->guid().text());
    packet.set("direction", options_.send.empty()      ? "receive"
                            : options_.receive.empty() ? "send"
                                                       : "both");
    // Frames may come behind the answer at once, so that the keys are made within the handler.
    const auto answer = std::make_shared<std::optional<Packet>>();
    context_.messenger->request(lane_, packet, [this, answer](const Packet& response) {
      answer->emplace(response);
      if (response.code != 101) return;
      const auto done =
          stream_->joined(lane_, static_cast<std::uint32_t>(number_in(response.get("stream"))));
      if (!done) wrong_ = done.error();
    });
    context_.link.run_until([&] { return answer->has_value() || context_.failure.has_value(); },
                            kPatienceMs);
    if (!*answer) return context_.report_failure();
    if ((*answer)->code != 101) return refused(**answer);
    if (wrong_) return failed(*wrong_);
    JsonObject members = described();
    members.set("open", true);
    members.set("guid", stream_->guid().text());
    members.set("joined", static_cast<std::int64_t>(others_.size() + 1));
    context_.out.object("stream", std::move(members));
    context_.out.note(place_ && !is_private_hub(place_->hub.id)
                          ? "Joined. The hub is public: its station can listen. Ctrl-C ends."
                          : "Joined, encrypted end to end. Ctrl-C ends.");
    return 0;
  }

  // --- what is told

  void told(const Packet& notice) {
    if (!stream_ || notice.get("guid") != stream_->guid().text()) return;
    const std::string state(notice.get("state"));
    if (state == "ended") ended_ = "ended";
    if (state == "left" && notice.has("reason")) ended_ = "forbidden";
    const bool of_sender =
        stream_->told(notice, [this](LiveStream::Heard one) { hear(std::move(one)); });
    if (state != "joined" && state != "left") return;
    static_cast<void>(of_sender);
    const auto number = number_in(notice.get("stream"));
    const auto who = Id::parse(notice.get("author"));
    if (!who || number <= 0 || notice.has("reason")) return;
    if (state == "joined") {
      others_.insert(number);
    } else {
      others_.erase(number);
      if (current_ == number) current_.reset();
      if (peer_ && others_.empty()) alone_since_ = context_.clock.monotonic();
    }
    JsonObject members;
    members.set("who", who->bare().text());
    members.set("name", context_.name_of(*who));
    members.set("kind", std::string(notice.get("kind") == "video" ? "video" : "audio"));
    context_.out.object(state == "joined" ? "stream_joined" : "stream_left", std::move(members));
    context_.out.note(fmt::format("{} has {}.", printable(context_.name_of(*who)), state));
  }

  void live(const std::string& bytes) {
    if (bytes.empty()) {
      lane_over_ = true;
      return;
    }
    if (stream_)
      stream_->received(lane_, bytes, [this](LiveStream::Heard one) { hear(std::move(one)); });
  }

  void hear(LiveStream::Heard one) {
    heard_at_ = context_.clock.monotonic();
    if (output_.file() < 0 || (from_ && !one.sender.same_entity(*from_))) return;
    if (!current_) {
      current_ = one.stream;
      began_ = one.time;
      base_ = written_;
    }
    if (*current_ != one.stream) return;
    const std::uint64_t since = one.time - std::min(began_, one.time);
    MediaPacket packet{.time = base_ + since, .key = one.key, .data = std::move(one.payload)};
    written_ = packet.time + kGapUs;
    if (!writer_) writer_ = make_writer(container_);
    if (!write_all(output_.file(), writer_->write(packet))) ended_ = "closed";
  }

  // --- the run

  int flow() {
    const CatchInterrupt caught;
    const Millis begun = context_.clock.monotonic();
    Millis stats_at = begun + kStatsMs;
    if (!options_.send.empty()) reader_ = make_reader(container_);
    context_.link.every(kTurnMs, [this] { turn(); });
    const auto over = [&] {
      const Millis now = context_.clock.monotonic();
      if (now >= stats_at) {
        stats_at = now + kStatsMs;
        tell_stats();
      }
      if (interrupted != 0 || (options_.seconds > 0 && now - begun >= 1'000LL * options_.seconds))
        return true;
      if (sent_all_ && options_.receive.empty()) return true;
      if (alone_since_ && others_.empty() &&
          now - std::max(*alone_since_, heard_at_) >= kLingerMs &&
          (options_.send.empty() || sent_all_))
        return true;
      return !ended_.empty() || lane_over_ || wrong_ || context_.failure.has_value();
    };
    context_.link.run_until(over, -1);
    // The lanes are connections of their own: what was said last may come behind the news of the
    // end, and the news behind the end.
    if (ended_.empty() == lane_over_ && !context_.failure) {
      context_.link.run_until(
          [&] { return (!ended_.empty() && lane_over_) || context_.failure.has_value(); }, kNewsMs);
    }
    if (ended_.empty() && lane_over_ && !context_.failure) ended_ = "ended";
    context_.link.every(0, {});
    if (writer_ && output_.file() >= 0) write_all(output_.file(), writer_->finish());
    output_.close();
    tell_stats();
    JsonObject members;
    members.set("reason", ended_.empty() ? "left" : ended_);
    context_.out.object("stream_ended", std::move(members));
    if (wrong_) return failed(*wrong_);
    if (ended_ == "forbidden")
      return failed({Errc::forbidden, "you were put out of this stream: a right of yours ended"});
    if (context_.failure) return context_.report_failure();
    context_.link.finish();
    return code(Exit::ok);
  }

  void turn() {
    if (!reader_ || sent_all_ || wrong_ || lane_over_) return;
    // A call is told to whoever is there: until then nobody would hear it.
    if ((options_.wait || peer_) && others_.empty() && !started_) return;
    read_more();
    send_due();
  }

  void read_more() {
    while (!input_over_ && reader_->buffered() < kReadAhead && !next_) {
      pollfd file{input_.file(), POLLIN, 0};
      if (::poll(&file, 1, 0) <= 0) break;
      std::string piece(kPiece, '\0');
      const ssize_t got = ::read(input_.file(), piece.data(), piece.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) break;
      if (got <= 0) {
        input_over_ = true;
        break;
      }
      reader_->feed(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
      take_next();
    }
  }

  void take_next() {
    if (next_ || wrong_) return;
    auto packet = reader_->next();
    if (!packet) {
      wrong_ = packet.error();
    } else {
      next_ = std::move(*packet);
    }
  }

  /// In the time in which it was made.
  void send_due() {
    for (take_next(); next_ && !wrong_; take_next()) {
      const Millis now = context_.clock.monotonic();
      if (!started_) started_ = now - static_cast<Millis>(next_->time / 1'000);
      if (*started_ + static_cast<Millis>(next_->time / 1'000) > now) return;
      // Sound has no key frames; a receiver can begin anywhere.
      auto frame =
          stream_->seal(lane_, next_->time, lane_ == Lane::audio || next_->key, next_->data);
      if (!frame && frame.error().code != Errc::too_large) {
        wrong_ = frame.error();
        return;
      }
      if (frame) context_.messenger->send_live(lane_, std::move(*frame));
      next_.reset();
      if (reader_->buffered() < kPiece) read_more();
    }
    sent_all_ = input_over_ && !next_;
  }

  void tell_stats() {
    const LiveStats& stats = stream_->stats();
    JsonObject members;
    for (const auto& [name, value] : {std::pair{"sent", stats.sent},
                                      {"sent_bytes", stats.sent_bytes},
                                      {"received", stats.received},
                                      {"received_bytes", stats.received_bytes},
                                      {"failed", stats.failed},
                                      {"lost", stats.lost},
                                      {"unknown", stats.unknown},
                                      {"dropped", stats.dropped},
                                      {"shaped", stats.shaped}})
      members.set(name, static_cast<std::int64_t>(value));
    members.set("delay", std::int64_t{stats.delay});
    context_.out.object("stream_stats", std::move(members));
  }

  Context& context_;
  const StreamOptions& options_;
  HubOptions given_;
  Lane lane_;
  Container container_ = Container::ogg;
  std::optional<HubRun> run_;
  std::optional<HubPlace> place_;
  std::optional<Id> peer_, from_;
  std::string target_;
  std::optional<LiveStream> stream_;
  std::set<std::int64_t> others_;  // numbers of who else is there
  std::optional<Millis> alone_since_;
  Millis heard_at_ = 0;
  std::string ended_;
  bool lane_over_ = false;
  std::optional<Error> wrong_;

  OpenFile input_, output_;
  std::unique_ptr<MediaReader> reader_;
  std::optional<MediaPacket> next_;
  std::optional<Millis> started_;
  bool input_over_ = false, sent_all_ = false;

  std::unique_ptr<MediaWriter> writer_;
  std::optional<std::int64_t> current_;  // whose frames are written
  std::uint64_t began_ = 0, base_ = 0, written_ = 0;
};

}  // namespace

int verb_stream(const CommonOptions& common, const StreamOptions& options) {
  Context context(common);
  if (options.receive == "-") context.out.leave_stdout();
  if (!context.open_home()) return code(Exit::home);
  return StreamRun(context, options).run();
}

}  // namespace dim
