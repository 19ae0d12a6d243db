#include "dim/packet/packet.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "dim/base/base64.h"
#include "dim/base/limits.h"
#include "dim/base/utf8.h"
#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr std::array<std::string_view, 8> kOperations = {"CONNECT", "CREATE", "NOTIFY",  "EDIT",
                                                         "REMOVE",  "DELETE", "DESTROY", "GET"};

struct CodeName {
  int code;
  std::string_view name;
};

constexpr std::array kCodes = std::to_array<CodeName>({
    {100, "Information"},
    {101, "Switching_Protocols"},
    {102, "Processing"},
    {103, "Request_Timeout"},
    {200, "Okay"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No_Content"},
    {205, "Reset_Content"},
    {206, "Partial_Content"},
    {300, "Security_Error"},
    {301, "Ssl_Handshake_Failed"},
    {302, "Ssl_Certificate_Expired"},
    {303, "Better_Encryption_Required"},
    {400, "Client_Error"},
    {401, "Bad_Request"},
    {402, "Unauthorised"},
    {403, "Forbidden"},
    {404, "Not_Found"},
    {405, "Method_Not_Allowed"},
    {406, "Proxy_Authentication_Required"},
    {407, "Conflict"},
    {410, "Gone"},
    {411, "Payload_Too_Large"},
    {412, "Uri_Too_Long"},
    {413, "Too_Early"},
    {414, "Upgrade_Recommended"},
    {415, "Upgrade_Required"},
    {416, "Too_Many_Requests"},
    {417, "Wrong_Instance"},
    {418, "Token_Required"},
    {419, "Token_Invalid"},
    {500, "Internal_Server_Error"},
    {501, "Not_Implemented"},
    {502, "Bad_Gateway"},
    {503, "Service_Unavailable"},
    {504, "Gateway_Timeout"},
    {505, "Dim_Edition_Not_Supported"},
    {506, "Insufficient_Storage"},
    {507, "Loop_Detected"},
    {508, "Network_Authentication_Required"},
    {509, "Bandwidth_Limit_Exceeded"},
    {510, "Site_Overloaded"},
    {511, "Request_Timeout"},
});
static_assert(std::ranges::is_sorted(kCodes, {}, &CodeName::code));

/// Keys that the writer makes itself.
bool is_framing(std::string_view key, bool response) {
  return key == "version" || key == "operation" || key == "code" || key == "length" ||
         key == "checksum" || key == "content" || (response && key == "status");
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

void append_number(std::string& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

}  // namespace

std::string_view to_string(Operation operation) {
  return kOperations[static_cast<std::size_t>(operation)];
}

Result<Operation> parse_operation(std::string_view word) {
  const auto found = std::ranges::find(kOperations, word);
  if (found != kOperations.end()) return static_cast<Operation>(found - kOperations.begin());
  const bool upper =
      !word.empty() && std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!upper)
    return fail(Errc::bad_request, "an operation is one word in upper case, such as CREATE");
  return fail(Errc::method_not_allowed,
              "this operation does not exist; there are CONNECT, CREATE, NOTIFY, EDIT, REMOVE, "
              "DELETE, DESTROY, GET");
}

std::string_view to_string(Lane lane) {
  switch (lane) {
    case Lane::control:
      return "control";
    case Lane::text:
      return "text";
    case Lane::media:
      return "media";
    case Lane::audio:
      return "audio";
    case Lane::video:
      return "video";
    case Lane::gateway:
      return "gateway";
  }
  return "";
}

std::size_t content_limit(Lane lane) {
  switch (lane) {
    case Lane::text:
    case Lane::gateway:
      return limits::kTextContent;
    case Lane::media:
      return limits::kMediaContent;
    case Lane::audio:  // behind their 101 there are frames; only CONNECT and NOTIFY before it
    case Lane::video:
    case Lane::control:
      break;
  }
  return limits::kControlContent;
}

std::string_view code_name(int code) {
  const auto found = std::ranges::lower_bound(kCodes, code, {}, &CodeName::code);
  return found != kCodes.end() && found->code == code ? found->name : std::string_view();
}

Packet Packet::request(Operation operation) {
  Packet packet;
  packet.operation = operation;
  return packet;
}

Packet Packet::response(int code, std::string_view reply) {
  Packet packet;
  packet.code = code;
  if (!reply.empty()) packet.set("reply", std::string(reply));
  return packet;
}

Packet Packet::response(const Error& error, std::string_view reply) {
  Packet packet = response(status_of(error.code), reply);
  packet.set("message", std::string(error.hint));
  return packet;
}

std::string_view Packet::get(std::string_view key) const {
  const auto found = std::ranges::find(fields, key, &Field::first);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

bool Packet::has(std::string_view key) const {
  return std::ranges::find(fields, key, &Field::first) != fields.end();
}

Packet& Packet::set(std::string_view key, std::string value) {
  const auto found = std::ranges::find(fields, key, &Field::first);
  if (found != fields.end()) {
    found->second = std::move(value);
  } else {
    fields.emplace_back(std::string(key), std::move(value));
  }
  return *this;
}

Result<std::vector<std::string>> Packet::list(std::string_view key) const {
  std::string_view rest = get(key);
  if (rest.empty())
    return fail(Errc::bad_request, "a key that this packet needs is missing or empty");
  std::vector<std::string> items;
  if (!rest.starts_with('[')) {
    items.emplace_back(rest);
    return items;
  }
  if (!rest.ends_with(']')) return fail(Errc::bad_request, "a list is written [a, b]");
  rest = rest.substr(1, rest.size() - 2);
  for (;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = trim(rest.substr(0, comma));
    if (item.empty())
      return fail(Errc::bad_request, "a list has no empty items and is not empty", items.size());
    if (item.find_first_of("[]") != std::string_view::npos) {
      return fail(Errc::bad_request, "a list does not stand in a list", items.size());
    }
    if (items.size() == limits::kListItems)
      return fail(Errc::bad_request, "a list has at most 256 items");
    items.emplace_back(item);
    if (comma == std::string_view::npos) return items;
    rest.remove_prefix(comma + 1);
  }
}

bool valid_key(std::string_view key) {
  if (key.empty() || key.front() < 'a' || key.front() > 'z') return false;
  return std::ranges::all_of(
      key, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

bool header_safe(std::string_view text) {
  const auto plain = [](char c) {
    return c >= 0x20 && c < 0x7F;
  };  // bytes from 0x80 are negative or over 0x7F
  if (std::ranges::all_of(text, plain)) return true;
  if (!valid_utf8(text)) return false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (is_control(c) || c == U'\uFEFF') return false;
  }
  return true;
}

bool valid_value(std::string_view value) {
  return !value.empty() && value.front() != ' ' && value.back() != ' ' && header_safe(value);
}

std::string checksum_of(std::string_view content, Checksum algorithm) {
  if (algorithm == Checksum::sha256) return "sha256-" + to_base64(sha256(as_bytes(content)));
  const std::uint32_t crc = crc32c(as_bytes(content));
  const std::array<std::uint8_t, 4> bytes = {
      static_cast<std::uint8_t>(crc >> 24), static_cast<std::uint8_t>(crc >> 16),
      static_cast<std::uint8_t>(crc >> 8), static_cast<std::uint8_t>(crc)};
  return "crc32c-" + to_base64(bytes);
}

namespace {

std::string write(const Packet& packet, std::optional<std::string_view> content,
                  Checksum checksum) {
  assert(packet.operation || (packet.code >= 100 && packet.code <= 599));
  std::size_t size = 256;
  for (const auto& [key, value] : packet.fields) size += key.size() + value.size() + 3;
  if (content) size += content->size();
  std::string out;
  out.reserve(size);
  out.append("version: dim/2023\n");
  if (packet.operation) {
    out.append("operation: ").append(to_string(*packet.operation)).push_back('\n');
  } else {
    out.append("code: ");
    append_number(out, static_cast<std::size_t>(packet.code));
    out.push_back('\n');
    const std::string_view name = code_name(packet.code);
    if (!name.empty()) out.append("status: ").append(name).push_back('\n');
  }
  for (const auto& [key, value] : packet.fields) {
    if (is_framing(key, packet.is_response()) || !valid_key(key) || !valid_value(value) ||
        key.size() + 2 + value.size() > limits::kLineBytes) {
      continue;
    }
    out.append(key).append(": ").append(value).push_back('\n');
  }
  if (content) {
    out.append("length: ");
    append_number(out, content->size());
    out.append("\nchecksum: ").append(checksum_of(*content, checksum));
    out.append("\ncontent: |\n\"\"\"\n").append(*content).append("\n\"\"\"\n");
  }
  out.push_back('\n');
  return out;
}

}  // namespace

std::string write_packet(const Packet& packet, Checksum checksum) {
  return write(packet, packet.content, checksum);
}

std::string write_packet(const Packet& packet, std::string_view content, Checksum checksum) {
  return write(packet, content, checksum);
}

}  // namespace dim
