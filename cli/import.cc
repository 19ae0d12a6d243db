// `dim import`: an account of another program becomes a home.
#include <fmt/core.h>

#include "cli/context.h"
#include "cli/verbs.h"
#include "client/import_dimples.h"

namespace dim {

int verb_import(const CommonOptions& common, const ImportOptions& options) {
  Context context(common);
  const auto failed = [&](const Error& error, Exit exit) {
    context.out.error(error);
    return static_cast<int>(exit);
  };
  if (Home::exists(common.home)) {
    return failed({Errc::conflict, "there is a home in this folder already; use another --home"},
                  Exit::home);
  }
  auto found = account_from_dimples(options.folder, options.account, context.clock.now());
  if (!found) return failed(found.error(), exit_of(found.error()));
  auto passphrase = passphrase_for(common, options.lock);
  if (!passphrase) return failed(passphrase.error(), Exit::home);
  const std::size_t old_keys = found->account.message_keys.size() - 1;
  auto home = Home::create(common.home, *passphrase, std::move(found->account), context.random);
  if (!home) return failed(home.error(), Exit::home);
  for (const Id& id : found->contacts) {
    if (auto put = home->put_contact({.id = id}); !put) return failed(put.error(), Exit::home);
  }
  const Account& account = home->account();
  JsonObject members;
  members.set("id", account.id.text());
  members.set("name", account.visa.name());
  members.set("contacts", static_cast<std::int64_t>(found->contacts.size()));
  members.set("old_keys", static_cast<std::int64_t>(old_keys));
  context.out.object("imported", std::move(members));
  context.out.line(fmt::format("You are {}\n  ID        {}\n  contacts  {}",
                               printable(account.visa.name()), account.id.text(),
                               found->contacts.size()));
  context.out.note(
      "Next: dim join LINK --name NAME. From then on messages are encrypted for this home; the old "
      "program keeps its identity key, unencrypted: delete its folder when you need it no longer.");
  return static_cast<int>(Exit::ok);
}

}  // namespace dim
