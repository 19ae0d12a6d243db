#include "server/admin_command.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "dim/base/utf8.h"
#include "server/config.h"

namespace dim {
namespace {

/// Lists that an answer may have; each of their objects is printed by itself.
constexpr std::array<std::string_view, 6> kLists{"users", "invites", "bans",
                                                 "hubs",  "acts",    "codes"};

std::unexpected<Failure> usage(std::string text) {
  return std::unexpected(Failure{Exit::usage, std::move(text)});
}

/// "ban bob" for people: what others wrote cannot pose as another line.
std::string word(const Json& value) {
  if (const std::string* text = value.text()) return escape(*text, 1'100);
  return write_json(value);
}

std::string flat(const JsonObject& object, std::string_view before = "") {
  std::string out;
  for (const auto& [key, value] : object) {
    const std::string name = std::string(before) + key;
    if (const JsonObject* inner = value.object()) {
      out += flat(*inner, name + ".");
    } else if (const JsonArray* array = value.array()) {
      for (const Json& one : *array) {
        out += one.object() != nullptr ? flat(*one.object(), name + ".")
                                       : fmt::format("{:<16} {}\n", name, word(one));
      }
    } else {
      out += fmt::format("{:<16} {}\n", name, word(value));
    }
  }
  return out;
}

/// The first value, then the others with their names.
std::string row(const JsonObject& object) {
  std::string out;
  for (const auto& [key, value] : object) {
    out += out.empty() ? word(value) : fmt::format("  {}={}", key, word(value));
  }
  return out + "\n";
}

const JsonArray* list_in(const JsonObject& answer) {
  for (const auto& [key, value] : answer) {
    if (std::ranges::find(kLists, key) != kLists.end() && value.array() != nullptr)
      return value.array();
  }
  return nullptr;
}

std::expected<Json, Failure> quota_value(std::string_view text) {
  if (text == "default") return Json(nullptr);
  const auto size = parse_size(text);
  if (!size)
    return usage(
        fmt::format("{}: a quota is a number, bytes as 10GiB, or default", escape(text, 64)));
  return Json(*size);
}

}  // namespace

std::optional<std::string> time_to_come(std::string_view text, Millis now) {
  if (parse_time(text)) return std::string(text);
  if (text.size() < 2) return std::nullopt;
  const char unit = text.back();
  const Millis each = unit == 'm' ? 60'000 : unit == 'h' ? 3'600'000 : unit == 'd' ? 86'400'000 : 0;
  std::int64_t count = 0;
  const std::string_view digits = text.substr(0, text.size() - 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (each == 0 || error != std::errc{} || end != digits.data() + digits.size() || count < 1 ||
      count > 100'000)
    return std::nullopt;
  return format_time(now + count * each);
}

std::expected<JsonObject, Failure> admin_request(const AdminOptions& options, Millis now) {
  JsonObject out;
  out.set("verb", options.verb);
  if (!options.target.empty()) out.set("target", options.target);
  if (!options.reason.empty()) out.set("reason", options.reason);
  if (!options.after.empty()) out.set("after", options.after);
  if (options.limit) out.set("limit", *options.limit);
  if (options.before) out.set("before", *options.before);
  if (options.uses) out.set("uses", *options.uses);
  if (options.approval) out.set("approval", true);
  if (!options.until.empty()) {
    auto until = time_to_come(options.until, now);
    if (!until) {
      return usage(
          fmt::format("{}: give a time to come, as 2026-12-24T18:00:00Z, or 90m, 12h, "
                      "7d from now",
                      escape(options.until, 64)));
    }
    out.set("until", std::move(*until));
  }
  if (!options.quotas.empty()) {
    JsonObject quotas;
    for (const std::string& one : options.quotas) {
      const std::size_t equals = one.find('=');
      if (equals == std::string::npos || equals == 0)
        return usage(fmt::format("{}: a quota is set as NAME=VALUE", escape(one, 64)));
      auto value = quota_value(std::string_view(one).substr(equals + 1));
      if (!value) return std::unexpected(value.error());
      quotas.set(one.substr(0, equals), std::move(*value));
    }
    out.set("quotas", std::move(quotas));
  }
  const bool ends = options.verb == "users-remove" || options.verb == "hubs-delete";
  if (ends && !options.confirmed) {
    return usage(fmt::format("this cannot be taken back: say --yes when {} is what you mean",
                             escape(options.target, 128)));
  }
  return out;
}

std::string shown(const JsonObject& answer, bool json) {
  std::string out;
  if (const JsonArray* list = list_in(answer)) {
    for (const Json& one : *list) {
      if (one.object() == nullptr) continue;
      out += json ? write_json(one) + "\n" : row(*one.object());
    }
    return out;
  }
  JsonObject rest = answer;
  rest.erase("ok");
  return json ? write_json(rest) + "\n" : flat(rest);
}

std::expected<void, Failure> run_admin(AdminChannel& channel, const AdminOptions& options,
                                       bool json, Millis now,
                                       const std::function<void(JsonObject&)>& complete,
                                       const std::function<void(const std::string&)>& print) {
  auto request = admin_request(options, now);
  if (!request) return std::unexpected(request.error());
  while (true) {
    auto line = channel.ask(write_json(*request));
    if (!line) return std::unexpected(line.error());
    // A page of 200 objects may have more values than what strangers send.
    auto answer = parse_json_object(*line, {.nodes = 100'000});
    if (!answer)
      return std::unexpected(
          Failure{Exit::failed, "the station answered with something unreadable"});
    const Json* ok = answer->find("ok");
    if (ok == nullptr || ok->boolean() == nullptr || !*ok->boolean()) {
      const std::string* why = answer->text("error");
      const Json* code = answer->find("code");
      return std::unexpected(Failure{
          Exit::failed, fmt::format("{} ({})", why == nullptr ? "refused" : escape(*why, 512),
                                    code == nullptr ? "" : write_json(*code))});
    }
    complete(*answer);
    print(shown(*answer, json));
    const Json* next = answer->find("next");
    if (next == nullptr || options.limit) return {};
    request->set(next->text() != nullptr ? "after" : "before", *next);
  }
}

CLI::App* add_admin(CLI::App& app, AdminOptions& options) {
  CLI::App* admin = app.add_subcommand(
      "admin",
      "users, who may join, invites, bans, hubs, quotas and the log of acts, of a station that "
      "runs or is stopped");
  admin->require_subcommand(1);
  admin->fallthrough();  // its subcommands take that over
  const auto noun = [&](const char* name, const char* means) {
    CLI::App* out = admin->add_subcommand(name, means);
    out->require_subcommand(1);
    return out;
  };
  const auto verb = [&](CLI::App* of, const char* name, const char* means) {
    CLI::App* out = of->add_subcommand(name, means);
    out->callback([&options, word = of->get_name() + "-" + name] { options.verb = word; });
    return out;
  };
  const auto target = [&](CLI::App* of, const char* name, const char* means) {
    of->add_option(name, options.target, means)->required();
    return of;
  };
  const auto reason = [&](CLI::App* of) {
    of->add_option("--reason", options.reason, "why: one line, for the log of acts");
    return of;
  };
  const auto pages = [&](CLI::App* of) {
    of->add_option("--after", options.after, "go on behind this one");
    of->add_option("--limit", options.limit, "so many and no more; default: all");
  };
  const auto yes = [&](CLI::App* of) {
    of->add_flag("--yes", options.confirmed, "needed: this cannot be taken back");
  };
  const auto until = [&](CLI::App* of) {
    of->add_option("--until", options.until, "2026-12-24T18:00:00Z, or 90m, 12h, 7d from now");
  };
  constexpr const char* kWho = "ID or registered name";

  CLI::App* users = noun("users", "who has an identity here");
  pages(verb(users, "list", "all of them"));
  target(verb(users, "show", "one of them: state, addresses, hubs, what they take"), "user", kWho);
  reason(
      target(verb(users, "disable", "lets nobody in as this user, until enabled"), "user", kWho));
  target(verb(users, "enable", "lets them in again"), "user", kWho);
  yes(reason(target(verb(users, "remove", "forgets everything of them but what they wrote in hubs"),
                    "user", kWho)));

  // The one verb that needs no noun: what an operator does most.
  CLI::App* invite =
      admin->add_subcommand("invite", "a link (and QR code) that lets somebody new in");
  invite->callback([&options] { options.verb = "codes-make"; });
  invite->add_option("--uses", options.uses, "how many people it lets in; default: 1");
  invite->add_option("--expires", options.until,
                     "2026-12-24T18:00:00Z, or 90m, 12h, 7d from now; default: 7d");
  reason(invite);
  CLI::App* codes = noun("codes", "of the links of `dimd admin invite`");
  pages(verb(codes, "list", "those that still let somebody in"));
  target(verb(codes, "revoke", "takes one back"), "code", "its GUID, as `codes list` shows it");
  CLI::App* registration = noun("registration", "who may come to the station for the first time");
  verb(registration, "show", "what holds");
  reason(target(verb(registration, "set", "in place of what the configuration says"), "who",
                "open, invite, closed or default"));

  CLI::App* invites = noun("invites", "links into hubs");
  target(verb(invites, "list", "those of a hub that are still good"), "hub", "its ID");
  CLI::App* make = target(verb(invites, "make", "a new one"), "hub", "its ID");
  make->add_option("--uses", options.uses, "how often it works; default: always");
  make->add_flag("--approval", options.approval, "who uses it waits for somebody's yes");
  until(make);
  target(verb(invites, "withdraw", "takes one back"), "invite", "its GUID");

  CLI::App* bans = noun("bans", "who is kept out of the station");
  pages(verb(bans, "list", "all that hold, those of the configuration too"));
  CLI::App* add =
      reason(target(verb(bans, "add", "keeps somebody out, and ends what they have open"), "whom",
                    "ID, registered name, address or network"));
  until(add);
  target(verb(bans, "lift", "lets them in again"), "whom", "as `bans list` shows it");

  CLI::App* hubs = noun("hubs", "public hubs at this station");
  pages(verb(hubs, "list", "all of them"));
  target(verb(hubs, "show", "one of them: members, channels, messages, quotas"), "hub", "its ID");
  reason(target(verb(hubs, "freeze", "can be read, and not be written"), "hub", "its ID"));
  target(verb(hubs, "thaw", "can be written again"), "hub", "its ID");
  yes(reason(target(verb(hubs, "delete", "with all its messages"), "hub", "its ID")));

  CLI::App* quotas = noun("quotas", "what hubs and users may have");
  target(verb(quotas, "show", "limits, and what is used"), "of", "a hub's ID, or a user's");
  CLI::App* set = target(verb(quotas, "set", "limits other than those of the configuration"), "of",
                         "a hub's ID, or a user's");
  set->add_option("quotas", options.quotas,
                  "NAME=VALUE: messages, bytes, members, channels of a hub, hubs of a user; a "
                  "number, bytes as 10GiB, or default")
      ->required();

  CLI::App* audit = noun("audit", "what moderators and operators have done");
  CLI::App* acts = verb(audit, "list", "newest first");
  acts->add_option("hub", options.target, "of this hub alone");
  acts->add_option("--before", options.before, "go on before this number");
  acts->add_option("--limit", options.limit, "so many and no more; default: all");
  return admin;
}

}  // namespace dim
