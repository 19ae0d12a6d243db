// `dim tui`: beginning, the loop, the connection, the end. Whoever cannot use a drawn screen has
// the same in `dim chat`, where lines only go down (C19).
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "cli/hub_run.h"
#include "cli/interrupt.h"
#include "cli/tui_app.h"
#include "tui/cells.h"
#include "tui/view.h"

namespace dim {
namespace {

constexpr Millis kDialMs = 20'000;    // a station that says nothing for so long is away
constexpr Millis kLookMs = 1'000;     // what other programs of this home have done
constexpr Millis kQuietMs = 50;       // a lone ESC is the key
constexpr Millis kTypingMs = 10'000;  // without a key nobody is writing
constexpr Millis kNoticeMs = 8'000;   // then the connection is to be seen again
constexpr Millis kDrainMs = 5'000;

volatile std::sig_atomic_t ended = 0;

std::string time_in_words(Millis time, const char* form) {
  const auto seconds = static_cast<std::time_t>(time / 1'000);
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return {};
  char out[64];
  return {out, std::strftime(out, sizeof out, form, &parts)};
}

/// Where the station is, for people.
std::string address_of(const StationTarget& target) {
  const bool is_ipv6 = target.host.find(':') != std::string::npos;
  return fmt::format("{}:{}", is_ipv6 ? "[" + target.host + "]" : target.host, target.port);
}

}  // namespace

std::string day_in_words(Millis time) { return time_in_words(time, "%A %e %B %Y"); }
std::string clock_in_words(Millis time) { return time_in_words(time, "%H:%M"); }

TuiApp::TuiApp(const CommonOptions& common, const TuiOptions& options)
    : context_(common,
               [this](std::string_view text) {
                 if (terminal_) return told(text);
                 fmt::print(stderr, "{}\n", text);
               }),
      options_(options) {}

// ---- what the verbs say

void TuiApp::told(std::string_view text) {
  dirty_ = true;
  if (working_) {
    printed_.emplace_back(text);
    return;
  }
  // Nobody has asked for it just now: it must not be lost when it is long.
  if (text.find('\n') == std::string_view::npos) return note(std::string(text));
  if (!model_.pager) model_.pager = tui::Pager{.title = "dim"};
  model_.pager->lines.emplace_back(text);
}

void TuiApp::note(std::string text, bool bad) {
  constexpr std::string_view kPrefix = "dim: ";
  if (text.starts_with(kPrefix)) {
    text.erase(0, kPrefix.size());
    bad = true;
  }
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  noted_at_ = context_.clock.monotonic();
  model_.notice = std::move(text);
  model_.notice_is_bad = bad;
  dirty_ = true;
}

/// From within a job: the person answers at the keyboard.
bool TuiApp::ask(const std::string& what) {
  // All of it has to be read before.
  if (tui::width_of(what) + 10 > size_.columns) {
    model_.pager = tui::Pager{.title = "Before it is done", .lines = {what}};
    model_.question = "Do it?";
  } else {
    model_.question = what;
  }
  answer_.reset();
  dirty_ = true;
  context_.link.run_until([this] { return answer_.has_value() || over_; }, -1);
  model_.question.clear();
  model_.pager.reset();
  dirty_ = true;
  return answer_.value_or(false);
}

// ---- beginning and end

bool TuiApp::begin() {
  const bool colours = [] {
    const char* const none = std::getenv("NO_COLOR");
    return none == nullptr || *none == '\0';
  }();
  auto opened = tui::Curses::open({.colours = colours, .mouse = options_.mouse});
  if (!opened) {
    context_.out.error(opened.error());
    exit_ = code(exit_of(opened.error()));
    return false;
  }
  terminal_ = std::move(*opened);
  for (const int signal : {SIGTERM, SIGHUP, SIGINT}) std::signal(signal, [](int) { ended = 1; });
  // A file of its own: what is set for reading must not hold for what is written.
  const char* const name = ::ttyname(STDIN_FILENO);
  const int keys = name == nullptr ? -1 : ::open(name, O_RDONLY | O_NOCTTY | O_CLOEXEC);
  context_.link.watch_terminal(keys >= 0 ? keys : ::dup(STDIN_FILENO),
                               [this](std::string_view bytes) {
                                 if (bytes.empty()) quit();
                                 on_bytes(bytes);
                               });
  context_.link.each_turn([this] { turn(); });
  return true;
}

int TuiApp::run() {
  if (context_.common.json) {
    context_.out.error(
        {Errc::usage,
         "a screen is nothing for programs: dim --json listen and dim --json chat are"});
    return code(Exit::usage);
  }
  if (!context_.open_home()) return code(Exit::home);
  if (!begin()) return exit_;
  const Account& me = context_.home->account();
  model_.me = me.visa.name();
  if (auto target = context_.home->station(); target && *target)
    model_.station = address_of(**target);

  context_.events.ready = [this] {
    model_.connection = tui::Connection::connected;
    model_.trouble.clear();
    backoff_.reset();
    channels_->begin();
    dirty_ = true;
  };
  context_.events.failed = [this](const Error& error, int, std::string_view) { on_failed(error); };
  context_.events.changed = [this](const HistoryEntry& entry, MessageAct) { on_changed(entry); };
  context_.events.added = [this](const HistoryEntry& entry, MessageAct, bool) {
    on_changed(entry);
  };
  context_.events.ticked = [this](const HistoryEntry& entry) { on_ticked(entry); };
  context_.events.expired = [this](std::string_view guid) {
    for (tui::Conversation& one : model_.conversations) {
      if (one.kind != tui::Kind::channel)
        std::erase_if(one.messages, [&](const tui::Message& it) { return it.id == guid; });
    }
    dirty_ = true;
  };
  if (!options_.no_typing) {
    context_.events.typing = [this](const Id& peer, bool on) {
      on_typing(peer.bare().text(), context_.name_of(peer), on);
    };
  }
  if (!options_.no_presence) {
    context_.events.presence = [this](const Id& peer, std::string_view state) {
      if (tui::Conversation* one = model_.find(peer.bare().text())) {
        one->state = state == "offline" ? "" : std::string(state);
        dirty_ = true;
      }
    };
  }
  context_.on_posted = [this](const Guid& guid, const Packet& answer) {
    channels_->posted(guid, answer);
  };
  context_.ask = [this](const std::string& what) { return ask(what); };
  context_.on_progress = [this](const std::string& line) {
    moving_ = true;
    note(line + "  (Ctrl-C stops)");
  };
  context_.make_messenger({.presence = !options_.no_presence, .media = true});
  channels_ = std::make_unique<TuiChannels>(context_, model_, [this] { dirty_ = true; });
  channels_->files = [this](const Post& post, const PostText& text, tui::Message& message) {
    want_preview(post, text, message);
  };
  if (!options_.no_typing) {
    channels_->typing = [this](const std::string& conversation, const std::string& name, bool on) {
      on_typing(conversation, name, on);
    };
  }
  load_people();
  channels_->load_kept();
  refresh_unread();
  if (!options_.who.empty()) add_job([this] { join(options_.who); });
  if (model_.unread_elsewhere() > 0 && options_.who.empty() && model_.now() != nullptr &&
      model_.now()->unread == 0)
    model_.next_unread();

  while (!over_) {
    if (dial_is_due()) dial();
    if (!jobs_.empty()) {
      const auto work = std::move(jobs_.front());
      jobs_.pop_front();
      working_ = true;
      interrupted = 0;
      work();
      working_ = moving_ = false;
      printed_.clear();
      dirty_ = true;
    }
    context_.link.run_until([this] { return over_ || dial_is_due() || !jobs_.empty(); }, -1);
  }
  return end();
}

int TuiApp::end() {
  tell_typing(true);
  keep_drafts();
  // What was typed last should leave before the program does; otherwise it stays in the outbox.
  context_.link.each_turn({});
  terminal_.reset();
  if (exit_ != 0) return context_.report_failure();
  context_.failure.reset();
  context_.drain(kDrainMs);
  context_.messenger->leave();
  context_.link.finish();
  return 0;
}

/// Also for jobs: they wait for the station until there is a failure.
void TuiApp::quit() {
  over_ = true;
  interrupted = 1;
  if (working_ && !context_.failure) context_.failure = Error{Errc::unreachable, "the end"};
}

// ---- the connection

/// For jobs: a session that is on its way is worth waiting for.
bool TuiApp::wait_until_ready() {
  constexpr Millis kPatienceMs = 10'000;
  if (!dialled_) return context_.messenger->is_ready();
  return context_.link.run_until(
      [this] { return context_.messenger->is_ready() || context_.failure.has_value() || over_; },
      kPatienceMs);
}

bool TuiApp::dial_is_due() const {
  if (context_.messenger->is_ready()) return false;
  const Millis now = context_.clock.monotonic();
  return dialled_ ? now - dialled_at_ > kDialMs : now >= dial_at_;
}

void TuiApp::dial() {
  if (dialled_) on_failed({Errc::unreachable, "the station did not answer in time"});
  if (context_.clock.monotonic() < dial_at_) return;
  context_.failure.reset();
  if (model_.trouble.empty()) model_.connection = tui::Connection::connecting;
  dialled_ = true;
  dialled_at_ = context_.clock.monotonic();
  dirty_ = true;
  if (auto started = context_.messenger->start(); !started) {
    context_.failure = started.error();
    on_failed(started.error());
  }
}

void TuiApp::on_failed(const Error& error) {
  dialled_ = false;
  if (over_) return;
  dial_at_ = context_.clock.monotonic() + backoff_.next(context_.random);
  model_.connection = tui::Connection::away;
  model_.trouble = error.hint;
  model_.trouble += "; trying again";
  for (tui::Conversation& one : model_.conversations) {
    one.typing.clear();
    one.state.clear();
  }
  typing_until_.clear();
  told_typing_.clear();
  dirty_ = true;
  if (exit_of(error) != Exit::security) return;
  // Another station, or a changed key: nothing is sent there, ever.
  context_.failure = error;
  exit_ = code(Exit::security);
  over_ = true;
}

// ---- each turn

void TuiApp::turn() {
  if (ended != 0 && !over_) quit();
  const Millis now = context_.clock.monotonic();
  if (now - bytes_at_ >= kQuietMs) {
    for (const tui::KeyPress& press : decoder_.flush()) on_key(press);
  }
  if (context_.messenger->unread_may_have_grown()) refresh_unread();
  look_at_pictures();
  fetch_previews();
  if (now - looked_at_ >= kLookMs) {
    looked_at_ = now;
    if (!model_.notice.empty() && now - noted_at_ > kNoticeMs) {
      model_.notice.clear();
      dirty_ = true;
    }
    refresh_current();
    channels_->tick();
    keep_drafts();
    const std::size_t queued = context_.messenger->waiting().value_or(0);
    dirty_ = dirty_ || queued != model_.queued;
    model_.queued = queued;
    for (auto it = typing_until_.begin(); it != typing_until_.end();) {
      const auto next = std::next(it);
      const auto [conversation, name] = it->first;  // copies: it is erased
      if (it->second < now) on_typing(conversation, name, false);
      it = next;
    }
    if (!told_typing_.empty() && now - typed_at_ > kTypingMs) tell_typing(true);
  }
  if (const tui::Size is = terminal_->size(); !(is == size_)) {
    size_ = is;
    dirty_ = true;
  }
  if (dirty_) draw();
}

void TuiApp::draw() {
  dirty_ = false;
  see();
  terminal_->draw(tui::draw(model_, size_));
}

/// What is on the screen counts as seen, while somebody looks at it.
void TuiApp::see() {
  tui::Conversation* one = model_.now();
  if (one == nullptr) return;
  if (!one->loaded) {
    one->kind == tui::Kind::channel ? channels_->open(*one) : load(*one);
  }
  if (model_.pager || one->anchor || !one->loaded || !has_focus_) return;
  one->kind == tui::Kind::channel ? channels_->see(*one) : see_direct(*one);
}

int verb_tui(const CommonOptions& common, const TuiOptions& options) {
  TuiApp app(common, options);
  return app.run();
}

}  // namespace dim
