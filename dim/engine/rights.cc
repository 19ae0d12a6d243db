#include "dim/engine/rights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "dim/protocol/head.h"
#include "dim/protocol/kinds.h"

namespace dim {
namespace {

constexpr int kCommandType = 136;
constexpr int kHistoryType = 137;
constexpr double kLoginTolerance = 300;  // seconds (A23)

template <std::size_t N>
bool among(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::ranges::find(names, name) != names.end();
}

constexpr std::array<std::string_view, 4> kFromAnybody = {"receipt", "meta", "documents",
                                                          "document"};
constexpr std::array<std::string_view, 9> kFromStation = {
    "handshake", "ans", "mute", "block", "search", "users", "storage", "contacts", "private_key"};
constexpr std::array<std::string_view, 5> kFromOwnDevice = {"mute", "block", "storage", "contacts",
                                                            "private_key"};

bool is_greeting(const JsonObject& content) {
  const std::string* title = content.text("title");
  if (title == nullptr) return false;
  const HandshakeContent handshake{.head = {}, .title = *title};
  return handshake.is_greeting() || handshake.is_greeting_answer();
}

}  // namespace

Status check_command(const Opened& opened, Relation from) {
  const JsonObject& content = opened.message.content;
  const int type = type_number(content_type(content));
  // A query for the history comes alone; who may be answered is up to the group.
  if (type == kHistoryType && content_command(content) != "query")
    return fail(Errc::forbidden, "a group command counts only inside of a group's history");
  if (type != kCommandType) return {};
  const std::string name = content_command(content);
  const bool allowed = among(name, kFromAnybody) || (name == "handshake" && is_greeting(content)) ||
                       (from == Relation::own_station && among(name, kFromStation)) ||
                       (from == Relation::own_device && among(name, kFromOwnDevice)) ||
                       find_kind("136", name) == nullptr;  // J30: shown as unsupported
  if (allowed) return {};
  return fail(Errc::forbidden, "the sender may not give this command");
}

Status check_login(const LoginContent& login, const Id& signer, std::optional<double> known,
                   std::span<const Id> stations, Millis now) {
  if (!login.did.same_entity(signer) ||
      (!signer.terminal().empty() && !login.did.terminal().empty() &&
       signer.terminal() != login.did.terminal()))
    return fail(Errc::unauthorised, "a login command is for the one who signs it");
  const double time = login.head.time;
  if (time <= 0 || std::abs(time - static_cast<double>(now) / 1000) > kLoginTolerance)
    return fail(Errc::content, "a login command has a time, at most 5 min off");
  const std::string* text = login.station ? login.station->text("did") : nullptr;
  if (text == nullptr && login.station) text = login.station->text("ID");
  const auto station =
      text != nullptr ? Id::parse(*text) : Result<Id>(fail(Errc::id, "a login needs a station"));
  const auto same = [&](const Id& id) { return station && id.same_entity(*station); };
  if (!station || std::ranges::none_of(stations, same))
    return fail(Errc::forbidden, "the login is at a station that is not listed");
  if (known && time <= *known) return fail(Errc::conflict, "a newer login of this device is known");
  return {};
}

}  // namespace dim
