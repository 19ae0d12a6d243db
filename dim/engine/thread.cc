#include "dim/engine/thread.h"

#include <type_traits>

#include "dim/packet/guid.h"

namespace dim {
namespace {

constexpr std::string_view kThread = "thread";

/// The members that its kind does not know; nullptr for what nobody reads.
template <class Variant>
auto* rest_of(Variant& content) {
  using Rest = std::conditional_t<std::is_const_v<Variant>, const JsonObject, JsonObject>;
  return std::visit(
      [](auto& it) -> Rest* {
        using One = std::remove_cvref_t<decltype(it)>;
        constexpr bool is_read = requires { it.rest; } && !std::is_same_v<One, CustomizedContent>;
        if constexpr (is_read) {
          return &it.rest;
        } else {
          return nullptr;
        }
      },
      content);
}

}  // namespace

JsonObject write_thread(const ThreadRoot& root) {
  JsonObject out;
  out.set("sender", root.sender.bare().text());
  out.set("sn", root.sn);
  if (!root.guid.empty()) out.set("guid", root.guid);
  return out;
}

std::optional<ThreadRoot> read_thread(const Json* from) {
  const JsonObject* object = from == nullptr ? nullptr : from->object();
  if (object == nullptr) return std::nullopt;
  const std::string* const sender = object->text("sender");
  const Json* sn = object->find("sn");
  if (sender == nullptr || sn == nullptr || sn->integer() == nullptr || *sn->integer() < 1)
    return std::nullopt;
  auto id = Id::parse(*sender);
  if (!id || !id->is_user()) return std::nullopt;
  ThreadRoot out{.sender = id->bare(), .sn = *sn->integer()};
  if (object->contains("guid")) {
    const std::string* const text = object->text("guid");
    const auto guid = Guid::parse(text == nullptr ? std::string_view() : *text);
    if (!guid) return std::nullopt;
    out.guid = guid->text();
  }
  return out;
}

bool set_thread(Content& content, const ThreadRoot& root) {
  JsonObject* rest = rest_of(static_cast<ContentVariant&>(content));
  if (rest == nullptr) return false;
  rest->set(kThread, write_thread(root));
  return true;
}

std::optional<ThreadRoot> thread_of(const Content& content) {
  const JsonObject* rest = rest_of(static_cast<const ContentVariant&>(content));
  return rest == nullptr ? std::nullopt : read_thread(rest->find(kThread));
}

}  // namespace dim
