#include "dim/identity/ted.h"

#include <array>
#include <charconv>
#include <cmath>

#include "dim/base/base58.h"
#include "dim/base/base64.h"
#include "dim/base/hex.h"

namespace dim {
namespace {

constexpr std::string_view kData = "data:";

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Unlike from_base64 alone, strict reading wants the padding: no peer leaves it out, and the codec
// refuses it without.
Result<Bytes> strict_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return fail(Errc::encoding, "base64 ends inside a group; pad it with =");
  return from_base64(text);
}

Result<Bytes> decode(std::string_view algorithm, std::string_view text, Reading reading) {
  const bool strict = reading == Reading::strict;
  if (algorithm == "base64") return strict ? strict_base64(text) : from_base64_lenient(text);
  if (algorithm == "hex") return strict ? from_hex(text) : from_hex_lenient(text);
  if (algorithm == "base58") return from_base58(text);
  return fail(Errc::encoding, "unknown encoding of a binary value; use base64");
}

Result<TransportableData> decoded(std::string_view algorithm, std::string_view text,
                                  Reading reading) {
  auto bytes = decode(algorithm, text, reading);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->empty()) return fail(Errc::encoding, "a binary value is empty");
  return TransportableData{.algorithm = std::string(algorithm), .data = std::move(*bytes)};
}

Result<TransportableData> from_object(const JsonObject& object, Reading reading) {
  const std::string* data = object.text("data");
  if (data == nullptr)
    return fail(Errc::encoding, "a binary value as an object needs its data as text");
  const Json* named = object.find("algorithm");
  if (named == nullptr) return decoded("base64", *data, reading);
  if (named->text() == nullptr)
    return fail(Errc::encoding, "the encoding of a binary value must be text");
  return decoded(*named->text(), *data, reading);
}

Result<TransportableData> from_uri(std::string_view text, Reading reading) {
  auto uri = DataUri::parse(text);
  if (!uri) return std::unexpected(uri.error());
  if (uri->encoding != "base64") return fail(Errc::encoding, "a data URI of bytes must be base64");
  auto out = decoded("base64", uri->payload, reading);
  if (!out) return out;
  out->is_uri = true;
  out->mime_type = std::move(uri->mime_type);
  out->charset = std::move(uri->charset);
  out->filename = std::move(uri->filename);
  return out;
}

Result<TransportableData> from_text(std::string_view text, Reading reading) {
  if (text.starts_with(kData)) return from_uri(text, reading);
  if (text.starts_with('{')) {
    const auto object = parse_json_object(text);
    if (!object) return fail(Errc::encoding, "a binary value is broken JSON");
    return from_object(*object, reading);
  }
  if (text.find("://") != std::string_view::npos)
    return fail(Errc::encoding, "a URL stands where bytes should");
  if (const std::size_t comma = text.find(','); comma != std::string_view::npos) {
    return decoded(text.substr(0, comma), text.substr(comma + 1), reading);
  }
  return decoded("base64", text, reading);
}

}  // namespace

Result<Bytes> from_base64_lenient(std::string_view text) {
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int digits = 0, pads = 0;
  for (const char c : text) {
    if (c == '=') {
      if (digits >= 2 && digits + ++pads >= 4) {
        out.push_back(static_cast<std::uint8_t>(digits == 2 ? group >> 4 : group >> 10));
        if (digits == 3) out.push_back(static_cast<std::uint8_t>(group >> 2));
        return out;
      }
      continue;
    }
    const int digit = base64_digit(c);
    if (digit < 0) continue;
    pads = 0;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (++digits == 4) {
      for (const int shift : {16, 8, 0}) out.push_back(static_cast<std::uint8_t>(group >> shift));
      digits = 0;
      group = 0;
    }
  }
  if (digits != 0) return fail(Errc::encoding, "base64 ends inside a group; pad it with =");
  return out;
}

Result<Bytes> from_hex_lenient(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    const auto byte = from_hex(text.substr(i, 2));
    if (!byte || byte->size() != 1)
      return fail(Errc::encoding, "hex needs two digits for each byte", i);
    out.push_back(byte->front());
    i += 2;
  }
  return out;
}

Result<DataUri> DataUri::parse(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (!text.starts_with(kData) || comma == std::string_view::npos) {
    return fail(Errc::encoding, "a data URI is data:<type>;base64,<bytes>");
  }
  DataUri out;
  out.payload = text.substr(comma + 1);
  if (out.payload.empty()) return fail(Errc::encoding, "a data URI without content");
  std::string_view head = text.substr(kData.size(), comma - kData.size());
  bool first = true, has_type = false;
  while (first || !head.empty()) {
    const std::size_t end = std::min(head.find(';'), head.size());
    const std::string_view part = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    if (const std::size_t equals = part.find('='); equals != std::string_view::npos) {
      const std::string_view name = part.substr(0, equals);
      if (name == "charset") out.charset = std::string(part.substr(equals + 1));
      if (name == "filename") out.filename = std::string(part.substr(equals + 1));
    } else if (part.find('/') != std::string_view::npos) {
      if (has_type) return fail(Errc::encoding, "a data URI has one type");
      has_type = true;
      out.mime_type = std::string(part);
    } else if (!part.empty()) {
      if (!out.encoding.empty()) return fail(Errc::encoding, "a data URI has one encoding");
      out.encoding = std::string(part);
    }
    first = false;
  }
  return out;
}

Result<TransportableData> TransportableData::parse(const Json& value, Reading reading) {
  if (const std::string* text = value.text()) return from_text(*text, reading);
  if (const JsonObject* object = value.object()) return from_object(*object, reading);
  return fail(Errc::encoding, "a binary value must be base64 text");
}

std::string TransportableData::text() const {
  if (!is_uri) return to_base64(data);
  std::string out = "data:" + (mime_type.empty() ? "text/plain" : mime_type);
  if (charset) out += ";charset=" + *charset;
  if (filename) out += ";filename=" + *filename;
  return out + ";base64," + to_base64(data);
}

Result<Bytes> read_data(const Json& value, Reading reading) {
  auto out = TransportableData::parse(value, reading);
  if (!out) return std::unexpected(out.error());
  return std::move(out->data);
}

Result<PortableFile> PortableFile::parse(const Json& value, Reading reading) {
  PortableFile file;
  if (const std::string* text = value.text()) {
    if (text->starts_with('{')) {
      auto object = parse_json_object(*text);
      if (!object) return fail(Errc::encoding, "a file is broken JSON");
      return parse(Json(std::move(*object)), reading);
    }
    if (text->starts_with(kData)) {
      auto data = TransportableData::parse(value, reading);
      if (!data) return std::unexpected(data.error());
      file.filename = data->filename;
      file.data = std::move(*data);
      return file;
    }
    if (text->find("://") == std::string::npos)
      return fail(Errc::encoding, "a file as text must be a URL or a data URI");
    file.url = *text;
    return file;
  }
  const JsonObject* object = value.object();
  if (object == nullptr) return fail(Errc::encoding, "a file must be text or an object");
  if (const std::string* url = object->text("URL"); url != nullptr && !url->empty())
    file.url = *url;
  if (const std::string* name = object->text("filename")) file.filename = *name;
  if (const Json* data = object->find("data"); data != nullptr && !data->is_null()) {
    auto parsed = TransportableData::parse(*data, reading);
    if (!parsed) return std::unexpected(parsed.error());
    if (!file.filename) file.filename = parsed->filename;
    file.data = std::move(*parsed);
  }
  if (const Json* key = object->find("key"); key != nullptr && key->object() != nullptr)
    file.key = *key->object();
  for (const auto& [name, member] : *object) {
    if (name != "URL" && name != "filename" && name != "data" && name != "key")
      file.rest.append_new(name, member);
  }
  if (!file.url && !file.data) return fail(Errc::encoding, "a file needs a URL or its bytes");
  return file;
}

Json PortableFile::json() const {
  // As text only where it will be read as a URL again.
  const bool clear = url && !url->starts_with(kData) && !url->starts_with('{') &&
                     url->find("://") != std::string::npos;
  if (clear && !filename && !data && !key && rest.empty()) return *url;
  if (data && !url && !key && rest.empty() && data->is_uri &&
      (!filename || data->filename == filename))
    return data->text();
  JsonObject out;
  if (url) out.set("URL", *url);
  if (data) out.set("data", data->text());
  if (filename) out.set("filename", *filename);
  if (key) out.set("key", *key);
  for (const auto& [name, member] : rest) {
    if (!out.contains(name)) out.append_new(name, member);
  }
  return out;
}

std::optional<double> read_time(const Json& value) {
  double seconds = 0;
  if (const std::string* text = value.text()) {
    const char* end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, seconds);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  } else if (value.is_number()) {
    seconds = value.number();
  } else {
    return std::nullopt;
  }
  if (!std::isfinite(seconds) || seconds < 0) return std::nullopt;
  return seconds;
}

std::string type_text(const Json& value) {
  if (const std::string* text = value.text()) return *text;
  return write_json(value, JsonStyle::reference);
}

}  // namespace dim
