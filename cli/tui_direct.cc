// `dim tui` with people and in groups: what the home has of them.
#include <algorithm>

#include "cli/transfer.h"
#include "cli/tui_app.h"
#include "client/attach.h"
#include "client/pictures.h"
#include "client/rebound.h"
#include "dim/base/hex.h"
#include "dim/crypto/digest.h"
#include "terminal/printable.h"

namespace dim {
namespace {

constexpr std::size_t kPage = 200;  // messages that are read at once
constexpr Millis kTypingMs = 30'000;
constexpr Millis kLookMs = 50;
constexpr int kPictureColumns = 40, kPictureRows = 24;  // pixels; two rows stand in one of cells

tui::Progress progress_of(Tick tick) {
  switch (tick) {
    case Tick::queued:
      return tui::Progress::queued;
    case Tick::sent:
      return tui::Progress::sent;
    case Tick::delivered:
      return tui::Progress::delivered;
    case Tick::read:
      return tui::Progress::read;
    case Tick::failed:
      return tui::Progress::failed;
  }
  return tui::Progress::none;
}

}  // namespace

// ---- whom there is

void TuiApp::load_people() {
  const Id self = context_.home->account().id;
  if (auto contacts = context_.home->contacts()) {
    for (const Contact& contact : *contacts) {
      // Groups come below; the own other devices are written to by programs alone.
      if (!contact.id.is_user() || contact.id.same_entity(self) || contact.refused) continue;
      const auto last = context_.messenger->history(contact.id, 1);
      if (contact.written || !contact.alias.empty() || (last && !last->empty()))
        conversation_with(contact.id);
    }
  }
  if (auto groups = context_.messenger->groups().all()) {
    for (const Id& group : *groups) conversation_with(group);
  }
  model_.select(0);
}

tui::Conversation& TuiApp::conversation_with(const Id& peer) {
  const std::string id = peer.bare().text();
  if (tui::Conversation* there = model_.find(id)) return *there;
  tui::Conversation one{.id = id,
                        .kind = peer.is_group() ? tui::Kind::group : tui::Kind::person,
                        .title = context_.name_of(peer)};
  describe(one);
  dirty_ = true;
  return model_.add(std::move(one));
}

/// What its header says beside the name.
void TuiApp::describe(tui::Conversation& one) {
  const auto id = Id::parse(one.id);
  if (!id) return;
  one.title = context_.name_of(*id);
  if (one.kind == tui::Kind::group) {
    const auto group = context_.messenger->groups().find(*id, context_.clock.now());
    one.about = "group";
    if (group && *group != nullptr)
      one.about += ", " + std::to_string((*group)->members().size()) + " members";
    return;
  }
  const auto contact = context_.home->contact(*id);
  one.about.clear();
  for (auto message = one.messages.rbegin(); message != one.messages.rend(); ++message) {
    if (message->mine || message->security.empty() || !message->cause.empty()) continue;
    one.about = message->security;
    break;
  }
  if (!contact || !*contact) return;
  const std::string trust = (*contact)->blocked    ? "KEY CHANGED: dim verify"
                            : (*contact)->verified ? "verified"
                                                   : "not verified";
  one.about += (one.about.empty() ? "" : " · ") + trust;
}

// ---- what was said

tui::Message TuiApp::message_of(const HistoryEntry& entry) {
  const Id& author =
      entry.outgoing ? context_.home->account().id : entry.sender.value_or(entry.peer);
  tui::Message out{.id = entry.guid,
                   .day = day_in_words(entry.time),
                   .clock = clock_in_words(entry.time),
                   .author = entry.outgoing ? "you" : context_.name_of(author),
                   .author_id = author.bare().text(),
                   .mine = entry.outgoing,
                   .text = entry.text,
                   .cause = entry.cause,
                   .missing = entry.missing};
  if (tells_device(entry)) {
    out.alarm = context_.name_of(entry.peer) + " has a new device: " + entry.text;
    out.text.clear();
    return out;
  }
  if (tells_secrecy(entry)) {
    out.alarm = context_.name_of(entry.peer) + ": " + entry.words;
    out.text.clear();
    return out;
  }
  if (is_key_notice(entry)) {
    out.alarm = "KEYS CHANGED: " + context_.name_of(entry.peer) + ": " + entry.words + ".";
    if (stops_sending(entry))
      out.alarm +=
          " Nothing is sent to them until you have compared numbers: dim verify WHO, then "
          "with --confirm.";
    return out;
  }
  if (is_rebound(entry)) {
    out.alarm = "NOT WRITTEN FOR YOU: " + context_.name_of(entry.peer) + ": ";
    out.alarm.append(kReboundWords).append(".");
    return out;
  }
  (entry.content_type == "quote" ? out.answers : out.words) = entry.words;
  if (entry.revision > 1 && !entry.removed) out.labels.emplace_back("edited");
  if (entry.expires != 0) out.labels.emplace_back("disappears");
  if (entry.pin.on) out.labels.emplace_back("pinned");
  if (entry.thread) {
    tui::Conversation* one = model_.find(entry.peer.bare().text());
    const std::string& guid = entry.thread->guid;
    const tui::Message* root = one == nullptr ? nullptr : tui::find_message(*one, guid);
    // What disappears is not quoted where it would stay.
    const bool quoted = root != nullptr && !root->text.empty() &&
                        std::ranges::find(root->labels, "disappears") == root->labels.end();
    out.labels.push_back(quoted         ? "thread: “" + beginning(root->text) + "”"
                         : guid.empty() ? "in a thread"
                                        : "thread #" + tui::short_id(guid));
  }
  if (const auto answers = context_.messenger->answers(entry); answers && *answers > 0)
    out.labels.push_back(std::to_string(*answers) + " in its thread");
  for (const ReactionCount& one : reaction_counts(entry))
    out.reactions.emplace_back(one.symbol, one.count);
  if (entry.outgoing) {
    out.progress = progress_of(entry.tick);
  } else {
    out.security = to_string(entry.label);
    const bool secure = entry.label == Label::secure || entry.label == Label::secure_old;
    if (!secure && entry.cause.empty()) out.labels.push_back(out.security);
    if (entry.late) out.labels.emplace_back("arrived late");
    out.names_me = entry.sender && names_me(entry.text);
  }
  want_picture(entry, out);
  return out;
}

/// What was looked at is shown; what was not is, a moment later.
void TuiApp::want_picture(const HistoryEntry& entry, tui::Message& message) {
  if (entry.removed || !terminal_ || !terminal_->shows_pictures() ||
      !shows_pictures_of(*context_.home, entry) ||
      (entry.content_type != "image" && entry.content_type != "video"))
    return;
  if (const auto found = pictures_.find(entry.guid); found != pictures_.end()) {
    message.picture = found->second.picture;
    if (!found->second.why_not.empty()) message.labels.push_back(found->second.why_not);
  } else if (std::ranges::find(unseen_, entry.guid, &HistoryEntry::guid) == unseen_.end()) {
    unseen_.push_back(entry);
  }
}

/// In each turn a few, so that keys are not kept waiting.
void TuiApp::look_at_pictures() {
  const Millis until = context_.clock.monotonic() + kLookMs;
  while (!unseen_.empty() && context_.clock.monotonic() < until) {
    const HistoryEntry entry = std::move(unseen_.back());
    unseen_.pop_back();
    Looked& looked = pictures_[entry.guid];
    const auto json = context_.messenger->content(entry);
    const auto content = json && *json ? decode_content(**json)
                                       : Result<Content>(dim::fail(Errc::not_found, "no content"));
    const TransportableData* small = content ? preview_in(*content) : nullptr;
    if (small == nullptr) continue;
    const auto pixels = PictureProgram().pixels(small->data, kPictureColumns, kPictureRows);
    if (pixels) {
      looked.picture = tui::picture_of(pixels->width, pixels->height, pixels->rgb);
    } else {
      looked.why_not = pixels.error().hint;
    }
    tui::Conversation* one = model_.find(entry.peer.bare().text());
    tui::Message* message = one == nullptr ? nullptr : tui::find_message(*one, entry.guid);
    if (message == nullptr) continue;
    // Nothing else of it: how far it has got may be known better by now.
    message->picture = looked.picture;
    if (!looked.why_not.empty()) message->labels.push_back(looked.why_not);
    dirty_ = true;
  }
}

namespace {

/// Whoever names somebody else's object with another key or digest has another preview.
std::string preview_key(const MediaLink& preview) {
  return "channel " + to_hex(sha256(as_bytes(preview.text())));
}

}  // namespace

/// One for each message: that of its first picture.
void TuiApp::want_preview(const Post& post, const PostText& text, tui::Message& message) {
  if (!terminal_ || !terminal_->shows_pictures()) return;
  const PostFile* file = text.previewed();
  if (file == nullptr) return;
  const std::string guid = post.guid.text();
  if (const auto found = pictures_.find(preview_key(*file->preview)); found != pictures_.end()) {
    message.picture = found->second.picture;
    if (!found->second.why_not.empty()) message.labels.push_back(found->second.why_not);
  } else if (std::ranges::find(unfetched_, guid) == unfetched_.end()) {
    unfetched_.push_back(guid);
  }
}

/// Small ones are fetched when nothing else is to be done, and nothing else is by itself.
void TuiApp::fetch_previews() {
  constexpr int kPatienceS = 10;
  if (working_ || !jobs_.empty() || unfetched_.empty() || !context_.messenger->is_ready()) return;
  add_job([this, guid = std::exchange(unfetched_.back(), {})] {
    const Post* post = channels_->post(guid);
    if (post == nullptr || post->state != PostState::shown) return;
    const PostText text = read_post_text(post->content);
    const Guid channel = post->channel;
    const PostFile* file = text.previewed();
    if (file == nullptr) return;
    Looked looked;
    const auto small = fetch_bytes(context_, *file->preview, kPatienceS);
    if (small) {
      const auto pixels = PictureProgram().pixels(*small, kPictureColumns, kPictureRows);
      if (pixels) {
        looked.picture = tui::picture_of(pixels->width, pixels->height, pixels->rgb);
      } else {
        looked.why_not = pixels.error().hint;
      }
    } else if (small.error() == code(Exit::unreachable) ||
               small.error() == code(Exit::interrupted)) {
      return;  // another time
    }
    tui::Conversation* one = model_.find(channel.text());
    tui::Message* message = one == nullptr ? nullptr : tui::find_message(*one, guid);
    if (message != nullptr) {
      message->picture = looked.picture;
      if (!looked.why_not.empty()) message->labels.push_back(looked.why_not);
    }
    pictures_[preview_key(*file->preview)] = std::move(looked);
    dirty_ = true;
  });
  unfetched_.pop_back();
}

void TuiApp::load(tui::Conversation& one) {
  const auto id = Id::parse(one.id);
  if (!id) return;
  std::size_t& limit = limits_[one.id];
  if (limit == 0) limit = kPage;
  const auto entries = context_.messenger->history(*id, limit);
  if (!entries) return fail(entries.error());
  one.messages.clear();
  for (const HistoryEntry& entry : *entries) one.messages.push_back(message_of(entry));
  one.whole = entries->size() < limit;
  if (!one.loaded) {
    // The line stands above what nobody has seen when the conversation is opened.
    const auto unread = context_.messenger->unread();
    if (unread) {
      const auto first = std::ranges::find_if(
          *unread, [&](const HistoryEntry& entry) { return entry.peer.same_entity(*id); });
      if (first != unread->end() && tui::find_message(one, first->guid) != nullptr)
        one.new_from = first->guid;
    }
  }
  one.loaded = true;
  describe(one);
  dirty_ = true;
}

void TuiApp::load_older(tui::Conversation& one) {
  if (one.whole || !one.loaded) return;
  limits_[one.id] *= 2;
  load(one);
}

void TuiApp::refresh_unread() {
  const auto unread = context_.messenger->unread();
  if (!unread) return fail(unread.error());
  std::map<std::string, std::int64_t> counts;
  std::set<std::string> named;
  for (const HistoryEntry& entry : *unread) {
    tui::Conversation& one = conversation_with(entry.peer);
    ++counts[one.id];
    if (entry.sender && names_me(entry.text)) named.insert(one.id);
    if (!one.loaded || tui::find_message(one, entry.guid) != nullptr) continue;
    const bool is_seen = &one == model_.now() && !one.anchor && !model_.pager && has_focus_;
    one.messages.push_back(message_of(entry));
    renew_root(one, entry);
    if (!is_seen && one.new_from.empty()) one.new_from = entry.guid;
    on_typing(one.id, one.messages.back().author, false);
    describe(one);
    dirty_ = true;
  }
  for (tui::Conversation& one : model_.conversations) {
    if (one.kind == tui::Kind::channel) continue;
    const std::int64_t count = counts.contains(one.id) ? counts[one.id] : 0;
    dirty_ = dirty_ || one.unread != count;
    one.unread = count;
    one.names_me = named.contains(one.id);
  }
}

/// What another program of this home has written shows up too.
void TuiApp::refresh_current() {
  tui::Conversation* one = model_.now();
  if (one == nullptr || one->kind == tui::Kind::channel || !one->loaded) return;
  const auto id = Id::parse(one->id);
  if (!id) return;
  const auto newest = context_.messenger->history(*id, 1);
  if (newest && !newest->empty() && tui::find_message(*one, newest->back().guid) == nullptr)
    load(*one);
}

void TuiApp::see_direct(tui::Conversation& one) {
  if (one.unread == 0) return;
  const auto id = Id::parse(one.id);
  const auto unread = context_.messenger->unread();
  if (!id || !unread) return;
  for (const HistoryEntry& entry : *unread) {
    if (!entry.peer.same_entity(*id)) continue;
    if (tui::find_message(one, entry.guid) == nullptr) one.messages.push_back(message_of(entry));
    if (auto seen = context_.messenger->shown(entry); !seen) return fail(seen.error());
  }
  one.unread = 0;
  one.names_me = false;
}

void TuiApp::on_ticked(const HistoryEntry& entry) {
  tui::Conversation* one = model_.find(entry.peer.bare().text());
  tui::Message* message = one == nullptr ? nullptr : tui::find_message(*one, entry.guid);
  if (message == nullptr) return;
  *message = message_of(entry);
  dirty_ = true;
}

/// It says how many stand in its thread.
void TuiApp::renew_root(tui::Conversation& one, const HistoryEntry& answer) {
  if (!answer.thread) return;
  tui::Message* root = tui::find_message(one, answer.thread->guid);
  const auto entry = root == nullptr ? std::nullopt : entry_of(one, root->id);
  if (entry) *root = message_of(*entry);
}

void TuiApp::on_changed(const HistoryEntry& entry) {
  tui::Conversation* one = model_.find(entry.peer.bare().text());
  if (one != nullptr && one->loaded) load(*one);
}

void TuiApp::on_typing(const std::string& conversation, const std::string& name, bool on) {
  tui::Conversation* one = model_.find(conversation);
  if (one == nullptr) return;
  const std::pair key(conversation, name);
  if (on) {
    typing_until_[key] = context_.clock.monotonic() + kTypingMs;
    dirty_ = one->typing.insert(name).second || dirty_;
  } else {
    typing_until_.erase(key);
    dirty_ = one->typing.erase(name) > 0 || dirty_;
  }
}

// ---- what is written

void TuiApp::send_text(tui::Conversation& one, const std::string& text) {
  const auto id = Id::parse(one.id);
  if (!id) return;
  const auto sent = context_.messenger->send_text(*id, text);
  if (!sent) {
    one.composer.set(text);
    return fail(sent.error());
  }
  if (tui::find_message(one, sent->guid) == nullptr) one.messages.push_back(message_of(*sent));
  one.anchor.reset();
  one.new_from.clear();
  dirty_ = true;
}

void TuiApp::send_content(tui::Conversation& one, const Content& content) {
  const auto id = Id::parse(one.id);
  if (!id) return;
  const auto sent = context_.messenger->send(*id, content);
  if (!sent) return fail(sent.error());
  if (tui::find_message(one, sent->guid) == nullptr) one.messages.push_back(message_of(*sent));
  renew_root(one, *sent);
  one.anchor.reset();
  dirty_ = true;
}

std::optional<HistoryEntry> TuiApp::entry_of(const tui::Conversation& one, std::string_view guid) {
  const auto id = Id::parse(one.id);
  if (!id) return std::nullopt;
  const auto entries = context_.messenger->history(*id, limits_[one.id]);
  if (!entries) return std::nullopt;
  const auto found = std::ranges::find(*entries, guid, &HistoryEntry::guid);
  return found == entries->end() ? std::nullopt : std::optional(*found);
}

}  // namespace dim
