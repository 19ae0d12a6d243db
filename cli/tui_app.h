// `dim tui`: the model of the screen (tui/), filled from the home and the station, and the deeds
// behind keys and commands. One thread; only jobs wait for the station, and the screen lives on
// while they do.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/hub_options.h"
#include "cli/tui_channels.h"
#include "net/backoff.h"
#include "tui/complete.h"
#include "tui/curses.h"
#include "tui/keys.h"
#include "tui/model.h"

namespace dim {

/// When a message was written, for people: the day and the time of day here.
std::string day_in_words(Millis time);
std::string clock_in_words(Millis time);

class TuiApp {
 public:
  TuiApp(const CommonOptions& common, const TuiOptions& options);

  /// The exit code. The home is opened before the terminal is touched.
  int run();

 private:
  // The loop (tui.cc).
  bool begin();
  void turn();
  void dial();
  void on_failed(const Error& error);
  bool dial_is_due() const;
  int end();
  void quit();
  bool wait_until_ready();
  void told(std::string_view text);
  void note(std::string text, bool bad = false);
  void fail(const Error& error) { note(std::string(error.hint), true); }
  void add_job(std::function<void()> work) { jobs_.push_back(std::move(work)); }
  bool ask(const std::string& what);
  void draw();
  void see();
  tui::Size size() const { return size_; }

  // Keys (tui_keys.cc).
  void on_bytes(std::string_view bytes);
  void on_key(const tui::KeyPress& press);
  bool on_pager_key(const tui::KeyPress& press);
  void on_control(char letter);
  void on_alt(const std::string& letter);
  void on_arrow(const tui::KeyPress& press);
  void page(int rows);
  void submit();
  void complete();
  std::vector<std::string> candidates(tui::Argument kind, std::string_view begun);
  void tell_typing(bool idle = false);
  void show_help();

  // People and groups (tui_direct.cc).
  void load_people();
  tui::Conversation& conversation_with(const Id& peer);
  void load(tui::Conversation& one);
  void load_older(tui::Conversation& one);
  tui::Message message_of(const HistoryEntry& entry);
  void describe(tui::Conversation& one);
  void refresh_unread();
  void refresh_current();
  void see_direct(tui::Conversation& one);
  void on_changed(const HistoryEntry& entry);
  void keep_drafts();
  void on_ticked(const HistoryEntry& entry);
  void renew_root(tui::Conversation& one, const HistoryEntry& answer);
  void on_typing(const std::string& conversation, const std::string& name, bool on);
  void send_text(tui::Conversation& one, const std::string& text);
  void send_content(tui::Conversation& one, const Content& content);
  void want_picture(const HistoryEntry& entry, tui::Message& message);
  void look_at_pictures();
  void want_preview(const Post& post, const PostText& text, tui::Message& message);
  void fetch_previews();
  std::optional<HistoryEntry> entry_of(const tui::Conversation& one, std::string_view guid);
  bool names_me(std::string_view text) const { return tui::names_person(text, model_.me); }

  // Commands (tui_commands.cc).
  void run_command(const tui::Given& given);
  void join(const std::string& where);
  void reply(const std::string& rest);
  void react(const std::string& rest);
  void react_to(tui::Conversation& one, const tui::Message& message, const std::string& symbol);
  void pin(const std::string& rest);
  void change(const std::string& verb, const std::string& rest);
  void search(const std::string& words);
  void send_file(const std::string& path);
  void save(const std::string& rest);
  void run_verb(const std::string& line);
  void run_hub(const HubOptions& options, const std::string& title, bool page_always = false);
  void select(const std::string& conversation);
  tui::Message* meant(tui::Conversation& one, std::string& rest, bool of_others);
  void show_printed(const std::string& title, bool page_always = false);

  Context context_;
  TuiOptions options_;
  tui::Model model_;
  std::unique_ptr<tui::Curses> terminal_;
  std::unique_ptr<TuiChannels> channels_;
  tui::KeyDecoder decoder_;
  tui::Size size_{};
  bool dirty_ = true;
  bool has_focus_ = true;  ///< as far as the terminal tells
  bool over_ = false;
  int exit_ = 0;

  std::deque<std::function<void()>> jobs_;
  bool working_ = false;              ///< a job runs
  std::vector<std::string> printed_;  ///< by the verb that runs
  std::optional<bool> answer_;        ///< to the question that a job has asked
  Backoff backoff_;
  bool dialled_ = false;
  Millis dialled_at_ = 0, dial_at_ = 0;  ///< monotonic
  Millis looked_at_ = 0;
  Millis noted_at_ = 0;
  Millis bytes_at_ = 0;

  std::map<std::string, std::size_t> limits_;  ///< how many messages are read of a conversation
  std::map<std::pair<std::string, std::string>, Millis> typing_until_;
  std::map<std::string, std::string> drafts_;  ///< as the home has them, by conversation
  struct Looked {
    std::optional<tui::Picture> picture{};
    std::string why_not{};
  };
  std::map<std::string, Looked> pictures_;  ///< previews, by GUID; in channels by their own
  std::deque<HistoryEntry> unseen_;         ///< whose previews were not looked at; the newest last
  std::deque<std::string> unfetched_;       ///< messages of channels; the newest last
  bool moving_ = false;                     ///< the job that runs moves a file
  std::set<std::string> reacted_;           ///< "GUID SYMBOL": own reactions of this run
  std::string told_typing_;  ///< the conversation in which others see that one writes
  Millis typed_at_ = 0;
};

}  // namespace dim
