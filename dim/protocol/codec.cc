#include "dim/protocol/codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "dim/message/message.h"

namespace dim::codec {
namespace {

constexpr double kExact = 9'007'199'254'740'992;  // 2^53

std::optional<double> read_number(const Json& value) {
  double number = 0;
  if (const std::string* text = value.text()) {
    const char* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  } else if (value.is_number()) {
    number = value.number();
  } else {
    return std::nullopt;
  }
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

Json Members::take(std::string_view name) {
  Json* value = json_.find(name);
  if (value == nullptr) return {};
  Json out = std::move(*value);
  json_.erase(name);
  return out;
}

void Members::fault(Literal hint) {
  if (!error_) error_ = Error{Errc::content, hint.view};
}

std::string Members::text(std::string_view name) {
  Json value = take(name);
  if (value.is_null()) return {};
  if (value.text() == nullptr) {
    fault("a member of the content must be text");
    return {};
  }
  return std::move(*value.text());
}

std::optional<JsonObject> Members::object(std::string_view name) {
  Json value = take(name);
  if (value.is_null()) return std::nullopt;
  if (value.object() == nullptr) {
    fault("a member of the content must be an object");
    return std::nullopt;
  }
  return std::move(*value.object());
}

std::vector<JsonObject> Members::objects(std::string_view name, std::size_t limit) {
  std::vector<JsonObject> out;
  Json value = take(name);
  if (value.is_null()) return out;
  JsonArray* list = value.array();
  if (list == nullptr || list->size() > limit) {
    fault("a list of the content is no list, or too long");
    return out;
  }
  for (Json& item : *list) {
    if (item.object() == nullptr) {
      fault("a list of the content may hold objects only");
      break;
    }
    out.push_back(std::move(*item.object()));
  }
  return out;
}

std::optional<Id> Members::id(std::string_view name) {
  const std::string value = text(name);
  if (value.empty()) return std::nullopt;
  auto id = Id::parse(value, context_.table.addresses());
  if (!id) fault("an ID in the content is none");
  return id ? std::optional(std::move(*id)) : std::nullopt;
}

std::optional<Id> Members::id_and_twin() {
  const Json did = take("did");
  const Json twin = take("ID");
  if (!did.is_null() && !twin.is_null() && !(did == twin)) {
    fault("did and ID name different entities");
    return std::nullopt;
  }
  json_.set("did", did.is_null() ? twin : did);
  return id("did");
}

std::optional<std::vector<Id>> Members::ids(std::string_view name, std::size_t limit) {
  const Json value = take(name);
  if (value.is_null()) return std::nullopt;
  const JsonArray* list = value.array();
  if (list == nullptr || list->size() > limit) {
    fault("a list of IDs is no list, or too long");
    return std::nullopt;
  }
  std::vector<Id> out;
  std::set<std::string, std::less<>> seen;
  for (const Json& item : *list) {
    const std::string* text = item.text();
    auto id = text != nullptr ? Id::parse(*text, context_.table.addresses())
                              : Result<Id>(fail(Errc::id, "none"));
    if (!id) {
      fault("a list of IDs holds something else");
      return std::nullopt;
    }
    Id bare = id->bare();
    if (seen.insert(bare.text()).second) out.push_back(std::move(bare));
  }
  return out;
}

double Members::number(std::string_view name) {
  const Json value = take(name);
  if (value.is_null()) return 0;
  const auto number = read_number(value);
  if (!number) fault("a member of the content must be a number");
  return number.value_or(0);
}

std::optional<std::int64_t> Members::count(std::string_view name) {
  const Json value = take(name);
  if (value.is_null()) return std::nullopt;
  const auto number = read_number(value);
  if (!number || *number < 0 || *number >= kExact || std::floor(*number) != *number) {
    fault("a member of the content must be a whole number");
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

double Members::seconds(std::string_view name) {
  const Json value = take(name);
  return read_seconds(&value);
}

std::optional<TransportableData> Members::data(std::string_view name) {
  const Json value = take(name);
  if (value.is_null()) return std::nullopt;
  auto data = TransportableData::parse(value, context_.reading);
  if (!data) {
    fault("binary data of the content must be base64");
    return std::nullopt;
  }
  return std::move(*data);
}

std::optional<PortableFile> Members::picture(std::string_view name) {
  const Json* value = json_.find(name);
  if (value == nullptr) return std::nullopt;
  auto file = PortableFile::parse(*value, context_.reading);
  if (!file) {
    auto bare = TransportableData::parse(*value, context_.reading);  // thumbnails of 2021
    if (!bare) return std::nullopt;
    file = PortableFile{.data = std::move(*bare)};
  }
  json_.erase(name);
  return std::move(*file);
}

JsonObject head_of(const ContentHead& head, std::string_view command) {
  JsonObject out;
  if (!head.type.empty()) out.set("type", head.type);
  if (head.sn > 0) out.set("sn", head.sn);
  if (head.time > 0) out.set("time", head.time);
  if (!command.empty()) out.set("command", command);
  if (head.group) out.set("group", head.group->text());
  return out;
}

JsonObject with_rest(JsonObject out, const JsonObject& rest) {
  for (const auto& [name, value] : rest) {
    if (!out.contains(name)) out.append_new(name, value);
  }
  return out;
}

void set_text(JsonObject& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.set(name, text);
}

void set_object(JsonObject& out, std::string_view name, const std::optional<JsonObject>& object) {
  if (object) out.set(name, *object);
}

void set_id(JsonObject& out, std::string_view name, const std::optional<Id>& id) {
  if (id) out.set(name, id->text());
}

void set_ids(JsonObject& out, std::string_view name, const std::vector<Id>& ids) {
  JsonArray list;
  list.reserve(ids.size());
  for (const Id& id : ids) list.emplace_back(id.text());
  out.set(name, std::move(list));
}

void set_number(JsonObject& out, std::string_view name, double number) {
  const bool whole = std::floor(number) == number && std::abs(number) < kExact;
  out.set(name, whole ? Json(static_cast<std::int64_t>(number)) : Json(number));
}

void set_picture(JsonObject& out, std::string_view name, const std::optional<PortableFile>& file) {
  if (file) out.set(name, file->json());
}

}  // namespace dim::codec
