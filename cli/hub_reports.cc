// `dim report` and `dim reports`: messages of channels, for those who moderate them.
#include <fmt/core.h>

#include "cli/hub_run.h"
#include "dim/engine/hub_roster.h"
#include "dim/engine/hub_view.h"

namespace dim {
namespace {

Packet request(Operation operation, std::string target) {
  Packet packet = Packet::request(operation);
  packet.set("type", "report").set("target", std::move(target));
  return packet;
}

std::optional<std::vector<StoredReport>> reports_of(HubRun& run, const std::string& target) {
  constexpr std::size_t kMost = 10'000;
  std::vector<StoredReport> out;
  std::string after;
  for (;;) {
    Packet packet = request(Operation::get, target);
    if (!after.empty()) packet.set("after", after);
    const auto answer = run.ask(packet);
    if (!answer) return std::nullopt;
    const auto list = read_list(answer->content.value_or(""));
    if (!list) {
      run.failed(list.error());
      return std::nullopt;
    }
    for (const JsonObject& shown : *list) {
      auto report = read_report_view(shown);
      if (!report) {
        run.failed(report.error());
        return std::nullopt;
      }
      out.push_back(std::move(*report));
    }
    const std::string next(answer->get("next"));
    if (answer->code != 206 || list->empty() || next == after || out.size() > kMost) return out;
    after = next;
  }
}

/// Words of a private hub are not for the station, and what it says of them is nothing that a
/// member has signed.
constexpr Error kNotInPrivate{Errc::method_not_allowed,
                              "in a private hub there are no reports: the station would read them; "
                              "write to who moderates it"};

}  // namespace

int run_report(HubRun& run) {
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  if (is_private_hub(place->hub.id)) return run.failed(kNotInPrivate);
  const auto post = run.message(*place, run.options.message);
  if (!post) return run.exit;
  Packet packet = request(Operation::create, post->guid.text());
  packet.content = text_or_input(run.options.text);
  if (!run.ask(packet)) return run.exit;
  run.learn(std::vector<Post>{*post});
  run.out.report(place->hub, {.post = post->guid,
                              .channel = *place->channel,
                              .user = run.context.home->account().id.bare().text(),
                              .text = *packet.content,
                              .time = run.context.clock.now(),
                              .author = post->author,
                              .written = post->time,
                              .revision = post->revision,
                              .content = post->content});
  run.context.out.note("Those who moderate the channel see it, with what the message says now.");
  return code(Exit::ok);
}

int run_reports(HubRun& run) {
  if (!run.connect()) return run.exit;
  const auto place = run.place();
  if (!place) return run.exit;
  if (is_private_hub(place->hub.id)) return run.failed(kNotInPrivate);
  const auto all = reports_of(run, place->channel ? place->channel->text() : place->hub.id);
  if (!all) return run.exit;
  if (!run.options.message.empty()) {
    std::optional<Guid> one;
    for (const StoredReport& report : *all) {
      if (!report.post.text().ends_with(run.options.message)) continue;
      if (one && *one != report.post)
        return run.failed({Errc::usage, "several messages end with these digits; give more"});
      one = report.post;
    }
    if (!one) return run.failed({Errc::not_found, "no report is about a message of these digits"});
    if (!run.ask(request(Operation::erase, one->text()))) return run.exit;
    run.context.out.note("Closed.");
    return code(Exit::ok);
  }
  std::vector<std::string> people;
  for (const StoredReport& report : *all) {
    people.push_back(report.author);
    people.push_back(report.user);
  }
  run.learn(std::move(people));
  for (const StoredReport& report : *all) run.out.report(place->hub, report);
  if (all->empty()) run.context.out.note("Nothing is reported.");
  return code(Exit::ok);
}

}  // namespace dim
