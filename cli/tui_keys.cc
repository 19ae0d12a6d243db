// `dim tui`: what each key does.
#include <algorithm>
#include <filesystem>

#include "cli/tui_app.h"
#include "client/drafts.h"
#include "tui/cells.h"
#include "tui/view.h"

#include "cli/interrupt.h"  // behind an enumerator of the same name

namespace dim {
namespace {

constexpr int kWheel = 3;

}  // namespace

void TuiApp::on_bytes(std::string_view bytes) {
  bytes_at_ = context_.clock.monotonic();
  for (const tui::KeyPress& press : decoder_.feed(bytes)) on_key(press);
}

void TuiApp::on_key(const tui::KeyPress& press) {
  using tui::Key;
  dirty_ = true;
  if (press.key == Key::focus_in || press.key == Key::focus_out) {
    has_focus_ = press.key == Key::focus_in;
    return;
  }
  if (!model_.question.empty()) {
    const bool is_letter = press.key == Key::text && !press.alt;
    answer_ = is_letter && (press.text == "y" || press.text == "Y");
    return;
  }
  model_.notice.clear();
  if (press.key != Key::tab) model_.choices.clear();
  if (model_.pager && on_pager_key(press)) return;
  tui::Composer& composer = model_.composer();
  switch (press.key) {
    case Key::text:
      if (press.alt) return on_alt(press.text);
      composer.insert(press.text);
      return tell_typing();
    case Key::paste:
      composer.insert(press.text);
      if (press.cut) note("more was pasted than any message holds; the rest is left out", true);
      return tell_typing();
    case Key::control:
      return on_control(press.text.front());
    case Key::enter:
      return submit();
    case Key::newline:
      return composer.insert("\n");
    case Key::tab:
      return complete();
    case Key::backtab:
      return model_.next(-1);
    case Key::backspace:
      press.alt ? composer.kill_word() : composer.backspace();
      return tell_typing();
    case Key::erase:
      return composer.erase();
    case Key::up:
    case Key::down:
    case Key::left:
    case Key::right:
      return on_arrow(press);
    case Key::home:
      return composer.empty() ? page(1'000'000) : composer.home();
    case Key::end:
      return composer.empty() ? page(-1'000'000) : composer.end();
    case Key::page_up:
      return page(std::max(1, tui::layout_of(model_, size()).height - 1));
    case Key::page_down:
      return page(-std::max(1, tui::layout_of(model_, size()).height - 1));
    case Key::help:
      return show_help();
    case Key::escape:
      if (tui::Conversation* one = model_.now()) {
        one->selected.clear();
        one->anchor.reset();
      }
      return;
    case Key::click: {
      const int at = tui::conversation_at(model_, size(), press.row, press.column);
      if (at >= 0) model_.select(static_cast<std::size_t>(at));
      return;
    }
    case Key::wheel_up:
      return page(kWheel);
    case Key::wheel_down:
      return page(-kWheel);
    case Key::focus_in:
    case Key::focus_out:
      return;
  }
}

/// False: the key is for what lies below.
bool TuiApp::on_pager_key(const tui::KeyPress& press) {
  using tui::Key;
  const int height = std::max(1, tui::layout_of(model_, size()).height - 1);
  const bool empty = model_.composer().empty();
  switch (press.key) {
    case Key::escape:
    case Key::help:
      model_.pager.reset();
      return true;
    case Key::enter:
    case Key::text:
      if (!empty || (press.key == Key::text && press.text != "q")) return false;
      model_.pager.reset();
      return true;
    case Key::up:
    case Key::wheel_up:
      if (press.alt) break;
      page(1);
      return true;
    case Key::down:
    case Key::wheel_down:
      if (press.alt) break;
      page(-1);
      return true;
    case Key::page_up:
      page(height);
      return true;
    case Key::page_down:
      page(-height);
      return true;
    case Key::home:
      page(1'000'000);
      return true;
    case Key::end:
      page(-1'000'000);
      return true;
    default:
      break;
  }
  // Who goes to another conversation is done with reading this.
  const bool goes = press.key == Key::up || press.key == Key::down || press.key == Key::click ||
                    press.key == Key::backtab ||
                    (press.key == Key::control && (press.text == "n" || press.text == "p"));
  if (goes) model_.pager.reset();
  return false;
}

void TuiApp::on_control(char letter) {
  tui::Composer& composer = model_.composer();
  switch (letter) {
    case 'a':
      return composer.home();
    case 'e':
      return composer.end();
    case 'b':
      return composer.left();
    case 'f':
      return composer.right();
    case 'w':
      return composer.kill_word();
    case 'u':
      return composer.kill_to_home();
    case 'k':
      return composer.kill_to_end();
    case 'n':
      return model_.next(1);
    case 'p':
      return model_.next(-1);
    case 'l':
      return terminal_->redraw();
    case 'z':
      terminal_->suspend();
      return;
    case 'c':
      if (moving_) {
        interrupted = 1;
        return;
      }
      if (composer.empty()) return note("Ctrl-Q ends, F1 helps");
      composer.set("");
      return tell_typing();
    case 'd':
      return composer.empty() ? quit() : composer.erase();
    case 'q':
      return quit();
    default:
      return;
  }
}

void TuiApp::on_alt(const std::string& letter) {
  tui::Composer& composer = model_.composer();
  if (letter == "a") {
    if (!model_.next_unread()) note("nothing is unread elsewhere");
  } else if (letter == "b") {
    composer.word_left();
  } else if (letter == "f") {
    composer.word_right();
  } else if (letter == "?") {
    show_help();
  } else if (letter == "k" || letter == "j") {
    on_arrow({.key = letter == "k" ? tui::Key::up : tui::Key::down, .ctrl = true});
  } else if (letter.size() == 1 && letter[0] >= '1' && letter[0] <= '9') {
    model_.select(static_cast<std::size_t>(letter[0] - '1'));
  }
}

void TuiApp::on_arrow(const tui::KeyPress& press) {
  tui::Composer& composer = model_.composer();
  const int width = size().columns - 3;  // beside the prompt
  switch (press.key) {
    case tui::Key::left:
      return press.ctrl || press.alt ? composer.word_left() : composer.left();
    case tui::Key::right:
      return press.ctrl || press.alt ? composer.word_right() : composer.right();
    case tui::Key::up:
    case tui::Key::down: {
      const int step = press.key == tui::Key::up ? -1 : 1;
      if (press.alt) return model_.next(step);
      if (press.ctrl || press.shift) {
        if (tui::Conversation* one = model_.now()) {
          tui::select_message(*one, step);
          tui::show_selected(model_, size());
        }
        return;
      }
      if (step < 0 && !composer.up(width)) composer.older();
      if (step > 0 && !composer.down(width)) composer.newer();
      return;
    }
    default:
      return;
  }
}

void TuiApp::page(int rows) {
  const bool at_top = tui::scroll(model_, size(), rows);
  tui::Conversation* one = model_.now();
  if (rows <= 0 || !at_top || model_.pager || one == nullptr || one->whole) return;
  one->kind == tui::Kind::channel ? channels_->load_older(*one) : load_older(*one);
}

// ---- what was written

void TuiApp::submit() {
  tui::Composer& composer = model_.composer();
  if (composer.empty()) return;
  const std::string line = composer.take();
  tell_typing();
  if (const auto given = tui::parse_command(line)) {
    if (given->command != nullptr) return run_command(*given);
    composer.set(line);
    return note("there is no command /" + given->name + "; /help shows them, // writes a /", true);
  }
  tui::Conversation* one = model_.now();
  if (one == nullptr) {
    composer.set(line);
    return note("nobody is there to write to yet: /join WHO", true);
  }
  if (std::ranges::all_of(line, [](char c) { return c == ' ' || c == '\n' || c == '\t'; })) return;
  const std::string text = tui::message_of(line);
  if (one->kind == tui::Kind::channel) {
    channels_->send(*one, text, {});
  } else {
    send_text(*one, text);
  }
  keep_drafts();
}

/// What stands in each composer is in the home; what was there before stands in it again.
void TuiApp::keep_drafts() {
  Drafts drafts(context_.home->vault());
  for (tui::Conversation& one : model_.conversations) {
    const auto known = drafts_.find(one.id);
    if (known == drafts_.end()) {
      const auto kept = drafts.find(one.id);
      if (!kept) return;  // tried again
      const std::string text = *kept ? (*kept)->text : std::string();
      if (one.composer.empty() && !text.empty()) {
        one.composer.set(text);
        dirty_ = true;
      }
      drafts_.emplace(one.id, text);
      continue;
    }
    if (known->second == one.composer.text()) continue;
    const Draft draft{
        .conversation = one.id, .text = one.composer.text(), .time = context_.clock.now()};
    if (drafts.put(draft)) known->second = draft.text;
  }
}

void TuiApp::complete() {
  tui::Composer& composer = model_.composer();
  if (composer.empty()) {
    if (!model_.next_unread()) model_.next(1);
    return;
  }
  const auto done = tui::complete(
      composer.text(), composer.cursor(),
      [this](tui::Argument kind, std::string_view begun) { return candidates(kind, begun); });
  model_.choices.clear();
  if (!done) return note("nothing begins so");
  composer.replace(done->begin, done->end, done->by);
  model_.choices = done->choices;
}

std::vector<std::string> TuiApp::candidates(tui::Argument kind, std::string_view begun) {
  std::vector<std::string> out;
  if (kind == tui::Argument::verb) {
    return {"ban", "category", "channel", "hub", "kick", "mute", "pin", "role", "unread"};
  }
  if (kind == tui::Argument::symbol) return {"👍", "👎", "😀", "😢", "🎉", "❓"};
  if (kind == tui::Argument::file) {
    const std::filesystem::path typed(begun);
    std::error_code failed;
    const auto folder = typed.parent_path();
    for (std::filesystem::directory_iterator at(folder.empty() ? "." : folder, failed), end;
         !failed && at != end; at.increment(failed)) {
      const std::string name = at->path().filename().string();
      if (name.starts_with('.') && !typed.filename().string().starts_with('.')) continue;
      std::error_code ignored;
      out.push_back((folder / name).string() + (at->is_directory(ignored) ? "/" : ""));
    }
    return out;
  }
  for (const tui::Conversation& one : model_.conversations) {
    if (kind == tui::Argument::place || one.kind == tui::Kind::person) out.push_back(one.name());
  }
  if (const tui::Conversation* one = model_.now();
      one != nullptr && kind == tui::Argument::person) {
    for (const tui::Message& message : one->messages) {
      if (!message.mine) out.push_back(message.author);
    }
  }
  // A name as one writes it: without the piece of the ID behind it, and what marks who is new.
  for (std::string& one : out) {
    const std::size_t id = one.find(" (0x");
    if (id == std::string::npos || !one.ends_with("…)")) continue;
    one.erase(id);
    if (one.starts_with('~')) one.erase(0, 1);
  }
  return out;
}

/// Others see that one writes, while there is something that will be a message.
void TuiApp::tell_typing(bool idle) {
  if (options_.no_typing || !context_.messenger->is_ready()) return;
  const auto tell = [this](bool on) {
    const tui::Conversation* to = model_.find(told_typing_);
    if (to == nullptr || to->kind == tui::Kind::group) return;
    if (to->kind == tui::Kind::channel) {
      if (const auto channel = Guid::parse(to->id)) context_.messenger->hubs().typing(*channel, on);
    } else if (const auto peer = Id::parse(to->id)) {
      context_.messenger->typing(*peer, on);
    }
  };
  const tui::Conversation* one = model_.now();
  const std::string& text = model_.composer().text();
  const bool is_command = text.starts_with('/') && !text.starts_with("//");
  const std::string where = idle || one == nullptr || text.empty() || is_command ? "" : one->id;
  typed_at_ = context_.clock.monotonic();
  if (where == told_typing_) return;
  if (!told_typing_.empty()) tell(false);
  told_typing_ = where;
  if (!told_typing_.empty()) tell(true);
}

void TuiApp::show_help() {
  tui::Pager help{.title = "Help · Esc closes, PageUp and PageDown scroll"};
  auto& lines = help.lines;
  const auto row = [&](std::string_view keys, std::string_view what) {
    constexpr int kColumn = 20;
    const int room = std::max(2, kColumn - tui::width_of(keys));
    lines.push_back(std::string(keys) + std::string(static_cast<std::size_t>(room), ' ') +
                    std::string(what));
  };
  lines.emplace_back("KEYS");
  row("Enter", "send");
  row("Alt-Enter, Ctrl-J", "a new line");
  row("Tab",
      "complete a name, command or file; when nothing is written: the next conversation with "
      "something unread");
  row("Alt-Up, Alt-Down", "the conversation above, below (also Ctrl-P, Ctrl-N)");
  row("Alt-A", "the next one with something unread");
  row("Alt-1 to Alt-9", "that one of the list");
  row("PageUp, PageDown", "scroll; at the top older messages are read");
  row("Home, End", "the oldest, the newest message, when nothing is written");
  row("Ctrl-Up, Ctrl-Down", "mark a message for a command (also Alt-K, Alt-J)");
  row("Up, Down", "what you wrote before");
  row("Esc", "close, unmark, back to the newest message");
  row("Ctrl-A E W U K", "begin, end of line; erase word, to begin, to end");
  row("Ctrl-C", "empty the line");
  row("Ctrl-L", "draw the screen anew");
  row("Ctrl-Z", "stop (fg goes on)");
  row("Ctrl-Q", "end");
  lines.emplace_back();
  lines.emplace_back("COMMANDS (the beginning is enough; // writes a / at the beginning)");
  for (const tui::Command& one : tui::commands())
    row("/" + std::string(one.name) + (one.arguments.empty() ? "" : " ") +
            std::string(one.arguments),
        one.what);
  lines.emplace_back();
  lines.emplace_back("MARKS");
  row("waits", "not at the station yet; it goes out, once, when that is there");
  row("✓", "the station has it on its disk");
  row("✓✓", "delivered to the receiver's program");
  row("✓✓ read", "seen");
  row("» 3", "three are unread, and your name stands in one");
  row("•", "is here");
  row("#3f2a91", "names the message in commands");
  model_.pager = std::move(help);
}

}  // namespace dim
