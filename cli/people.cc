// People one knows, and those who are new: contacts, requests, accept, block.
#include <fmt/format.h>

#include <algorithm>

#include "cli/context.h"

namespace dim {
namespace {

int failed(Context& context, const Error& error) {
  context.out.error(error);
  return code(Exit::failed);
}

std::string_view word_for(const Contact& contact) {
  if (contact.blocked) return "  KEYS CHANGED";
  if (contact.refused) return "  blocked";
  if (contact.is_stranger()) return "  new: accept or block";
  if (contact.muted) return contact.verified ? "  verified, muted" : "  muted";
  return contact.verified ? "  verified" : "";
}

void print(Context& context, const Contact& contact) {
  JsonObject members;
  members.set("id", contact.id.text());
  members.set("alias", contact.alias);
  members.set("registered", contact.registered);
  members.set("name", context.name_of(contact.id));
  members.set("verified", contact.verified);
  members.set("blocked", contact.blocked);
  members.set("refused", contact.refused);
  members.set("muted", contact.muted);
  members.set("stranger", contact.is_stranger());
  context.out.object("contact", std::move(members));
  context.out.line(fmt::format("{:<24}  {}{}", printable(context.name_of(contact.id)),
                               contact.id.text(), word_for(contact)));
}

/// Changes what is kept of WHO as `change` says; the station is asked for a name that is not known.
int change_contact(Context& context, const std::string& who,
                   const std::function<void(Contact&)>& change, Contact& out) {
  context.make_messenger({.receive = false});
  const auto found = context.find_here(who);
  if (!found) return context.unknown_exit();
  auto contact = context.home->contact(*found);
  if (!contact) return failed(context, contact.error());
  out = contact->value_or(Contact{.id = found->bare()});
  change(out);
  if (auto status = context.home->put_contact(out); !status) return failed(context, status.error());
  context.link.finish();
  return code(Exit::ok);
}

}  // namespace

int verb_contacts(const CommonOptions& common, const ContactsOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  if (!options.who.empty()) {
    context.make_messenger({.receive = false});
    (void)context.connect(kConnectMs);
    context.failure.reset();
    const auto who = context.find(options.who, kConnectMs);
    if (!who) return context.unknown_exit();
    auto contact = context.home->contact(*who);
    if (!contact) return failed(context, contact.error());
    Contact kept = contact->value_or(Contact{.id = who->bare()});
    kept.accepted = true;
    if (!options.alias.empty()) kept.alias = options.alias;
    if (options.mute || options.unmute) kept.muted = options.mute;
    if (auto status = context.home->put_contact(kept); !status)
      return failed(context, status.error());
    context.link.finish();
  }
  auto contacts = context.home->contacts();
  if (!contacts) return failed(context, contacts.error());
  // Groups, and the own other devices, which this home writes to as well.
  const Id self = context.home->account().id;
  std::erase_if(*contacts, [&](const Contact& contact) {
    return !contact.id.is_user() || contact.id.same_entity(self);
  });
  for (const Contact& contact : *contacts) print(context, contact);
  if (contacts->empty())
    context.out.note(
        "No contacts yet. They appear when you write to somebody or somebody writes to you.");
  return code(Exit::ok);
}

int verb_requests(const CommonOptions& common) {
  constexpr std::size_t kLooked = 1'000;
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  context.make_messenger({.receive = false});
  auto contacts = context.home->contacts();
  if (!contacts) return failed(context, contacts.error());
  bool any = false;
  for (const Contact& contact : *contacts) {
    if (!contact.id.is_user() || !contact.is_stranger() || contact.refused) continue;
    auto entries = context.messenger->history(contact.id, kLooked);
    if (!entries) return failed(context, entries.error());
    if (entries->empty()) continue;
    const HistoryEntry& newest = entries->back();
    const std::string name = context.name_of(contact.id);
    JsonObject members;
    members.set("id", contact.id.text());
    members.set("name", name);
    members.set("messages", static_cast<std::int64_t>(entries->size()));
    members.set("time", format_time(newest.time));
    members.set("text", newest.text);
    context.out.object("request", std::move(members));
    context.out.line(fmt::format("{:<24}  {}  {} message(s), the last: {}", printable(name),
                                 contact.id.text(), entries->size(), printable(newest.text)));
    any = true;
  }
  context.out.note(any ? "dim accept WHO, or dim block WHO; they are not told which."
                       : "Nobody new has written.");
  return code(Exit::ok);
}

int verb_accept(const CommonOptions& common, const PersonOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  Contact contact{.id = context.home->account().id};
  const int done = change_contact(
      context, options.who, [](Contact& one) { one.accepted = true, one.refused = false; },
      contact);
  if (done == code(Exit::ok)) print(context, contact);
  return done;
}

int verb_block(const CommonOptions& common, const PersonOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  Contact contact{.id = context.home->account().id};
  const int done = change_contact(
      context, options.who, [&](Contact& one) { one.refused = !options.off; }, contact);
  if (done != code(Exit::ok)) return done;
  print(context, contact);
  context.out.note(options.off
                       ? "What they write from now on is shown."
                       : "What they write to you is dropped from now on, and they are not told. In "
                         "groups and channels you both are in, it stays.");
  return done;
}

}  // namespace dim
