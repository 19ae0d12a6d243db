#include "client/names.h"

#include <algorithm>

namespace dim {

std::string name_of(Home& home, const Id& id) {
  constexpr std::size_t kShortAddress = 8;
  if (auto contact = home.contact(id); contact && *contact) {
    if (!(*contact)->alias.empty()) return (*contact)->alias;
    if (!(*contact)->registered.empty()) return (*contact)->registered;
  }
  if (const Known* known = home.directory().find(id); known != nullptr) {
    for (auto document = known->documents.rbegin(); document != known->documents.rend();
         ++document) {
      if (document->name().empty()) continue;
      return document->name() + " (" + id.address().text().substr(0, kShortAddress) + "…)";
    }
  }
  return id.bare().text();
}

}  // namespace dim
