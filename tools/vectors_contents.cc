// Kinds of contents*.json and commands*.json: what a content says, and how it goes out again.
#include <algorithm>

#include "dim/base/hex.h"
#include "dim/crypto/os_random.h"
#include "dim/identity/meta.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"
#include "tools/vectors.h"

namespace dim::vectors {
namespace {

using Outcome = std::optional<std::string>;

Json some(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json some(double number) { return number == 0 ? Json() : Json(number); }
Json some(const std::optional<Id>& id) { return id ? Json(id->text()) : Json(); }
Json some(const std::optional<JsonObject>& object) { return object ? Json(*object) : Json(); }
Json some(const std::optional<PortableFile>& file) { return file ? file->json() : Json(); }
Json list_of(const std::vector<Id>& ids) {
  JsonArray out;
  for (const Id& id : ids) out.emplace_back(id.text());
  return out;
}
Json some(const std::vector<Id>& ids) { return ids.empty() ? Json() : list_of(ids); }
Json meta_valid(const std::optional<JsonObject>& meta) {
  return meta ? Json(Meta::parse(*meta, Reading::codec).has_value()) : Json();
}

// `did` and `ID` of a login's station, which are one.
JsonObject with_twins(JsonObject place) {
  for (const auto& [name, twin] : {std::pair{"did", "ID"}, {"ID", "did"}}) {
    if (const Json* value = place.find(name); value != nullptr && !place.contains(twin)) {
      Json copy = *value;
      place.set(twin, std::move(copy));
    }
  }
  return place;
}

std::string class_of(const Content& content);

// The names under which the cases ask for what a content says.
struct Accessors {
  JsonObject& out;

  void file(const FileParts& file) const {
    out.set("filename", some(file.filename));
    out.set("url", some(file.url));
    out.set("data_hex", file.data ? Json(to_hex(file.data->data)) : Json());
    out.set("password", some(file.key));
  }

  std::string operator()(const TextContent& content) const {
    out.set("text", content.text);
    return "BaseTextContent";
  }
  std::string operator()(const FileContent& content) const {
    file(content.file);
    return "BaseFileContent";
  }
  std::string operator()(const ImageContent& content) const {
    file(content.file);
    out.set("thumbnail", some(content.thumbnail));
    return "ImageFileContent";
  }
  std::string operator()(const AudioContent& content) const {
    file(content.file);
    out.set("text", some(content.text));
    out.set("duration", some(content.duration));
    return "AudioFileContent";
  }
  std::string operator()(const VideoContent& content) const {
    file(content.file);
    out.set("snapshot", some(content.snapshot));
    return "VideoFileContent";
  }
  std::string operator()(const PageContent& content) const {
    out.set("url", some(content.url));
    out.set("title", content.title);
    out.set("desc", some(content.desc));
    out.set("html", some(content.html));
    out.set("icon", some(content.icon));
    return "WebPageContent";
  }
  std::string operator()(const CardContent& content) const {
    out.set("identifier", content.did.text());
    out.set("name", content.name);
    out.set("avatar", some(content.avatar));
    return "NameCardContent";
  }
  std::string operator()(const QuoteContent& content) const {
    out.set("text", content.text);
    out.set("original_sn", content.origin ? Json(content.origin->sn) : Json());
    return "BaseQuoteContent";
  }
  std::string operator()(const MoneyContent& content) const {
    out.set("currency", content.currency);
    out.set("amount", content.amount);
    return "BaseMoneyContent";
  }
  std::string operator()(const TransferContent& content) const {
    out.set("currency", content.currency);
    out.set("amount", content.amount);
    out.set("remitter", some(content.remitter));
    out.set("remittee", some(content.remittee));
    return "TransferMoneyContent";
  }
  std::string operator()(const CustomizedContent& content) const {
    out.set("application", content.app);
    out.set("module", content.mod);
    out.set("action", content.act);
    return "AppCustomizedContent";
  }
  std::string operator()(const ForwardContent& content) const {
    out.set("secrets", static_cast<std::int64_t>(content.secrets.size()));
    return "SecretContent";
  }
  std::string operator()(const CombineContent& content) const {
    out.set("title", content.title);
    out.set("messages", static_cast<std::int64_t>(content.messages.size()));
    return "CombineForwardContent";
  }
  std::string operator()(const ArrayContent& content) const {
    JsonArray classes;
    for (const Content& inner : content.contents) classes.emplace_back(class_of(inner));
    out.set("contents", std::move(classes));
    return "ListContent";
  }
  std::string operator()(const ReceiptContent& content) const {
    out.set("text", content.text);
    const auto origin = [&](std::string_view name) {
      const Json* value = content.origin ? content.origin->find(name) : nullptr;
      return value != nullptr ? *value : Json();
    };
    out.set("original_sn", origin("sn"));
    out.set("original_signature", origin("signature"));
    return "BaseReceiptCommand";
  }
  std::string operator()(const HandshakeContent& content) const {
    out.set("title", content.title);
    out.set("session", some(content.session));
    out.set("state", static_cast<int>(content.state()));
    return "BaseHandshakeCommand";
  }
  std::string operator()(const MetaContent& content) const {
    out.set("identifier", content.did.text());
    out.set("meta_valid", meta_valid(content.meta));
    return "BaseMetaCommand";
  }
  std::string operator()(const DocumentsContent& content) const {
    out.set("identifier", content.did.text());
    out.set("meta_valid", meta_valid(content.meta));
    out.set("last_time", some(content.last_time));
    JsonArray classes;
    for (const JsonObject& document : content.documents) {
      const std::string& type = text_member(document, "type");
      const bool bulletin = type.empty() ? content.did.is_group() : type == "bulletin";
      classes.emplace_back(bulletin ? "BaseBulletin" : "BaseVisa");
    }
    out.set("documents", classes.empty() ? Json() : Json(std::move(classes)));
    return "BaseDocumentCommand";
  }
  std::string operator()(const LoginContent& content) const {
    out.set("identifier", content.did.text());
    out.set("terminal", some(content.did.terminal()));
    out.set("agent", some(content.agent));
    out.set("device", some(content.device));
    out.set("station", content.station ? Json(with_twins(*content.station)) : Json());
    out.set("provider", content.provider ? Json(with_twins(*content.provider)) : Json());
    return "LoginCommand";
  }
  std::string operator()(const ReportContent& content) const {
    out.set("title", content.title);
    return "ReportCommand";
  }
  std::string operator()(const AnsContent& content) const {
    JsonArray names;
    for (const std::string& name : content.names) names.emplace_back(name);
    out.set("names", std::move(names));
    JsonObject records;
    for (const auto& [name, id] : content.records) records.set(name, id.text());
    out.set("records", std::move(records));
    return "AnsCommand";
  }
  std::string operator()(const MuteContent& content) const {
    out.set("mute_list", content.list ? list_of(*content.list) : Json());
    return "MuteCommand";
  }
  std::string operator()(const BlockContent& content) const {
    out.set("block_list", content.list ? list_of(*content.list) : Json());
    return "BlockCommand";
  }
  std::string operator()(const SearchContent& content) const {
    out.set("keywords", some(content.keywords));
    return "SearchCommand";
  }
  std::string operator()(const StorageContent& content) const {
    out.set("title", content.title);
    return "StorageCommand";
  }
  std::string operator()(const GroupContent& content) const {
    out.set("members", some(content.members));
    out.set("administrators", some(content.administrators));
    out.set("assistants", some(content.assistants));
    out.set("last_time", some(content.last_time));
    std::string name(to_string(content.action));
    name[0] = static_cast<char>(name[0] - 'a' + 'A');
    return name + "GroupCommand";
  }
  std::string operator()(const UnknownContent& content) const {
    const int type = type_number(content.head.type);
    if (type != 136 && type != 137) return "BaseContent";
    if (content.head.group) return "BaseGroupCommand";
    return type == 137 ? "BaseHistoryCommand" : "BaseCommand";
  }
  std::string operator()(const AddedContent&) const { return "added"; }
};

std::string class_of(const Content& content) {
  JsonObject ignored;
  return std::visit(Accessors{ignored}, static_cast<const ContentVariant&>(content));
}

JsonObject read(const Content& content, const JsonObject& full) {
  JsonObject out;
  out.set("class", std::visit(Accessors{out}, static_cast<const ContentVariant&>(content)));
  const ContentHead& head = content.head();
  out.set("type", head.type);
  out.set("sn", head.sn);
  out.set("time", some(head.time));
  out.set("group", some(head.group));
  if (const std::string command = content_command(full); !command.empty()) out.set("cmd", command);
  return out;
}

// What the cases tell of the reference and no peer depends on, because it is a defect of it: a page
// loses its title and reads its description as HTML; an old receipt has no origin, and an old
// report no title, before it has been written again.
std::vector<std::string> not_read_by_the_reference(const Content& content, const JsonObject& wire) {
  if (content.as<PageContent>() != nullptr) return {"title", "html"};
  if (content.as<ReceiptContent>() != nullptr && !wire.contains("origin"))
    return {"original_sn", "original_signature"};
  if (content.as<ReportContent>() != nullptr && !wire.contains("title")) return {"title"};
  if (content.as<LoginContent>() != nullptr && wire.contains("terminal")) return {"identifier"};
  return {};
}

Outcome compare_accessors(const Case& test, const Content& content, const JsonObject& full) {
  JsonObject expected = object_member(*test.expected.object(), "parsed");
  for (const std::string_view name : {"station", "provider"}) {
    if (Json* place = expected.find(name); place != nullptr && place->object() != nullptr)
      *place = with_twins(*place->object());
  }
  for (const std::string& name :
       not_read_by_the_reference(content, object_member(test.input, "wire")))
    expected.erase(name);
  return compare_members(expected, read(content, full));
}

JsonObject with_title(JsonObject page, const JsonObject& wire) {
  const Json* title = wire.find("title");
  if (title != nullptr && page.contains("title")) page.set("title", *title);
  return page;
}

Outcome content(const Case& test, const Accounts&) {
  const JsonObject& wire = object_member(test.input, "wire");
  const auto full = from_wire(wire);
  const auto decoded = full ? decode_content(wire, {}, 0, Reading::codec)
                            : Result<Content>(std::unexpected(full.error()));
  if (auto wrong = check_verdict(test, decoded.has_value())) return wrong;
  // What may lack at the level of the formats may not at the trust boundary (J21).
  const bool headless = content_type(wire).empty() || !content_sn(wire);
  if (const auto strict = decode_content(wire); strict.has_value() && (headless || !decoded))
    return differs("the trust boundary", "reject", "accept");
  if (!decoded || test.expected.object() == nullptr) return std::nullopt;
  const JsonObject& expected = *test.expected.object();

  if (auto wrong = compare_accessors(test, *decoded, *full)) return wrong;
  const bool page = decoded->as<PageContent>() != nullptr;
  const auto fixed = [&](std::string_view name) {
    const JsonObject& object = object_member(expected, name);
    return page ? with_title(object, wire) : object;
  };
  const JsonObject in = fixed("after_incoming_fix");
  if (!(from_wire(in).value_or(in) == *full)) return differs("after_incoming_fix", in, *full);
  // The exact text, from what a program of theirs would hold.
  const JsonObject out = to_wire(in, WireForm::reference);
  if (!(out == fixed("after_outgoing_fix")))
    return differs("after_outgoing_fix", fixed("after_outgoing_fix"), out);
  const std::string text = write_json(out, JsonStyle::reference);
  const std::string& wanted = text_member(expected, "outgoing_text");
  const std::string page_text = write_json(fixed("after_outgoing_fix"), JsonStyle::reference);
  if (!wanted.empty() && text != (page ? page_text : wanted))
    return differs("outgoing_text", wanted, text);
  // Through our struct and out: nothing that came is lost, and it says the same.
  const JsonObject again = to_wire(encode_content(*decoded));
  for (const auto& [name, value] : wire) {
    if (!value.is_null() && name != "document" && name != "documents" && name != "member" &&
        name != "envelope" && name != "forward" && name != "state" && name != "terminal" &&
        !again.contains(name))
      return differs(name, value, Json());
  }
  const auto second = decode_content(again, {}, 0, Reading::codec);
  if (!second) return differs("reading what was written", "accept", to_string(second.error()));
  if (decoded->as<ReceiptContent>() != nullptr) return std::nullopt;  // takes over another sn
  return compare_accessors(test, *second, from_wire(again).value_or(again));
}

Outcome documents_receive(const Case& test, const Accounts&) {
  const auto decoded = decode_content(object_member(test.input, "wire"));
  if (auto wrong = check_verdict(test, decoded.has_value())) return wrong;
  const auto* documents = decoded ? decoded->as<DocumentsContent>() : nullptr;
  if (documents == nullptr || test.expected.object() == nullptr) return std::nullopt;
  JsonObject got;
  got.set("class", class_of(*decoded));
  got.set("command", *encode_content(*decoded).find("command"));
  got.set("did", documents->did.text());
  JsonArray signatures;
  for (const JsonObject& document : documents->documents)
    signatures.emplace_back(text_member(document, "signature"));
  if (!signatures.empty()) got.set("signatures", std::move(signatures));
  return compare_members(*test.expected.object(), got);
}

Outcome receipt_create(const Case& test, const Accounts&) {
  OsRandom random;
  const Json* about = test.input.find("content");
  const auto sn =
      about != nullptr && about->object() != nullptr ? content_sn(*about->object()) : std::nullopt;
  const auto receipt = ReceiptContent::make(
      text_member(test.input, "text"),
      ReceiptContent::origin_of(object_member(test.input, "envelope"), sn), 0, random);
  if (auto wrong = check_verdict(test, true)) return wrong;
  if (test.expected.object() == nullptr) return std::nullopt;
  return compare_members(object_member(*test.expected.object(), "content"),
                         encode_content(Content(receipt)), {"sn", "time"});
}

}  // namespace

void add_content_checks(CheckTable& table) {
  table["content"] = content;
  table["documents_receive"] = documents_receive;
  table["receipt_create"] = receipt_create;
}

}  // namespace dim::vectors
