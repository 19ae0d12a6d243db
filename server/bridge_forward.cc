// Messages of users here for users elsewhere: into the neighbour's queue, which is an inbox under
// its ID, and out of it.
#include <algorithm>

#include "dim/engine/verify.h"
#include "server/bridge.h"
#include "server/core.h"
#include "server/gateway_copy.h"

namespace dim {

bool Bridge::relay(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  const Id& receiver = message.sealed.envelope.receiver;
  NeighbourState* to = home_of(receiver.bare().text());
  if (to == nullptr && receiver.type() != EntityType::station) return false;
  if (to == nullptr) {
    ++core_.counters_.messages_refused;
    gateway_.relay_receipt(link, ReceiptContent::origin_of(message.json, std::nullopt),
                           "This station is no neighbour.");
    gateway_.finish(link.id, ticket);
    return true;
  }
  redirect(link, message, *to, std::nullopt, ticket);
  return true;
}

void Bridge::redirect(GatewayLink& link, const SignedMessage& message, NeighbourState& to,
                      const std::optional<std::string>& target, std::uint64_t ticket) {
  JsonObject origin = ReceiptContent::origin_of(message.json, std::nullopt);
  forward(to, message, target,
          [this, id = link.id, ticket, author = link.user, origin = std::move(origin)](
              const Result<Accepted>& outcome, bool) mutable {
            if (!outcome) return gateway_.give_up(id, ticket);
            GatewayLink* writer = gateway_.find(id);
            if (writer == nullptr) return;
            if (writer->user == author) {
              gateway_.relay_receipt(*writer, std::move(origin),
                                     *outcome == Accepted::full
                                         ? kQueueFull
                                         : std::string_view("Message redirected."));
            }
            gateway_.finish(id, ticket);
          });
}

void Bridge::forward(NeighbourState& to, const SignedMessage& message,
                     const std::optional<std::string>& target, MessageDone done) {
  written_here_.note(body_hash(message), core_.clock_.monotonic());
  JsonObject content = without_hints(message.json, true);
  if (target) content.set("rcpt", *target);  // wire-2026.md 6: obeyed instead of the receiver
  const Millis record =
      whereabouts(target.value_or(message.sealed.envelope.receiver.bare().text())).record;
  enqueue(to, message, std::move(content), {}, {.record = record}, std::move(done));
}

/// While messages wait for the neighbour, one author has a tenth of its queue, so that nobody
/// closes it to everybody else.
bool Bridge::takes_share(NeighbourState& to, const std::string& author) {
  constexpr std::size_t kShare = limits::kInboxMessages / 10;
  const GatewayLink* link = up(to);
  if (link != nullptr && link->active && link->caught_up) to.waiting.clear();
  std::size_t& waiting = to.waiting[author];
  if (waiting >= kShare) return false;
  ++waiting;
  return true;
}

/// `content`: the message as it goes on, with the traces that it came with. `place`: what tells it
/// from the same message at other times.
void Bridge::enqueue(NeighbourState& to, const SignedMessage& message, JsonObject content,
                     std::string_view place, const SentOn& why, MessageDone done) {
  if (!takes_share(to, message.sealed.envelope.sender.bare().text()))
    return done(Accepted::full, false);
  core_.submit_message(
      {.link = {},
       .reply = {},
       .message = {.cursor = 0,
                   .guid = guid_of(message, " forward " + to.id + std::string(place)),
                   .time = core_.clock_.now(),
                   .author = message.sealed.envelope.sender.bare().text(),
                   .type = "message",
                   .content = write_json(content, JsonStyle::reference)},
       .receivers = {to.id},
       .done = [this, hash = message_hash(message), why, done = std::move(done)](
                   const Result<Accepted>& outcome, bool taken) {
         if (outcome && *outcome == Accepted::stored) ++core_.counters_.forwarded;
         if (outcome && *outcome != Accepted::full)
           forwarded_.note(hash, core_.clock_.monotonic(), why);
         done(outcome, taken);
       }});
}

std::string Bridge::outgoing(GatewayLink& link, const std::string& content) {
  auto message = parse_json_object(content);
  if (!message) return content;
  const Millis now = core_.clock_.now();
  auto traces = read_traces(*message, now);
  if (!traces) return content;
  traces->push_back({core_.account_.id.bare(), static_cast<double>(now) / 1000});
  message->set("traces", write_traces(*traces));
  const std::string* sender = message->text("sender");
  if (auto id = sender != nullptr ? Id::parse(*sender) : Result<Id>(fail(Errc::id, "none")); id)
    introduce(link, *id);
  return write_json(*message, JsonStyle::reference);
}

/// The neighbour's users have to know who writes: it gets meta and documents first, once an hour.
void Bridge::introduce(GatewayLink& link, const Id& who) {
  NeighbourState& neighbour = *link.neighbour;
  const std::string id = who.bare().text();
  if (!who.is_user() || who.type() == EntityType::station || !has_room(link) ||
      !neighbour.introduced.try_emplace(id, core_.clock_.monotonic()).second)
    return;
  Directory directory(4);
  if (!gateway_.learn_stored(directory, who)) return;
  const Known* known = directory.find(who);
  if (known == nullptr || !known->meta || known->documents.empty()) return;
  std::vector<JsonObject> documents;
  for (const Document& one : known->documents) documents.push_back(one.json());
  (void)tell(link,
             Content(DocumentsContent::answer(who.bare(), known->meta->json(), std::move(documents),
                                              core_.clock_.now(), core_.random_)));
}

// --- users of DIM/2023

void StationCore::forward_message(StationRequest& request, const Guid& guid,
                                  const SignedMessage& message, NeighbourState& to) {
  // Whatever the channel has proven to this station, the next one sees the signature alone.
  Directory directory(4);
  if (auto status = gateway_->bridge().verified(message, directory); !status) {
    ++counters_.messages_refused;
    return refuse(request,
                  {Errc::signature, "the signature does not verify with the sender's keys"});
  }
  open_request(request.link, request.id);
  gateway_->bridge().forward(
      to, message, std::nullopt,
      [this, id = request.link.id, reply = request.id, guid, time = clock_.now()](
          const Result<Accepted>& outcome, bool) {
        LinkState* link = finish_request(id, reply);
        if (link == nullptr) return;
        if (!outcome) return send(*link, Packet::response(outcome.error(), reply));
        if (*outcome == Accepted::full) {
          ++counters_.messages_refused;
          return send(*link, Packet::response({Errc::insufficient_storage,
                                               "the queue for the receiver's station is full; try "
                                               "again when it is back"},
                                              reply));
        }
        Packet packet = Packet::response(202, reply);
        packet.set("guid", guid.text()).set("time", time_text(time));
        send(*link, packet);
      });
}

/// Whoever is unknown here may be known to a neighbour. True: answered later.
bool StationCore::ask_neighbours(StationRequest& request, const Id& did) {
  const bool asked = gateway_->bridge().ask(
      did, [this, link_id = request.link.id, id = request.id, packet = request.packet]() mutable {
        LinkState* link = finish_request(link_id, id);
        if (link == nullptr || link->session == nullptr) return;
        StationRequest again{*link, *link->session, packet, id};
        get_document(again);
      });
  if (asked) open_request(request.link, request.id);
  return asked;
}

}  // namespace dim
