// What is destroyed in the day, and that nothing of it is left: not at the station, not in homes.
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "dim/engine/erasure.h"
#include "sqlite/traces_testing.h"
#include "tests/community/day.h"
#include "tests/community/wait.h"

namespace dim::community {
namespace {

constexpr std::size_t kPiece = 24;  // bytes of a trace that are looked for
constexpr int kLookedAt = 7;        // messages at each kill; two of them stay

Packet destruction(HubObject object, const Guid& guid) {
  return HubClient::request(Operation::destroy, object, guid.text());
}

}  // namespace

// ---- during the day

/// The station has just been killed: its files say what they have of some messages, which will be
/// destroyed, one with a file among them, and of some that will not.
void Day::doom() {
  namespace fs = std::filesystem;
  const fs::path copy = station_.data() + "-copy";
  fs::create_directories(copy);
  for (const auto& entry : fs::directory_iterator(station_.data())) {
    if (entry.path().filename().string().starts_with("station.db"))
      fs::copy_file(entry.path(), copy / entry.path().filename());
  }
  for (int i = 0; i < kLookedAt; ++i) {
    const auto guid = some_message(hubs_[below(hubs_.size())].owner, [&](const Message& one) {
      return one.traces.empty() && one.state == PostState::shown && (i > 1 || one.file);
    });
    if (!guid) continue;
    auto traces = traces_of(copy, *guid);
    if (!traces || traces->size() < 2) {
      wrong("not in the station's files: " + ledger_.at(*guid).text);
      continue;
    }
    ledger_.at(*guid).traces = std::move(*traces);
    if (i % 5 != 0) doomed_.push_back(*guid);
  }
  fs::remove_all(copy);
}

void Day::destroy_doomed() {
  for (const Guid& guid : std::exchange(doomed_, {}))
    later([this, guid] { return !ledger_.at(guid).busy; }, [this, guid] { destroy(guid); });
}

/// By its author, or by the hub's owner.
void Day::destroy(const Guid& guid) {
  const Message& message = ledger_.at(guid);
  if (channels_[message.channel].closed) return;  // it goes with its channel
  const bool by_author = reads(message.author, message.channel) && !frozen_[message.author];
  const std::size_t who = by_author ? message.author : hubs_[channels_[message.channel].hub].owner;
  change(who, guid, destruction(HubObject::message, guid), {204},
         [this, who, guid](Message& it, Cursor cursor) {
           ++destroyed_;
           it.state = PostState::destroyed;
           it.text.clear();
           it.mentions.clear();
           it.reactions.clear();
           it.pinned = false;
           people_[who]->did(guid, it.state, cursor);
         });
}

void Day::destroy_channel(std::size_t channel) {
  channels_[channel].closed = true;
  const auto is_quiet = [this, channel] {
    return !busy_out_ && std::ranges::none_of(ledger_, [&](const auto& one) {
      const Message& message = one.second;
      return message.channel == channel && (message.busy || (!message.acked && !message.refused));
    });
  };
  later(is_quiet, [this, channel] {
    busy_out_ = true;  // so that who is there stays
    channel_readers_ = listeners(channel);
    people_[hubs_[channels_[channel].hub].owner]->surely(
        destruction(HubObject::channel, channels_[channel].guid),
        must("destroying a channel", {204}, [this] { busy_out_ = false; }));
  });
}

std::vector<std::size_t> Day::listeners(std::size_t channel) const {
  std::vector<std::size_t> out;
  for (std::size_t who = 0; who < people_.size(); ++who) {
    if (follows(who) && may_read(who, channel) && !was_put_out(who, channels_[channel].hub))
      out.push_back(who);
  }
  return out;
}

// ---- in the evening

void Day::check_destroyed() {
  for (const auto& [guid, message] : ledger_) {
    const Channel& in = channels_[message.channel];
    if (message.state == PostState::destroyed && !in.closed)
      check_receipts(guid.text(), hubs_[in.hub].owner, listeners(message.channel));
  }
  const Channel& gone = channels_[*destroyed_channel_];
  check_receipts(gone.guid.text(), hubs_[gone.hub].owner, channel_readers_);
  for (const std::size_t who : channel_readers_) {
    people_[who]->surely(HubClient::request(Operation::get, HubObject::channel, gone.guid.text()),
                         must("reading a destroyed channel", {410}, [] {}));
  }
  wait("reading a destroyed channel", [&] { return std::ranges::none_of(people_, &Person::asks); });
  for (const auto& [guid, message] : ledger_) {
    const bool closed = channels_[message.channel].closed;
    if (message.state != PostState::destroyed && !closed) continue;
    for (const std::size_t who : closed ? channel_readers_ : listeners(message.channel)) {
      if (const std::string where = people_[who]->keeps(guid); !where.empty())
        wrong(fmt::format("person {} keeps w{} of person {}, which was destroyed, among {}", who,
                          message.number, message.author, where));
    }
  }
}

/// All of `readers` have signed that they have erased it.
void Day::check_receipts(const std::string& object, std::size_t asks,
                         const std::vector<std::size_t>& readers) {
  std::set<std::string> missing;
  for (const std::size_t who : readers) missing.insert(people_[who]->id());
  Millis again = 0;
  std::size_t seen = 0;
  const auto take = [&](const HubResult<ErasureList>& list) {
    if (!list || list->receipts.size() == seen) return;
    ++progress_;
    seen = list->receipts.size();
    for (const JsonObject& receipt : list->receipts) {
      const auto erased = read_erasure(receipt);
      const auto signer = std::ranges::find_if(
          people_, [&](const auto& one) { return erased && one->id() == erased->who; });
      if (signer == people_.end() || erased->erased != object ||
          !check_erasure(receipt, (*signer)->account().meta))
        wrong("a receipt is nobody's: " + write_json(receipt));
      else
        missing.erase(erased->who);
    }
  };
  try {
    wait("signing", [&] {
      if (clock_.monotonic() >= again && people_[asks]->is_here() && !missing.empty()) {
        again = clock_.monotonic() + 500;
        people_[asks]->messenger().hubs().erasures(object, take);
      }
      return missing.empty();
    });
  } catch (const std::runtime_error&) {
    wrong(fmt::format("{} of {} have not signed that they have erased {}", missing.size(),
                      readers.size(), object));
  }
  receipts_ += seen;
}

/// A file goes with its message, and is for those who read it.
void Day::check_files() {
  for (const File& file : files_) {
    const Message* message = file.message ? &ledger_.at(*file.message) : nullptr;
    if (message != nullptr && !message->acked) continue;
    for (std::size_t who = 0; who < people_.size(); who += 7) {
      const bool due = message == nullptr ||
                       (!is_gone(*message) && (who == file.owner || reads(who, message->channel)));
      people_[who]->download(file.link, [this, who, due, &file](const Result<Bytes>& got) {
        ++progress_;
        ++files_read_;
        if (got.has_value() != due)
          wrong(
              fmt::format("person {} {} a file{}{}", who, due ? "does not get" : "gets",
                          file.message ? " of " + ledger_.at(*file.message).text.substr(0, 5) : "",
                          got ? "" : ": " + to_string(got.error())));
        else if (got && *got != *file.data)
          wrong("a file came with other bytes");
      });
    }
  }
  wait("reading files", [&] {
    return std::ranges::all_of(people_, [](const auto& one) { return one->is_quiet(); });
  });
}

/// Nothing that was destroyed is in any file of the station, and the search finds what is there.
void Day::check_disk() {
  station_.stop();
  std::vector<std::string> pieces, what;  // `what` is empty for one that is to be gone
  const auto look_for = [&](const Message& message, const std::vector<std::string>& traces) {
    if (message.state == PostState::destroyed || channels_[message.channel].closed) {
      for (const std::string& trace : traces) {
        for (const std::size_t at : {std::size_t{0}, trace.size() / 2, trace.size() - kPiece})
          pieces.push_back(trace.substr(at, kPiece));
      }
    } else if (!is_gone(message)) {
      // The box of a key is made anew when the file of keys is; what is sealed with it stays.
      pieces.push_back(traces.back().substr(0, kPiece));
    }
    what.resize(pieces.size());
    if (message.state != PostState::destroyed && !is_gone(message)) what.back() = message.text;
  };
  for (const auto& [guid, message] : ledger_) {
    if (!message.traces.empty()) look_for(message, message.traces);
  }
  for (const File& file : files_) {
    if (file.message && ledger_.at(*file.message).acked)
      look_for(ledger_.at(*file.message), {file.piece});
  }
  const auto found = in_files(station_.data(), pieces);
  std::size_t gone = 0, there = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    ++(what[i].empty() ? gone : there);
    if (what[i].empty() == found[i])
      wrong(found[i] ? "the station's files have something that was destroyed"
                     : "the station's files do not have " + what[i]);
  }
  if (gone == 0 || there == 0) wrong("nothing was destroyed, or everything");
}

}  // namespace dim::community
