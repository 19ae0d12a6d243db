#include "dim/protocol/commands.h"

#include <algorithm>
#include <array>

#include "dim/protocol/decode.h"
#include "dim/protocol/encode.h"

namespace dim {
namespace {

using codec::Members;

constexpr std::string_view kGreeting = "Nice to meet you!";
constexpr std::string_view kGreetingAnswer = "Nice to meet you too!";

ContentHead command_head(Millis now, Random& random) {
  return ContentHead::make("136", now, random);
}

HandshakeContent with_title(std::string_view title, std::string_view session, Millis now,
                            Random& random) {
  HandshakeContent content{.head = command_head(now, random), .title = std::string(title)};
  content.session = session;
  content.rest.set("message", title);  // clients of 2021 read this
  return content;
}

std::vector<std::string> split_names(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::vector<std::string> out;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return out;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kSpace), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// Of all members of an envelope that nobody finds a message by; a receipt has its origin twice.
constexpr std::size_t kOriginBytes = 4 * limits::kKiB;

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ' ';
    out += name;
  }
  return out;
}

}  // namespace

ReceiptContent ReceiptContent::make(std::string_view text, std::optional<JsonObject> origin,
                                    Millis now, Random& random) {
  return {
      .head = command_head(now, random), .text = std::string(text), .origin = std::move(origin)};
}

JsonObject ReceiptContent::origin_of(const JsonObject& message, std::optional<std::int64_t> sn) {
  constexpr std::array<std::string_view, 6> kLeftOut = {"data", "key",  "keys",
                                                        "meta", "visa", "content"};
  constexpr std::array<std::string_view, 6> kNeeded = {"sender", "receiver", "time",
                                                       "type",   "group",    "signature"};
  std::size_t left = kOriginBytes;
  JsonObject origin;
  for (const auto& [name, value] : message) {
    if (std::ranges::find(kLeftOut, name) != kLeftOut.end()) continue;
    const std::string* text = value.text();
    const std::size_t size =
        name.size() + (text != nullptr ? text->size() : write_json(value).size());
    const bool needed = std::ranges::find(kNeeded, name) != kNeeded.end();
    if (size > (needed ? kOriginBytes : left)) continue;
    if (!needed) left -= size;
    origin.set(name, value);
  }
  if (sn) origin.set("sn", *sn);
  return origin;
}

HandshakeState HandshakeContent::state() const {
  if (title == "DIM!") return HandshakeState::success;
  if (title == "DIM?") return HandshakeState::again;
  return session.empty() ? HandshakeState::start : HandshakeState::restart;
}

bool HandshakeContent::is_greeting() const { return title == kGreeting; }
bool HandshakeContent::is_greeting_answer() const { return title == kGreetingAnswer; }

HandshakeContent HandshakeContent::start(Millis now, Random& random) {
  return with_title("Hello world!", {}, now, random);
}
HandshakeContent HandshakeContent::again(std::string_view session, Millis now, Random& random) {
  return with_title("DIM?", session, now, random);
}
HandshakeContent HandshakeContent::restart(std::string_view session, Millis now, Random& random) {
  return with_title("Hello world!", session, now, random);
}
HandshakeContent HandshakeContent::success(std::string_view session, Millis now, Random& random) {
  return with_title("DIM!", session, now, random);
}
HandshakeContent HandshakeContent::greeting(Millis now, Random& random) {
  return with_title(kGreeting, {}, now, random);
}
HandshakeContent HandshakeContent::greeting_answer(std::string_view session, Millis now,
                                                   Random& random) {
  return with_title(kGreetingAnswer, session, now, random);
}

MetaContent MetaContent::query(const Id& did, Millis now, Random& random) {
  return {.head = command_head(now, random), .did = did};
}
MetaContent MetaContent::answer(const Id& did, JsonObject meta, Millis now, Random& random) {
  return {.head = command_head(now, random), .did = did, .meta = std::move(meta)};
}

DocumentsContent DocumentsContent::query(const Id& did, double last_time, Millis now,
                                         Random& random) {
  return {.head = command_head(now, random), .did = did, .last_time = last_time};
}
DocumentsContent DocumentsContent::answer(const Id& did, std::optional<JsonObject> meta,
                                          std::vector<JsonObject> documents, Millis now,
                                          Random& random) {
  return {.head = command_head(now, random),
          .did = did,
          .meta = std::move(meta),
          .documents = std::move(documents)};
}

LoginContent LoginContent::make(const Id& did, JsonObject station, std::string_view agent,
                                Millis now, Random& random) {
  LoginContent content{.head = command_head(now, random), .did = did, .agent = std::string(agent)};
  content.station = std::move(station);
  return content;
}

ReportContent ReportContent::online(Millis now, Random& random) {
  return {.head = command_head(now, random), .title = "online"};
}
ReportContent ReportContent::offline(Millis now, Random& random) {
  return {.head = command_head(now, random), .title = "offline"};
}

AnsContent AnsContent::query(std::vector<std::string> names, Millis now, Random& random) {
  return {.head = command_head(now, random), .names = std::move(names)};
}
AnsContent AnsContent::answer(std::vector<std::string> names,
                              std::vector<std::pair<std::string, Id>> records, Millis now,
                              Random& random) {
  return {
      .head = command_head(now, random), .names = std::move(names), .records = std::move(records)};
}

MuteContent MuteContent::query(Millis now, Random& random) {
  return {.head = command_head(now, random)};
}
MuteContent MuteContent::make(std::vector<Id> list, Millis now, Random& random) {
  return {.head = command_head(now, random), .list = std::move(list)};
}

BlockContent BlockContent::query(Millis now, Random& random) {
  return {.head = command_head(now, random)};
}
BlockContent BlockContent::make(std::vector<Id> list, Millis now, Random& random) {
  return {.head = command_head(now, random), .list = std::move(list)};
}

SearchContent SearchContent::query(std::string_view keywords, std::int64_t start,
                                   std::int64_t limit, Millis now, Random& random) {
  SearchContent content{.head = command_head(now, random)};
  content.keywords = keywords;
  content.start = start;
  content.limit = limit;
  return content;
}
SearchContent SearchContent::online_users(std::int64_t start, std::int64_t limit, Millis now,
                                          Random& random) {
  SearchContent content = query({}, start, limit, now, random);
  content.online = true;
  return content;
}
SearchContent SearchContent::answer(const SearchContent& query, std::vector<Id> users, Millis now,
                                    Random& random) {
  SearchContent content = query;
  content.head = command_head(now, random);
  content.users = std::move(users);
  return content;
}

StorageContent StorageContent::query(std::string_view title, const Id& did, Millis now,
                                     Random& random) {
  return {.head = command_head(now, random), .title = std::string(title), .did = did};
}
StorageContent StorageContent::put(std::string_view title, const Id& did, Bytes data,
                                   std::optional<Bytes> key, Millis now, Random& random) {
  StorageContent content = query(title, did, now, random);
  content.data = TransportableData{.data = std::move(data)};
  if (key) content.key = TransportableData{.data = std::move(*key)};
  return content;
}

namespace decoders {
namespace {

constexpr std::size_t kNames = limits::kListItems;
constexpr std::size_t kList = limits::kMessageKeys;

std::optional<Id> named(Members& members) {
  auto did = members.id_and_twin();
  if (!did) members.fault("the command needs the member did");
  return did;
}

// What is no ID comes back: it stays in the rest.
std::optional<JsonObject> read_records(Members& members, AnsContent& content) {
  auto records = members.object("records");
  if (!records) return std::nullopt;
  if (records->size() > kNames) members.fault("a command names at most 256 names");
  JsonObject others;
  for (const auto& [name, value] : *records) {
    const std::string* text = value.text();
    auto id = text != nullptr ? Id::parse(*text, members.context().table.addresses())
                              : Result<Id>(fail(Errc::id, "none"));
    if (id) {
      content.records.emplace_back(name, std::move(*id));
    } else {
      others.append_new(name, value);  // stations of 2025 map an unknown name to itself
    }
  }
  if (others.empty() && !records->empty()) return std::nullopt;
  return others;
}

template <class T>
Result<Content> id_list(ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json, context);
  T content{.head = std::move(head), .list = members.ids("list", kList)};
  return finish(members, std::move(content), json);
}

}  // namespace

Result<Content> receipt(const Kind&, ContentHead head, JsonObject json,
                        const DecodeContext& context) {
  Members members(json, context);
  ReceiptContent content{.head = std::move(head), .text = members.text("text")};
  content.origin = members.object("origin");
  auto envelope = members.object("envelope");
  if (!content.origin) content.origin = std::move(envelope);
  if (!content.origin && json.contains("sender")) {
    JsonObject origin;
    for (const std::string_view name : {"sender", "receiver", "signature"}) {
      if (const Json* value = json.find(name)) origin.set(name, *value);
    }
    if (content.head.time > 0) origin.set("time", content.head.time);
    origin.set("sn", content.head.sn);
    content.origin = std::move(origin);
  }
  for (const std::string_view copy : {"sender", "receiver", "signature"}) {
    const Json* top = json.find(copy);
    const Json* inner = content.origin ? content.origin->find(copy) : nullptr;
    if (top != nullptr && inner != nullptr && *top == *inner) members.drop(copy);
  }
  return finish(members, std::move(content), json);
}

Result<Content> handshake(const Kind&, ContentHead head, JsonObject json,
                          const DecodeContext& context) {
  Members members(json, context);
  HandshakeContent content{.head = std::move(head), .title = members.text("title")};
  content.session = members.text("session");
  if (const std::string* message = json.text("message");
      message != nullptr && content.title.empty()) {
    content.title = *message;
  }
  if (content.title.empty()) members.fault("a handshake needs a title");
  return finish(members, std::move(content), json);
}

Result<Content> meta(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json, context);
  auto did = named(members);
  if (!did) return std::unexpected(*members.error());
  MetaContent content{.head = std::move(head), .did = std::move(*did)};
  content.meta = members.object("meta");
  return finish(members, std::move(content), json);
}

Result<Content> documents(const Kind&, ContentHead head, JsonObject json,
                          const DecodeContext& context) {
  Members members(json, context);
  auto did = named(members);
  members.drop("document");  // from_wire has put it into the list
  if (!did) return std::unexpected(*members.error());
  DocumentsContent content{.head = std::move(head), .did = std::move(*did)};
  content.meta = members.object("meta");
  content.documents = members.objects("documents", limits::kForwardMessages);
  content.last_time = members.seconds("last_time");
  return finish(members, std::move(content), json);
}

Result<Content> login(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  Members members(json, context);
  auto did = named(members);
  const std::string terminal = members.text("terminal");
  if (members.error()) return std::unexpected(*members.error());
  if (!terminal.empty()) {
    auto device = Id::parse_near(did->bare().text() + "/" + terminal, *did);
    if (!device) return fail(Errc::content, "the terminal of a login command is none");
    if (!did->terminal().empty() && did->terminal() != terminal) {
      return fail(Errc::content, "did and terminal of a login command name different devices");
    }
    did = std::move(*device);
  }
  LoginContent content{.head = std::move(head), .did = std::move(*did)};
  content.agent = members.text("agent");
  content.device = members.text("device");
  content.station = members.object("station");
  content.provider = members.object("provider");
  return finish(members, std::move(content), json);
}

Result<Content> report(const Kind&, ContentHead head, JsonObject json,
                       const DecodeContext& context) {
  Members members(json, context);
  ReportContent content{.head = std::move(head), .title = members.text("title")};
  if (const std::string* state = json.text("state"); state != nullptr && content.title.empty()) {
    content.title = *state == "background" ? "offline" : *state == "foreground" ? "online" : *state;
  }
  return finish(members, std::move(content), json);
}

Result<Content> ans(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json, context);
  AnsContent content{.head = std::move(head), .names = split_names(members.text("names"))};
  if (content.names.size() > kNames) members.fault("a command names at most 256 names");
  if (auto others = read_records(members, content)) json.set("records", std::move(*others));
  return finish(members, std::move(content), json);
}

Result<Content> mute(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  return id_list<MuteContent>(std::move(head), std::move(json), context);
}

Result<Content> block(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  return id_list<BlockContent>(std::move(head), std::move(json), context);
}

Result<Content> search(const Kind& kind, ContentHead head, JsonObject json,
                       const DecodeContext& context) {
  Members members(json, context);
  SearchContent content{.head = std::move(head), .online = kind.command == "users"};
  content.keywords = members.text("keywords");
  content.start = members.count("start").value_or(0);
  content.limit = members.count("limit").value_or(0);
  content.station = members.id("station");
  content.users = members.ids("users", kList).value_or(std::vector<Id>());
  return finish(members, std::move(content), json);
}

Result<Content> storage(const Kind& kind, ContentHead head, JsonObject json,
                        const DecodeContext& context) {
  Members members(json, context);
  StorageContent content{.head = std::move(head), .title = members.text("title")};
  // "contacts" and "private_key" were commands of their own before they became titles.
  if (content.title.empty() && kind.command != "storage") content.title = kind.command;
  content.did = members.id_and_twin();
  content.data = members.data("data");
  content.key = members.data("key");
  if (members.strict() && content.title.empty()) members.fault("a storage command needs a title");
  return finish(members, std::move(content), json);
}

}  // namespace decoders

namespace encoders {

using codec::head_of;
using codec::with_rest;

JsonObject encode(const ReceiptContent& content) {
  JsonObject out = head_of(content.head, "receipt");
  out.set("text", content.text);
  codec::set_object(out, "origin", content.origin);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const HandshakeContent& content) {
  JsonObject out = head_of(content.head, "handshake");
  out.set("title", content.title);
  codec::set_text(out, "session", content.session);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const MetaContent& content) {
  JsonObject out = head_of(content.head, "meta");
  out.set("did", content.did.text());
  codec::set_object(out, "meta", content.meta);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const DocumentsContent& content) {
  JsonObject out = head_of(content.head, "documents");
  out.set("did", content.did.text());
  codec::set_object(out, "meta", content.meta);
  if (content.last_time > 0) out.set("last_time", content.last_time);
  if (!content.documents.empty()) {
    JsonArray list;
    for (const JsonObject& document : content.documents) list.emplace_back(document);
    out.set("documents", std::move(list));
  }
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const LoginContent& content) {
  JsonObject out = head_of(content.head, "login");
  out.set("did", content.did.text());
  codec::set_text(out, "agent", content.agent);
  codec::set_text(out, "device", content.device);
  codec::set_object(out, "station", content.station);
  codec::set_object(out, "provider", content.provider);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const ReportContent& content) {
  JsonObject out = head_of(content.head, "report");
  codec::set_text(out, "title", content.title);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const AnsContent& content) {
  JsonObject out = head_of(content.head, "ans");
  out.set("names", join_names(content.names));
  const Json* others = content.rest.find("records");
  JsonObject records;
  for (const auto& [name, id] : content.records) records.set(name, id.text());
  if (others != nullptr && others->object() != nullptr)
    records = with_rest(std::move(records), *others->object());
  if (!records.empty() || others != nullptr) out.set("records", std::move(records));
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const MuteContent& content) {
  JsonObject out = head_of(content.head, "mute");
  if (content.list) codec::set_ids(out, "list", *content.list);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const BlockContent& content) {
  JsonObject out = head_of(content.head, "block");
  if (content.list) codec::set_ids(out, "list", *content.list);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const SearchContent& content) {
  JsonObject out = head_of(content.head, content.online ? "users" : "search");
  codec::set_text(out, "keywords", content.keywords);
  if (content.start > 0) out.set("start", content.start);
  if (content.limit > 0) out.set("limit", content.limit);
  codec::set_id(out, "station", content.station);
  if (!content.users.empty()) codec::set_ids(out, "users", content.users);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const StorageContent& content) {
  JsonObject out = head_of(content.head, "storage");
  codec::set_text(out, "title", content.title);
  codec::set_id(out, "did", content.did);
  if (content.data) out.set("data", content.data->text());
  if (content.key) out.set("key", content.key->text());
  return with_rest(std::move(out), content.rest);
}

}  // namespace encoders
}  // namespace dim
