// How reference clients write which device a visa is of.
#pragma once
#include <string>

#include "dim/base/json.h"

namespace dim {

/// The document with the bare `id` as `did`, and the device in `terminal` beside it, neither of
/// which is signed: clients of 2025 take nothing from a message or an answer in which a document
/// names another ID than its user's. Without a terminal as it is.
inline JsonObject with_device_beside(JsonObject document, const std::string& id,
                                     const std::string& terminal) {
  if (terminal.empty()) return document;
  for (const char* name : {"did", "ID"}) {
    if (document.contains(name)) document.set(name, id);
  }
  document.set("terminal", terminal);
  return document;
}

}  // namespace dim
