#include "server/traces.h"

#include <algorithm>
#include <cmath>

#include "dim/message/message.h"

namespace dim {

Result<std::vector<Trace>> read_traces(const JsonObject& message, Millis now) {
  std::vector<Trace> out;
  const Json* list = message.find("traces");
  if (list == nullptr || list->is_null()) return out;
  if (list->array() == nullptr) return fail(Errc::bad_request, "traces is a list");
  if (list->array()->size() > limits::kTraces)
    return fail(Errc::bad_request, "a message passes 16 stations at most");
  const double latest = static_cast<double>(now + limits::kFutureToleranceMs) / 1000;
  for (const Json& one : *list->array()) {
    const JsonObject* object = one.object();
    const std::string* text = one.text();
    if (object != nullptr) text = object->text(object->contains("did") ? "did" : "ID");
    auto id = text != nullptr ? Id::parse(*text) : Result<Id>(fail(Errc::id, "none"));
    if (!id) return fail(Errc::bad_request, "a trace names a station");
    const double time = object != nullptr ? read_seconds(object->find("time")) : 0;
    out.push_back({id->bare(), time <= latest ? time : 0});
  }
  return out;
}

Json write_traces(const std::vector<Trace>& traces) {
  JsonArray list;
  for (const Trace& trace : traces) {
    JsonObject object;
    object.set("ID", trace.station.text());
    object.set("did", trace.station.text());
    if (trace.time > 0) object.set("time", trace.time);
    list.emplace_back(std::move(object));
  }
  return list;
}

bool has_passed(const std::vector<Trace>& traces, const Id& station) {
  return std::ranges::any_of(
      traces, [&](const Trace& trace) { return trace.station.same_entity(station); });
}

void ForwardMemory::note(const Digest32& hash, Millis now, const SentOn& why) {
  purge(now);
  if (!known_.insert_or_assign(hash, why).second) return;
  order_.emplace_back(now, hash);
  if (order_.size() <= limit_) return;
  known_.erase(order_.front().second);
  order_.pop_front();
}

std::optional<SentOn> ForwardMemory::find(const Digest32& hash, Millis now) {
  purge(now);
  const auto found = known_.find(hash);
  if (found == known_.end()) return std::nullopt;
  return found->second;
}

void ForwardMemory::clear() {
  known_.clear();
  order_.clear();
}

void ForwardMemory::purge(Millis now) {
  while (!order_.empty() && now - order_.front().first >= limits::kTraceMs) {
    known_.erase(order_.front().second);
    order_.pop_front();
  }
}

}  // namespace dim
