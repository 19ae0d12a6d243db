#include "tui/view.h"

#include <algorithm>

#include "terminal/printable.h"
#include "tui/cells.h"

namespace dim::tui {
namespace {

constexpr Style kPlain{};
constexpr Style kQuiet{.ink = Ink::quiet};
constexpr Style kBad{.ink = Ink::bad};
constexpr Style kMark{.ink = Ink::mark, .bold = true};
constexpr Style kBold{.bold = true};
constexpr Style kBar{.reverse = true};

constexpr int kIndent = 6;        // the time and a space
constexpr int kNarrow = 60;       // columns below which there is no list
constexpr int kShort = 4;         // rows below which there is no status line
constexpr int kComposerRows = 6;  // at most
constexpr int kPrompt = 2;

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

// ---- messages

/// Collects the rows of one message; pieces flow into rows behind each other.
class Flow {
 public:
  Flow(std::vector<Row>& rows, std::size_t message, int width)
      : rows_(rows), message_(message), width_(width) {}

  void begin(int indent) {
    Row row{.message = message_, .part = part_++};
    used_ = std::min(indent, width_ - 2);
    if (used_ > 0) row.pieces.push_back({std::string(static_cast<std::size_t>(used_), ' ')});
    rows_.push_back(std::move(row));
  }
  void whole(std::string text, Style style) {
    begin(0);
    rows_.back().pieces.push_back({std::move(text), style});
  }
  void add(std::string_view text, Style style) {
    rows_.back().pieces.push_back({std::string(text), style});
    used_ += width_of(text);
  }
  /// Text that goes on in further rows, which are indented. `text` is printable.
  void flow(std::string_view text, Style style, int indent) {
    indent = std::min(indent, std::max(0, width_ - 10));
    // What stands in this row already counts as a word.
    std::string lead(static_cast<std::size_t>(std::max(0, used_ - indent)), '\x01');
    if (!lead.empty()) lead.back() = ' ';
    const std::string all = lead + std::string(text);
    bool first = true;
    std::size_t at = lead.size();
    for (const Span& span : wrap(all, width_ - indent)) {
      if (!first) begin(indent);
      first = false;
      const std::size_t from = std::max(at, span.begin);
      if (span.end > from) add(std::string_view(all).substr(from, span.end - from), style);
      at = std::max(at, span.end);
    }
  }
  int room() const { return width_ - used_; }
  int width() const { return width_; }

 private:
  std::vector<Row>& rows_;
  std::size_t message_;
  int width_;
  int part_ = 0;
  int used_ = 0;
};

std::string rule(std::string_view text, int width) {
  const std::string inside = text.empty() ? "" : " " + fit(text, width - 4) + " ";
  const int left = std::max(0, (width - width_of(inside)) / 2);
  return repeated("─", left) + inside + repeated("─", std::max(0, width - left - width_of(inside)));
}

std::string_view word_of(Progress progress) {
  switch (progress) {
    case Progress::queued:
      return "waits";
    case Progress::sent:
      return "✓";
    case Progress::delivered:
      return "✓✓";
    case Progress::read:
      return "✓✓ read";
    case Progress::failed:
      return "not sent";
    case Progress::none:
      break;
  }
  return "";
}

/// A piece behind the text: in the same row where it fits.
void add_behind(Flow& flow, const std::string& text, Style style) {
  if (width_of(text) + 2 <= flow.room()) {
    flow.add("  ", kPlain);
    flow.add(text, style);
  } else {
    flow.begin(kIndent);
    flow.flow(text, style, kIndent);
  }
}

void add_message(Flow& flow, const Message& one, bool selected, bool ids) {
  const auto styled = [&](Style style) {
    style.reverse = selected;
    return style;
  };
  if (one.missing > 0) {
    flow.begin(kIndent);
    flow.flow("… " + std::to_string(one.missing) + " earlier message(s) of " +
                  printable(one.author) + " have not come",
              kBad, kIndent);
  }
  flow.begin(0);
  flow.add(fit(one.clock, kIndent - 1) + " ", styled(kQuiet));
  if (!one.alarm.empty()) return flow.flow(printable(one.alarm), kBad, kIndent);
  const Style person = one.mine ? kBold : style_of_person(one.author_id);
  flow.flow(printable(one.author), styled(person), kIndent);
  if (one.names_me) flow.add(" »", kMark);
  flow.add(": ", styled(kPlain));
  if (!one.answers.empty()) {
    flow.add("↳ ", kQuiet);
    flow.flow(fit(printable(one.answers), 2 * flow.width()), kQuiet, kIndent);
    flow.begin(kIndent);
  }
  bool first = true;
  if (!one.text.empty()) {
    for (const std::string& line : printable_rows(one.text)) {
      if (!first) {
        flow.begin(kIndent);
        flow.add("│ ", kQuiet);
      }
      flow.flow(line, kPlain, first ? kIndent : kIndent + 2);
      first = false;
    }
  }
  if (!one.words.empty()) {
    if (!one.text.empty()) flow.add(" ", kPlain);
    flow.flow("[" + printable(one.words) + "]", kQuiet, kIndent);
  }
  if (!one.cause.empty() && !one.mine)
    flow.flow("[a message that could not be read: " + printable(one.cause) + "]", kBad, kIndent);
  for (const std::string& label : one.labels)
    add_behind(flow, "[" + printable(label) + "]", kQuiet);
  for (const auto& [symbol, count] : one.reactions)
    add_behind(flow, printable(symbol) + (count > 1 ? " " + std::to_string(count) : ""), kPlain);
  if (one.progress != Progress::none)
    add_behind(flow, std::string(word_of(one.progress)),
               one.progress == Progress::failed ? kBad : kQuiet);
  if (!one.cause.empty() && one.mine) add_behind(flow, "[" + printable(one.cause) + "]", kBad);
  if (ids || selected) add_behind(flow, "#" + short_id(one.id), kQuiet);
  if (!one.picture) return;
  for (const auto& row : rows_of(*one.picture, flow.width() - kIndent)) {
    flow.begin(kIndent);
    for (const HalfBlocks& part : row)
      flow.add(repeated(kHalfBlock, part.cells),
               {.ink = Ink::pixels, .upper = part.upper, .lower = part.lower});
  }
}

// ---- the list on the left

struct ListRow {
  std::string heading{};
  int conversation = -1;
};

std::vector<ListRow> list_rows(const Model& model) {
  std::vector<ListRow> out;
  const Conversation* before = nullptr;
  for (std::size_t at = 0; at < model.conversations.size(); ++at) {
    const Conversation& one = model.conversations[at];
    if (before == nullptr || before->kind != one.kind || before->hub_id != one.hub_id) {
      if (before != nullptr) out.push_back({});
      out.push_back({.heading = one.kind == Kind::person  ? "People"
                                : one.kind == Kind::group ? "Groups"
                                                          : printable(one.hub)});
    }
    out.push_back({.conversation = static_cast<int>(at)});
    before = &one;
  }
  return out;
}

/// The first row of the list that is seen, so that the current conversation is.
int list_top(const std::vector<ListRow>& rows, int height, std::size_t current) {
  const auto found = std::ranges::find(rows, static_cast<int>(current), &ListRow::conversation);
  const auto at = found == rows.end() ? 0 : static_cast<int>(found - rows.begin());
  const int last = std::max(0, static_cast<int>(rows.size()) - height);
  return std::clamp(at - height / 2, 0, last);
}

int list_height(const Layout& layout) {
  return layout.status < 0 ? layout.composer : layout.status;
}

void draw_list(Screen& screen, const Model& model, const Layout& layout) {
  const auto rows = list_rows(model);
  const int height = list_height(layout);
  const int top = list_top(rows, height, model.current);
  for (int row = 0; row < height; ++row) {
    screen.put(row, layout.list, "│", kQuiet);
    const auto at = static_cast<std::size_t>(top + row);
    if (at >= rows.size()) continue;
    if (rows[at].conversation < 0) {
      screen.put(row, 0, fit(rows[at].heading, layout.list - 1), kQuiet);
      continue;
    }
    const auto place = static_cast<std::size_t>(rows[at].conversation);
    const Conversation& one = model.conversations[place];
    Style style = one.unread > 0 ? kBold : kPlain;
    if (place == model.current) {
      style.reverse = true;
      screen.fill(row, 0, layout.list, style);
    }
    std::string count;
    if (one.unread > 0) count = (one.names_me ? "» " : "") + std::to_string(one.unread);
    const std::string mark = one.state == "online" ? "• " : one.kind == Kind::channel ? "# " : "  ";
    const int room = layout.list - 2 - (count.empty() ? 0 : width_of(count) + 1);
    screen.put(row, 0, mark + fit(printable(one.title), room), style);
    if (!count.empty()) {
      Style number = kMark;
      number.reverse = style.reverse;
      screen.put(row, layout.list - width_of(count), count, number);
    }
  }
}

// ---- the rest

void draw_rows(Screen& screen, const Layout& layout, const std::vector<Row>& rows, int end) {
  const int count = std::min(end, layout.height);
  for (int i = 0; i < count; ++i) {
    const Row& row = rows[static_cast<std::size_t>(end - count + i)];
    int column = layout.left;
    for (const Piece& piece : row.pieces)
      column += screen.put(layout.top + i, column, piece.text, piece.style,
                           layout.left + layout.width - column);
  }
}

/// Behind the last row that is seen.
int end_of_view(const Conversation& conversation, const std::vector<Row>& rows, int height) {
  const int count = static_cast<int>(rows.size());
  if (!conversation.anchor) return count;
  int end = 0;
  for (int i = 0; i < count; ++i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    if (conversation.messages[row.message].id != conversation.anchor->message) {
      if (end > 0) break;
      continue;
    }
    if (row.part <= conversation.anchor->part || end == 0) end = i + 1;
  }
  return end == 0 ? count : std::clamp(end, std::min(height, count), count);
}

/// How many rows stand below what is seen.
int draw_conversation(Screen& screen, const Model& model, const Layout& layout) {
  const Conversation* one = model.now();
  if (one == nullptr) {
    const std::vector<std::string> lines{"Nobody to talk with yet.", "",
                                         "/join WHO   write to somebody",
                                         "/join LINK  come into a hub", "F1          help"};
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (static_cast<int>(i) < layout.height)
        screen.put(layout.top + static_cast<int>(i), layout.left, lines[i], kQuiet, layout.width);
    }
    return 0;
  }
  const auto rows = rows_of(*one, layout.width, model.ids);
  const int end = end_of_view(*one, rows, layout.height);
  draw_rows(screen, layout, rows, end);
  if (rows.empty()) {
    const char* const word = one->loading  ? "reading …"
                             : one->loaded ? "Nothing has been said here yet."
                             : model.connection == Connection::connected
                                 ? "reading …"
                                 : "What was said here is at the station, which is away.";
    screen.put(layout.top, layout.left, fit(word, layout.width), kQuiet, layout.width);
  }
  return static_cast<int>(rows.size()) - end;
}

void draw_header(Screen& screen, const Model& model, const Layout& layout) {
  screen.fill(0, layout.left, layout.width, kBar);
  const Conversation* one = model.now();
  if (model.pager) {
    screen.put(0, layout.left, fit(" " + printable(model.pager->title), layout.width), kBar,
               layout.width);
    return;
  }
  if (one == nullptr) return;
  Style title = kBar;
  title.bold = true;
  int column = layout.left;
  const int edge = layout.left + layout.width;
  if (layout.list == 0 && model.unread_elsewhere() > 0) {
    Style style = kMark;
    style.reverse = true;
    column += screen.put(0, column, " +" + std::to_string(model.unread_elsewhere()), style,
                         edge - column);
  }
  column += screen.put(0, column, " " + fit(printable(one->name()), edge - column - 1), title,
                       edge - column);
  std::string about = printable(one->about);
  if (!one->state.empty()) about = printable(one->state) + (about.empty() ? "" : " · ") + about;
  if (!about.empty() && edge - column > 6)
    screen.put(0, column, fit(" · " + about, edge - column), kBar, edge - column);
}

/// Everything but the pieces that have no room, the most important first.
void draw_status(Screen& screen, const Model& model, const Layout& layout, int below) {
  if (layout.status < 0) return;
  const int width = layout.size.columns;
  if (!model.question.empty()) {
    screen.fill(layout.status, 0, width, kBar);
    screen.put(layout.status, 0, fit(" " + printable(model.question), width - 7) + " [y/N] ", kBar);
    return;
  }
  if (!model.choices.empty()) {
    std::string line = " ";
    for (const std::string& one : model.choices) line += printable(one) + "  ";
    screen.put(layout.status, 0, fit(line, width), kQuiet);
    return;
  }
  if (!model.notice.empty()) {
    screen.put(layout.status, 0, fit(" " + printable(model.notice), width),
               model.notice_is_bad ? kBad : kBold);
    return;
  }
  screen.fill(layout.status, 0, width, kBar);
  std::string line = " " + printable(model.me);
  switch (model.connection) {
    case Connection::connecting:
      line += " · connecting …";
      break;
    case Connection::connected:
      line += " · connected" + (model.station.empty() ? "" : " to " + printable(model.station));
      break;
    case Connection::away:
      line += " · OFFLINE";
      break;
  }
  if (model.queued > 0) line += " · " + std::to_string(model.queued) + " not sent yet";
  if (model.connection == Connection::away) line += " · " + printable(model.trouble);
  std::string right;
  if (below > 0) {
    right = "↓ " + std::to_string(below) + " more rows: End ";
  } else if (const Conversation* one = model.now(); one != nullptr && !one->typing.empty()) {
    for (const std::string& name : one->typing)
      right += (right.empty() ? "" : ", ") + printable(name);
    right += one->typing.size() == 1 ? " is typing " : " are typing ";
  } else if (width >= kNarrow) {
    right = "F1 help ";
  }
  right = fit(right, std::max(0, width - 20));
  screen.put(layout.status, 0, fit(line, width - width_of(right) - 1), kBar);
  screen.put(layout.status, width - width_of(right), right, kBar);
}

void draw_composer(Screen& screen, const Model& model, const Layout& layout) {
  const Composer& composer = model.composer();
  const int width = layout.size.columns - kPrompt - 1;
  const auto rows = composer.rows(width);
  const auto place = composer.place(width);
  const int top = std::max(0, place.row - layout.composer_rows + 1);
  for (int i = 0; i < layout.composer_rows; ++i) {
    const auto at = static_cast<std::size_t>(top + i);
    if (at >= rows.size()) break;
    screen.put(layout.composer + i, 0, at == 0 ? "> " : "  ", kQuiet);
    screen.put(
        layout.composer + i, kPrompt,
        std::string_view(composer.text()).substr(rows[at].begin, rows[at].end - rows[at].begin));
  }
  screen.cursor = {.row = layout.composer + place.row - top,
                   .column = std::min(kPrompt + place.column, layout.size.columns - 1),
                   .shown = true};
}

/// Where the second column of a line begins, behind two spaces or more; 0: it has none.
std::size_t second_column(std::string_view line) {
  const std::size_t text = line.find_first_not_of(' ');
  const std::size_t gap = text == std::string_view::npos ? text : line.find("  ", text);
  const std::size_t column = gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
  return column == std::string_view::npos ? 0 : column;
}

/// Rows of at most `width`; what has two columns stays in them.
std::vector<std::string> pager_rows(const Pager& pager, int width) {
  std::vector<std::string> out;
  for (const std::string& line : pager.lines) {
    for (const std::string& text : printable_rows(line)) {
      std::size_t column = second_column(text);
      int indent = width_of(std::string_view(text).substr(0, column));
      if (indent > width * 2 / 3) column = 0;
      if (column == 0) indent = 0;
      std::string before = text.substr(0, column);
      const std::string rest = text.substr(column);
      for (const Span& span : wrap(rest, width - indent)) {
        out.push_back(before + rest.substr(span.begin, span.end - span.begin));
        before.assign(static_cast<std::size_t>(indent), ' ');
      }
    }
  }
  return out;
}

void draw_pager(Screen& screen, const Pager& pager, const Layout& layout) {
  const auto rows = pager_rows(pager, layout.width);
  const int top =
      std::clamp(pager.top, 0, std::max(0, static_cast<int>(rows.size()) - layout.height));
  for (int i = 0; i < layout.height; ++i) {
    const auto at = static_cast<std::size_t>(top + i);
    if (at < rows.size()) screen.put(layout.top + i, layout.left, rows[at], kPlain, layout.width);
  }
}

}  // namespace

std::vector<Row> rows_of(const Conversation& conversation, int width, bool ids) {
  width = std::max(width, 12);
  std::vector<Row> out;
  const Message* before = nullptr;
  for (std::size_t at = 0; at < conversation.messages.size(); ++at) {
    const Message& one = conversation.messages[at];
    Flow flow(out, at, width);
    if (before == nullptr || before->day != one.day) flow.whole(rule(one.day, width), kQuiet);
    if (one.id == conversation.new_from) flow.whole(rule("new", width), kMark);
    add_message(flow, one, one.id == conversation.selected, ids);
    before = &one;
  }
  return out;
}

Layout layout_of(const Model& model, Size size) {
  Layout out{.size = size};
  if (size.columns >= kNarrow) {
    out.list = std::clamp(size.columns / 4, 16, 28);
    out.left = out.list + 1;
  }
  out.width = size.columns - out.left;
  const int wanted = static_cast<int>(model.composer().rows(size.columns - kPrompt - 1).size());
  out.composer_rows = std::clamp(wanted, 1, std::clamp(size.rows / 3, 1, kComposerRows));
  out.composer = size.rows - out.composer_rows;
  out.status = size.rows >= kShort ? out.composer - 1 : -1;
  const int end = out.status < 0 ? out.composer : out.status;
  out.top = end > 1 ? 1 : 0;
  out.height = std::max(0, end - out.top);
  return out;
}

Screen draw(const Model& model, Size size) {
  Screen screen(size);
  size = screen.size();
  const Layout layout = layout_of(model, size);
  if (layout.list > 0) draw_list(screen, model, layout);
  if (layout.top > 0) draw_header(screen, model, layout);
  int below = 0;
  if (model.pager) {
    draw_pager(screen, *model.pager, layout);
  } else {
    below = draw_conversation(screen, model, layout);
  }
  draw_status(screen, model, layout, below);
  draw_composer(screen, model, layout);
  return screen;
}

bool scroll(Model& model, Size size, int rows) {
  const Layout layout = layout_of(model, size);
  if (model.pager) {
    const int count = static_cast<int>(pager_rows(*model.pager, layout.width).size());
    model.pager->top = std::clamp(model.pager->top - rows, 0, std::max(0, count - layout.height));
    return false;
  }
  Conversation* one = model.now();
  if (one == nullptr) return false;
  const auto all = rows_of(*one, layout.width, model.ids);
  const int count = static_cast<int>(all.size());
  const int first = std::min(layout.height, count);
  const int end = std::clamp(end_of_view(*one, all, layout.height) - rows, first, count);
  one->anchor.reset();
  if (end < count) {
    const Row& row = all[static_cast<std::size_t>(end - 1)];
    one->anchor = Anchor{one->messages[row.message].id, row.part};
  }
  return end <= first;
}

void show_selected(Model& model, Size size) {
  Conversation* one = model.now();
  if (one == nullptr) return;
  const Layout layout = layout_of(model, size);
  const auto all = rows_of(*one, layout.width, model.ids);
  int first = -1, last = -1;
  for (int i = 0; i < static_cast<int>(all.size()); ++i) {
    if (one->messages[all[static_cast<std::size_t>(i)].message].id != one->selected) continue;
    if (first < 0) first = i;
    last = i;
  }
  if (first < 0) {
    one->anchor.reset();
    return;
  }
  const int end = end_of_view(*one, all, layout.height);
  if (first < end - layout.height) scroll(model, size, end - layout.height - first);
  if (last >= end) scroll(model, size, end - last - 1);
}

int conversation_at(const Model& model, Size size, int row, int column) {
  const Layout layout = layout_of(model, size);
  const int height = list_height(layout);
  if (column >= layout.list || row < 0 || row >= height) return -1;
  const auto rows = list_rows(model);
  const auto at = static_cast<std::size_t>(row + list_top(rows, height, model.current));
  return at < rows.size() ? rows[at].conversation : -1;
}

}  // namespace dim::tui
