#include "cli/context.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "terminal/passphrase.h"

#include "client/describe.h"
#include "client/hub_names.h"
#include "client/names.h"
#include "client/post_files.h"
#include "client/rebound.h"
#include "dim/base/utf8.h"

namespace dim {

Result<std::optional<Secret>> passphrase_for(const CommonOptions& common, bool ask) {
  if (common.passphrase_file) {
    const int file = ::open(common.passphrase_file->c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail(Errc::usage, "the passphrase file cannot be read");
    auto secret = read_passphrase(file);
    ::close(file);
    if (!secret) return std::unexpected(secret.error());
    return std::move(*secret);
  }
  if (!ask) return std::nullopt;
  auto secret = ask_passphrase("Passphrase: ");
  if (!secret && secret.error().code == Errc::unavailable)
    return fail(Errc::key,
                "this home is locked and there is no terminal to ask at; use --passphrase-file");
  if (!secret) return std::unexpected(secret.error());
  return std::move(*secret);
}

bool Context::open_home() {
  auto lock = Home::lock_of(common.home);
  if (!lock) {
    out.error(lock.error());
    return false;
  }
  auto passphrase = passphrase_for(common, *lock == HomeLock::passphrase);
  if (!passphrase) {
    out.error(passphrase.error());
    return false;
  }
  auto opened = Home::open(common.home, *passphrase, random);
  if (!opened) {
    out.error(opened.error());
    return false;
  }
  home.emplace(std::move(*opened));
  return true;
}

void Context::make_messenger(Messenger::Options options) {
  auto failed = std::move(events.failed);
  events.failed = [this, failed](const Error& error, int code, std::string_view message) {
    failure = error;
    station_message = message;
    if (failed) failed(error, code, message);
  };
  events.clocks_differ = [this](Millis ahead) {
    constexpr Millis kSame = 60'000;
    if (std::abs(ahead - told_ahead_) < kSame) return;
    told_ahead_ = ahead;
    out.clocks_differ(ahead);
  };
  events.posted = [this](const Guid& guid, const Packet& answer) {
    if (on_posted) on_posted(guid, answer);
  };
  events.post_refused = [this](const RefusedPost& post) { report_post(post); };
  options.one_port |= common.one_port;
  messenger = std::make_unique<Messenger>(*home, link, clock, random, events, options);
  link.attach(*messenger);
  // Of a program that ended before it could say so.
  if (auto refused = messenger->refused_posts()) {
    for (const RefusedPost& post : *refused) report_post(post);
  }
}

bool Context::connect(Millis timeout_ms) {
  failure.reset();
  if (messenger->is_ready()) return true;
  if (auto status = messenger->start(); !status) {
    failure = status.error();
    return false;
  }
  const bool answered =
      link.run_until([this] { return failure.has_value() || messenger->is_ready(); }, timeout_ms);
  if (!answered && !failure)
    failure = Error{Errc::unreachable, "the station did not answer in time"};
  return messenger->is_ready();
}

std::string Context::name_of(const Id& id) { return dim::name_of(*home, id); }

std::optional<Id> Context::find(const std::string& who, Millis timeout_ms) {
  // Shared, because the answer may come when nobody waits any more.
  const auto result = std::make_shared<std::optional<Result<Id>>>();
  messenger->resolve(who, [result](Result<Id> found) { result->emplace(std::move(found)); });
  link.run_until([&] { return result->has_value() || failure.has_value(); }, timeout_ms);
  if (!*result) {
    report_failure();
    return std::nullopt;
  }
  if (!**result) {
    out.error((**result).error());
    failure = (**result).error();
    return std::nullopt;
  }
  return ***result;
}

std::optional<Id> Context::find_here(const std::string& who) {
  constexpr Millis kPatienceMs = 10'000;
  const auto result = std::make_shared<std::optional<Result<Id>>>();
  messenger->resolve(who, [result](Result<Id> found) { result->emplace(std::move(found)); });
  if (*result && **result) return ***result;
  if (*result && (**result).error().code == Errc::unreachable && !connect(kPatienceMs)) {
    report_failure();
    return std::nullopt;
  }
  return find(who, kPatienceMs);
}

std::optional<Id> Context::find_group(const std::string& group) {
  auto alias = home->by_alias(group);
  Result<Id> id = alias && *alias ? Result<Id>(**alias) : Id::parse(group);
  if (!id || !id->is_group()) {
    constexpr std::string_view kPrefix = "group:";
    id = messenger->group_called(
        std::string_view(group).substr(group.starts_with(kPrefix) ? kPrefix.size() : 0));
  }
  if (id) return id->bare();
  out.error(id.error());
  failure = id.error();
  return std::nullopt;
}

std::optional<HistoryEntry> Context::find_message(
    const Id& peer, std::string_view digits,
    const std::function<bool(const HistoryEntry&)>& wanted) {
  constexpr std::size_t kLookBack = 100'000;
  auto entries = messenger->history(peer, kLookBack);
  if (!entries) {
    out.error(entries.error());
    return std::nullopt;
  }
  if (digits.starts_with('#')) digits.remove_prefix(1);
  if (digits.empty() && !wanted) {
    out.error({Errc::usage, "a message is named by the last digits of its ID (--ids)"});
    return std::nullopt;
  }
  std::optional<HistoryEntry> found;
  for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
    if (digits.empty() ? !wanted(*entry) : !entry->guid.ends_with(digits)) continue;
    if (found) {
      out.error({Errc::usage, "several messages end with these digits; give more of them"});
      return std::nullopt;
    }
    found = *entry;
    if (digits.empty()) break;
  }
  if (!found) {
    out.error({Errc::not_found,
               "no such message in this conversation; `dim history WHO --ids` shows the digits"});
  }
  return found;
}

std::optional<HistoryEntry> Context::find_message_anywhere(std::string_view digits) {
  constexpr std::size_t kLookBack = 100'000;
  if (digits.starts_with('#')) digits.remove_prefix(1);
  const auto wrong = [&](const Error& error) {
    out.error(error);
    return std::nullopt;
  };
  if (digits.empty()) return wrong({Errc::usage, "name a message by the digits of `--ids`"});
  std::vector<Id> peers;
  const auto contacts = home->contacts();
  if (!contacts) return wrong(contacts.error());
  for (const Contact& contact : *contacts) peers.push_back(contact.id);
  const auto groups = messenger->groups().all();
  if (!groups) return wrong(groups.error());
  peers.insert(peers.end(), groups->begin(), groups->end());
  std::optional<HistoryEntry> found;
  for (const Id& peer : peers) {
    const auto entries = messenger->history(peer, kLookBack);
    if (!entries) return wrong(entries.error());
    for (const HistoryEntry& entry : *entries) {
      if (!entry.guid.ends_with(digits)) continue;
      if (found) {
        return wrong({Errc::usage, "several messages end with these digits; give more of them"});
      }
      found = entry;
    }
  }
  if (!found)
    return wrong({Errc::not_found, "no such message; `dim history WHO --ids` shows the digits"});
  return found;
}

void Context::show(const HistoryEntry& entry) {
  if (is_key_notice(entry) || is_rebound(entry)) return out.alarm(entry, name_of(entry.peer));
  Output::Around around{.peer_name = name_of(entry.peer), .ids = ids};
  if (entry.sender) around.sender_name = name_of(*entry.sender);
  if (common.json && entry.content_type != "text" && entry.content_type != "group") {
    if (auto content = messenger->content(entry); content && *content)
      around.outline = outline(**content);
  }
  around.answers = messenger->answers(entry).value_or(0);
  const auto contact = home->contact(entry.peer);
  around.stranger = !entry.outgoing && !entry.sender && contact && *contact &&
                    (*contact)->is_stranger() && entry.peer.is_user();
  out.message(entry, around);
  if (around.stranger && strangers_.insert(entry.peer.text()).second) {
    const std::string id = entry.peer.text();
    out.note(fmt::format("        ({} is new to you: dim accept {}, or dim block {})",
                         printable(around.peer_name), id, id));
  }
}

int Context::unknown_exit() const {
  if (failure && failure->code == Errc::unreachable) return static_cast<int>(Exit::unreachable);
  if (failure && failure->code == Errc::usage) return static_cast<int>(Exit::usage);
  return static_cast<int>(Exit::unknown_person);
}

int Context::confirm(const std::string& what, bool yes) {
  if (ask) {
    if (yes || ask(what)) return 0;
    out.note("Nothing was done.");
    return static_cast<int>(Exit::failed);
  }
  out.note(what);
  if (yes) return 0;
  if (::isatty(STDIN_FILENO) == 0) {
    const Error error{Errc::usage,
                      "nothing was done: without a terminal to ask at this needs --yes"};
    out.error(error);
    return static_cast<int>(exit_of(error));
  }
  std::cerr << "Do it? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return 0;
  out.note("Nothing was done.");
  return static_cast<int>(Exit::failed);
}

void Context::drain(Millis timeout_ms) {
  if (!messenger->is_ready()) return;
  link.run_until(
      [this] {
        auto waiting = messenger->waiting();
        return !waiting || *waiting == 0 || messenger->rests() || failure.has_value();
      },
      timeout_ms);
}

bool Context::hand_over() {
  constexpr Millis kHandOverMs = 60'000;
  const bool rests = link.run_until(
      [this] { return failure.has_value() || (messenger->handing_rests() && messenger->rests()); },
      kHandOverMs);
  const auto waiting = messenger->waiting();
  return rests && !failure && waiting && *waiting == 0;
}

int Context::report_post(const RefusedPost& post) {
  std::string hub_name, channel_name;
  if (const auto hubs = kept_hubs(*home)) {
    for (const HubView& hub : *hubs) {
      if (hub.id != post.hub) continue;
      hub_name = hub.name;
      if (const auto channel = hub.channels.find(post.channel); channel != hub.channels.end())
        channel_name = channel->second.name;
    }
  }
  JsonObject members;
  members.set("hub", post.hub);
  members.set("hub_name", hub_name);
  members.set("channel", post.channel.text());
  members.set("channel_name", channel_name);
  members.set("guid", post.guid.text());
  members.set("time", format_time(post.time));
  const PostText said = read_post_text(post.text);
  members.set("text", said.text);
  members.set("code", std::int64_t{post.code});
  if (!post.station.empty()) members.set("station", post.station);
  out.object("post_refused", std::move(members));
  out.note(fmt::format(
      "dim: the station has refused this message to {}/{}{}; it is not in the outbox any more:\n"
      "       | {}",
      printable(hub_name.empty() ? post.hub : hub_name),
      printable(channel_name.empty() ? post.channel.text() : channel_name),
      post.station.empty() ? "" : fmt::format(" (it says: {})", escape(post.station)),
      printable_lines(said.text) +
          (said.files.empty() ? "" : "  [" + printable(said.words()) + "]")));
  (void)messenger->forget_refused(post.guid);
  return static_cast<int>(Exit::failed);
}

int Context::report_failure() {
  const Error error =
      failure.value_or(Error{Errc::unreachable, "the station did not answer in time"});
  out.error(error, station_message);
  return static_cast<int>(exit_of(error));
}

}  // namespace dim
