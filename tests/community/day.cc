#include "tests/community/day.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "tests/community/wait.h"

namespace dim::community {
namespace {

using enum HubObject;

constexpr Millis kTickMs = 100;
constexpr std::size_t kUnanswered = 4;  // posts of one person
constexpr std::size_t kMostProblems = 40;
constexpr std::size_t kFiles = 12;
constexpr std::array kKinds = {"text", "text", "text", "announcement", "private"};
constexpr std::array kSymbols = {"🌹", "ok", "no"};

Packet on(Operation operation, HubObject object, const std::string& target) {
  return HubClient::request(operation, object, target);
}

}  // namespace

Day::Day(const DayOptions& options)
    : options_(options), random_state_(options.seed), station_({.folder = {}, .quotas = true}) {}

std::size_t Day::run() {
  const auto begin = bench::now();
  gather();
  live();
  settle();
  check();
  fmt::print(
      "{} people, {} posts ({} refused, {} in threads), {} edits, {} reactions, {} taken away, {} "
      "and a channel destroyed with {} receipts, {} letters, {} files read, {} put out or muted; "
      "{} "
      "kills of the station and a restart, {} of programs: {} wrong; {:.0f} s\n",
      options_.people, written_, refused_, threads_, edits_, reactions_, taken_, destroyed_,
      receipts_, letters_.size(), files_read_, put_out_, options_.kills, programs_killed_,
      problems_, bench::seconds_since(begin));
  return problems_;
}

// ---- tools

std::uint64_t Day::below(std::uint64_t end) {
  random_state_ += 0x9e3779b97f4a7c15ULL;  // SplitMix64: repeatable, nothing secret
  std::uint64_t x = random_state_;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return (x ^ (x >> 31)) % end;
}

void Day::wrong(std::string what) {
  fmt::print(stderr, "dim-community: {}\n", what);
  if (++problems_ > kMostProblems) throw std::runtime_error("too much is wrong");
}

void Day::pass(Millis ms) {
  reactor_.run_for(ms);
  const Millis now = clock_.monotonic();
  if (now - ticked_ >= kTickMs) {
    ticked_ = now;
    for (const auto& person : people_) person->tick();
  }
  for (auto step = later_.begin(); step != later_.end();) {
    if (!step->first()) {
      ++step;
      continue;
    }
    const auto what = std::move(step->second);
    step = later_.erase(step);
    what();
  }
}

void Day::later(std::function<bool()> when, std::function<void()> what) {
  later_.emplace_back(std::move(when), std::move(what));
}

Person::Done Day::must(std::string what, std::vector<int> good, std::function<void()> then) {
  return [this, what = std::move(what), good = std::move(good), then = std::move(then)](int code,
                                                                                        Cursor) {
    ++progress_;
    if (std::ranges::find(good, code) == good.end())
      return wrong(fmt::format("{}: {}", what, code));
    then();
  };
}

Guid Day::make(std::size_t owner, HubObject object, const std::string& hub, std::string body) {
  const Guid guid = Guid::make(clock_.now(), random_);
  Packet packet = on(Operation::create, object, hub);
  packet.set("guid", guid.text());
  packet.content = std::move(body);
  people_[owner]->surely(std::move(packet),
                         must(fmt::format("a new {}", to_string(object)), {201}, [] {}));
  return guid;
}

bool Day::may_read(std::size_t who, std::size_t channel) const {
  const Channel& in = channels_[channel];
  return members_[who][in.hub] &&
         (in.kind != "private" || is_insider(who) || hubs_[in.hub].owner == who);
}

bool Day::writes(std::size_t who, std::size_t channel) const {
  const Channel& in = channels_[channel];
  return reads(who, channel) && (in.kind != "announcement" || hubs_[in.hub].owner == who);
}

bool Day::was_put_out(std::size_t who, std::size_t hub) const {
  return std::ranges::any_of(absences_,
                             [&](const Absence& one) { return one.who == who && one.hub == hub; });
}

// ---- the morning: two hubs with five channels in each, one more for a while, and a private hub

void Day::gather() {
  for (std::size_t who = 0; who < options_.people; ++who) {
    Account account =
        Account::make_user(fmt::format("person {}", who), clock_.now() - 60'000, random_).value();
    Home home = Home::in_memory(std::move(account), random_).value();
    (void)home.set_station(station_.target());
    people_.push_back(std::make_unique<Person>(
        reactor_, tls_, std::move(home), random_,
        Person::Options{.follows = follows(who), .files = who % 7 == 0},
        Person::Events{.posted = [this](const Guid& guid, int code) { on_posted(guid, code); },
                       .told = [this, who](const Post& post, bool) { on_told(who, post); },
                       .letter =
                           [this](const std::string& text) {
                             ++progress_;
                             const auto found = letters_.find(text);
                             if (found == letters_.end())
                               return wrong("nobody wrote the letter " + text);
                             if (++found->second > 1) wrong("a letter came twice: " + text);
                           },
                       .wrong =
                           [this, who](const std::string& what) {
                             wrong(fmt::format("person {}: {}", who, what));
                           }}));
    people_.back()->come();
    members_.emplace_back(3, false);
  }
  frozen_.assign(options_.people, false);
  unanswered_.assign(options_.people, 0);
  wait("coming", [&] {
    return std::ranges::all_of(people_, [](const auto& one) { return one->is_here(); });
  });
  for (std::size_t hub = 0; hub < 2; ++hub) {
    const std::size_t owner = hub;
    std::optional<Id> id;
    people_[owner]->messenger().hubs().found(hub == 0 ? "gardeners" : "cooks", "what grows",
                                             [&](const HubResult<Id>& made) {
                                               if (made) id = *made;
                                             });
    wait("founding", [&] { return id.has_value(); });
    hubs_.push_back({.id = id->text(), .owner = owner});
    members_[owner][hub] = true;
    const Guid role = make(owner, HubObject::role, id->text(),
                           R"({"name":"insiders","permissions":[],"rank":1})");
    std::vector<const char*> kinds(kKinds.begin(), kKinds.end());
    if (hub == 0) {
      destroyed_channel_ = kKinds.size();
      kinds.push_back("text");
    }
    for (const char* kind : kinds) {
      std::string body = fmt::format(R"({{"name":"c{}","kind":"{}"}})", channels_.size(), kind);
      if (std::string_view(kind) == "private") {
        body.pop_back();
        body += fmt::format(
            R"(,"overrides":[{{"role":"{}","allow":["read","write","attach"],"deny":[]}}]}})",
            role.text());
      }
      // In order: the role of the override has to be there.
      channels_.push_back(
          {make(owner, HubObject::channel, id->text(), std::move(body)), hub, kind});
    }
    hubs_[hub].invite = make(owner, HubObject::invite, id->text(), "{}").text();
    wait("making channels", [&] { return !people_[owner]->asks(); });
    for (std::size_t who = 0; who < people_.size(); ++who) {
      if (who == owner || who % 4 == 2 + hub) continue;
      members_[who][hub] = true;
      Packet join = on(Operation::create, member, id->text());
      join.content = R"({"invite":")" + hubs_[hub].invite + "\"}";
      people_[who]->surely(std::move(join), must("joining", {201}, [] {}));
    }
    wait("joining", [&] { return std::ranges::none_of(people_, &Person::asks); });
    for (std::size_t who = 0; who < people_.size(); ++who) {
      if (who == owner || !members_[who][hub] || !is_insider(who)) continue;
      Packet give = on(Operation::edit, member, id->text());
      give.set("member", people_[who]->id());
      give.content = R"({"roles":[")" + role.text() + "\"]}";
      people_[owner]->surely(std::move(give), must("giving a role", {200}, [] {}));
    }
    wait("giving roles", [&] { return !people_[owner]->asks(); });
  }
  found_private();
  // Everybody follows every channel before so much is written that a first look leaves it out.
  for (std::size_t channel = 0; channel < channels_.size(); ++channel)
    write_in(hubs_[channels_[channel].hub].owner, channel);
  wait("telling the first messages", [&] {
    return std::ranges::all_of(ledger_, [&](const auto& one) {
      for (std::size_t who = 0; who < people_.size(); ++who) {
        if (who != one.second.author && follows(who) && reads(who, one.second.channel) &&
            !people_[who]->told.contains(one.first))
          return false;
      }
      return true;
    });
  });
}

/// Its founder signs who belongs to it.
void Day::found_private() {
  const std::size_t owner = 2;
  std::optional<Id> id;
  people_[owner]->messenger().hubs().found(
      "cellar", "what lies",
      [&](const HubResult<Id>& made) {
        if (made) id = *made;
      },
      true);
  wait("founding a private hub", [&] { return id.has_value(); });
  hubs_.push_back({.id = id->text(), .owner = owner});
  members_[owner][kPrivate] = true;
  for (int i = 0; i < 2; ++i) {
    std::string body = fmt::format(R"({{"name":"c{}"}})", channels_.size());
    channels_.push_back(
        {make(owner, HubObject::channel, id->text(), std::move(body)), kPrivate, "text"});
  }
  hubs_[kPrivate].invite = make(owner, HubObject::invite, id->text(), "{}").text();
  wait("making channels", [&] { return !people_[owner]->asks(); });
  std::vector<std::string> all;
  for (std::size_t who = 0; who < people_.size(); who += 2) {
    if (who == owner) continue;
    members_[who][kPrivate] = true;
    all.push_back(people_[who]->id());
    Packet join = on(Operation::create, member, id->text());
    join.content = R"({"invite":")" + hubs_[kPrivate].invite + "\"}";
    people_[who]->surely(std::move(join), must("joining", {201}, [] {}));
  }
  wait("joining", [&] { return std::ranges::none_of(people_, &Person::asks); });
  bool is_signed = false;
  people_[owner]->messenger().hubs().change_roster(
      id->text(), all, {},
      [&](const HubResult<std::int64_t>& epoch) { is_signed = epoch.has_value(); });
  wait("signing who belongs to a private hub", [&] { return is_signed; });
}

// ---- the day

void Day::live() {
  plan();
  wait("writing", [&] {
    for (int i = 0; i < 4 && written_ < options_.posts; ++i) act();
    return written_ >= options_.posts && later_.empty();
  });
}

/// What happens beside writing, when so many messages are written.
void Day::plan() {
  const auto at = [&](double share, std::function<void()> what) {
    const auto number = static_cast<std::size_t>(share * static_cast<double>(options_.posts));
    later([this, number] { return written_ >= number; }, std::move(what));
  };
  const auto part = [](std::size_t i, std::size_t of) {
    return static_cast<double>(i) / static_cast<double>(of);
  };
  for (std::size_t i = 1; i <= options_.kills; ++i)
    at(part(i, options_.kills + 1), [this] { kill_station(); });
  at(0.52, [this] {
    later([this] { return !down_; },
          [this] {
            station_.stop();
            station_.launch();
          });
  });
  for (std::size_t i = 1; i < 20; ++i) at(part(i, 20), [this] { kill_program(); });
  // What is older than a day is forgotten: nothing of today.
  at(0.3, [this] {
    Packet keep = on(Operation::edit, HubObject::channel, channels_[0].guid.text());
    keep.content = R"({"retention":1})";
    people_[hubs_[0].owner]->surely(std::move(keep), must("a retention", {200}, [] {}));
  });
  at(0.45, [this] { later([this] { return !busy_out_; }, [this] { put_out(kPrivate, false); }); });
  at(0.8, [this] { destroy_channel(*destroyed_channel_); });
  double share = 0.08;
  for (const bool ban : {false, true, true, false}) {
    const std::size_t hub = ban ? 1 : 0;
    at(share, [this, hub, ban] {
      later([this] { return !busy_out_; }, [this, hub, ban] { put_out(hub, ban); });
    });
    at(share + 0.1,
       [this, hub] { later([this] { return !busy_out_; }, [this, hub] { mute(hub); }); });
    share += 0.2;
  }
}

void Day::kill_station() {
  if (down_) return later([this] { return !down_; }, [this] { kill_station(); });
  down_ = true;
  destroy_doomed();  // and the kill strikes in the midst of it
  const Millis when = clock_.monotonic() + static_cast<Millis>(below(40));
  later([this, when] { return clock_.monotonic() >= when; },
        [this] {
          station_.kill();
          doom();
          const Millis again = clock_.monotonic() + static_cast<Millis>(below(300));
          later([this, again] { return clock_.monotonic() >= again; },
                [this] {
                  station_.launch();
                  down_ = false;
                });
        });
}

void Day::kill_program() {
  ++programs_killed_;
  Person& person = *people_[below(people_.size())];
  person.vanish();
  person.come();
}

void Day::act() {
  const std::size_t who = below(people_.size());
  if (frozen_[who] || unanswered_[who] >= kUnanswered) return;
  const std::uint64_t dice = below(100);
  if (dice < 56) return write(who);
  if (dice < 66) return edit(who);
  if (dice < 68) return edit_late(who);
  if (dice < 80) return react(who);
  if (dice < 86) return take_away(who);
  if (dice < 90) return hide_or_show(hubs_[below(hubs_.size())].owner);
  if (dice < 93) return pin(hubs_[below(hubs_.size())].owner);
  if (dice < 97) return write_letter(who);
  send_file(who);
}

void Day::write(std::size_t who) {
  const std::size_t channel = below(channels_.size());
  if (writes(who, channel)) {
    write_in(who, channel);
  } else if (one_in(8) && !channels_[channel].closed) {
    // An announcement by somebody else, or from outside.
    ledger_.at(write_in(who, channel)).forbidden = true;
  }
}

Guid Day::write_in(std::size_t who, std::size_t channel, std::optional<std::size_t> file) {
  std::string text = fmt::format("w{} ", written_);
  for (std::uint64_t words = below(40); words > 0; --words) text += one_in(9) ? "园林 " : "garden ";
  if (file) text += files_[*file].link.text();
  const auto near = [&](const Message& one) { return one.channel == channel; };
  PostLinks links;
  if (one_in(4)) links.reply = some_message(who, near);
  if (one_in(5))
    links.thread = some_message(who, [&](const Message& one) {
      return near(one) && !one.thread && one.state == PostState::shown;
    });
  if (links.thread) ++threads_;
  // Of those who stay, so that nobody is mentioned who is just being put out.
  const std::size_t whom = 3 * below((people_.size() + 2) / 3);
  if (one_in(8) && reads(whom, channel)) links.mentions.push_back(people_[whom]->id());
  const Channel& in = channels_[channel];
  if (one_in(20) && hubs_[in.hub].owner == who) links.mentions.emplace_back(kEveryone);
  if (one_in(25) && !file && written_ >= channels_.size())
    links.expires = clock_.now() + 2'000 + static_cast<Millis>(below(4'000));
  const auto guid =
      people_[who]->messenger().post(*Id::parse(hubs_[in.hub].id), in.guid, text, links);
  if (!guid) throw std::runtime_error("a message cannot be written: " + to_string(guid.error()));
  ++unanswered_[who];
  ledger_.emplace(*guid, Message{.author = who,
                                 .channel = channel,
                                 .text = std::move(text),
                                 .reply = links.reply,
                                 .thread = links.thread,
                                 .mentions = std::move(links.mentions),
                                 .expires = links.expires,
                                 .file = file,
                                 .number = written_++});
  return *guid;
}

void Day::on_posted(const Guid& guid, int code) {
  ++progress_;
  const auto found = ledger_.find(guid);
  if (found == ledger_.end()) return wrong("an answer to a message that nobody wrote");
  Message& message = found->second;
  if (message.acked || message.refused) return wrong("answered twice: " + message.text);
  --unanswered_[message.author];
  if (code == 201) {
    message.acked = true;
    acked_.push_back(guid);
    if (message.forbidden) wrong("somebody who may not has written: " + message.text);
    if (message.file) read_file(7 * below((people_.size() + 6) / 7), *message.file);
    return;
  }
  message.refused = true;
  ++refused_;
  const bool may_be =
      message.forbidden || was_put_out(message.author, channels_[message.channel].hub);
  // Its time was over, or what its thread is about was just taken away.
  const auto root = message.thread ? ledger_.find(*message.thread) : ledger_.end();
  const bool late =
      code == 410 && ((message.expires != 0 && message.expires <= clock_.now()) ||
                      (root != ledger_.end() && (root->second.busy || is_gone(root->second))));
  if (!late && (!may_be || (code != 403 && code != 404)))
    wrong(fmt::format("refused with {}: {}", code, message.text));
}

void Day::on_told(std::size_t who, const Post& post) {
  ++progress_;
  const auto found = ledger_.find(post.guid);
  if (found == ledger_.end()) return wrong("somebody was told what nobody wrote: " + post.content);
  // Who is in again may read everything, also what was written meanwhile.
  const Message& message = found->second;
  for (const Absence& one : absences_) {
    if (one.who == who && one.hub == channels_[message.channel].hub && !one.over &&
        message.number >= one.from)
      wrong(fmt::format("person {} was put out and told {}", who, message.text));
  }
}

std::optional<Guid> Day::some_message(std::size_t who,
                                      const std::function<bool(const Message&)>& good) {
  for (int tries = 0; tries < 20 && !acked_.empty(); ++tries) {
    // Mostly of the last ones, as people do.
    const std::uint64_t back =
        below(one_in(3) ? acked_.size() : std::min<std::size_t>(acked_.size(), 60));
    const Guid& guid = acked_[acked_.size() - 1 - back];
    const Message& one = ledger_.at(guid);
    if (!one.busy && one.expires == 0 && reads(who, one.channel) && good(one)) return guid;
  }
  return std::nullopt;
}

/// One thing at a time is done to a message, so that its end is known.
void Day::change(std::size_t who, const Guid& guid, Packet packet, std::vector<int> good,
                 std::function<void(Message&, Cursor)> then) {
  ledger_.at(guid).busy = true;
  const std::string what =
      fmt::format("person {}: {} of a {}", who, to_string(*packet.operation), packet.get("type"));
  people_[who]->surely(std::move(packet), [this, guid, what, good = std::move(good),
                                           then = std::move(then)](int code, Cursor cursor) {
    ++progress_;
    Message& message = ledger_.at(guid);
    message.busy = false;
    if (std::ranges::find(good, code) == good.end())
      return wrong(fmt::format("{}: {} ({})", what, code, message.text));
    then(message, cursor);
  });
}

void Day::edit(std::size_t who) {
  const auto guid = some_message(who, [&](const Message& one) {
    return one.author == who && one.state == PostState::shown && writes(who, one.channel);
  });
  if (!guid) return;
  const Message& message = ledger_.at(*guid);
  std::string text = fmt::format("w{} changed {} times", message.number, message.revision);
  if (is_private(message.channel)) return edit_private(who, *guid, std::move(text));
  Packet packet = on(Operation::edit, HubObject::message, guid->text());
  if (one_in(2)) packet.set("revision", std::to_string(message.revision));
  packet.content = text;
  change(who, *guid, std::move(packet), {200},
         [this, guid, text](Message&, Cursor) { on_edited(*guid, text); });
}

void Day::on_edited(const Guid& guid, const std::string& text) {
  ++edits_;
  Message& it = ledger_.at(guid);
  it.text = text;
  ++it.revision;
}

/// It is sealed for who is there now; when the program is killed before that, nothing has happened.
void Day::edit_private(std::size_t who, const Guid& guid, std::string text) {
  const Message& message = ledger_.at(guid);
  const PostPlace place{.channel = channels_[message.channel].guid,
                        .message = guid,
                        .revision = message.revision + 1,
                        .reply = message.reply,
                        .thread = message.thread,
                        .expires = message.expires,
                        .mentions = message.mentions};
  people_[who]->messenger().seal_post(
      hubs_[kPrivate].id, place, text,
      [this, who, guid, text, revision = message.revision](const HubResult<std::string>& sealed) {
        const Message& now = ledger_.at(guid);
        if (!sealed || frozen_[who] || now.busy || now.revision != revision ||
            now.state != PostState::shown || !writes(who, now.channel))
          return;
        Packet packet = on(Operation::edit, HubObject::message, guid.text());
        packet.set("revision", std::to_string(revision));
        packet.content = *sealed;
        change(who, guid, std::move(packet), {200},
               [this, guid, text](Message&, Cursor) { on_edited(guid, text); });
      });
}

/// Of an earlier revision than the current one.
void Day::edit_late(std::size_t who) {
  const auto guid = some_message(who, [&](const Message& one) {
    return one.author == who && one.state == PostState::shown && one.revision > 1 &&
           writes(who, one.channel) && !is_private(one.channel);
  });
  if (!guid) return;
  Packet packet = on(Operation::edit, HubObject::message, guid->text());
  packet.set("revision", std::to_string(ledger_.at(*guid).revision - 1));
  packet.content = "too late";
  change(who, *guid, std::move(packet), {407}, [](Message&, Cursor) {});
}

void Day::react(std::size_t who) {
  const auto guid =
      some_message(who, [](const Message& one) { return one.state == PostState::shown; });
  if (!guid) return;
  const std::string symbol = kSymbols[below(kSymbols.size())];
  const auto& known = ledger_.at(*guid).reactions;
  const auto there = known.find(symbol);
  const bool off = there != known.end() && there->second.contains(who);
  Packet packet = on(off ? Operation::erase : Operation::create, reaction, guid->text());
  packet.set("symbol", symbol);
  change(who, *guid, std::move(packet), {off ? 204 : 201},
         [this, who, symbol, off](Message& it, Cursor) {
           ++reactions_;
           auto& people = it.reactions[symbol];
           if (off)
             people.erase(who);
           else
             people.insert(who);
           if (people.empty()) it.reactions.erase(symbol);
         });
}

void Day::take_away(std::size_t who) {
  const auto guid = some_message(
      who, [&](const Message& one) { return one.author == who && one.state == PostState::shown; });
  if (!guid) return;
  const bool erased = one_in(2);
  // 410: the answer to the first of several was lost.
  change(who, *guid,
         on(erased ? Operation::erase : Operation::remove, HubObject::message, guid->text()),
         erased ? std::vector{204, 410} : std::vector{200}, [this, erased](Message& it, Cursor) {
           ++taken_;
           it.state = erased ? PostState::deleted : PostState::removed;
           it.text.clear();
           it.mentions.clear();
           if (!erased) return;
           it.pinned = false;
           it.reactions.clear();
         });
}

void Day::hide_or_show(std::size_t owner) {
  const auto guid = some_message(owner, [&](const Message& one) {
    return one.author != owner && hubs_[channels_[one.channel].hub].owner == owner &&
           (one.state == PostState::shown || one.state == PostState::hidden);
  });
  if (!guid) return;
  const bool show = ledger_.at(*guid).state == PostState::hidden;
  Packet packet = on(show ? Operation::edit : Operation::remove, HubObject::message, guid->text());
  if (show) packet.set("state", "shown");
  change(owner, *guid, std::move(packet), {200},
         [this, owner, guid, show](Message& it, Cursor cursor) {
           it.state = show ? PostState::shown : PostState::hidden;
           it.was_hidden = true;
           people_[owner]->did(*guid, it.state, cursor);
         });
}

void Day::pin(std::size_t owner) {
  const auto guid = some_message(owner, [&](const Message& one) {
    return hubs_[channels_[one.channel].hub].owner == owner && one.state == PostState::shown;
  });
  if (!guid) return;
  const bool off = ledger_.at(*guid).pinned;
  change(owner, *guid, on(off ? Operation::erase : Operation::create, HubObject::pin, guid->text()),
         {off ? 204 : 201}, [off](Message& it, Cursor) { it.pinned = !off; });
}

void Day::write_letter(std::size_t who) {
  const std::size_t to = below(people_.size());
  if (to == who) return;
  const std::string text = fmt::format("letter {}", letters_.size());
  letters_.emplace(text, 0);
  if (const auto sent = people_[who]->messenger().send_text(people_[to]->account().id, text); !sent)
    wrong("a letter cannot be written: " + to_string(sent.error()));
}

/// Most are posted in a channel; the others have nobody but who has the link.
void Day::send_file(std::size_t who) {
  if (who % 7 != 0 || files_.size() + sending_ >= kFiles) return;
  auto data = std::make_shared<Bytes>(below(900'000) + 1'000);
  random_.fill(*data);
  std::size_t channel = below(channels_.size());
  for (int tries = 0; tries < 20 && !writes(who, channel); ++tries)
    channel = below(channels_.size());
  const bool posts = writes(who, channel) && !one_in(4);
  ++sending_;
  people_[who]->upload(
      data, station_.target().id,
      [this, who, channel, posts, data](MediaLink link, std::string piece) {
        ++progress_;
        --sending_;
        const std::size_t file = files_.size();
        files_.push_back(
            {.link = std::move(link), .data = data, .piece = std::move(piece), .owner = who});
        if (!posts) return read_file(7 * below((people_.size() + 6) / 7), file);
        if (frozen_[who] || !writes(who, channel)) return;
        files_[file].message = write_in(who, channel, file);
      });
}

void Day::read_file(std::size_t reader, std::size_t file) {
  const auto message = files_[file].message;
  if (message && !reads(reader, ledger_.at(*message).channel)) return;
  people_[reader]->download(files_[file].link, [this, reader, file, message](Result<Bytes> got) {
    ++progress_;
    ++files_read_;
    // It goes with its message; who is just put out gets it no more.
    const Message* it = message ? &ledger_.at(*message) : nullptr;
    const bool may_be_gone = it != nullptr && (it->busy || is_gone(*it) ||
                                               was_put_out(reader, channels_[it->channel].hub));
    if (!got) {
      if (!may_be_gone) wrong("a file does not come through: " + to_string(got.error()));
      return;
    }
    if (*got != *files_[file].data) wrong("a file came with other bytes");
  });
}

// ---- who is put out

std::optional<std::size_t> Day::victim(std::size_t hub) {
  for (int tries = 0; tries < 100; ++tries) {
    const std::size_t who = below(people_.size());
    if (members_[who][hub] && !frozen_[who] && !is_insider(who) && who > 2) return who;
  }
  return std::nullopt;
}

void Day::put_out(std::size_t hub, bool ban) {
  const auto who = victim(hub);
  if (!who) return;
  busy_out_ = frozen_[*who] = true;
  ++put_out_;
  later([this, who] { return !people_[*who]->asks(); },
        [this, who = *who, hub, ban] {
          // What is under way then may be in time or not.
          for (int i = 0; i < 8; ++i) write(who);
          const std::size_t absence = absences_.size();
          absences_.push_back({.who = who, .hub = hub});
          members_[who][hub] = false;
          const std::size_t owner = hubs_[hub].owner;
          Packet packet = on(ban ? Operation::create : Operation::erase,
                             ban ? HubObject::ban : member, hubs_[hub].id);
          packet.set("member", people_[who]->id());
          if (ban) packet.content = R"({"reason":"spam"})";
          people_[owner]->surely(
              std::move(packet),
              must("putting out", ban ? std::vector{201} : std::vector{204, 404}, [=, this] {
                absences_[absence].from = written_;
                for (const Channel& channel : channels_) {
                  if (channel.hub != hub) continue;
                  people_[who]->surely(on(Operation::get, mark, channel.guid.text()),
                                       must("reading from outside", {403, 404}, [] {}));
                }
                const std::size_t until = written_ + options_.posts / 20;
                later(
                    [this, until, who] {
                      return written_ >= std::min(until, options_.posts) && !people_[who]->asks();
                    },
                    [=, this] {
                      // Into a private hub only its founder could sign them in again.
                      if (hub != kPrivate) return let_in(who, hub, ban, absence);
                      busy_out_ = frozen_[who] = false;
                    });
              }));
        });
}

void Day::let_in(std::size_t who, std::size_t hub, bool banned, std::size_t absence) {
  const auto join = [=, this] {
    absences_[absence].over = true;
    Packet packet = on(Operation::create, member, hubs_[hub].id);
    packet.content = R"({"invite":")" + hubs_[hub].invite + "\"}";
    people_[who]->surely(std::move(packet), must("coming again", {201}, [=, this] {
                           members_[who][hub] = true;
                           busy_out_ = frozen_[who] = false;
                         }));
  };
  if (!banned) return join();
  Packet lift = on(Operation::erase, HubObject::ban, hubs_[hub].id);
  lift.set("member", people_[who]->id());
  people_[hubs_[hub].owner]->surely(std::move(lift), must("lifting a ban", {204, 404, 410}, join));
}

void Day::mute(std::size_t hub) {
  const auto who = victim(hub);
  if (!who) return;
  busy_out_ = frozen_[*who] = true;
  ++put_out_;
  const auto packet = [this, who = *who, hub](Operation operation) {
    Packet out = on(operation, HubObject::mute, hubs_[hub].id);
    out.set("member", people_[who]->id());
    return out;
  };
  const auto lift = [this, who = *who, hub, packet] {
    people_[hubs_[hub].owner]->surely(
        packet(Operation::erase),
        must("lifting a mute", {204, 404, 410}, [this, who] { busy_out_ = frozen_[who] = false; }));
  };
  const auto try_it = [this, who = *who, hub, lift] {
    const std::size_t first = written_;
    for (int i = 0; i < 8; ++i) write(who);
    for (auto& [guid, message] : ledger_)
      if (message.number >= first && channels_[message.channel].hub == hub)
        message.forbidden = true;
    later([this, who] { return unanswered_[who] == 0; }, lift);
  };
  later([this, who = *who] { return !people_[who]->asks() && unanswered_[who] == 0; },
        [this, hub, packet, try_it] {
          Packet mute = packet(Operation::create);
          mute.content = "{}";
          people_[hubs_[hub].owner]->surely(std::move(mute), must("muting", {201}, try_it));
        });
}

// ---- the evening

void Day::settle() {
  destroy_doomed();
  wait("coming to rest", [&] {
    return later_.empty() &&
           std::ranges::all_of(people_, [](const auto& one) { return one->is_quiet(); }) &&
           std::ranges::all_of(letters_, [](const auto& one) { return one.second == 1; });
  });
}

}  // namespace dim::community
