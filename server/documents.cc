// Metas and documents of users: verified before they are stored, handed out as they came.
#include <algorithm>
#include <tuple>

#include "dim/base/fault.h"
#include "dim/engine/device_link.h"
#include "server/admin.h"
#include "server/core.h"
#include "server/records.h"

namespace dim {

void StationCore::end_sessions_after_removal(const std::string& user, const UserSession* except) {
  const std::vector<UserSession*> sessions = sessions_.of(user);
  for (UserSession* session : sessions) {
    if (session == except) continue;
    event(StationEvent::Level::info, "device-removed", user,
          "a session ended because a device of its user was removed");
    end_session(*session, "removed", true);
  }
}

void StationCore::create_document(StationRequest& request) {
  auto target = Id::parse(request.packet.get("target"));
  if (!target) return refuse(request, target.error());
  const std::string& user = request.session.user;
  if (target->bare().text() != user) {
    return refuse(request,
                  error_of(Errc::forbidden, "a session publishes documents of its own user only"));
  }
  if (!request.packet.content) {
    return refuse(request,
                  error_of(Errc::bad_request, "a document needs content: {\"document\":{…}}"));
  }
  auto object = parse_json_object(*request.packet.content);
  if (!object) return refuse(request, object.error());
  const Json* document_json = object->find("document");
  if (document_json == nullptr || document_json->object() == nullptr) {
    return refuse(request, error_of(Errc::bad_request, "the content has no object named document"));
  }
  auto identity = reads_.identity(user);
  if (!identity) return read_failed(request.link, request.id, identity.error());
  if (!*identity)
    return refuse(request, error_of(Errc::not_found, "the station has no meta of this user"));
  auto meta_json = parse_json_object((*identity)->meta);
  if (!meta_json) return read_failed(request.link, request.id, meta_json.error());
  auto meta = Meta::parse(*meta_json);
  if (!meta) return read_failed(request.link, request.id, meta.error());
  if (const Json* shown = object->find("meta"); shown != nullptr && !shown->is_null()) {
    if (shown->object() == nullptr)
      return refuse(request, error_of(Errc::meta, "meta is not a JSON object"));
    auto other = Meta::parse(*shown->object());
    if (!other) return refuse(request, other.error());
    if (other->digest() != meta->digest()) {
      event(StationEvent::Level::warn, "meta-suspect", user,
            "a document came with another meta than the pinned one");
      return refuse(request, error_of(Errc::conflict, "another meta is pinned for this ID"));
    }
  }
  auto document = Document::parse(*document_json->object(), target->bare(), *meta);
  if (!document) return refuse(request, document.error());
  if (is_record(document->type()))
    return refuse(request, error_of(Errc::bad_request, "the type of a document is a word"));
  if (auto status = check_visa_key(*document); !status) return refuse(request, status.error());
  auto stored = reads_.documents(user);
  if (!stored) return read_failed(request.link, request.id, stored.error());
  const auto same = std::ranges::find_if(*stored, [&](const StoredDocument& one) {
    return one.type == document->type() && one.terminal == document->terminal();
  });
  if (!document->time()) {
    return refuse(request,
                  error_of(Errc::bad_request, "a document needs time inside what is signed"));
  }
  const auto before = same == stored->end() ? std::nullopt : std::optional(same->time);
  if (admin_->clock_is_wrong()) return refuse(request, Admin::clock_error());
  if (auto status = check_document_time(*document, before, clock_.now()); !status) {
    return refuse(request, status.error());
  }
  const std::size_t most = kDocumentsPerUser + (DIM_FAULT("documents-17") ? 1 : 0);
  if (same == stored->end() && count_documents(user, *stored) >= most) {
    return refuse(request,
                  error_of(Errc::insufficient_storage,
                           "the station keeps 16 documents of a user, and those of 32 removed "
                           "devices besides; a new device may have the name of a removed one"));
  }
  open_request(request.link, request.id);
  std::vector<Write> writes;
  writes.emplace_back(PutDocument{user, document->type(), document->terminal(), *document->time(),
                                  write_json(document->json())});
  submit(std::move(writes),
         [this, id = request.link.id, reply = request.id, user, meta = *meta,
          removes = is_removed(*document)](const Result<std::vector<Written>>& written) {
           if (written && written->front().accepted != Accepted::conflict) {
             forget_receiver(user);
             sweep_prekeys(user);
             for (UserSession* session : sessions_.of(user)) {
               if (!session->keys.empty()) session->keys = keys_of(user, meta);
             }
           }
           if (written && written->front().accepted != Accepted::conflict && removes) {
             const LinkState* link = find(id);
             end_sessions_after_removal(user, link != nullptr ? link->session : nullptr);
             // A44: what that device wrote before is stored before its removal is answered.
             return after_writes([this, id, reply] {
               LinkState* there = finish_request(id, reply);
               if (there != nullptr) send(*there, Packet::response(201, reply));
             });
           }
           LinkState* link = finish_request(id, reply);
           if (link == nullptr) return;
           if (!written) return refuse(*link, reply, written.error());
           if (written->front().accepted == Accepted::conflict) {
             return refuse(*link, reply,
                           error_of(Errc::conflict, "a newer document of this type is stored"));
           }
           send(*link, Packet::response(201, reply));
         });
}

void StationCore::get_document(StationRequest& request) {
  auto target = Id::parse(request.packet.get("target"));
  if (!target) return refuse(request, target.error());
  const std::string id = target->bare().text();
  std::string meta;
  std::vector<std::string> documents;
  if (id == station_id_) {
    meta = write_json(account_.meta.json());
    documents.push_back(write_json(account_.visa.json()));
  } else {
    auto identity = reads_.identity(id);
    if (!identity) return read_failed(request.link, request.id, identity.error());
    if (!*identity) {
      if (ask_neighbours(request, *target)) return;
      return refuse(request, error_of(Errc::not_found, "this station knows nobody with this ID"));
    }
    meta = (*identity)->meta;
    auto stored = reads_.documents(id);
    if (!stored) return read_failed(request.link, request.id, stored.error());
    std::erase_if(*stored, [](const StoredDocument& one) { return is_record(one.type); });
    std::ranges::sort(*stored, std::greater{}, [](const StoredDocument& one) {
      const bool visa = one.type == "visa";
      return std::tuple(visa && !is_removed_visa(one), visa, one.time);
    });
    for (auto& one : *stored) documents.push_back(std::move(one.document));
  }
  // Visas first, of removed devices last, newest first, as many as the content of a packet on 8800
  // may hold.
  std::string content = "{\"meta\":" + meta + ",\"documents\":[";
  bool first = true;
  for (const std::string& document : documents) {
    if (content.size() + document.size() + 3 > content_limit(request.link.info.lane)) break;
    if (!first) content += ',';
    first = false;
    content += document;
  }
  content += "]}";
  Packet packet = Packet::response(200, request.id);
  packet.set("target", id);
  packet.content = std::move(content);
  send(request.link, packet);
}

}  // namespace dim
