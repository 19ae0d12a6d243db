// `dim send`: a text, an answer, a file, a name card, any content. `dim forward`: what was said
// already.
#include <fmt/core.h>

#include <algorithm>
#include <expected>
#include <iostream>
#include <iterator>
#include <vector>

#include "cli/context.h"
#include "cli/hub_options.h"
#include "cli/preview.h"
#include "cli/transfer.h"
#include "cli/verbs.h"
#include "client/attach.h"
#include "dim/base/utf8.h"

namespace dim {
namespace {

constexpr Millis kLongest = Millis{366} * 86'400'000;  // until a text disappears

/// What was given, or what standard input holds.
std::string given(std::string text) {
  if (text == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  }
  return text;
}

Result<std::string> text_of(const SendOptions& options) {
  std::string text = given(options.text);
  const bool alone = options.file.empty() && options.card.empty() && options.content.empty() &&
                     options.forward.empty();
  if ((text.empty() && alone) || !valid_utf8(text) || text.size() > 256 * limits::kKiB)
    return fail(Errc::usage,
                "a text has 1 byte to 256 KiB of UTF-8; send anything else with --file");
  if (text.empty() && !options.reply_to.empty())
    return fail(Errc::usage, "an answer (--reply-to) needs a text");
  return text;
}

Status check(const SendOptions& options) {
  if (options.file.empty() &&
      (!options.thumbnail.empty() || !options.as.empty() || !options.url.empty() ||
       options.no_preview || options.duration > 0)) {
    return fail(Errc::usage,
                "--as, --thumbnail, --no-preview, --duration and --url belong to --file");
  }
  const bool only_text = options.file.empty() && options.card.empty() && options.content.empty() &&
                         options.forward.empty() && options.reply_to.empty();
  if (!options.expires.empty() && (!only_text || options.text.empty()))
    return fail(Errc::usage, "--expires is for a text alone: no answer, file or card beside it");
  if (!options.content.empty() &&
      !(options.text.empty() && options.file.empty() && options.card.empty()))
    return fail(Errc::usage, "--content is all of the message: no text, file or card beside it");
  if (options.url.empty() != options.sealed.empty()) {
    return fail(Errc::usage,
                "--url and --sealed go together: the encrypted file is written to --sealed, and "
                "you put it where --url says");
  }
  return {};
}

/// Files that do not fit into a message go through the station, where it keeps files.
bool goes_up(Context& context, const SendOptions& options) {
  if (options.file.empty() || !options.url.empty()) return false;
  const auto target = context.home->station();
  if (!target || !*target || (*target)->protocol != StationTarget::Protocol::dim) return false;
  const auto file = SourceFile::open(options.file);
  return file && (options.upload || file->size() > static_cast<std::int64_t>(kFileInPlace));
}

/// Programs of the dimchat reference know nothing of files that a station keeps.
bool is_of_dimchat(Context& context, const Id& who) {
  const Directory& known = context.home->directory();
  return !known.message_keys(who).empty() && !known.promises(who, "bind");
}

/// What is sent, in order; else the exit code, after printing why.
std::expected<std::vector<Content>, int> contents(Context& context, const SendOptions& options,
                                                  const std::string& text, const Id& who,
                                                  const std::optional<FileParts>& uploaded) {
  std::vector<Content> out;
  const Millis now = context.clock.now();
  const auto add = [&](Result<Content> content) -> std::expected<std::vector<Content>, int> {
    if (content) {
      out.push_back(std::move(*content));
      return std::move(out);
    }
    context.out.error(content.error());
    return std::unexpected(code(exit_of(content.error())));
  };
  if (!options.content.empty())
    return add(content_from_json(given(options.content), now, context.random));
  if (!options.forward.empty()) {
    const auto entry = context.find_message_anywhere(options.forward);
    if (!entry) return std::unexpected(code(Exit::failed));
    if (entry->expires != 0)
      return add(fail(Errc::usage, "a text that disappears is not passed on"));
    const auto content = context.messenger->content(*entry);
    if (!content) return add(std::unexpected(content.error()));
    return add(forwarded(*entry, *content, context.home->account().id, options.title, now,
                         context.random));
  }
  if (!options.reply_to.empty()) {
    const auto entry = context.find_message(who, options.reply_to, {});
    if (!entry) return std::unexpected(code(Exit::failed));
    auto answer = quote(*entry, context.home->account().id, text, now, context.random);
    if (!answer) {
      context.out.error(answer.error());
      return std::unexpected(code(exit_of(answer.error())));
    }
    out.emplace_back(std::move(*answer));
  } else if (!text.empty()) {
    TextContent content = TextContent::make(text, now, context.random);
    if (!options.expires.empty()) {
      const auto lasts = parse_duration(options.expires);
      if (!lasts || *lasts > kLongest)
        return add(fail(Errc::usage, "a text disappears after 1s to 366d: --expires 12h"));
      set_expiry(content, now + *lasts);
    }
    out.emplace_back(std::move(content));
  }
  if (!options.file.empty()) {
    Attachment attachment{.path = options.file,
                          .as = options.as,
                          .thumbnail = options.thumbnail,
                          .duration = options.duration,
                          .url = options.url,
                          .sealed = options.sealed,
                          .uploaded = uploaded};
    if (!options.no_preview) add_preview(context, attachment);
    auto file = attach(attachment, now, context.random);
    if (!file) {
      context.out.error(file.error());
      return std::unexpected(code(exit_of(file.error())));
    }
    out.push_back(std::move(*file));
  }
  if (!options.card.empty()) {
    const auto whose = context.find(options.card, 10'000);
    if (!whose) return std::unexpected(context.unknown_exit());
    out.emplace_back(CardContent::make(whose->bare(), public_name_of(*context.home, *whose), now,
                                       context.random));
  }
  return out;
}

/// Puts all of it into the thread that `digits` names. Otherwise the exit code, after printing why.
int into_thread(Context& context, const Id& who, const std::string& digits,
                std::vector<Content>& contents) {
  const auto entry = context.find_message(who, digits, {});
  if (!entry) return code(Exit::failed);
  const auto root = context.messenger->thread_root(*entry);
  Error error{Errc::usage, "what is an application's own stands in no thread"};
  if (!root) error = root.error();
  for (Content& content : contents) {
    if (root && set_thread(content, *root)) continue;
    context.out.error(error);
    return code(exit_of(error));
  }
  return code(Exit::ok);
}

}  // namespace

int verb_send(const CommonOptions& common, const SendOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  auto text = text_of(options);
  if (auto right = check(options); !right) text = std::unexpected(right.error());
  if (!text) {
    context.out.error(text.error());
    return code(Exit::usage);
  }
  std::vector<HistoryEntry> sent;
  context.events.ticked = [&](const HistoryEntry& entry) {
    for (HistoryEntry& one : sent) {
      if (one.guid == entry.guid) one = entry;
    }
  };
  const Millis patience = Millis{1000} * options.timeout_s;
  // Receipts for this message arrive as pushes, so waiting for them means receiving.
  const bool up = goes_up(context, options);
  context.make_messenger({.receive = options.until != "sent", .media = up});
  const bool connected = context.connect(patience);
  if (!connected && exit_of(*context.failure) == Exit::security) return context.report_failure();
  const auto who = context.find(options.who, patience);
  if (!who) return context.unknown_exit();
  std::optional<FileParts> uploaded;
  std::optional<Uploaded> file;
  if (up && !is_of_dimchat(context, *who)) {
    auto done = upload_file(context, options.file, std::max(options.timeout_s, kStallS));
    if (!done) return done.error();
    uploaded = done->link.parts();
    file = std::move(*done);
  }
  auto all = contents(context, options, *text, *who, uploaded);
  if (!all) return all.error();
  if (!options.thread.empty()) {
    if (const int wrong = into_thread(context, *who, options.thread, *all); wrong != 0)
      return wrong;
  }
  for (const Content& content : *all) {
    auto entry = context.messenger->send(*who, content);
    if (entry && file && file_parts(content) != nullptr) {
      // Only now: a crash before it uploads nothing again, and sends.
      if (auto noted = note_uploaded(*context.home, *file, *who); !noted)
        entry = std::unexpected(noted.error());
    }
    if (!entry) {
      context.out.error(entry.error());
      return code(exit_of(entry.error()));
    }
    sent.push_back(std::move(*entry));
    // The answer of the station may have come before there was an entry to compare it with.
    if (auto kept = context.messenger->history(*who, 1);
        kept && !kept->empty() && kept->back().guid == sent.back().guid)
      sent.back() = kept->back();
  }
  const Tick wanted = options.until == "read"        ? Tick::read
                      : options.until == "delivered" ? Tick::delivered
                                                     : Tick::sent;
  if (connected) {
    context.link.run_until(
        [&] {
          return context.failure.has_value() || std::ranges::all_of(sent, [&](const auto& one) {
                   return one.tick >= wanted || (one.tick == Tick::queued && !one.cause.empty());
                 });
        },
        patience);
  }
  int result = code(Exit::ok);
  for (const HistoryEntry& entry : sent) {
    context.show(entry);
    if (entry.tick == Tick::failed) result = code(Exit::failed);
    if (result == code(Exit::ok) && entry.tick != Tick::queued && entry.tick < wanted)
      result = code(Exit::nothing);
  }
  const HistoryEntry& last = sent.back();
  if (last.tick == Tick::queued && !last.cause.empty()) {
    context.out.note(
        "The station has no room for it now. The message is in the outbox and goes out, once, when "
        "there is some.");
  } else if (last.tick == Tick::queued) {
    context.out.note(
        fmt::format("The station is away{}. The message is in the outbox and goes out, once, with "
                    "the next command that reaches it.",
                    context.failure ? fmt::format(" ({})", context.failure->hint) : ""));
  }
  context.link.finish();
  return result;
}

}  // namespace dim
