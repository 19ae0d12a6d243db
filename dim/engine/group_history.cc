#include "dim/engine/group_history.h"

#include <algorithm>
#include <utility>

namespace dim {
namespace {

constexpr std::size_t kLeaders = 100;  // a bulletin has 16 KiB
constexpr std::string_view kGroupApp = "chat.dim.group";
constexpr std::string_view kGroupModule = "keys";  // what both generations write
constexpr std::string_view kQuery = "query";
constexpr std::uint64_t kFirstNumber = 10'000, kLastNumber = 999'999'999;

Id anyone() { return {"anyone", Address::anywhere()}; }

JsonArray texts(const std::vector<Id>& ids) {
  JsonArray out;
  for (const Id& id : ids) out.emplace_back(id.bare().text());
  return out;
}

Result<SignedMessage> broadcast(JsonObject content, const Account& sender,
                                const Directory& directory, Random& random) {
  const PlainMessage message{.envelope = {.sender = sender.id.bare(), .receiver = anyone()},
                             .content = std::move(content)};
  return seal(message, sender, directory, {}, random);
}

// Without believing it: the text of a broadcast can be read before its signature is checked.
std::optional<Id> named_group(const SignedMessage& message) {
  if (!message.sealed.plain || !message.sealed.envelope.receiver.is_broadcast())
    return std::nullopt;
  const auto json = parse_json_object(as_text(message.sealed.data));
  if (!json) return std::nullopt;
  for (const std::string_view name : {"group", "did", "ID"}) {
    const std::string* text = json->text(name);
    auto id = text != nullptr ? Id::parse(*text) : Result<Id>(fail(Errc::id, "none"));
    if (id && id->is_group() && !id->is_broadcast()) return id->bare();
  }
  return std::nullopt;
}

class Reader {
 public:
  Reader(const Id& group, std::optional<Group> known, const Account& me, Directory& directory,
         Millis now, Millis known_reset)
      : id_(group), me_(me), directory_(directory), now_(now), known_reset_(known_reset) {
    out_.group = std::move(known);
    renew();
  }

  void message(const SignedMessage& secret) {
    const Envelope& envelope = secret.sealed.envelope;
    if (!secret.sealed.plain || !envelope.receiver.is_broadcast()) return refuse();
    auto opened = open(secret, me_, directory_, nullptr, now_);
    if (!opened) {
      if (opened.error().code == Errc::not_found) return lacks(envelope.sender);
      return refuse();
    }
    auto content = decode_content(std::move(opened->message.content), {}, 1);
    if (!content) return refuse();
    if (const auto* documents = content->as<DocumentsContent>()) return learn(*documents);
    const auto* command = content->as<GroupContent>();
    if (command == nullptr) return refuse();
    apply({.content = *command,
           .sender = envelope.sender.bare(),
           .message = secret,
           .hash = opened->hash});
  }

  HistoryRead finish() {
    std::ranges::sort(out_.missing);
    const auto rest = std::ranges::unique(out_.missing);
    out_.missing.erase(rest.begin(), rest.end());
    return std::move(out_);
  }

 private:
  void refuse() { ++out_.refused; }
  void lacks(const Id& who) { out_.missing.push_back(who.bare()); }

  void learn(const DocumentsContent& documents) {
    if (!documents.did.same_entity(id_) || documents.documents.size() > limits::kAttachedDocuments)
      return refuse();
    if (documents.meta) {
      const auto meta = Meta::parse(*documents.meta);
      if (!meta || !directory_.learn_meta(id_, *meta)) return refuse();
    }
    for (const JsonObject& object : documents.documents) {
      const auto document = directory_.learn_document(id_, object, now_);
      if (!document && document.error().code != Errc::conflict) return refuse();
    }
    renew();
  }

  // The newest bulletin may have come another way.
  void renew() {
    const Known* known = directory_.find(id_);
    if (known == nullptr || !out_.group) return;
    for (const Document& document : known->documents) {
      if (document.type() == "bulletin" && document.time() > out_.group->bulletin().time() &&
          !out_.group->renew(document))
        refuse();
    }
  }

  void apply(GroupRecord record) {
    if (!out_.group && !begin()) return;
    auto outcome = out_.group->apply(std::move(record), now_);
    if (!outcome) return refuse();
    if (*outcome == GroupOutcome::applied) ++out_.applied;
    if (*outcome == GroupOutcome::waiting) ++out_.waiting;
    if (*outcome == GroupOutcome::answer) out_.asked = true;
  }

  bool begin() {
    auto group = Group::start(directory_, id_, known_reset_);
    if (group) {
      out_.group = std::move(*group);
      return true;
    }
    if (group.error().code == Errc::not_found) {
      lacks(id_);
      if (auto founder = founder_known_by_name()) lacks(*founder);
    } else {
      refuse();
    }
    return false;
  }

  // The founder's meta is needed as well, and the bulletin tells whose.
  std::optional<Id> founder_known_by_name() const {
    const Known* known = directory_.find(id_);
    if (known == nullptr) return std::nullopt;
    for (const Document& document : known->documents) {
      const std::string* text = document.properties().text("founder");
      auto id = text != nullptr ? Id::parse(*text) : Result<Id>(fail(Errc::id, "none"));
      if (id) return id->bare();
    }
    return std::nullopt;
  }

  const Id& id_;
  const Account& me_;
  Directory& directory_;
  Millis now_;
  Millis known_reset_;
  HistoryRead out_;
};

}  // namespace

Result<NewGroup> create_group(const Account& founder, std::string_view name,
                              const std::vector<Id>& administrators,
                              const std::vector<Id>& assistants, Millis now, Random& random) {
  if (administrators.size() + assistants.size() > kLeaders)
    return fail(Errc::bad_request, "a bulletin names at most 100 administrators and assistants");
  const std::uint64_t number = kFirstNumber + random.u64() % (kLastNumber - kFirstNumber + 1);
  Meta meta = Meta::make_mkm(founder.identity_key, "Group-" + std::to_string(number));
  auto id = meta.id(EntityType::group);
  if (!id) return std::unexpected(id.error());
  JsonObject properties;
  properties.set("founder", founder.id.bare().text());
  properties.set("name", name);
  if (!administrators.empty()) properties.set("administrators", texts(administrators));
  if (!assistants.empty()) properties.set("assistants", texts(assistants));
  Document bulletin =
      Document::make(*id, "bulletin", std::move(properties), now, founder.identity_key);
  return NewGroup{std::move(*id), std::move(meta), std::move(bulletin)};
}

Result<Document> next_bulletin(const Document& bulletin, const Account& founder,
                               const JsonObject& properties, Millis now) {
  const std::string* named = bulletin.properties().text("founder");
  if (named == nullptr || *named != founder.id.bare().text())
    return fail(Errc::key, "only the founder signs the bulletin of a group");
  JsonObject all = bulletin.properties();
  for (const auto& [name, value] : properties) {
    if (value.is_null()) {
      all.erase(name);
    } else {
      all.set(name, value);
    }
  }
  return Document::make(bulletin.id(), "bulletin", std::move(all), now, founder.identity_key);
}

Result<GroupRecord> sign_command(const GroupContent& command, const Account& sender,
                                 const Directory& directory, Random& random) {
  auto message = broadcast(encode_content(Content(command)), sender, directory, random);
  if (!message) return std::unexpected(message.error());
  const Digest32 hash = message_hash(*message);
  return GroupRecord{command, sender.id.bare(), std::move(*message), hash};
}

Result<ForwardContent> pack_history(const Group& group, const Directory& directory,
                                    const Account& me, Millis now, Random& random) {
  const Known* known = directory.find(group.id());
  if (known == nullptr || !known->meta)
    return fail(Errc::not_found, "the meta of the group is not known");
  auto first =
      broadcast(encode_content(Content(DocumentsContent::answer(
                    group.id(), known->meta->json(), {group.bulletin().json()}, now, random))),
                me, directory, random);
  if (!first) return std::unexpected(first.error());
  std::vector<SignedMessage> secrets;
  secrets.push_back(std::move(*first));
  for (const GroupRecord* record : group.history()) secrets.push_back(record->message);
  return ForwardContent::make(std::move(secrets), now, random);
}

HistoryRead read_history(const ForwardContent& forward, const Id& group, std::optional<Group> known,
                         const Account& me, Directory& directory, Millis now, Millis known_reset) {
  Reader reader(group, std::move(known), me, directory, now, known_reset);
  for (const SignedMessage& secret : forward.secrets) reader.message(secret);
  return reader.finish();
}

CustomizedContent ask_history(const HistoryQuery& query, Millis now, Random& random) {
  CustomizedContent content = CustomizedContent::make(kGroupApp, kGroupModule, kQuery, now, random);
  content.head.group = query.group.bare();
  if (query.last_time > 0) content.rest.set("last_time", query.last_time);
  return content;
}

std::optional<HistoryQuery> read_history_query(const Content& content) {
  const auto& group = content.head().group;
  if (!group || group->is_broadcast()) return std::nullopt;
  if (const auto* command = content.as<GroupContent>();
      command != nullptr && command->action == GroupAction::query)
    return HistoryQuery{group->bare(), command->last_time};
  const auto* custom = content.as<CustomizedContent>();
  // With "from" it is a bot's question for message keys.
  if (custom == nullptr || custom->app != kGroupApp || custom->act != kQuery ||
      custom->rest.contains("from"))
    return std::nullopt;
  return HistoryQuery{group->bare(), read_seconds(custom->rest.find("last_time"))};
}

std::optional<Id> group_of(const ForwardContent& forward) {
  for (const SignedMessage& secret : forward.secrets) {
    if (auto group = named_group(secret)) return group;
  }
  return std::nullopt;
}

}  // namespace dim
