// `dim tui`: what the commands do. Those of hubs are the verbs of the command line, in the session
// that is there, with the channel that is open as their place.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/hub_files.h"
#include "cli/tui_app.h"
#include "client/attach.h"
#include "client/describe.h"
#include "client/files.h"
#include "dim/base/ascii.h"
#include "dim/engine/media_link.h"
#include "terminal/printable.h"

namespace dim {
namespace {

constexpr Millis kPatienceMs = 10'000;
constexpr std::size_t kFound = 200;

/// Takes the first word off.
std::string take_word(std::string& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  std::string out = rest.substr(0, end);
  rest.erase(0, std::min(rest.find_first_not_of(' ', end), rest.size()));
  return out;
}

/// A verb of hubs about a hub, channel or message.
HubOptions about(std::string_view verb, const std::string& place, const std::string& message = {}) {
  HubOptions out;
  out.verb = verb;
  out.place = place;
  out.message = message;
  return out;
}

}  // namespace

void TuiApp::run_command(const tui::Given& given) {
  const std::string_view name = given.command->name;
  if (name == "help") return show_help();
  if (name == "quit") return quit();
  if (name == "join") return join(given.rest);
  if (name == "dim") return run_verb(given.rest);
  if (name == "ids") {
    model_.ids = !model_.ids;
    return;
  }
  tui::Conversation* one = model_.now();
  if (one == nullptr) return note("nobody is there yet: /join WHO", true);
  if (name == "close") {
    if (one->kind == tui::Kind::channel)
      return note("a channel stays as long as you are in its hub: /dim hub leave HUB", true);
    return model_.remove(std::string(one->id));
  }
  if (name == "search") return search(given.rest);
  if (name == "reply") return reply(given.rest);
  if (name == "send") return send_file(given.rest);
  if (name == "save") return save(given.rest);
  if (name == "react" && one->kind != tui::Kind::group) return react(given.rest);
  if (name == "pin" && one->kind == tui::Kind::person) return pin(given.rest);
  if (name == "pins" && one->kind != tui::Kind::group) {
    HubOptions options = about("pin", one->id);
    options.ids = true;
    return run_hub(options, "Pinned", true);
  }
  if (one->kind != tui::Kind::channel)
    return note("/" + std::string(name) + " is for channels of hubs", true);
  if (name == "read") return run_hub(about("read", one->id), "Read");
  change(std::string(name), given.rest);
}

/// The message that a command is about: "#3f2a91" at the beginning of `rest`, the marked one, the
/// newest. nullptr: it is said why.
tui::Message* TuiApp::meant(tui::Conversation& one, std::string& rest, bool of_others) {
  if (rest.starts_with('#')) {
    const std::string digits = take_word(rest);
    tui::Message* found = tui::find_by_digits(one, digits);
    if (found == nullptr)
      note("no message here ends with " + digits + ", or several do; /ids shows the digits", true);
    return found;
  }
  if (tui::Message* marked = tui::find_message(one, one.selected)) return marked;
  const auto found =
      std::ranges::find_if(one.messages.rbegin(), one.messages.rend(),
                           [&](const tui::Message& message) { return message.mine != of_others; });
  if (found == one.messages.rend()) {
    note("there is no message that this could be about", true);
    return nullptr;
  }
  return &*found;
}

// ---- where to

void TuiApp::select(const std::string& conversation) {
  const auto found = std::ranges::find(model_.conversations, conversation, &tui::Conversation::id);
  if (found == model_.conversations.end()) return;
  model_.select(static_cast<std::size_t>(found - model_.conversations.begin()));
  dirty_ = true;
}

void TuiApp::join(const std::string& where) {
  if (where.empty()) return note("/join WHO, /join HUB/CHANNEL, or /join LINK of a hub", true);
  if (where.starts_with("dim:hub:") || where.starts_with("dim:group:")) {
    HubOptions options = about("hub", {});
    options.action = "join";
    options.link = where;
    return run_hub(options, "Joined");
  }
  // What is called so on the screen, when only one is.
  const std::string name = fold_ascii(where);
  const auto is_called = [&](const tui::Conversation& one) {
    return one.id == where || fold_ascii(one.name()) == name;
  };
  if (std::ranges::count_if(model_.conversations, is_called) == 1)
    return select(std::ranges::find_if(model_.conversations, is_called)->id);
  if (names_channel(*context_.home, where)) {
    auto place = find_place(channels_->hubs(), where, *context_.home);
    if (place && place->channel) return select(place->channel->text());
    return note(place ? "that is a hub: /join HUB/CHANNEL" : std::string(place.error().hint), true);
  }
  add_job([this, where] {
    const auto known = context_.home->by_alias(where);
    if (!known || !*known) (void)wait_until_ready();
    // What an earlier job could not find is no reason not to look.
    if (context_.messenger->is_ready()) context_.failure.reset();
    const auto who = context_.find(where, kPatienceMs);
    if (who) {
      const std::string id = conversation_with(*who).id;
      // A name that the station has just told is better than what the program calls itself.
      if (tui::Conversation* one = model_.find(id)) describe(*one);
      select(id);
    }
    show_printed("/join");
  });
}

// ---- about a message

void TuiApp::reply(const std::string& rest) {
  tui::Conversation* one = model_.now();
  std::string text = rest;
  const tui::Message* message = meant(*one, text, true);
  if (message == nullptr) return;
  if (text.empty()) return note("/reply TEXT, or /reply #ID TEXT", true);
  one->selected.clear();
  if (one->kind == tui::Kind::channel) {
    const auto origin = Guid::parse(message->id);
    if (origin) channels_->send(*one, text, *origin);
    return;
  }
  const auto entry = entry_of(*one, message->id);
  if (!entry) return note("this message is not in the home any more", true);
  auto answer =
      quote(*entry, context_.home->account().id, text, context_.clock.now(), context_.random);
  if (!answer) return fail(answer.error());
  Content content(std::move(*answer));
  // An answer to what stands in a thread belongs there too.
  const auto root = context_.messenger->thread_root(*entry);
  if (entry->thread && root) set_thread(content, *root);
  send_content(*one, content);
}

void TuiApp::react(const std::string& rest) {
  tui::Conversation* one = model_.now();
  std::string arguments = rest;
  std::string symbol = take_word(arguments);
  if (symbol.starts_with('#')) {
    arguments = symbol + " " + arguments;
    symbol.clear();
    std::string id = take_word(arguments);
    symbol = take_word(arguments);
    arguments = id;
  }
  if (symbol.empty()) return note("/react SYMBOL, or /react SYMBOL #ID", true);
  const tui::Message* message = meant(*one, arguments, true);
  if (message == nullptr) return;
  if (one->kind == tui::Kind::person) return react_to(*one, *message, symbol);
  const std::string key = message->id + " " + symbol;
  const bool off = !reacted_.insert(key).second;
  if (off) reacted_.erase(key);
  HubOptions options = about("react", one->id, message->id);
  options.symbol = symbol;
  options.off = off;
  run_hub(options, "/react");
}

/// Given a second time it is taken back.
void TuiApp::react_to(tui::Conversation& one, const tui::Message& message,
                      const std::string& symbol) {
  const auto entry = entry_of(one, message.id);
  if (!entry) return note("this message is not in the home any more", true);
  const std::vector<std::string>& given = entry->mine.symbols;
  const bool off = std::ranges::find(given, symbol) != given.end();
  const auto changed = context_.messenger->react(*entry, symbol, off);
  if (!changed) return fail(changed.error());
  one.selected.clear();
  on_changed(*changed);
}

/// Given a second time the pin is taken away.
void TuiApp::pin(const std::string& rest) {
  tui::Conversation* one = model_.now();
  std::string text = rest;
  const tui::Message* message = meant(*one, text, true);
  if (message == nullptr) return;
  const auto entry = entry_of(*one, message->id);
  if (!entry) return note("this message is not in the home any more", true);
  const auto changed = context_.messenger->pin(*entry, entry->pin.on);
  if (!changed) return fail(changed.error());
  one->selected.clear();
  on_changed(*changed);
}

void TuiApp::change(const std::string& verb, const std::string& rest) {
  tui::Conversation* one = model_.now();
  std::string text = rest;
  const tui::Message* message = meant(*one, text, verb == "pin");
  if (message == nullptr) return;
  HubOptions options = about(verb, one->id, message->id);
  options.text = text;
  if (verb == "edit" && (text.empty() || text == "-"))
    return note("/edit TEXT, or /edit #ID TEXT", true);
  if (verb == "pin")
    options.off = std::ranges::find(message->labels, "pinned") != message->labels.end();
  one->selected.clear();
  run_hub(options, "/" + verb);
}

// ---- verbs of the command line

void TuiApp::run_verb(const std::string& line) {
  HubOptions options;
  CLI::App app{"Verbs of dim for hubs, as on the command line."};
  app.require_subcommand(1);
  add_hub_verbs(app, options);
  auto words = tui::words_of(line);
  std::ranges::reverse(words);
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    printed_.push_back(app.help());
    return show_printed("/dim", true);
  } catch (const CLI::ParseError& error) {
    return note(error.what(), true);
  }
  if (options.text == "-") return note("- reads standard input, which is the keyboard here", true);
  run_hub(options, "/dim " + line);
}

void TuiApp::run_hub(const HubOptions& options, const std::string& title, bool page_always) {
  add_job([this, options, title, page_always] {
    (void)wait_until_ready();
    HubRun run(context_, options);
    const int result = run_hub_verb(run);
    if (const auto channel = Guid::parse(options.place)) channels_->channel_changed(*channel);
    const bool of_posts = options.verb == "edit" || options.verb == "remove" ||
                          options.verb == "delete" || options.verb == "react" ||
                          options.verb == "search" || options.verb == "read" ||
                          options.verb == "pin" || !options.files.empty();
    if (!of_posts) channels_->hub_changed({});
    // That it has worked is to be seen in the channel.
    if (result == 0 && of_posts && !page_always) printed_.clear();
    show_printed(title, page_always);
  });
}

/// One line is a notice; more are to be read.
void TuiApp::show_printed(const std::string& title, bool page_always) {
  std::vector<std::string> lines = std::exchange(printed_, {});
  if (std::exchange(moving_, false)) model_.notice.clear();  // how far it was
  dirty_ = true;
  if (lines.empty()) return;
  const bool is_short = lines.size() == 1 && lines.front().find('\n') == std::string::npos;
  if (is_short && !page_always) return note(std::move(lines.front()));
  model_.pager = tui::Pager{.title = title + " · Esc closes", .lines = std::move(lines)};
}

// ---- finding, files

void TuiApp::search(const std::string& words) {
  const tui::Conversation* one = model_.now();
  if (words.empty()) return note("/search WORDS", true);
  if (one->kind == tui::Kind::channel) {
    HubOptions options = about("search", one->hub_id);
    options.text = words;
    options.ids = true;
    return run_hub(options, "Found: " + words, true);
  }
  const auto id = Id::parse(one->id);
  if (!id) return;
  const auto page = context_.messenger->page(*id, {.limit = kFound}, words);
  if (!page) return fail(page.error());
  tui::Pager found{.title = "Found: " + words + " · Esc closes"};
  for (const HistoryEntry& entry : page->entries) {
    const tui::Message message = message_of(entry);
    found.lines.push_back(
        fmt::format("{} {}  {}: {}  #{}", message.day, message.clock, printable(message.author),
                    printable_lines(message.text + message.words), tui::short_id(message.id)));
  }
  if (found.lines.empty()) return note("nothing found");
  model_.pager = std::move(found);
}

void TuiApp::send_file(const std::string& path) {
  tui::Conversation* one = model_.now();
  if (path.empty()) return note("/send FILE", true);
  if (one->kind == tui::Kind::channel) {
    HubOptions options = about("post", one->id);
    options.files = {path};
    return run_hub(options, "/send");
  }
  Attachment file{.path = path};
  std::string_view without;
  if (takes_preview(file)) {
    if (auto made = PictureProgram().preview_of(path)) {
      file.preview = std::move(*made);
    } else {
      without = made.error().hint;
    }
  }
  auto content = attach(file, context_.clock.now(), context_.random);
  if (!content && content.error().code == Errc::too_large)
    return note("more than 300 KiB goes through the station: dim upload FILE --to WHO", true);
  if (!content) return fail(content.error());
  send_content(*one, *content);
  if (!without.empty()) note("sent with " + std::string(without));
}

void TuiApp::save(const std::string& rest) {
  tui::Conversation* one = model_.now();
  std::string path = rest;
  const bool in_channel = one->kind == tui::Kind::channel;
  const auto has_file = [&](const tui::Message& message) {
    if (!in_channel) return !message.mine && !message.words.empty();
    const Post* post = channels_->post(message.id);
    return post != nullptr && post->state == PostState::shown &&
           !read_post_text(post->content).files.empty();
  };
  const tui::Message* message = nullptr;
  if (path.starts_with('#') || !one->selected.empty()) {
    message = meant(*one, path, true);
    if (message == nullptr) return;
  } else {
    const auto found = std::ranges::find_if(one->messages.rbegin(), one->messages.rend(), has_file);
    if (found == one->messages.rend()) return note("no file has come here", true);
    message = &*found;
  }
  if (in_channel) {
    if (!has_file(*message)) return note("this message holds no file", true);
    return add_job([this, post = *channels_->post(message->id), path] {
      (void)wait_until_ready();
      if (save_files(context_, post, path.empty() ? "." : path, kStallS) == 0 &&
          printed_.size() == 1)
        printed_.front().insert(0, "saved: ");
      show_printed("/save");
    });
  }
  const auto entry = entry_of(*one, message->id);
  if (!entry) return note("this message is not in the home any more", true);
  auto json = context_.messenger->content(*entry);
  if (!json) return fail(json.error());
  if (!*json) return note("this message holds no file", true);
  auto content = decode_content(std::move(**json));
  if (!content) return fail(content.error());
  const FileParts* parts = file_parts(*content);
  if (parts == nullptr) return note("this message holds no file", true);
  if (is_media_url(parts->url)) return note("it lies at the station: dim download WHO", true);
  const auto file = received_file(*content, false, [](const std::string&) -> Result<Bytes> {
    return dim::fail(Errc::usage, "it lies behind a URL: dim save WHO fetches it");
  });
  if (!file) return fail(file.error());
  const auto kept = keep_file(path.empty() ? "." : path, file->name, file->bytes);
  if (!kept) return fail(kept.error());
  note("saved: " + *kept + ", " + size_in_words(file->bytes.size()));
}

}  // namespace dim
