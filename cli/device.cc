// `dim device`: further devices of the same person.
#include <fmt/core.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <memory>
#include <set>

#include "cli/context.h"
#include "cli/verbs.h"
#include "client/erasure.h"
#include "client/hub_names.h"
#include "dim/engine/device_link.h"
#include "terminal/qr.h"

namespace dim {
namespace {

constexpr Millis kPatienceMs = 10'000;
constexpr Millis kHandOverMs = 60'000;  // the rest stays in the outbox

constexpr Error kNoDevices{Errc::not_implemented,
                           "stations of the dimchat reference take no devices of DIM/2023"};

bool is_dimchat(const StationTarget& station) {
  return station.protocol == StationTarget::Protocol::dimchat;
}

int failed(Context& context, const Error& error) {
  context.out.error(error);
  return code(exit_of(error));
}

/// Waits for what `ask` answers; nothing when the session ends first.
std::optional<Status> wait(Context& context,
                           const std::function<void(std::function<void(Status)>)>& ask) {
  const auto result = std::make_shared<std::optional<Status>>();
  ask([result](Status status) { *result = status; });
  context.link.run_until([&] { return result->has_value() || context.failure.has_value(); },
                         kPatienceMs);
  return *result;
}

/// Connected, and with the newest visas of the own devices. Otherwise an exit code.
std::optional<int> meet_station(Context& context) {
  context.make_messenger({.receive = false});
  if (!context.connect(kPatienceMs)) return context.report_failure();
  const auto fresh = wait(context, [&](auto done) {
    context.messenger->refresh(context.home->account().id, std::move(done));
  });
  if (!fresh) return context.report_failure();
  // A document that does not verify says nothing about the others.
  return std::nullopt;
}

/// The visa of the own device with that terminal.
const Document* visa_of(Context& context, std::string_view terminal) {
  const Known* own = context.home->directory().find(context.home->account().id);
  if (own == nullptr) return nullptr;
  const auto index = newest_visa(own->documents, terminal);
  return index ? &own->documents[*index] : nullptr;
}

/// For a camera, where the terminal is wide enough.
void show_code(Context& context, const std::string& text) {
  const auto code = qr_code(text);
  if (context.common.json || !code) return;
  const std::string_view first = std::string_view(*code).substr(0, code->find('\n'));
  const auto columns = std::ranges::count_if(
      first, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; });
  winsize window{};
  if (::isatty(STDOUT_FILENO) != 0 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 &&
      window.ws_col < columns) {
    return context.out.note(
        fmt::format("(A terminal of {} columns shows its QR code too.)", columns));
  }
  context.out.line(*code);
}

void print(Context& context, const Document& visa) {
  const bool current = visa.terminal() == context.home->account().visa.terminal();
  const std::string since = format_time(visa.time().value_or(0));
  JsonObject members;
  members.set("name", visa.terminal());
  members.set("current", current);
  members.set("removed", is_removed(visa));
  members.set("since", since);
  context.out.object("device", std::move(members));
  context.out.line(
      fmt::format("{:<32}  {} {}{}",
                  visa.terminal().empty() ? "(your identity was made on it)" : visa.terminal(),
                  is_removed(visa) ? "removed" : "since", since, current ? "  this one" : ""));
}

/// The station and this home keep `visa`; who was written to is told.
int make_known(Context& context, const Document& visa) {
  const auto published =
      wait(context, [&](auto done) { context.messenger->publish(visa, std::move(done)); });
  if (!published) return context.report_failure();
  if (!*published) return failed(context, published->error());
  const Account& account = context.home->account();
  auto status = context.home->learn(account.id, account.meta.json(),
                                    {account.visa.json(), visa.json()}, context.clock.now());
  if (status) status = context.messenger->announce_devices();
  if (!status) return failed(context, status.error());
  context.messenger->renew_devices();
  context.drain(kPatienceMs);
  return 0;
}

int list(Context& context) {
  if (const auto over = meet_station(context)) return *over;
  const Known* own = context.home->directory().find(context.home->account().id);
  if (own == nullptr) return failed(context, {Errc::not_found, "the station knows no device"});
  for (const auto& [terminal, index] : newest_visas(own->documents))
    print(context, own->documents[index]);
  return code(Exit::ok);
}

/// The hubs that one is in, as the station says now, are known in this home; where it does not say
/// so, those that it has said last.
void learn_hubs(Context& context) {
  const auto mine = std::make_shared<std::optional<HubResult<std::vector<HubView>>>>();
  context.messenger->hubs().mine(
      [mine](HubResult<std::vector<HubView>> hubs) { mine->emplace(std::move(hubs)); });
  context.link.run_until([&] { return mine->has_value() || context.failure.has_value(); },
                         kPatienceMs);
  if (!*mine || !**mine) return;
  std::vector<HubView>& hubs = ***mine;
  std::set<std::string> unreadable;
  for (const auto& [id, why] : context.messenger->hubs().unreadable()) unreadable.insert(id);
  add_kept(*context.home, hubs, unreadable);
  (void)keep_new_hubs(*context.home, hubs);
}

int add(Context& context, const DeviceOptions& options) {
  const auto request = DeviceRequest::parse(options.name);
  if (!request) return failed(context, request.error());
  const auto station = context.home->station();
  if (!station) return failed(context, station.error());
  if (*station && is_dimchat(**station)) return failed(context, kNoDevices);
  if (const auto over = meet_station(context)) return *over;
  const auto visa = visa_for(context.home->account(), *request, visa_of(context, request->name),
                             context.clock.now());
  if (!visa) return failed(context, visa.error());
  if (const int no = context.confirm(
          fmt::format("The device {} will read what is written to you from now on, and write in "
                      "your name. Add it only if it shows this number: {}",
                      request->name, request->number()),
          options.yes))
    return no;
  if (const int not_done = make_known(context, *visa)) return not_done;
  std::optional<std::size_t> handed_over;
  if (options.history) {
    const auto count = context.messenger->hand_over_history();
    if (!count) return failed(context, count.error());
    handed_over = *count;
    context.drain(kHandOverMs);
    learn_hubs(context);
    const auto hubs = context.messenger->hand_over_hubs();
    if (!hubs) return failed(context, hubs.error());
    if (*hubs > 0 && !context.hand_over())
      context.out.note("The keys of your private hubs go to it with the next commands.");
  }
  const Account& account = context.home->account();
  const DeviceGrant grant{account.id, account.meta, *visa, *station ? (*station)->link() : ""};
  JsonObject members;
  members.set("name", request->name);
  members.set("number", request->number());
  members.set("grant", grant.text());
  if (handed_over) {
    members.set("history", static_cast<std::int64_t>(*handed_over));
    context.out.note(fmt::format("{} messages of before go to it.", *handed_over));
  }
  context.out.object("device_grant", std::move(members));
  show_code(context, grant.text());
  context.out.note("It is added. Give the new device this line:");
  context.out.line(grant.text());
  context.link.finish();
  return code(Exit::ok);
}

int remove(Context& context, const DeviceOptions& options) {
  if (const auto over = meet_station(context)) return *over;
  const Document* before = visa_of(context, options.name);
  if (before == nullptr || before->terminal().empty() || is_removed(*before)) {
    context.out.error(
        {Errc::not_found, "you have no such device; `dim device list` shows those that you have"});
    return code(Exit::unknown_person);
  }
  const auto visa = visa_without(context.home->account(), *before, context.clock.now());
  if (!visa) return failed(context, visa.error());
  if (const int no = context.confirm(
          fmt::format("The device {} gets nothing any more, and nobody believes what it writes "
                      "from now on. What it has received stays on it.",
                      options.name),
          options.yes))
    return no;
  if (const int not_done = make_known(context, *visa)) return not_done;
  print(context, *visa);
  context.link.finish();
  return code(Exit::ok);
}

/// On the new device: shows a key of its own, and becomes a device when the answer has come.
int join(Context& context, const DeviceOptions& options) {
  if (Home::exists(context.common.home)) {
    return failed(
        context,
        {Errc::conflict, "this home has an identity already; give the new device another --home"});
  }
  auto passphrase = passphrase_for(context.common, options.lock);
  if (!passphrase) {
    context.out.error(passphrase.error());
    return code(Exit::home);
  }
  const auto key = PrivateKey::generate_rsa();
  if (!key) return failed(context, key.error());
  const auto native = native::DeviceKeys::generate(context.random);
  const auto text = DeviceRequest::make(options.name, *key, native.public_half());
  if (!text) return failed(context, text.error());
  const auto request = DeviceRequest::parse(*text);
  if (!request) return failed(context, request.error());
  JsonObject members;
  members.set("name", request->name);
  members.set("number", request->number());
  members.set("request", *text);
  context.out.object("device_request", std::move(members));
  show_code(context, *text);
  context.out.note(fmt::format(
      "On the device that you have, run dim device add with this line. It must show the number {}.",
      request->number()));
  context.out.line(*text);
  context.out.note("Then give the line that it answers here:");
  std::string line;
  std::cout.flush();
  std::getline(std::cin, line);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  auto grant = DeviceGrant::parse(line);
  if (!grant) return failed(context, grant.error());
  const auto target = StationTarget::parse(grant->station);
  if (!target) return failed(context, target.error());
  // Nobody has signed the link: whoever carried the line can have put in another.
  if (is_dimchat(*target)) return failed(context, kNoDevices);
  auto account = linked_account(std::move(*grant), *key, native.public_half());
  if (!account) return failed(context, account.error());
  auto home = Home::create(context.common.home, *passphrase, std::move(*account), context.random,
                           {}, &native);
  if (!home) {
    context.out.error(home.error());
    return code(Exit::home);
  }
  context.home.emplace(std::move(*home));
  if (auto status = context.home->set_station(*target); !status)
    return failed(context, status.error());
  const Account& own = context.home->account();
  print(context, own.visa);
  context.out.line(
      fmt::format("You are {}\n  ID           {}", printable(own.visa.name()), own.id.text()));
  context.out.note(
      "What comes from now on comes here too; what was said before, if the other device has handed "
      "it over (device add --history).");
  if (const auto over = meet_station(context)) return *over;
  // Where the station does not take them they come with the next log-in.
  (void)wait(context, [&](auto done) { context.messenger->keep_prekeys(std::move(done)); });
  context.link.finish();
  return code(Exit::ok);
}

}  // namespace

int verb_device(const CommonOptions& common, const DeviceOptions& options) {
  Context context(common);
  if (options.verb == "join") return join(context, options);
  if (!context.open_home()) return code(Exit::home);
  if (options.verb == "add") return add(context, options);
  if (options.verb == "remove") return remove(context, options);
  const int result = list(context);
  context.link.finish();
  return result;
}

}  // namespace dim
