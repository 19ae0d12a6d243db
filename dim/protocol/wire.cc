#include "dim/protocol/wire.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "dim/identity/meta.h"
#include "dim/message/message.h"
#include "dim/protocol/head.h"
#include "dim/protocol/kinds.h"

namespace dim {
namespace {

constexpr int kCommand = 136;
constexpr int kHistory = 137;
constexpr int kCard = 51;
constexpr int kArray = 202;

bool is_file(int type) { return type == 16 || type == 18 || type == 20 || type == 22; }

void copy(JsonObject& object, std::string_view from, std::string_view to) {
  const Json* value = object.find(from);
  if (value == nullptr || value->is_null() || object.contains(to)) return;
  Json twin = *value;
  object.set(to, std::move(twin));
}

void both_ways(JsonObject& object, std::string_view a, std::string_view b) {
  copy(object, a, b);
  copy(object, b, a);
}

bool names_somebody(const std::string& command) {
  return command == "login" || command == "meta" || command == "documents" ||
         command == "document" || command == "storage" || command == "contacts" ||
         command == "private_key";
}

void number_the_type(JsonObject& content) {
  const std::string* type = content.text("type");
  if (type == nullptr || type->empty()) return;
  std::int64_t number = 0;
  const char* end = type->data() + type->size();
  const auto [at, error] = std::from_chars(type->data(), end, number);
  if (error == std::errc() && at == end) content.set("type", number);
}

void fix_meta(JsonObject& content) {
  const Json* meta = content.find("meta");
  if (meta == nullptr || meta->object() == nullptr) return;
  JsonObject fixed = meta_for_wire(*meta->object());
  content.set("meta", std::move(fixed));
}

double document_time(const JsonObject& document) {
  const std::string* data = document.text("data");
  if (data == nullptr) return 0;
  auto properties = parse_json_object(*data);
  return properties ? read_seconds(properties->find("time")) : 0;
}

// command and cmd become "document"; the newest document is copied to `document`; a list of one is
// dropped.
void documents_out(JsonObject& content, WireForm form) {
  content.set("command", "document");
  content.set("cmd", "document");
  Json* list = content.find("documents");
  JsonArray* documents = list != nullptr ? list->array() : nullptr;
  if (documents == nullptr || documents->empty()) return;
  std::size_t newest = 0;
  for (std::size_t i = 0; i < documents->size(); ++i) {
    const JsonObject* document = (*documents)[i].object();
    if (document == nullptr) return;
    if (i > 0 && document_time(*document) >= document_time(*(*documents)[newest].object()))
      newest = i;
  }
  const bool all = form == WireForm::ours;
  for (std::size_t i = 0; i < documents->size(); ++i) {
    if (!all && i != newest) continue;
    JsonObject document = *(*documents)[i].object();
    copy(document, "did", "ID");
    (*documents)[i] = std::move(document);
  }
  if (documents->size() > 1 && form == WireForm::ours) return;
  Json twin = (*documents)[newest];
  if (documents->size() == 1) content.erase("documents");
  content.set("document", std::move(twin));
}

void receipt_out(JsonObject& content) {
  both_ways(content, "envelope", "origin");
  if (!content.contains("origin") && content.contains("sender")) {
    JsonObject origin;
    for (const std::string_view name : {"sender", "receiver", "time", "sn", "signature"}) {
      if (const Json* value = content.find(name)) origin.set(name, *value);
    }
    Json twin = origin;
    content.set("origin", std::move(origin));
    content.set("envelope", std::move(twin));
    return;
  }
  const Json* value = content.find("origin");
  if (value == nullptr || value->object() == nullptr) return;
  const JsonObject origin = *value->object();
  for (const std::string_view name : {"sender", "receiver", "sn", "signature"}) {
    const Json* member = origin.find(name);
    // A number that is none must not become the receipt's own: nobody could read it.
    const bool readable = name != "sn" || content_sn(origin).has_value();
    if (member != nullptr && !member->is_null() && readable) content.set(name, *member);
  }
}

void login_out(JsonObject& content) {
  for (const std::string_view name : {"station", "provider"}) {
    Json* value = content.find(name);
    if (value == nullptr || value->object() == nullptr) continue;
    JsonObject inner = *value->object();
    both_ways(inner, "did", "ID");
    *value = std::move(inner);
  }
}

// Clients of 2021 reported their `state`.
void report_out(JsonObject& content) {
  if (content.contains("title")) return;
  const std::string* state = content.text("state");
  if (state == nullptr) return;
  const bool background = *state == "background";
  if (background || *state == "foreground") content.set("title", background ? "offline" : "online");
}

void command_out(JsonObject& content, WireForm form) {
  both_ways(content, "command", "cmd");
  const std::string* name = content.text("command");
  if (name == nullptr) return;
  const std::string command = *name;
  const bool documents = command == "documents" || command == "document";
  if (command == "meta" || documents) fix_meta(content);
  if (documents) documents_out(content, form);
  if (names_somebody(command)) both_ways(content, "did", "ID");
  if (command == "receipt") receipt_out(content);
  if (command == "login") login_out(content);
  if (command == "report") report_out(content);
}

struct ShortName {
  std::string_view brief, full;
};
constexpr std::array<ShortName, 5> kShortNames = {
    {{"T", "type"}, {"N", "sn"}, {"W", "time"}, {"G", "group"}, {"C", "command"}}};

Status write_out_short_names(JsonObject& content) {
  for (const ShortName& entry : kShortNames) {
    const Json* value = content.find(entry.brief);
    if (value == nullptr) continue;
    if (content.contains(entry.full))
      return fail(Errc::content, "a short name stands beside its full name; keep one");
    Json moved = *value;
    content.erase(entry.brief);
    content.set(entry.full, std::move(moved));
  }
  return {};
}

bool is_documents(const std::string& command) {
  return command == "documents" || command == "document";
}

// An old `document` becomes the list. Where there is a list it wins: the twin is only its newest,
// though the reference then drops all others.
Status documents_in(JsonObject& content) {
  content.set("command", "documents");
  const Json* list = content.find("documents");
  if (list != nullptr && list->is_null()) list = nullptr;
  if (list != nullptr && list->array() == nullptr) {
    return fail(Errc::content, "documents must be a list");
  }
  const Json* single = content.find("document");
  if (single == nullptr) return {};
  if (list == nullptr && !single->is_null()) {
    if (single->object() == nullptr) return fail(Errc::content, "a document must be an object");
    JsonArray documents;
    documents.push_back(*single);
    content.set("documents", std::move(documents));
  }
  content.erase("document");
  return {};
}

Status command_in(JsonObject& content) {
  both_ways(content, "command", "cmd");
  const std::string* command = content.text("command");
  const std::string* cmd = content.text("cmd");
  if (command == nullptr || command->empty() || cmd == nullptr) {
    return fail(Errc::content, "a command needs its name as text in the member command");
  }
  if (*command != *cmd && !(is_documents(*command) && is_documents(*cmd)))
    return fail(Errc::content, "command and cmd name different commands");
  const std::string name = *command;
  if (names_somebody(name)) both_ways(content, "did", "ID");
  if (name == "meta" || is_documents(name)) fix_meta(content);
  if (is_documents(name)) return documents_in(content);
  return {};
}

Status check_list(const JsonObject& content, std::string_view name) {
  const Json* list = content.find(name);
  if (list != nullptr && !list->is_null() && list->array() == nullptr) {
    return fail(Errc::content, "a list of messages or contents is no list");
  }
  return {};
}

}  // namespace

JsonObject to_wire(JsonObject content, WireForm form) {
  number_the_type(content);
  const int type = type_number(content_type(content));
  if (is_file(type)) both_ways(content, "key", "password");
  if (type == kCard) both_ways(content, "did", "ID");
  if (type == kCommand) command_out(content, form);
  if (type == kHistory) both_ways(content, "command", "cmd");
  if (type == kArray && form == WireForm::ours) {
    Json* list = content.find("contents");
    JsonArray* contents = list != nullptr ? list->array() : nullptr;
    if (contents != nullptr) {
      for (Json& inner : *contents) {
        if (inner.object() != nullptr) inner = to_wire(*inner.object(), form);
      }
    }
  }
  return content;
}

Result<JsonObject> from_wire(JsonObject content) {
  if (auto status = write_out_short_names(content); !status) return std::unexpected(status.error());
  const int type = type_number(content_type(content));
  Status status;
  if (is_file(type)) both_ways(content, "key", "password");
  if (type == kCard) both_ways(content, "did", "ID");
  if (type == kCommand) status = command_in(content);
  if (type == 255) status = check_list(content, "secrets");
  if (type == 207) status = check_list(content, "messages");
  if (type == kArray) status = check_list(content, "contents");
  if (!status) return std::unexpected(status.error());
  return content;
}

}  // namespace dim
