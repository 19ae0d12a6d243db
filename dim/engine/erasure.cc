#include "dim/engine/erasure.h"

#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr std::string_view kDomain = "DIM/2023 erased";

std::unexpected<Error> broken() {
  return fail(Errc::bad_request,
              "a receipt of erasure has erased, channel (GUIDs, or twice the ID of a hub), who (an "
              "ID), time and signature");
}

}  // namespace

Bytes erasure_signing_input(const Erasure& erasure) {
  Bytes out;
  append_field(out, as_bytes(kDomain));
  append_field(out, as_bytes(erasure.erased));
  append_field(out, as_bytes(erasure.channel));
  append_field(out, as_bytes(erasure.who));
  append_field(out, as_bytes(format_time(erasure.time)));
  return out;
}

JsonObject sign_erasure(const Account& account, std::string_view channel, std::string_view erased,
                        Millis now) {
  const Erasure erasure{.erased = std::string(erased),
                        .channel = std::string(channel),
                        .who = account.id.bare().text(),
                        .time = now};
  JsonObject out;
  out.set("erased", erasure.erased);
  out.set("channel", erasure.channel);
  out.set("who", erasure.who);
  out.set("time", format_time(now));
  out.set("signature", to_base64(account.identity_key.sign(erasure_signing_input(erasure))));
  return out;
}

Result<Erasure> read_erasure(const JsonObject& receipt) {
  const auto text = [&](std::string_view key) {
    const std::string* value = receipt.text(key);
    return value == nullptr ? std::string_view() : std::string_view(*value);
  };
  Erasure out;
  const auto message = Guid::parse(text("erased"));
  const auto channel = Guid::parse(text("channel"));
  if (message && channel) {
    out.erased = message->text();
    out.channel = channel->text();
  } else {
    const auto hub = Id::parse(text("erased"));
    if (!hub || !hub->is_group() || text("erased") != text("channel")) return broken();
    out.erased = out.channel = hub->bare().text();
  }
  const auto who = Id::parse(text("who"));
  const auto time = parse_time(text("time"));
  if (!who || !who->is_user() || !time || text("signature").empty()) return broken();
  out.who = who->bare().text();
  out.time = *time;
  return out;
}

Status check_erasure(const JsonObject& receipt, const Meta& meta) {
  const auto erasure = read_erasure(receipt);
  if (!erasure) return std::unexpected(erasure.error());
  const auto signature = from_base64(*receipt.text("signature"));
  if (!signature || !meta.matches(*Id::parse(erasure->who)) ||
      !meta.key().verify(erasure_signing_input(*erasure), *signature))
    return fail(Errc::signature, "this receipt was not signed by whom it names");
  return {};
}

}  // namespace dim
