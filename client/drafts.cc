#include "client/drafts.h"

#include <utility>

#include "client/fields.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "drafts";
constexpr std::size_t kMost = 64 * 1'024;

std::optional<Draft> draft_in(std::string_view body) {
  const auto object = parse_json_object(body);
  if (!object) return std::nullopt;
  Draft out{.conversation = text_in(*object, "conversation"),
            .text = text_in(*object, "text"),
            .time = integer_in(*object, "time")};
  if (out.conversation.empty() || out.text.empty()) return std::nullopt;
  return out;
}

}  // namespace

Result<std::optional<Draft>> Drafts::find(std::string_view conversation) {
  const auto body = vault_.get(kBucket, conversation);
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  return draft_in(**body);
}

Status Drafts::put(const Draft& draft) {
  if (draft.text.empty()) return vault_.erase(kBucket, draft.conversation);
  if (draft.text.size() > kMost) return fail(Errc::too_large, "a draft has at most 64 KiB");
  JsonObject object;
  object.set("conversation", draft.conversation);
  object.set("text", draft.text);
  object.set("time", draft.time);
  return vault_.put(kBucket, draft.conversation, write_json(object));
}

Result<std::vector<Draft>> Drafts::all() {
  const auto rows = vault_.list(kBucket);
  if (!rows) return std::unexpected(rows.error());
  std::vector<Draft> out;
  for (const Vault::Row& row : *rows) {
    if (auto draft = draft_in(row.body)) out.push_back(std::move(*draft));
  }
  return out;
}

}  // namespace dim
