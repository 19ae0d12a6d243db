#include "tui/model.h"

#include <algorithm>
#include <tuple>

#include "dim/base/ascii.h"

namespace dim::tui {
namespace {

bool is_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

/// A stable order: what is unread moves nothing.
auto order_of(const Conversation& one) {
  return std::tuple(one.kind, fold_ascii(one.hub), one.hub_id, one.place, fold_ascii(one.title),
                    one.id);
}

}  // namespace

Conversation* Model::now() {
  return current < conversations.size() ? &conversations[current] : nullptr;
}
const Conversation* Model::now() const {
  return current < conversations.size() ? &conversations[current] : nullptr;
}

Composer& Model::composer() {
  Conversation* one = now();
  return one == nullptr ? lobby : one->composer;
}
const Composer& Model::composer() const {
  const Conversation* one = now();
  return one == nullptr ? lobby : one->composer;
}

Conversation* Model::find(std::string_view id) {
  const auto found = std::ranges::find(conversations, id, &Conversation::id);
  return found == conversations.end() ? nullptr : &*found;
}

Conversation& Model::add(Conversation conversation) {
  if (Conversation* there = find(conversation.id)) return *there;
  const auto place = std::ranges::find_if(conversations, [&](const Conversation& other) {
    return order_of(conversation) < order_of(other);
  });
  const auto at = static_cast<std::size_t>(place - conversations.begin());
  if (!conversations.empty() && at <= current) ++current;
  return *conversations.insert(place, std::move(conversation));
}

void Model::remove(std::string_view id) {
  const auto found = std::ranges::find(conversations, id, &Conversation::id);
  if (found == conversations.end()) return;
  const auto at = static_cast<std::size_t>(found - conversations.begin());
  conversations.erase(found);
  if (at < current || (current > 0 && current >= conversations.size())) --current;
}

void Model::select(std::size_t at) {
  if (at >= conversations.size()) return;
  if (Conversation* before = now(); before != nullptr && at != current) {
    before->new_from.clear();
    before->selected.clear();
  }
  current = at;
  choices.clear();
}

void Model::next(int step) {
  const auto count = static_cast<int>(conversations.size());
  if (count == 0) return;
  select(static_cast<std::size_t>((static_cast<int>(current) + step % count + count) % count));
}

bool Model::next_unread() {
  for (const bool named : {true, false}) {
    for (std::size_t step = 1; step < conversations.size(); ++step) {
      const std::size_t at = (current + step) % conversations.size();
      const Conversation& one = conversations[at];
      if (one.unread == 0 || (named && !one.names_me && one.kind != Kind::person)) continue;
      select(at);
      return true;
    }
  }
  return false;
}

std::int64_t Model::unread_elsewhere() const {
  std::int64_t out = 0;
  for (std::size_t at = 0; at < conversations.size(); ++at) {
    if (at != current) out += conversations[at].unread;
  }
  return out;
}

Message* find_message(Conversation& conversation, std::string_view id) {
  // The newest is asked for most.
  const auto found = std::ranges::find(conversation.messages.rbegin(), conversation.messages.rend(),
                                       id, &Message::id);
  return found == conversation.messages.rend() ? nullptr : &*found;
}

Message* find_by_digits(Conversation& conversation, std::string_view digits) {
  if (digits.starts_with('#')) digits.remove_prefix(1);
  Message* found = nullptr;
  if (digits.empty()) return found;
  for (Message& one : conversation.messages) {
    if (!one.id.ends_with(digits)) continue;
    if (found != nullptr) return nullptr;
    found = &one;
  }
  return found;
}

void select_message(Conversation& conversation, int step) {
  const auto& all = conversation.messages;
  const auto found = std::ranges::find(all, conversation.selected, &Message::id);
  auto at = static_cast<std::ptrdiff_t>(found - all.begin()) + step;
  if (conversation.selected.empty() && step > 0) return;
  at = std::max<std::ptrdiff_t>(at, 0);
  conversation.selected = at < static_cast<std::ptrdiff_t>(all.size())
                              ? all[static_cast<std::size_t>(at)].id
                              : std::string();
}

std::string short_id(std::string_view id) {
  constexpr std::size_t kDigits = 6;
  return std::string(id.substr(id.size() - std::min(id.size(), kDigits)));
}

/// Only letters of ASCII have a case here, as in names that a station registers.
bool names_person(std::string_view text, std::string_view name) {
  const std::string in = fold_ascii(text), wanted = fold_ascii(name);
  if (wanted.empty()) return false;
  for (std::size_t at = 0; (at = in.find(wanted, at)) != std::string::npos; ++at) {
    const std::size_t end = at + wanted.size();
    if ((at == 0 || !is_of_word(in[at - 1])) && (end == in.size() || !is_of_word(in[end])))
      return true;
  }
  return false;
}

}  // namespace dim::tui
