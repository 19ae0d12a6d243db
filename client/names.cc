#include "client/names.h"

#include <algorithm>

namespace dim {

namespace {

std::string short_address(const Id& id) {
  constexpr std::size_t kShortAddress = 8;
  return id.address().text().substr(0, kShortAddress) + "…";
}

}  // namespace

std::string name_of(Home& home, const Id& id) {
  bool is_new = id.is_user() && !id.same_entity(home.account().id);
  if (auto contact = home.contact(id); contact && *contact) {
    if (!(*contact)->alias.empty()) return (*contact)->alias;
    if (!(*contact)->registered.empty()) return (*contact)->registered;
    is_new = is_new && (*contact)->is_stranger();
  }
  if (const Known* known = home.directory().find(id); known != nullptr) {
    for (auto document = known->documents.rbegin(); document != known->documents.rend();
         ++document) {
      if (document->name().empty()) continue;
      return (is_new ? "~" : "") + document->name() + " (" + short_address(id) + ")";
    }
  }
  return id.bare().text();
}

std::string short_id(const Id& id) {
  return (id.name().empty() ? "" : id.name() + "@") + short_address(id);
}

}  // namespace dim
