// Kinds of codecs*.json.
#include <algorithm>
#include <cmath>

#include "dim/base/base58.h"
#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/identity/ted.h"
#include "tools/vectors.h"

namespace dim::vectors {
namespace {

using Outcome = std::optional<std::string>;

const Json& input_value(const Case& test, std::string_view name = "value") {
  static const Json kNull;
  const Json* value = test.input.find(name);
  return value != nullptr ? *value : kNull;
}

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

Outcome compare_accepted(const Case& test, const JsonObject& got) {
  if (auto wrong = check_verdict(test, true)) return wrong;
  return test.expected.object() != nullptr ? compare_members(*test.expected.object(), got)
                                           : std::nullopt;
}

Outcome encode(const Case& test, std::string (*encoder)(ByteView),
               Result<Bytes> (*decoder)(std::string_view)) {
  const Bytes data = hex_member(test.input, "data_hex");
  JsonObject got;
  got.set("encoded", encoder(data));
  if (auto wrong = compare_accepted(test, got)) return wrong;
  const auto back = decoder(*got.text("encoded"));
  return back && *back == data ? std::nullopt
                               : std::optional(differs("the bytes again", true, false));
}

Outcome decode(const Case& test, Result<Bytes> (*decoder)(std::string_view)) {
  const auto data = decoder(text_member(test.input, "string"));
  if (auto wrong = check_verdict(test, data.has_value())) return wrong;
  if (!data) return std::nullopt;
  JsonObject got;
  got.set("data_hex", to_hex(*data));
  return compare_accepted(test, got);
}

std::string encoded_as(const TransportableData& data) {
  if (data.algorithm == "hex") return to_hex(data.data);
  return data.algorithm == "base58" ? to_base58(data.data) : to_base64(data.data);
}

// The text form of the first generation: base64 bare, everything else behind its name, no data URI.
std::string first_text(const TransportableData& data) {
  return data.algorithm == "base64" ? encoded_as(data) : data.algorithm + "," + encoded_as(data);
}

Outcome ted(const Case& test, const Accounts&) {
  const auto data = TransportableData::parse(input_value(test), Reading::codec);
  if (!data) return check_verdict(test, false);
  JsonObject got;
  got.set("algorithm", data->algorithm);
  got.set("data_hex", to_hex(data->data));
  got.set("object", first_text(*data));
  return compare_accepted(test, got);
}

Outcome ted_create(const Case& test, const Accounts&) {
  TransportableData data{.data = hex_member(test.input, "data_hex")};
  JsonObject got, dictionary;
  dictionary.set("algorithm", data.algorithm);
  dictionary.set("data", encoded_as(data));
  got.set("object", data.text());
  got.set("dictionary", std::move(dictionary));
  data.is_uri = true;
  data.mime_type = "image/jpeg";
  got.set("mime", data.text());
  return compare_accepted(test, got);
}

Outcome transportable_data(const Case& test, const Accounts&) {
  const auto data = TransportableData::parse(input_value(test), Reading::codec);
  if (!data) return check_verdict(test, false);
  JsonObject got;
  got.set("data_hex", to_hex(data->data));
  got.set("encoding", data->algorithm);
  got.set("mime_type", data->is_uri ? Json(data->mime_type) : Json());
  got.set("charset", or_null(data->charset));
  got.set("filename", or_null(data->filename));
  got.set("serialized", data->text());
  return compare_accepted(test, got);
}

TransportableData made_data(const JsonObject& input) {
  TransportableData data{.data = hex_member(input, "data_hex")};
  if (const std::string* type = input.text("mime_type")) data.mime_type = *type;
  if (const std::string* name = input.text("filename")) data.filename = *name;
  data.is_uri = !data.mime_type.empty() || data.filename.has_value();
  return data;
}

Outcome transportable_data_create(const Case& test, const Accounts&) {
  JsonObject got;
  got.set("serialized", made_data(test.input).text());
  return compare_accepted(test, got);
}

Outcome data_uri(const Case& test, const Accounts&) {
  const auto uri = DataUri::parse(text_member(test.input, "string"));
  if (!uri) return check_verdict(test, false);
  JsonObject got;
  got.set("mime_type", uri->mime_type);
  got.set("encoding", uri->encoding);
  got.set("charset", or_null(uri->charset));
  got.set("filename", or_null(uri->filename));
  for (const std::string_view name : {"body", "payload", "data"}) got.set(name, uri->payload);
  return compare_accepted(test, got);
}

JsonObject describe(const PortableFile& file) {
  JsonObject got;
  got.set("url", or_null(file.url));
  got.set("filename", or_null(file.filename));
  got.set("data_hex", file.data ? Json(to_hex(file.data->data)) : Json());
  got.set("password", file.key ? Json(*file.key) : Json());
  got.set("object", file.json());
  got.set("serialized", file.json());
  return got;
}

Outcome transportable_file(const Case& test, const Accounts&) {
  const auto file = PortableFile::parse(input_value(test), Reading::codec);
  if (!file) return check_verdict(test, false);
  return compare_accepted(test, describe(*file));
}

// The first generation gave a data URI as URL and as data, and wrote a URL without its file name.
Outcome pnf(const Case& test, const Accounts&) {
  const auto file = PortableFile::parse(input_value(test), Reading::codec);
  if (!file) return check_verdict(test, false);
  JsonObject got = describe(*file);
  if (file->data && input_value(test).text() != nullptr &&
      input_value(test).text()->starts_with("data:")) {
    got.set("url", input_value(test));
  }
  if (file->url && !file->data && !file->key) got.set("object", *file->url);
  return compare_accepted(test, got);
}

Outcome transportable_file_create(const Case& test, const Accounts&) {
  PortableFile file;
  if (const std::string* url = test.input.text("url")) file.url = *url;
  if (const std::string* name = test.input.text("filename")) file.filename = *name;
  if (test.input.text("data_hex") != nullptr) file.data = made_data(test.input);
  if (const JsonObject& key = object_member(test.input, "password"); !key.empty()) file.key = key;
  JsonObject got;
  got.set("serialized", file.json());
  return compare_accepted(test, got);
}

// Integers beyond int64 are read as the nearest double, so their digits cannot come back.
bool has_huge_number(const Json& value) {
  constexpr double kInt64End = 9223372036854775808.0;
  if (value.real() != nullptr) return std::abs(*value.real()) >= kInt64End;
  if (value.array() != nullptr) return std::ranges::any_of(*value.array(), has_huge_number);
  if (value.object() == nullptr) return false;
  return std::ranges::any_of(*value.object(),
                             [](const auto& member) { return has_huge_number(member.second); });
}

Outcome json_encode(const Case& test, const Accounts&) {
  const Json& value = input_value(test);
  const std::string text = write_json(value, JsonStyle::reference);
  if (has_huge_number(value)) {
    const JsonObject* expected = test.expected.object();
    const auto wanted =
        expected != nullptr ? parse_json(text_member(*expected, "text")) : parse_json("");
    const auto back = parse_json(text);
    if (wanted && back && *wanted == *back) return check_verdict(test, true);
  }
  JsonObject got;
  got.set("text", text);
  return compare_accepted(test, got);
}

Outcome time_parse(const Case& test, const Accounts&) {
  const auto time = read_time(input_value(test));
  if (!time) return check_verdict(test, false);
  JsonObject got;
  got.set("timestamp", *time);
  return compare_accepted(test, got);
}

Outcome content_type(const Case& test, const Accounts&) {
  JsonObject got;
  got.set("type_string", type_text(input_value(test, "type")));
  return compare_accepted(test, got);
}

}  // namespace

void add_codec_checks(CheckTable& table) {
  table["base58"] = [](const Case& test, const Accounts&) {
    return encode(test, to_base58, from_base58);
  };
  table["base64"] = [](const Case& test, const Accounts&) {
    return encode(test, to_base64, from_base64);
  };
  table["hex"] = [](const Case& test, const Accounts&) { return encode(test, to_hex, from_hex); };
  table["base58_decode"] = [](const Case& test, const Accounts&) {
    return decode(test, from_base58);
  };
  table["base64_decode"] = [](const Case& test, const Accounts&) {
    return decode(test, from_base64_lenient);
  };
  table["hex_decode"] = [](const Case& test, const Accounts&) {
    return decode(test, from_hex_lenient);
  };
  table["ted"] = ted;
  table["ted_create"] = ted_create;
  table["transportable_data"] = transportable_data;
  table["transportable_data_create"] = transportable_data_create;
  table["data_uri"] = data_uri;
  table["pnf"] = pnf;
  table["transportable_file"] = transportable_file;
  table["transportable_file_create"] = transportable_file_create;
  table["json_encode"] = json_encode;
  table["time_parse"] = time_parse;
  table["content_type"] = content_type;
}

}  // namespace dim::vectors
