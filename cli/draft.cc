// `dim draft`: texts that were begun and not sent.
#include <fmt/core.h>

#include <algorithm>

#include "cli/context.h"
#include "cli/hub_run.h"
#include "cli/verbs.h"
#include "client/drafts.h"
#include "client/hub_names.h"

namespace dim {
namespace {

/// What a conversation is called: a person, a group, or HUB/CHANNEL.
std::string name_of_conversation(Context& context, const std::vector<HubView>& hubs,
                                 const std::string& conversation) {
  if (const auto channel = Guid::parse(conversation)) {
    for (const HubView& hub : hubs) {
      if (const auto found = hub.channels.find(*channel); found != hub.channels.end())
        return hub.name + "/" + found->second.name;
    }
    return conversation;
  }
  const auto id = Id::parse(conversation);
  return id ? context.name_of(*id) : conversation;
}

void print(Context& context, const std::vector<HubView>& hubs, const Draft& draft) {
  const std::string name = name_of_conversation(context, hubs, draft.conversation);
  JsonObject members;
  members.set("conversation", draft.conversation);
  members.set("name", name);
  members.set("time", format_time(draft.time));
  members.set("text", draft.text);
  context.out.object("draft", std::move(members));
  context.out.line(fmt::format("{}: {}", printable(name), printable_lines(draft.text)));
}

/// The ID or GUID that is meant; nothing, and it is said, when there is none.
std::optional<std::string> find_conversation(Context& context, const std::vector<HubView>& hubs,
                                             const std::string& who) {
  if (names_channel(*context.home, who)) {
    const auto place = find_place(hubs, who, *context.home);
    if (place && place->channel) return place->channel->text();
    context.out.error(place ? Error{Errc::usage, "a draft is for a person, group, or HUB/CHANNEL"}
                            : place.error());
    return std::nullopt;
  }
  const auto id = who.starts_with("group:") ? context.find_group(who) : context.find_here(who);
  if (!id) return std::nullopt;
  return id->bare().text();
}

}  // namespace

int verb_draft(const CommonOptions& common, const DraftOptions& options) {
  Context context(common);
  if (!context.open_home()) return static_cast<int>(Exit::home);
  context.make_messenger({.receive = false});
  Drafts drafts(context.home->vault());
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return static_cast<int>(error.code == Errc::io ? Exit::home : Exit::usage);
  };
  const auto hubs = kept_hubs(*context.home);
  if (!hubs) return failed(hubs.error());
  if (options.who.empty()) {
    const auto all = drafts.all();
    if (!all) return failed(all.error());
    for (const Draft& draft : *all) print(context, *hubs, draft);
    if (all->empty()) context.out.note("No drafts.");
    return static_cast<int>(Exit::ok);
  }
  const auto conversation = find_conversation(context, *hubs, options.who);
  if (!conversation) return static_cast<int>(Exit::unknown_person);
  if (options.text || options.clear) {
    const std::string text = options.clear ? std::string() : text_or_input(*options.text);
    if (auto put = drafts.put({*conversation, text, context.clock.now()}); !put)
      return failed(put.error());
  }
  const auto draft = drafts.find(*conversation);
  if (!draft) return failed(draft.error());
  if (*draft) {
    print(context, *hubs, **draft);
  } else {
    context.out.note("No draft.");
  }
  return static_cast<int>(Exit::ok);
}

}  // namespace dim
