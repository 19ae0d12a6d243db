// Texts on their way through the crew: in the order in which they came, whoever is done first.
#include <algorithm>
#include <iterator>

#include "dim/engine/verify.h"
#include "server/gateway.h"

namespace dim {
namespace {

constexpr Millis kKeysMs = 60'000;  // a visa's key does not count for ever

}  // namespace

/// The next text that the crew has looked at. False: it has none, or not yet.
bool Gateway::handle_checked(GatewayLink& link) {
  if (link.runs.empty() || !link.runs.front()->done) return false;
  GatewayRun& run = *link.runs.front();
  GatewayText text = std::move(run.texts[run.next++]);
  if (run.next == run.texts.size()) link.runs.pop_front();
  link.texts_bytes -= text.memory();
  on_text(link, std::move(text));
  return true;
}

/// The next text, when it is not for the crew: before the log-in nobody's keys are known.
bool Gateway::handle_here(GatewayLink& link) {
  if (for_crew(link) || link.texts.empty() || !link.runs.empty()) return false;
  GatewayText text = std::move(link.texts.front());
  link.texts.pop_front();
  link.texts_bytes -= text.memory();
  on_text(link, std::move(text));
  return true;
}

/// `link` is one for_crew.
void Gateway::submit_run(GatewayLink& link) {
  const Millis now = core_.clock_.monotonic();
  if (!link.keys || now - link.keys->made >= kKeysMs) {
    link.keys = std::make_shared<const SignerKeys>(
        *link.known, verification_keys(*link.known, link.directory, core_.clock_.now()), now);
  }
  auto run = std::make_shared<GatewayRun>();
  run->keys = link.keys;
  std::size_t bytes = 0;
  while (!link.texts.empty() && run->texts.size() < kGatewayRun) {
    bytes += link.texts.front().text.size();
    run->texts.push_back(std::move(link.texts.front()));
    link.texts.pop_front();
  }
  checking_bytes_ += bytes;
  link.runs.push_back(run);
  core_.crew_->submit([run] { check(*run); },
                      [this, id = link.id, run, bytes] {
                        run->done = true;
                        checking_bytes_ -= bytes;
                        if (GatewayLink* target = find(id)) wake(*target);
                      });
}

void Gateway::send_receipts(GatewayLink& link) {
  std::vector<Content> due = std::exchange(link.receipts_due, {});
  if (core_.crew_ == nullptr || !link.introduced || !link.known) {
    for (const Content& receipt : due) answer(link, encode_content(receipt));
    return;
  }
  for (std::size_t at = 0; at < due.size(); at += kGatewayRun) {
    const auto begin = due.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = std::min(kGatewayRun, due.size() - at);
    Envelope envelope = envelope_to(link);
    auto keys = link.directory.message_keys(envelope.receiver);
    auto run = std::make_shared<GatewayAnswers>(
        std::move(envelope), std::move(keys),
        std::vector<Content>(std::make_move_iterator(begin),
                             std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count))));
    link.sealing += count;
    core_.crew_->submit([this, run] { seal(*run, core_.account_, core_.random_); },
                        [this, id = link.id, user = link.user, run, count] {
                          GatewayLink* target = find(id);
                          if (target == nullptr) return;
                          target->sealing -= count;
                          if (target->user == user) {
                            for (const std::string& text : run->texts) send_text(*target, 0, text);
                          }
                          if (target->paused) wake(*target);
                        });
  }
}

}  // namespace dim
