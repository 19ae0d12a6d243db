// Metas and documents for reference clients: queries, own ones included, and what users publish.
#include <algorithm>
#include <cmath>
#include <set>

#include "dim/engine/device_link.h"
#include "dim/identity/device_beside.h"
#include "server/bridge.h"
#include "server/forged_key.h"
#include "server/gateway_request.h"
#include "server/records.h"
#include "server/registration.h"

namespace dim {
namespace {

constexpr std::size_t kDocuments = 16;
constexpr std::size_t kLogins = 8;
constexpr std::size_t kGroups = 100;  // that one user may bring

JsonObject did_words(const Id& did) {
  JsonObject words;
  words.set("did", did.text());
  return words;
}

}  // namespace

Result<std::optional<Meta>> Gateway::stored_meta(const Id& id, bool* pinned) {
  if (pinned != nullptr) *pinned = true;
  if (id.bare().text() == core_.station_id_) return core_.account_.meta;
  const auto identity = core_.reads_.identity(id.bare().text());
  if (!identity) return std::unexpected(identity.error());
  if (!*identity) return std::nullopt;
  if (pinned != nullptr) *pinned = (*identity)->pinned;
  auto object = parse_json_object((*identity)->meta);
  if (!object) return std::nullopt;
  auto meta = Meta::parse(*object);
  if (!meta) return std::nullopt;
  return std::move(*meta);
}

void Gateway::on_meta(Request& request) {
  auto content = decode_content(request.content);
  const MetaContent* command = content ? content->as<MetaContent>() : nullptr;
  if (command == nullptr) return receipt(request, "Command not support.");
  if (command->meta) {
    publish(request, {.head = command->head, .did = command->did, .meta = command->meta});
    return;
  }
  const auto meta = stored_meta(command->did);
  if (!meta) return cannot_read(request, command->did.text(), meta.error());
  if (*meta) {
    return answer(request, MetaContent::answer(command->did, (*meta)->json(), core_.clock_.now(),
                                               core_.random_));
  }
  if (ask_neighbours(request, command->did)) return;
  receipt(request, "Meta not found.", "Meta not found: ${did}.", did_words(command->did));
}

void Gateway::on_documents(Request& request) {
  auto content = decode_content(request.content);
  const DocumentsContent* command = content ? content->as<DocumentsContent>() : nullptr;
  if (command == nullptr) return receipt(request, "Command not support.");
  if (command->meta || !command->documents.empty()) return publish(request, *command);
  query_documents(request, *command);
}

/// Oldest first; several go without the twin `document`, which makes clients forget the others
/// (wire-2026.md 9). Behind them, for whom it may concern, where the user has logged in.
void Gateway::query_documents(Request& request, const DocumentsContent& query) {
  const std::string id = query.did.bare().text();
  const auto read = stored_meta(query.did);
  if (!read) return cannot_read(request, id, read.error());
  const std::optional<Meta>& meta = *read;
  std::vector<std::pair<Millis, JsonObject>> documents;
  std::vector<std::pair<Millis, JsonObject>> logins;
  if (id == core_.station_id_) {
    documents.emplace_back(core_.account_.visa.time().value_or(0), core_.account_.visa.json());
  } else if (meta) {
    const auto stored = core_.reads_.documents(id);
    if (!stored) return cannot_read(request, id, stored.error());
    for (const StoredDocument& one : *stored) {
      auto object = parse_json_object(one.document);
      if (!object) continue;
      if (one.type == kLoginRecord) {
        if (const Json* message = object->find("msg"); message != nullptr && message->object())
          logins.emplace_back(one.time, *message->object());
      } else if (!is_record(one.type) && !(one.type == "visa" && is_removed_visa(one))) {
        documents.emplace_back(one.time, with_device_beside(std::move(*object),
                                                            query.did.bare().text(), one.terminal));
      }
    }
  }
  const auto by_time = [](const auto& one) { return one.first; };
  std::ranges::sort(documents, {}, by_time);
  if (!meta || documents.empty()) {
    if (ask_neighbours(request, query.did)) return;
    return receipt(request, "Document not found.", "Document not found: ${did}.",
                   did_words(query.did));
  }
  const auto newest = static_cast<double>(documents.back().first) / 1000;
  if (query.last_time > 0 && newest <= query.last_time) {
    receipt(request, "Document not updated.", "Document not updated: ${did}.",
            did_words(query.did));
  } else {
    std::vector<JsonObject> list;
    for (auto& [time, document] : documents) list.push_back(std::move(document));
    answer(request, DocumentsContent::answer(query.did.bare(), meta->json(), std::move(list),
                                             core_.clock_.now(), core_.random_));
  }
  std::ranges::sort(logins, std::greater{}, by_time);
  std::vector<SignedMessage> secrets;
  for (auto& [time, login] : logins) {
    if (secrets.size() == kLogins) break;
    auto message = SignedMessage::from_json(std::move(login));
    if (message) secrets.push_back(std::move(*message));
  }
  if (!secrets.empty() && !request.link.user.empty() && id != request.link.user) {
    answer(request, ForwardContent::make(std::move(secrets), core_.clock_.now(), core_.random_));
  }
}

/// The user's list of groups with one more. IDs of groups cost nothing, disks do: Errc::too_large
/// when there are enough. Counted at once, so that many in one turn are many.
Result<PutDocument> Gateway::count_group(const std::string& user, const std::string& group) {
  auto kept = groups_.find(user);
  if (kept == groups_.end()) {
    const auto stored = core_.reads_.documents(user);
    if (!stored) return std::unexpected(stored.error());
    PutDocument record{user, std::string(kGroupsRecord), {}, 0, R"({"list":[]})"};
    for (const StoredDocument& one : *stored) {
      if (one.type != kGroupsRecord) continue;
      record.time = one.time;
      record.document = one.document;
    }
    kept = groups_.emplace(user, std::move(record)).first;
  }
  PutDocument& record = kept->second;
  auto object = parse_json_object(record.document);
  Json* list = object ? object->find("list") : nullptr;
  if (list == nullptr || list->array() == nullptr)
    return fail(Errc::internal, "the list of a user's groups cannot be read");
  if (std::ranges::find(*list->array(), Json(group)) != list->array()->end()) return record;
  if (list->array()->size() >= kGroups)
    return fail(Errc::too_large, "a user may bring 100 groups to this station");
  list->array()->emplace_back(group);
  record.document = write_json(*object);
  record.time = std::max(core_.clock_.now(), record.time + 1);
  return record;
}

/// The query is answered when the neighbours have said what they know.
bool Gateway::ask_neighbours(Request& request, const Id& did) {
  // Neighbours are not asked for what a neighbour asks: that would go round.
  if (request.link.neighbour != nullptr || request.link.user.empty()) return false;
  const bool asked = bridge_->ask(did, [this, id = request.link.id, ticket = request.ticket,
                                        message = request.message, body = request.content] {
    GatewayLink* target = find(id);
    if (target == nullptr) return;
    Request later{*target, message, body, ticket};
    on_content(later, 0);
    end(later);
  });
  request.waiting = request.waiting || asked;
  return asked;
}

/// A04: the terminal of a reference client's visa is not signed with it. Who signs for it around
/// the visa is the user themselves; what a neighbour answers may be old; nobody else says what
/// devices somebody has. `document` has no place in the store yet.
Status Gateway::may_be_new_device(const Request& request, const Document& document) {
  const Id& signer = request.message.sealed.envelope.sender;
  if (names_place(document) || signer.same_entity(document.id())) return {};
  Directory kept(4);
  if (!learn_stored(kept, document.id()))
    return fail(Errc::internal, "the documents of that user cannot be read");
  const Known* known = kept.find(document.id());
  if (known == nullptr || known->documents.empty()) return {};
  const NeighbourState* neighbour = request.link.neighbour;
  if (neighbour == nullptr || !signer.same_entity(neighbour->config.id))
    return fail(Errc::forbidden, "a device is made known by its user");
  return check_new_place(document, known->documents, core_.clock_.now());
}

/// One's own, and those of groups and of others that are known here: each speaks for itself by its
/// signature (A04, A05). Metas of unknown users are not kept: IDs cost nothing, disks do.
void Gateway::publish(Request& request, const DocumentsContent& content) {
  GatewayLink& link = request.link;
  const bool only_meta = content.documents.empty();
  const auto refused = [&](std::string_view why = {}) {
    std::string pattern =
        only_meta ? "Meta not accepted: ${did}." : "Document not accepted: ${did}.";
    JsonObject words = did_words(content.did);
    if (!why.empty()) {
      pattern += " ${why}.";
      words.set("why", why);
    }
    receipt(request, only_meta ? "Meta not accepted." : "Document not accepted.", pattern,
            std::move(words));
  };
  if (link.user.empty() || content.documents.size() > kDocuments) return refused();
  const Millis now = core_.clock_.monotonic();
  if (link.neighbour == nullptr &&
      left(link).documents.take(core_.config_.quotas.documents, now) != 0) {
    ++core_.counters_.refused_quota;
    return refused();
  }
  const Id did = content.did.bare();
  const std::string id = did.text();
  if (id == core_.station_id_) return refused();
  const auto stored = core_.reads_.documents(id);
  if (!stored) return cannot_read(request, id, stored.error());
  bool pinned = false;
  auto read = stored_meta(did, &pinned);
  if (!read) return cannot_read(request, id, read.error());
  std::optional<Meta> meta = std::move(*read);
  // What was stored without a proof, and with one since, by an edition that did not note it.
  const bool has_proof = pinned || std::ranges::any_of(*stored, [](const StoredDocument& one) {
                           return !is_record(one.type);
                         });
  const bool is_known = meta.has_value();
  if (content.meta) {
    auto shown = Meta::parse(*content.meta);
    if (meta && is_forged_for(*content.meta, *meta))
      core_.event(StationEvent::Level::warn, "meta-suspect", id, std::string(kForgedKey));
    if (!shown || !shown->matches(did)) return refused();
    // A02: the stored one yields where nothing has proven it and a document proves this one.
    const bool proves = !has_proof && !only_meta;
    if (meta && meta->digest() != shown->digest() && !proves) {
      core_.event(StationEvent::Level::warn, "meta-suspect", id,
                  "a document came with another meta than the pinned one");
      return refused();
    }
    if (!meta || proves) meta = std::move(*shown);
  }
  if (!meta) return refused();
  // Users have to log in, or come by a neighbour (A05); groups by either.
  const auto may_be_new = [&] {
    if (link.neighbour == nullptr) return did.is_group();
    return !content.documents.empty() && bridge_->takes_new_id(link, did);
  };
  if (!is_known && !may_be_new()) return refused();
  std::vector<Write> writes;
  bool any_old = false, removes = false;
  std::set<Digest32> opened;  // what stands for a device that was not known
  std::size_t kept = core_.count_documents(id, *stored);
  for (const JsonObject& json : content.documents) {
    auto document = Document::parse(json, did, *meta);
    if (!document || is_record(document->type())) return refused();
    if (auto status = check_visa_key(*document); !status) {  // I12
      core_.event(StationEvent::Level::warn, "visa-refused", id, status.error().hint);
      return refused(status.error().hint);
    }
    const auto same = std::ranges::find_if(*stored, [&](const StoredDocument& one) {
      return one.type == document->type() && one.terminal == document->terminal();
    });
    const auto before = same == stored->end() ? std::nullopt : std::optional(same->time);
    if (auto status = check_document_time(*document, before, core_.clock_.now()); !status) {
      if (status.error().code != Errc::conflict) return refused();
      any_old = true;
      continue;
    }
    if (same == stored->end()) {
      if (auto status = may_be_new_device(request, *document); !status) {
        if (status.error().code != Errc::conflict) return refused();
        any_old = true;
        continue;
      }
      if (!names_place(*document) && !opened.insert(document->digest()).second) continue;
      if (++kept > kDocumentsPerUser) return refused();
    }
    removes = removes || is_removed(*document);
    if (id == link.user) (void)link.directory.learn_document(did, json, core_.clock_.now());
    writes.emplace_back(PutDocument{id, document->type(), document->terminal(), *document->time(),
                                    write_json(document->json())});
  }
  const bool has_document = !writes.empty();
  if (!is_known && link.neighbour != nullptr) {
    writes.emplace_back(PutIdentity{id, write_json(meta->json()), has_document});
    // Older than any log-in: that of theirs may be on its way to the disk before it.
    if (did.is_user()) writes.emplace_back(by_neighbour_record(id, 0));
  } else if (!is_known) {
    auto counted = count_group(link.user, id);
    if (!counted) {
      core_.event(StationEvent::Level::info, "too-many-groups", link.user, counted.error().hint);
      return receipt(request, "Too many groups.",
                     "Too many groups: ${did} is one more than this station keeps for a user.",
                     did_words(content.did));
    }
    writes.emplace_back(std::move(*counted));
    // A signature of a document is the proof of possession that pins a meta (A02).
    writes.emplace_back(PutIdentity{id, write_json(meta->json()), has_document});
  } else if (!pinned && has_document) {
    writes.emplace_back(PutIdentity{id, write_json(meta->json()), true});
  }
  if (writes.empty()) {
    // A visa that came with the log-in is news to the neighbours all the same.
    if (!only_meta) bridge_->learnt(did, request.message, request.content, &link);
    return only_meta ? receipt(request, "Meta received.", "Meta received: ${did}.", did_words(did))
                     : receipt(request, "Document not changed.", "Document not changed: ${did}.",
                               did_words(did));
  }
  request.waiting = true;
  core_.submit(std::move(writes), [this, link_id = link.id, user = link.user, id, did, only_meta,
                                   any_old, removes, ticket = request.ticket,
                                   message = request.message, body = request.content](
                                      const Result<std::vector<Written>>& written) {
    core_.forget_receiver(id);
    if (written) core_.sweep_prekeys(id);
    GatewayLink* target = find(link_id);
    if (written && removes) core_.end_sessions_after_removal(id, nullptr);
    if (!written) {
      groups_.erase(user);
      forget_command(message);
    } else {
      bridge_->learnt(did, message, body, target);
    }
    if (!written) return give_up(link_id, ticket);
    const bool old = any_old || std::ranges::any_of(*written, [](const Written& one) {
                       return one.accepted == Accepted::conflict;
                     });
    const auto answered = [this, link_id, ticket, message, body, did, only_meta, old] {
      GatewayLink* there = find(link_id);
      if (there == nullptr) return give_up(link_id, ticket);
      Request later{*there, message, body, ticket};
      if (only_meta)
        receipt(later, "Meta received.", "Meta received: ${did}.", did_words(did));
      else if (old)
        receipt(later, "Document not changed.", "Document not changed: ${did}.", did_words(did));
      else
        receipt(later, "Document received.", "Document received: ${did}.", did_words(did));
      finish(link_id, ticket);
    };
    // A44: what that device wrote before is stored before its removal is answered.
    return removes ? core_.after_writes(answered) : answered();
  });
}

}  // namespace dim
