// Reports to those who moderate a channel (F72).
#include <algorithm>
#include <utility>

#include "dim/base/utf8.h"
#include "server/hubs.h"

namespace dim {
namespace {

Status check_reason(const std::optional<std::string>& content) {
  if (!content || content->empty())
    return fail(Errc::bad_request, "a report needs content: a text that says why");
  if (content->size() > limits::kReportBytes)
    return fail(Errc::too_large, "a report has at most 2 KiB");
  if (!valid_utf8(*content) || content->contains('\0'))
    return fail(Errc::bad_request, "a report is UTF-8 text");
  return {};
}

JsonObject shown(const StoredReport& report) {
  JsonObject out;
  out.set("guid", report.post.text());
  out.set("channel", report.channel.text());
  out.set("member", report.user);
  out.set("time", format_time(report.time));
  out.set("text", report.text);
  out.set("author", report.author);
  out.set("written", format_time(report.written));
  out.set("revision", report.revision);
  out.set("content", report.content);
  return out;
}

}  // namespace

void Hubs::create_report(StationRequest& request) {
  if (!ready(request)) return;
  const auto spot = message_spot(request, HubObject::message, Operation::get);
  if (!spot) return core_.refuse(request, spot.error());
  if (spot->hub->is_private())
    return core_.refuse(request,
                        {Errc::method_not_allowed,
                         "this hub is private, and a report would tell the station what is said in "
                         "it; write to those who moderate (dim send)"});
  if (const Status right = check_reason(request.packet.content); !right)
    return core_.refuse(request, right.error());
  if (spot->post->author == request.session.user)
    return core_.refuse(request,
                        {Errc::bad_request, "a report is about a message of somebody else"});
  const Millis now = core_.clock_.now();
  Packet push = Packet::request(Operation::notify);
  push.set("type", "report").set("target", spot->channel.text());
  push.set("guid", spot->post->guid.text()).set("time", format_time(now));
  core_.open_request(request.link, request.id);
  submit(*spot->hub,
         {PutReport{.post = spot->post->guid,
                    .user = request.session.user,
                    .text = std::move(*request.packet.content),
                    .time = now}},
         [this, id = request.link.id, reply = request.id, channel = spot->channel,
          push = std::move(push)](const Result<std::vector<Written>>& written) {
           if (written && written->front().accepted == Accepted::stored)
             tell(moderators(channel), push);
           LinkState* link = core_.finish_request(id, reply);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply, written.error());
           if (written->front().accepted == Accepted::conflict)
             return core_.refuse(*link, reply, {Errc::gone, "this message is deleted"});
           core_.send(*link, Packet::response(201, reply));
         });
}

std::vector<std::string> Hubs::moderators(const Guid& channel) {
  std::vector<std::string> out;
  const Hub* hub = hub_with(channel);
  const HubChannel* in = hub == nullptr ? nullptr : hub->channel(channel);
  if (in == nullptr || hub->deleted()) return out;
  for (const std::string& user : readers(*hub, channel)) {
    if (hub->permissions_in(*in, user).has(Permission::moderate)) out.push_back(user);
  }
  return out;
}

/// Reports are for those who may pin there: who moderates.
void Hubs::get_reports(StationRequest& request) {
  constexpr std::size_t kList = limits::kTextContent - limits::kKiB;
  if (!ready(request)) return;
  const Packet& packet = request.packet;
  const std::string& user = request.session.user;
  std::int64_t after = 0;
  if (packet.has("after")) {
    const auto row = parse_count(packet.get("after"));
    if (!row)
      return core_.refuse(request, {Errc::bad_request, "after is the next of the page before"});
    after = *row;
  }
  std::vector<Guid> channels;
  if (Guid::parse(packet.get("target"))) {
    const auto one = channel_spot(request, HubObject::pin, Operation::erase);
    if (!one) return core_.refuse(request, one.error());
    channels.push_back(one->channel);
  } else {
    const auto id = Id::parse(packet.get("target"));
    if (!id) return core_.refuse(request, id.error());
    const Hub* hub = find(id->bare().text());
    const Millis now = core_.clock_.now();
    if (hub == nullptr)
      return core_.refuse(request, {Errc::not_found, "no such hub, or you are not a member of it"});
    if (const Status in = may(*hub, user, Operation::get, {.object = HubObject::hub}, now); !in)
      return core_.refuse(request, in.error());
    for (const auto& [guid, channel] : hub->channels()) {
      if (may(*hub, user, Operation::erase, {.object = HubObject::pin, .channel = &channel}, now))
        channels.push_back(guid);
    }
    if (channels.empty())
      return core_.refuse(request,
                          {Errc::forbidden, "reports are for those who moderate a channel"});
  }
  const auto all = core_.reads_.reports(channels, after, limits::kHistoryPage + 1);
  if (!all) return core_.read_failed(request.link, request.id, all.error());
  std::string list;
  std::size_t count = 0;
  for (const StoredReport& report : *all) {
    const std::string text = write_json(shown(report));
    if (count == limits::kHistoryPage || (count > 0 && list.size() + text.size() > kList)) break;
    list += (count == 0 ? "" : ",") + text;
    after = report.row;
    ++count;
  }
  const bool more = count < all->size();
  Packet answer = Packet::response(more ? 206 : 200, request.id);
  answer.set("count", std::to_string(count));
  if (more) answer.set("next", std::to_string(after));
  answer.content = "{\"list\":[" + list + "]}";
  core_.send(request.link, answer);
}

void Hubs::close_reports(StationRequest& request) {
  if (!ready(request)) return;
  const auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) return core_.refuse(request, guid.error());
  const auto post = core_.reads_.post(*guid);
  if (!post) return core_.read_failed(request.link, request.id, post.error());
  const Hub* hub = *post ? hub_with((*post)->channel) : nullptr;
  const HubChannel* channel = hub == nullptr ? nullptr : hub->channel((*post)->channel);
  if (channel == nullptr)
    return core_.refuse(request, {Errc::not_found, "no such message, or you cannot read it"});
  if (const Status allowed =
          may(*hub, request.session.user, Operation::erase,
              {.object = HubObject::pin, .channel = channel}, core_.clock_.now());
      !allowed)
    return core_.refuse(request, allowed.error());
  core_.open_request(request.link, request.id);
  submit(*hub, {CloseReports{*guid}},
         [this, id = request.link.id,
          reply = request.id](const Result<std::vector<Written>>& written) {
           LinkState* link = core_.finish_request(id, reply);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply, written.error());
           core_.send(*link, Packet::response(204, reply));
         });
}

}  // namespace dim
