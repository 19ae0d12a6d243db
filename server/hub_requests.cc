// From the table of operations to hubs and channels.
#include "server/hubs.h"

namespace dim {

void StationCore::change_hub(StationRequest& request) {
  const auto object = parse_hub_object(request.packet.get("type"));
  if (!object) return refuse(request, object.error());
  hubs_->change(request, *object);
}

void StationCore::get_hub(StationRequest& request) {
  const auto object = parse_hub_object(request.packet.get("type"));
  if (!object) return refuse(request, object.error());
  hubs_->get(request, *object);
}

void StationCore::change_channel_message(StationRequest& request) {
  hubs_->change_message(request);
}

void StationCore::react_or_pin(StationRequest& request) {
  const bool pin = request.packet.get("type") == to_string(HubObject::pin);
  hubs_->react_or_pin(request, pin ? HubObject::pin : HubObject::reaction);
}

void StationCore::get_pins(StationRequest& request) { hubs_->get_pins(request); }
void StationCore::notify_mark(StationRequest& request) { hubs_->read_mark(request); }
void StationCore::edit_mark(StationRequest& request) { hubs_->edit_mark(request); }
void StationCore::create_erasure(StationRequest& request) { hubs_->create_erasure(request); }
void StationCore::create_report(StationRequest& request) { hubs_->create_report(request); }
void StationCore::get_reports(StationRequest& request) { hubs_->get_reports(request); }
void StationCore::close_reports(StationRequest& request) { hubs_->close_reports(request); }
void StationCore::get_erasures(StationRequest& request) { hubs_->get_erasures(request); }
void StationCore::get_audit(StationRequest& request) { hubs_->get_audit(request); }
void StationCore::get_mark(StationRequest& request) { hubs_->get_mark(request); }

}  // namespace dim
